"""The snapshot of the world, put together from what every owner says of itself; unchanged branches stay the same."""

from __future__ import annotations

from engine.cluster.nodes import Nodes
from engine.controller import Topic
from engine.messages import PartitionMetadata
from engine.snapshot import BrokerView, GroupView, PartitionView, ReplicaView, TopicView, TransactionView
from engine.types import TopicPartition
from engine.workload.workload import Workload


class WorldView:
    """Remembers what it said last."""

    def __init__(self, nodes: Nodes, workload: Workload) -> None:
        self._nodes = nodes
        self._workload = workload
        self._partitions: dict[TopicPartition, PartitionView] = {}
        self._seen: dict[TopicPartition, tuple[object, ...]] = {}
        self._topics: dict[str, TopicView] = {}
        self._brokers: tuple[BrokerView, ...] = ()
        self._groups: tuple[GroupView, ...] = ()
        self._transactions: tuple[TransactionView, ...] = ()

    def brokers(self) -> tuple[BrokerView, ...]:
        """Every broker, alive or not."""
        nodes, live = self._nodes, self._nodes.controller.image.live
        found = tuple(self._broker(broker_id, broker_id in live) for broker_id in nodes.ids)
        if found != self._brokers:
            self._brokers = found
        return self._brokers

    def _broker(self, broker_id: int, registered: bool) -> BrokerView:
        nodes = self._nodes
        broker, disk = nodes.alive.get(broker_id), nodes.disks[broker_id]
        return BrokerView(
            broker_id,
            broker is not None,
            False,
            broker.leads if broker else 0,
            len(broker.partitions) if broker else 0,
            broker.store.size_bytes if broker else 0,
            registered,
            nodes.controller.session_expires_ms(broker_id) if broker is None and registered else None,
            disk.delay_ms,
            disk.full,
            nodes.cut_from(broker_id),
        )

    def topics(self) -> tuple[TopicView, ...]:
        """Every topic, the internal ones last."""
        topics = self._nodes.controller.topics
        for gone in self._topics.keys() - topics.keys():
            view = self._topics.pop(gone)
            for partition in view.partitions:
                self._partitions.pop(partition.tp, None)
                self._seen.pop(partition.tp, None)
        views = [self._topic(topic) for topic in topics.values()]
        return tuple(sorted(views, key=lambda view: (view.internal, view.name)))

    def _topic(self, topic: Topic) -> TopicView:
        old = self._topics.get(topic.name)
        partitions = tuple(self._partition(topic, state) for state in topic.partitions)
        config = tuple(sorted(topic.overrides.items()))
        if (
            old is None
            or len(old.partitions) != len(partitions)
            or any(a is not b for a, b in zip(old.partitions, partitions, strict=True))
            or old.config != config
        ):
            old = TopicView(topic.name, topic.internal, topic.replication_factor, config, partitions)
            self._topics[topic.name] = old
        return old

    def _partition(self, topic: Topic, state: PartitionMetadata) -> PartitionView:
        tp = TopicPartition(topic.name, state.partition)
        old = self._partitions.get(tp)
        seen = (state, topic.config, *(self._figures(broker_id, tp) for broker_id in state.replicas))
        if old is not None and self._seen.get(tp) == seen:
            return old
        self._seen[tp] = seen
        return self._look_at(topic, state, tp, old)

    def _figures(self, broker_id: int, tp: TopicPartition) -> tuple[int, ...] | None:
        """All of a copy that a view shows, as cheaply as can be; None while its broker is down."""
        broker = self._nodes.alive.get(broker_id)
        replica = broker.replicas.partitions.get(tp) if broker is not None else None
        if replica is None:
            return None
        log = replica.log
        return (
            log.log_end_offset,
            replica.high_watermark,
            log.log_start_offset,
            log.size_bytes,
            log.max_timestamp,
            log.epochs.latest,
            replica.leads,
            replica.last_stable_offset,
            len(replica.producers.transactions.open),
        )

    def _look_at(
        self, topic: Topic, state: PartitionMetadata, tp: TopicPartition, old: PartitionView | None
    ) -> PartitionView:
        copies = tuple(self._copy(tp, broker_id, old) for broker_id in state.replicas)
        shown = self._nodes.serving(tp) or next(
            (replica for broker_id in state.replicas if (replica := self._nodes.replica(broker_id, tp))), None
        )
        if shown is None:
            fresh = old or PartitionView(
                topic.name, state.partition, None, state.leader_epoch, state.replicas, state.isr, 0, 0, 0, 0, -1
            )
            figures = (
                fresh.log_start_offset,
                fresh.high_watermark,
                fresh.log_end_offset,
                fresh.size_bytes,
                fresh.max_timestamp,
            )
            stable, begun = fresh.last_stable_offset, fresh.open_transactions
        else:
            log = shown.log
            figures = (
                log.log_start_offset,
                shown.high_watermark,
                log.log_end_offset,
                log.size_bytes,
                log.max_timestamp,
            )
            stable = shown.last_stable_offset
            opened = sorted((offset, producer_id) for producer_id, offset in shown.producers.transactions.open.items())
            begun = tuple((producer_id, offset) for offset, producer_id in opened)
        if (
            old is not None
            and (old.last_stable_offset, old.open_transactions) == (stable, begun)
            and figures
            == (old.log_start_offset, old.high_watermark, old.log_end_offset, old.size_bytes, old.max_timestamp)
            and old.copies == copies
            and (old.leader, old.leader_epoch, old.isr, old.replicas, old.target)
            == (state.leader, state.leader_epoch, state.isr, state.replicas, state.target)
            and old.compacted == topic.config.compacted
        ):
            return old
        view = PartitionView(
            topic.name,
            state.partition,
            state.leader,
            state.leader_epoch,
            state.replicas,
            state.isr,
            *figures,
            compacted=topic.config.compacted,
            copies=copies,
            target=state.target,
            last_stable_offset=stable,
            open_transactions=begun,
        )
        self._partitions[tp] = view
        return view

    def _copy(self, tp: TopicPartition, broker_id: int, old: PartitionView | None) -> ReplicaView:
        replica = self._nodes.replica(broker_id, tp)
        before = next((copy for copy in old.copies if copy.broker_id == broker_id), None) if old else None
        if replica is None:
            if before is not None and not before.alive:
                return before
            return ReplicaView(broker_id, False, before.log_end_offset if before else -1, -1, -1)
        log = replica.log
        figures = (log.log_end_offset, replica.high_watermark, log.epochs.latest)
        if (
            before is not None
            and before.alive
            and figures == (before.log_end_offset, before.high_watermark, before.epoch)
        ):
            return before
        return ReplicaView(broker_id, True, *figures)

    def groups(self) -> tuple[GroupView, ...]:
        """Every group, by its id; one whose coordinator is down is shown as it was last seen."""
        found: dict[str, GroupView] = {}
        for broker in self._nodes.alive.values():
            for view in broker.coordinator.views(self._standing, self._workload.position):
                found[view.group_id] = view
        ordered = tuple(found[group_id] for group_id in sorted(found))
        if len(ordered) != len(self._groups) or any(a is not b for a, b in zip(ordered, self._groups, strict=True)):
            self._groups = ordered
        return self._groups

    def transactions(self) -> tuple[TransactionView, ...]:
        """Every transactional id whose coordinator is up, in order."""
        found = {
            view.transactional_id: view for broker in self._nodes.alive.values() for view in broker.transactions.views()
        }
        ordered = tuple(found[transactional_id] for transactional_id in sorted(found))
        if ordered != self._transactions:
            self._transactions = ordered
        return self._transactions

    def _standing(self, tp: TopicPartition) -> tuple[int, int] | None:
        topic = self._nodes.controller.topics.get(tp.topic)
        if topic is None or tp.partition >= len(topic.partitions):
            return None
        view = self._partitions.get(tp)
        replica = self._nodes.serving(tp)
        if replica is not None:
            return replica.log.log_start_offset, replica.high_watermark
        return (view.log_start_offset, view.high_watermark) if view is not None else None
