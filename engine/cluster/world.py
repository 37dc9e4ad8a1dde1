"""The snapshot of the world, put together from what every owner says of itself; unchanged branches stay the same."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import repeat

from engine.cluster.nodes import Nodes
from engine.controller import Topic
from engine.messages import PartitionMetadata
from engine.snapshot import BrokerView, ConsumerView, GroupView, PartitionView, ReplicaView, TopicView, TransactionView
from engine.types import TopicPartition

_Figures = tuple[int, int, int, int, int, int, bool, int, tuple[tuple[int, int], ...]]
"""Of one copy: where its log starts, high watermark, log end, bytes, newest timestamp, leader epoch, whether it leads,
last stable offset, and producer and first offset of each open transaction."""
_LEADS = 6


class WorldView:
    """Remembers what it said last."""

    def __init__(self, nodes: Nodes, lost_answers: Callable[[int], float]) -> None:
        self._nodes = nodes
        self._lost_answers = lost_answers
        self._partitions: dict[TopicPartition, PartitionView] = {}
        self._seen: dict[TopicPartition, tuple[object, ...]] = {}
        self._names: dict[str, tuple[TopicPartition, ...]] = {}
        """The partitions of each topic, in order: making names anew takes a while."""
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
            self._lost_answers(broker_id),
        )

    def topics(self) -> tuple[TopicView, ...]:
        """Every topic, the internal ones last."""
        topics = self._nodes.controller.topics
        for gone in self._topics.keys() - topics.keys():
            view = self._topics.pop(gone)
            self._names.pop(gone, None)
            for partition in view.partitions:
                self._partitions.pop(partition.tp, None)
                self._seen.pop(partition.tp, None)
        views = [self._topic(topic) for topic in topics.values()]
        return tuple(sorted(views, key=lambda view: (view.internal, view.name)))

    def _topic(self, topic: Topic) -> TopicView:
        old = self._topics.get(topic.name)
        names = self._names.get(topic.name, ())
        if len(names) != len(topic.partitions):
            names = self._names[topic.name] = tuple(TopicPartition(topic.name, at.partition) for at in topic.partitions)
        partitions = tuple(map(self._partition, repeat(topic), names, topic.partitions))
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

    def _partition(self, topic: Topic, tp: TopicPartition, state: PartitionMetadata) -> PartitionView:
        copies = [self._figures(broker_id, tp) for broker_id in state.replicas]
        seen = (state, topic.config, *copies)
        if self._seen.get(tp) != seen:
            self._seen[tp] = seen
            self._partitions[tp] = self._look_at(topic, state, copies, self._partitions.get(tp))
        return self._partitions[tp]

    def _figures(self, broker_id: int, tp: TopicPartition) -> _Figures | None:
        """All of a copy that a view shows, as cheaply as can be; None while its broker is down."""
        broker = self._nodes.alive.get(broker_id)
        replica = broker.replicas.partitions.get(tp) if broker is not None else None
        if replica is None:
            return None
        log, leading, transactions = replica.log, replica.leading, replica.producers.transactions
        high_watermark = replica.high_watermark if leading is None else leading.high_watermark
        begun = transactions.open
        return (
            log.log_start_offset,
            high_watermark,
            log.log_end_offset,
            log.size_bytes,
            log.max_timestamp,
            log.epochs.latest,
            leading is not None,
            high_watermark if transactions.first_unstable is None else replica.last_stable_offset,
            tuple(begun.items()) if begun else (),
        )

    def _look_at(
        self, topic: Topic, state: PartitionMetadata, copies: list[_Figures | None], old: PartitionView | None
    ) -> PartitionView:
        known = {each.broker_id: each for each in old.copies} if old is not None else {}
        shown = next((found for found in copies if found is not None), None)
        views = []
        for broker_id, found in zip(state.replicas, copies, strict=True):
            views.append(_copy(broker_id, found, known.get(broker_id)))
            if found is not None and broker_id == state.leader and found[_LEADS]:
                shown = found
        if shown is not None:
            figures, stable = shown[:5], shown[7]
            begun = tuple(sorted(shown[8], key=_by_offset))
        elif old is not None:
            figures = (old.log_start_offset, old.high_watermark, old.log_end_offset, old.size_bytes, old.max_timestamp)
            stable, begun = old.last_stable_offset, old.open_transactions
        else:
            figures, stable, begun = (0, 0, 0, 0, -1), -1, ()
        return PartitionView(
            topic.name,
            state.partition,
            state.leader,
            state.leader_epoch,
            state.replicas,
            state.isr,
            *figures,
            topic.config.compacted,
            tuple(views),
            state.target,
            stable,
            begun,
        )

    def groups(self, consumers: Iterable[ConsumerView]) -> tuple[GroupView, ...]:
        """Every group, by its id, with where the lab's own `consumers` stand; call `topics` first.

        One whose coordinator is down is shown as it was last seen.
        """
        positions: dict[str, dict[TopicPartition, int | None]] = {}
        for each in sorted(consumers, key=_generation):  # of several who take it for their own, the newest counts
            its = positions.setdefault(each.group_id, {})
            its.update(dict.fromkeys(each.assignment))
            its.update(each.positions)
        nowhere: dict[TopicPartition, int | None] = {}

        def position(group_id: str, tp: TopicPartition) -> int | None:
            return positions.get(group_id, nowhere).get(tp)

        found: dict[str, GroupView] = {}
        for broker in self._nodes.alive.values():
            for view in broker.coordinator.views(self._standing, position):
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
        """By the view of the partition, as topics are looked at before groups."""
        view = self._partitions.get(tp)
        return (view.log_start_offset, view.high_watermark) if view is not None else None


def _copy(broker_id: int, found: _Figures | None, before: ReplicaView | None) -> ReplicaView:
    if found is None:
        if before is not None and not before.alive:
            return before
        return ReplicaView(broker_id, False, before.log_end_offset if before else -1, -1, -1)
    _, high_watermark, end, _, _, epoch, *_ = found
    if (
        before is not None
        and before.alive
        and (end, high_watermark, epoch) == (before.log_end_offset, before.high_watermark, before.epoch)
    ):
        return before
    return ReplicaView(broker_id, True, end, high_watermark, epoch)


def _generation(consumer: ConsumerView) -> int:
    return consumer.generation


def _by_offset(transaction: tuple[int, int]) -> tuple[int, int]:
    return transaction[1], transaction[0]
