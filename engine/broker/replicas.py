"""The replicas of one broker: made and dropped as the controller says, copied from their leaders, kept in sync.

Rules from `kafka.server.ReplicaManager`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.broker.insync import InSync
from engine.clock import Clock
from engine.config import BrokerConfig
from engine.controller import Topic
from engine.controller.image import Change, LiveBrokers, MetadataImage, TopicGone
from engine.errors import (
    KafkaStorageError,
    NotLeaderOrFollowerError,
    UnknownTopicOrPartitionError,
)
from engine.events import EventLog, Tone
from engine.messages import PartitionMetadata
from engine.network import Network
from engine.replicas.disk import Disk
from engine.replicas.fetching import Fetcher
from engine.replicas.partition import Partition
from engine.storage.log import PartitionLog
from engine.storage.store import BrokerStore
from engine.types import TopicPartition
from engine.wording import plural

Turn = tuple[TopicPartition, bool]
"""A partition whose leadership here began (True) or ended."""


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
        self.broker_epoch = -1
        """Under which this life of the broker is registered; leaders learn it, and tell the controller."""
        self._store = store
        self._disk = disk
        self._clock = clock
        self._config = config
        self._network = network
        self._events = events
        self._fetchers: dict[int, Fetcher] = {}
        self._followed: dict[TopicPartition, int] = {}
        self._to_follow: dict[int, list[Partition]] = {}
        self.live: Mapping[int, int] = {}
        """Which brokers the controller takes for alive, each with its epoch."""
        self._undone: set[str] = set()
        """Topics of which something could not be stored as the controller decided."""
        self._told = ""
        self._insync = InSync(self, network, clock, config)
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
            asyncio.create_task(self._insync.keep(), name=f"isr {self.broker_id}"),
            asyncio.create_task(self._insync.look_for_laggards(), name=f"lag {self.broker_id}"),
            asyncio.create_task(self._expire_producers(), name=f"producers {self.broker_id}"),
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

    async def checkpoint(self) -> None:
        """Keep high watermarks and what is known of producers, as far as it changed; raises KafkaStorageError."""
        standings = {
            standing.log: (partition, standing)
            for partition in self.partitions.values()
            if (standing := partition.memory.standing()) is not None
        }
        for log in await self._store.checkpoint([standing for _, standing in standings.values()]):
            partition, standing = standings[log]
            partition.memory.kept(standing)

    async def _expire_producers(self) -> None:
        while True:
            await self._clock.sleep(self._config.producer_id_expiration_check_interval_ms)
            for partition in tuple(self.partitions.values()):
                partition.producers.expire(self._clock.now_ms(), self._config.producer_id_expiration_ms)

    # What the controller says

    async def apply(self, change: Change) -> list[Turn]:
        """Take a change in; the partitions whose leadership here began or ended.

        What cannot be stored is told, and left for `try_again`.
        """
        match change:
            case Topic():
                self._undone.discard(change.name)
                await self._make_logs(change)
                turned = [await self._apply_partition(change, state) for state in change.partitions]
                self._begin_following()
                return [turn for turn in turned if turn is not None]
            case TopicGone(name):
                self._undone.discard(name)
                led = [tp for tp in tuple(self.partitions) if tp.topic == name and await self._drop(tp)]
                await self._delete_logs(tp for tp in self._store.logs() if tp.topic == name)
                return [(tp, False) for tp in led]
            case LiveBrokers(epochs):
                self.live = epochs
                for partition in self.partitions.values():
                    partition.looked_at()
                return []

    async def try_again(self, image: MetadataImage) -> list[Turn]:
        """Do what could not be done when it was decided."""
        turned: list[Turn] = []
        for name in tuple(self._undone):
            turned += await self.apply(image.topics.get(name) or TopicGone(name))
        return turned

    async def drop_strays(self) -> None:
        """Delete logs that nobody wants here: of topics that were deleted, or moved away, while the broker was down."""
        await self._delete_logs(tp for tp in self._store.logs() if tp not in self.partitions)

    async def _apply_partition(self, topic: Topic, state: PartitionMetadata) -> Turn | None:
        tp = TopicPartition(topic.name, state.partition)
        try:
            return await self._apply(topic, tp, state)
        except KafkaStorageError as error:
            self._not_done(tp, error)
            return None

    async def _apply(self, topic: Topic, tp: TopicPartition, state: PartitionMetadata) -> Turn | None:
        if self.broker_id not in state.replicas:
            return (tp, False) if tp in self.partitions and await self._drop(tp) else None
        partition = self.partitions.get(tp)
        if partition is None:
            log = self._store.logs().get(tp)
            if log is None or not _is_of(log, topic):
                return None  # it could not be made, which is told already
            partition = self.partitions[tp] = Partition(
                self.broker_id, log, self._disk, self._clock, self._config, topic.config
            )
            partition.isr_change = self._insync.look_at
            partition.alive = lambda: self.live
        await partition.recover()
        await partition.log.settled()
        led, epoch = partition.leads, partition.state.leader_epoch
        partition.become(state, topic.config)
        leader = state.leader if state.leader != self.broker_id else None
        if leader != self._followed.get(tp) or (leader is not None and state.leader_epoch != epoch):
            self._follow(partition, leader)
        return (tp, partition.leads) if led != partition.leads else None

    async def _make_logs(self, topic: Topic) -> None:
        """Those that this broker is to have of a topic and has not, together."""
        known = self._store.logs()
        here = [
            TopicPartition(topic.name, state.partition)
            for state in topic.partitions
            if self.broker_id in state.replicas
        ]
        for tp in here:
            # It may be of a topic that was deleted while this broker was down, or had no room to delete it.
            if tp in self.partitions and not _is_of(self.partitions[tp].log, topic):
                await self._drop(tp)
            elif tp in known and not _is_of(known[tp], topic):
                await self._delete_logs([tp])
        missing = [tp for tp in here if tp not in known]
        if missing:
            try:
                await self._store.create_logs(missing, topic.topic_id)
            except KafkaStorageError as error:
                self._not_done(missing[0], error)

    def _follow(self, partition: Partition, leader: int | None) -> None:
        """Follow this leader, from `_begin_following` on, and nobody else; nobody for None."""
        old = self._followed.pop(partition.tp, None)
        if old is not None and old != leader and self._fetchers[old].unfollow(partition.tp):
            self._fetchers.pop(old).stop()
        if leader is not None:
            self._followed[partition.tp] = leader
            self._to_follow.setdefault(leader, []).append(partition)

    def _begin_following(self) -> None:
        """All at once, so that the first fetch asks for all of them."""
        for leader, partitions in self._to_follow.items():
            fetcher = self._fetchers.get(leader)
            if fetcher is None:
                fetcher = self._fetchers[leader] = Fetcher(
                    self.broker_id,
                    self.broker_epoch,
                    leader,
                    self._network,
                    self._clock,
                    self._config,
                    self._was_truncated,
                )
            fetcher.follow(partitions)
        self._to_follow.clear()

    async def _drop(self, tp: TopicPartition) -> bool:
        partition = self.partitions.pop(tp)
        self._follow(partition, None)
        led = partition.leads
        partition.retire()
        await self._delete_logs([tp])
        return led

    async def _delete_logs(self, partitions: Iterable[TopicPartition]) -> None:
        for tp in tuple(partitions):
            try:
                await self._store.delete_log(tp)
            except KafkaStorageError as error:
                self._not_done(tp, error)

    def _not_done(self, tp: TopicPartition, error: KafkaStorageError) -> None:
        self._undone.add(tp.topic)
        if str(error) != self._told:
            self._told = str(error)
            text = f"Broker {self.broker_id} cannot do with {tp} as the controller decided, and tries again. {error}"
            self._events.tell(self._clock.now_ms(), f"broker-{self.broker_id}", text, Tone.WARNING)

    def _was_truncated(self, partition: Partition, offset: int, gone: int) -> None:
        if gone > 0 and not partition.tp.topic.startswith("__"):
            self._events.tell(
                self._clock.now_ms(),
                str(partition.tp),
                f"Broker {self.broker_id} cut its copy of {partition.tp} back to offset {offset}: "
                f"{plural(gone, 'record')} that the new leader never had {'is' if gone == 1 else 'are'} gone.",
                Tone.LOSS,
            )


def _is_of(log: PartitionLog, topic: Topic) -> bool:
    return not log.deleted and log.topic_id == topic.topic_id


def leads(partitions: Mapping[TopicPartition, Partition]) -> int:
    """How many of these partitions are led here."""
    return sum(partition.leads for partition in partitions.values())
