"""The replicas of one broker: made and dropped as the controller says, copied from their leaders, kept in sync.

Rules from `kafka.server.ReplicaManager` and `AlterPartitionManager`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from engine.clock import Clock
from engine.config import BrokerConfig
from engine.controller import Topic
from engine.controller.image import Change, LiveBrokers, MetadataImage, TopicGone
from engine.errors import KafkaError, NotLeaderOrFollowerError, UnknownTopicOrPartitionError
from engine.events import EventLog, Tone
from engine.messages import AlterPartitionRequest, PartitionMetadata
from engine.network import CONTROLLER, Network
from engine.replicas.disk import Disk
from engine.replicas.fetching import Fetcher
from engine.replicas.partition import Partition
from engine.storage.log import PartitionLog
from engine.storage.store import BrokerStore
from engine.types import ClientInfo, TopicPartition

LedChange = Callable[[TopicPartition, bool], None]


class Replicas:
    """Owns the partitions of a broker and the fetchers that fill those it follows."""

    def __init__(
        self,
        broker_id: int,
        store: BrokerStore,
        disk: Disk,
        clock: Clock,
        config: BrokerConfig,
        network: Network,
        events: EventLog,
    ) -> None:
        self.partitions: dict[TopicPartition, Partition] = {}
        self.broker_id = broker_id
        self._store = store
        self._disk = disk
        self._clock = clock
        self._config = config
        self._network = network
        self._events = events
        self._client = ClientInfo(f"broker-{broker_id}", f"broker-{broker_id}")
        self._fetchers: dict[int, Fetcher] = {}
        self._followed: dict[TopicPartition, int] = {}
        self._live: frozenset[int] = frozenset()
        self._to_look_at: set[TopicPartition] = set()
        self._look = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def path(self) -> Path | None:
        """Where they lie; None in memory."""
        return self._store.path

    def partition(self, tp: TopicPartition, image: MetadataImage) -> Partition:
        """The replica of a partition; raises what a client is answered that should ask another broker, or nobody."""
        partition = self.partitions.get(tp)
        if partition is not None:
            return partition
        topic = image.topics.get(tp.topic)
        if topic is None:
            raise UnknownTopicOrPartitionError(f"There is no topic {tp.topic!r}.")
        if tp.partition not in range(len(topic.partitions)):
            raise UnknownTopicOrPartitionError(f"{tp.topic} has no partition {tp.partition}.")
        raise NotLeaderOrFollowerError(f"Broker {self.broker_id} holds no replica of {tp}.")

    def start(self) -> None:
        """Begin to look after ISRs."""
        self._tasks = [
            asyncio.create_task(self._keep_isrs(), name=f"isr {self.broker_id}"),
            asyncio.create_task(self._look_for_laggards(), name=f"lag {self.broker_id}"),
        ]

    async def close(self) -> None:
        """Copy nothing more and look after nothing more; raises what a task failed with."""
        tasks = [*self._tasks, *(task for fetcher in self._fetchers.values() if (task := fetcher.stop()))]
        for task in self._tasks:
            task.cancel()
        self._fetchers.clear()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    # What the controller says

    async def apply(self, change: Change) -> list[tuple[TopicPartition, bool]]:
        """Take a change in; the partitions whose leadership here began (True) or ended (False)."""
        match change:
            case Topic():
                turned = [await self._apply_topic(change, state) for state in change.partitions]
                return [turn for turn in turned if turn is not None]
            case TopicGone(name):
                return [
                    (tp, False) for tp in [tp for tp in self.partitions if tp.topic == name] if await self._drop(tp)
                ]
            case LiveBrokers(broker_ids):
                self._live = broker_ids
                for partition in self.partitions.values():
                    partition.looked_at()
                return []

    async def _apply_topic(self, topic: Topic, state: PartitionMetadata) -> tuple[TopicPartition, bool] | None:
        tp = TopicPartition(topic.name, state.partition)
        if self.broker_id not in state.replicas:
            return (tp, False) if tp in self.partitions and await self._drop(tp) else None
        partition = self.partitions.get(tp)
        if partition is not None and partition.log.topic_id != topic.topic_id:
            await self._drop(tp)
            partition = None
        if partition is None:
            log = await self._make_log(tp, topic.topic_id)
            partition = self.partitions[tp] = Partition(
                self.broker_id, log, self._disk, self._clock, self._config, topic.config
            )
            partition.isr_change = self._isr_change
            partition.alive = lambda: self._live
            await partition.recover()
        await partition.log.settled()
        led, epoch = partition.leads, partition.state.leader_epoch
        partition.become(state, topic.config)
        leader = state.leader if state.leader != self.broker_id else None
        if leader != self._followed.get(tp) or (leader is not None and state.leader_epoch != epoch):
            self._follow(partition, leader)
        return (tp, partition.leads) if led != partition.leads else None

    async def _make_log(self, tp: TopicPartition, topic_id: bytes) -> PartitionLog:
        known = self._store.logs().get(tp)
        if known is not None and known.topic_id != topic_id:
            await self._store.delete_log(tp)  # of a topic that was deleted while this broker was down
        return await self._store.create_log(tp, topic_id)

    def _follow(self, partition: Partition, leader: int | None) -> None:
        old = self._followed.pop(partition.tp, None)
        if old is not None and self._fetchers[old].unfollow(partition.tp):
            self._fetchers.pop(old).stop()
        if leader is None:
            return
        self._followed[partition.tp] = leader
        fetcher = self._fetchers.get(leader)
        if fetcher is None:
            fetcher = Fetcher(self.broker_id, leader, self._network, self._clock, self._config, self._was_truncated)
            self._fetchers[leader] = fetcher
        fetcher.follow(partition)

    async def _drop(self, tp: TopicPartition) -> bool:
        partition = self.partitions.pop(tp)
        self._follow(partition, None)
        led = partition.leads
        partition.retire()
        await self._store.delete_log(tp)
        return led

    def _was_truncated(self, partition: Partition, offset: int, gone: int) -> None:
        if gone > 0 and not partition.tp.topic.startswith("__"):
            self._events.tell(
                self._clock.now_ms(),
                str(partition.tp),
                f"Broker {self.broker_id} cut its copy of {partition.tp} back to offset {offset}: "
                f"{gone:,} records that the new leader never had are gone.",
                Tone.LOSS,
            )

    # In-sync replicas

    def _isr_change(self, partition: Partition) -> None:
        if partition.leading is not None and partition.leading.joiners(self._live):
            self._to_look_at.add(partition.tp)
            self._look.set()

    async def _look_for_laggards(self) -> None:
        while True:
            await self._clock.sleep(self._config.replica_lag_time_max_ms / 2)
            self._to_look_at.update(tp for tp, partition in self.partitions.items() if partition.leads)
            self._look.set()

    async def _keep_isrs(self) -> None:
        while True:
            await self._look.wait()
            self._look.clear()
            while self._to_look_at:
                partition = self.partitions.get(self._to_look_at.pop())
                if partition is not None:
                    await self._propose(partition)

    async def _propose(self, partition: Partition) -> None:
        """Ask the controller for the ISR that the followers' progress calls for, and go by what it answers.

        Where no answer comes the change may have been made, so the proposal counts, and is made again, until the
        controller is heard of (KIP-497).
        """
        leading = partition.leading
        if leading is None:
            return
        now, end = self._clock.now_ms(), partition.log.flushed_offset
        late = leading.laggards(end, self._config.replica_lag_time_max_ms, now)
        wanted = leading.proposed or (leading.isr | leading.joiners(self._live)) - late
        if wanted == leading.isr:
            return
        leading.proposed = wanted
        state = partition.state
        request = AlterPartitionRequest(
            self.broker_id, partition.tp, state.leader_epoch, state.partition_epoch, tuple(sorted(wanted))
        )
        try:
            answer = await self._network.call(self._client, CONTROLLER, request, source=self.broker_id)
        except KafkaError:
            return  # what the controller has decided comes through the metadata log
        if partition.leading is leading:
            leading.proposed = None
            if answer.state != partition.state:  # else nobody need be woken, least of all who would propose it again
                partition.become(answer.state, partition.config)
            partition.looked_at()


def leads(partitions: Mapping[TopicPartition, Partition]) -> int:
    """How many of these partitions are led here."""
    return sum(partition.leads for partition in partitions.values())
