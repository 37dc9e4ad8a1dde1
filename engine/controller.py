"""The controller: which topics there are, which broker leads which partition, and in which epoch.

It decides, writes to the metadata store, then tells the brokers. Rules from `ReplicationControlManager` and
`org.apache.kafka.common.internals.Topic`.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from engine.config import INTERNAL_TOPIC, INTERNAL_TOPIC_CONFIG, BrokerConfig, TopicConfig
from engine.errors import (
    ErrorCode,
    InvalidConfigError,
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)
from engine.messages import BrokerAddress, MetadataResponse, PartitionMetadata, TopicMetadata
from engine.snapshot import PartitionView, TopicView
from engine.types import TopicPartition

if TYPE_CHECKING:
    from engine.broker import Broker

MOST_PARTITIONS = 10_000
_LEGAL = re.compile(r"[a-zA-Z0-9._-]+\Z")


@dataclass(frozen=True, slots=True)
class Topic:
    """What the controller knows of a topic; `overrides` are settings as they were given."""

    name: str
    topic_id: bytes
    internal: bool
    overrides: Mapping[str, str]
    config: TopicConfig
    partitions: tuple[PartitionMetadata, ...]

    @property
    def replication_factor(self) -> int:
        """Copies of each partition."""
        return len(self.partitions[0].replicas)


class TopicStore(Protocol):
    """Where topics are kept."""

    async def put_topic(
        self,
        name: str,
        topic_id: bytes,
        internal: bool,
        config: Mapping[str, str],
        partitions: Iterable[PartitionMetadata],
    ) -> None:
        """Keep a topic, new or changed."""

    async def delete_topic(self, name: str) -> None:
        """Forget a topic."""

    async def topics(self) -> list[tuple[str, bytes, bool, dict[str, str], tuple[PartitionMetadata, ...]]]:
        """Every topic kept."""


class Controller:
    """Owns the topics. One lab has one, on the first broker."""

    def __init__(self, cluster_id: str, store: TopicStore, config: BrokerConfig) -> None:
        self.cluster_id = cluster_id
        self.topics: dict[str, Topic] = {}
        self.brokers: dict[int, Broker] = {}
        self._store = store
        self._config = config
        self._changing = asyncio.Lock()
        self._views: dict[str, TopicView] = {}
        self._counts: dict[str, int] = {}

    @property
    def controller_id(self) -> int | None:
        """The broker it runs on."""
        return min(self.brokers, default=None)

    async def load(self) -> None:
        """Take up the topics kept, and tell the brokers."""
        for name, topic_id, internal, overrides, partitions in await self._store.topics():
            await self._tell(Topic(name, topic_id, internal, overrides, TopicConfig.of(overrides), partitions))

    # Changes

    async def create_topic(
        self,
        name: str,
        partitions: int,
        replication_factor: int,
        overrides: Mapping[str, str],
        *,
        internal: bool = False,
    ) -> Topic:
        """Make a topic, its partitions spread over the brokers; raises KafkaError."""
        async with self._changing:
            return await self._create(name, partitions, replication_factor, overrides, internal)

    async def _create(
        self, name: str, partitions: int, replication_factor: int, overrides: Mapping[str, str], internal: bool
    ) -> Topic:
        check_name(name)
        if name in self.topics:
            raise TopicAlreadyExistsError(f"Topic {name} exists already; choose another name.")
        if name == INTERNAL_TOPIC and not internal:
            raise InvalidTopicError(f"{name} is internal: the first consumer group makes it.")
        twin = next((other for other in self.topics if other.replace(".", "_") == name.replace(".", "_")), None)
        if twin is not None:
            raise InvalidTopicError(f"{name} collides with {twin}: '.' and '_' are the same in metric names.")
        if not 1 <= partitions <= MOST_PARTITIONS:
            raise InvalidPartitionsError(f"A topic has 1 to {MOST_PARTITIONS:,} partitions, not {partitions}.")
        if replication_factor < 1:
            raise InvalidReplicationFactorError(f"The replication factor is 1 or more, not {replication_factor}.")
        if replication_factor > len(self.brokers):
            raise InvalidReplicationFactorError(
                f"The replication factor cannot be {replication_factor}: the lab has {len(self.brokers)} brokers."
            )
        if replication_factor > 1:
            raise InvalidReplicationFactorError("This version keeps one replica of each partition; use factor 1.")
        config = TopicConfig.of(overrides)
        if config.min_insync_replicas > replication_factor:
            raise InvalidConfigError(
                f"min.insync.replicas {config.min_insync_replicas} is above the replication factor "
                f"{replication_factor}: no record could be acknowledged."
            )
        topic = Topic(
            name,
            uuid.uuid4().bytes,
            internal,
            dict(overrides),
            config,
            self._place(range(partitions), len(self.topics)),
        )
        await self._save(topic)
        await self._tell(topic)
        return topic

    def _place(self, numbers: Iterable[int], shift: int) -> tuple[PartitionMetadata, ...]:
        """Leaders go round the brokers, each topic beginning one further (`StripedReplicaPlacer`, less its chance)."""
        ids = sorted(self.brokers)
        leaders = ((number, ids[(number + shift) % len(ids)]) for number in numbers)
        return tuple(PartitionMetadata(number, leader, 0, (leader,), (leader,)) for number, leader in leaders)

    async def create_partitions(self, name: str, total: int) -> Topic:
        """Grow a topic to `total` partitions; existing records stay where they are. Raises KafkaError."""
        async with self._changing:
            topic = self.topic(name)
            have = len(topic.partitions)
            if topic.internal:
                raise InvalidPartitionsError(f"{name} is internal: growing it would lose every group its coordinator.")
            if total <= have:
                raise InvalidPartitionsError(
                    f"{name} has {have} partitions; it can grow to {have + 1} or more, not {total}."
                )
            if total > MOST_PARTITIONS:
                raise InvalidPartitionsError(f"A topic has at most {MOST_PARTITIONS:,} partitions, not {total}.")
            shift = sorted(self.brokers).index(topic.partitions[0].replicas[0])
            grown = replace(topic, partitions=topic.partitions + self._place(range(have, total), shift))
            await self._save(grown)
            await self._tell(grown)
            return grown

    async def alter_config(self, name: str, changes: Mapping[str, str | None]) -> Topic:
        """Set settings, or with None put them back to the default; raises KafkaError."""
        async with self._changing:
            topic = self.topic(name)
            overrides = {**topic.overrides, **changes}
            kept = {key: value for key, value in overrides.items() if value is not None}
            unknown = [key for key in changes if key not in TopicConfig.settings()]
            if unknown:
                raise InvalidConfigError(f"{unknown[0]!r} is no setting of a topic.")
            changed = replace(topic, overrides=kept, config=TopicConfig.of(kept))
            await self._save(changed)
            await self._tell(changed)
            return changed

    async def delete_topic(self, name: str) -> Topic:
        """Delete a topic and its records; raises KafkaError."""
        async with self._changing:
            topic = self.topic(name)
            if topic.internal:
                raise InvalidTopicError(f"{name} is internal: it holds every group's offsets and cannot be deleted.")
            await self._store.delete_topic(name)
            del self.topics[name], self._counts[name]
            self._views.pop(name, None)
            for partition in topic.partitions:
                for broker_id in partition.replicas:
                    await self.brokers[broker_id].drop(TopicPartition(name, partition.partition))
            for broker in self.brokers.values():
                await broker.coordinator.forget_topic(name)
            return topic

    async def auto_create(self, names: Iterable[str]) -> None:
        """Make topics asked for by name that are not there and may be."""
        for name in names:
            if name in self.topics:
                continue
            try:
                if name == INTERNAL_TOPIC:
                    await self.ensure_offsets_topic()
                else:
                    await self.create_topic(name, self._config.num_partitions, 1, {})
            except TopicAlreadyExistsError:
                continue  # somebody was faster
            except InvalidTopicError:
                continue  # `metadata` answers with this very error

    async def ensure_offsets_topic(self) -> int:
        """How many partitions `__consumer_offsets` has, made on first use as Kafka does."""
        async with self._changing:
            if INTERNAL_TOPIC not in self.topics:
                count, copies = self._config.offsets_topic_num_partitions, self._config.offsets_topic_replication_factor
                await self._create(INTERNAL_TOPIC, count, copies, INTERNAL_TOPIC_CONFIG, True)
        return self._counts[INTERNAL_TOPIC]

    async def _save(self, topic: Topic) -> None:
        await self._store.put_topic(topic.name, topic.topic_id, topic.internal, topic.overrides, topic.partitions)

    async def _tell(self, topic: Topic) -> None:
        for partition in topic.partitions:
            for broker_id in partition.replicas:
                tp = TopicPartition(topic.name, partition.partition)
                await self.brokers[broker_id].become(tp, topic.topic_id, topic.config, partition)
        self.topics[topic.name] = topic
        self._counts[topic.name] = len(topic.partitions)

    # Questions

    def topic(self, name: str) -> Topic:
        """The topic of that name; UnknownTopicOrPartitionError."""
        topic = self.topics.get(name)
        if topic is None:
            raise UnknownTopicOrPartitionError(f"There is no topic {name!r}.")
        return topic

    def check_exists(self, tp: TopicPartition) -> None:
        """UnknownTopicOrPartitionError that tells a missing topic from a missing partition."""
        if tp.partition not in range(len(self.topic(tp.topic).partitions)):
            raise UnknownTopicOrPartitionError(f"{tp.topic} has no partition {tp.partition}.")

    def leader_of(self, tp: TopicPartition) -> int | None:
        """Who leads `tp`; UnknownTopicOrPartitionError."""
        self.check_exists(tp)
        return self.topics[tp.topic].partitions[tp.partition].leader

    def partition_counts(self) -> Mapping[str, int]:
        """How many partitions each topic has."""
        return self._counts

    def metadata(self, names: Iterable[str] | None) -> MetadataResponse:
        """The cluster as clients learn of it."""
        topics = []
        for name in self.topics if names is None else names:
            topic = self.topics.get(name)
            if topic is not None:
                topics.append(TopicMetadata(name, topic.partitions, topic.internal, topic.topic_id))
            else:
                topics.append(TopicMetadata(name, error=_why_missing(name)))
        brokers = tuple(BrokerAddress(broker_id) for broker_id in sorted(self.brokers))
        return MetadataResponse(self.cluster_id, self.controller_id, brokers, tuple(topics))

    def views(self) -> tuple[TopicView, ...]:
        """Every topic, the internal ones last; the same objects again while nothing has changed."""
        for topic in self.topics.values():
            old = self._views.get(topic.name)
            partitions = tuple(self._partition_view(topic.name, state) for state in topic.partitions)
            config = tuple(sorted(topic.overrides.items()))
            if (
                old is not None
                and len(old.partitions) == len(partitions)
                and all(a is b for a, b in zip(old.partitions, partitions, strict=True))
                and old.config == config
            ):
                continue
            self._views[topic.name] = TopicView(
                topic.name, topic.internal, topic.replication_factor, config, partitions
            )
        return tuple(sorted(self._views.values(), key=lambda view: (view.internal, view.name)))

    def _partition_view(self, name: str, state: PartitionMetadata) -> PartitionView:
        tp = TopicPartition(name, state.partition)
        holder = state.leader if state.leader is not None else state.replicas[0]
        return self.brokers[holder].partitions[tp].view()


def check_name(name: str) -> None:
    """InvalidTopicError unless Kafka would take `name` for a topic."""
    if not name:
        raise InvalidTopicError("A topic needs a name.")
    if name in (".", ".."):
        raise InvalidTopicError(f"A topic cannot be named {name!r}.")
    if len(name) > 249:
        raise InvalidTopicError(f"A topic's name has at most 249 characters; this one has {len(name)}.")
    if not _LEGAL.match(name):
        raise InvalidTopicError(f"A topic's name holds letters, digits, '.', '_' and '-' only; {name!r} holds others.")


def _why_missing(name: str) -> ErrorCode:
    try:
        check_name(name)
    except KafkaError as error:
        return error.code
    return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
