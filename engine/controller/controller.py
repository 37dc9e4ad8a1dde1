"""The controller: decides about topics, leaders and ISRs, writes it down, and lets every broker read it.

Rules from `ReplicationControlManager` and `ClusterControlManager`. A lab has one controller, apart from its brokers,
that does not die.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from engine.clock import Clock
from engine.config import INTERNAL_TOPIC, INTERNAL_TOPIC_CONFIG, BrokerConfig, TopicConfig
from engine.controller.elections import elect, moving, with_isr, without
from engine.controller.image import Change, LiveBrokers, MetadataImage, MetadataLog, Topic, TopicGone, check_name
from engine.controller.sessions import Sessions
from engine.controller.telling import Telling
from engine.errors import (
    ElectionNotNeededError,
    FencedLeaderEpochError,
    InvalidConfigError,
    InvalidPartitionsError,
    InvalidReplicaAssignmentError,
    InvalidReplicationFactorError,
    InvalidRequestError,
    InvalidTopicError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
)
from engine.events import EventLog
from engine.messages import (
    AlterPartitionRequest,
    AlterPartitionResponse,
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    PartitionMetadata,
    ReadMetadataRequest,
    ReadMetadataResponse,
    Request,
)
from engine.types import ClientInfo, TopicPartition

MOST_PARTITIONS = 10_000
PRODUCER_ID_BLOCK = 1_000


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

    async def put_settings(self, values: Mapping[str, Any]) -> None:
        """Keep plain values by name."""

    async def settings(self) -> dict[str, Any]:
        """Every value kept."""


class Controller:
    """Owns the topics and decides who leads. Brokers read what it decided through `handle`."""

    def __init__(
        self, cluster_id: str, store: TopicStore, clock: Clock, config: BrokerConfig, events: EventLog
    ) -> None:
        self.cluster_id = cluster_id
        self.image = MetadataImage()
        self.brokers: tuple[int, ...] = ()
        """Every broker there is, alive or not."""
        self._store = store
        self._clock = clock
        self._config = config
        self._telling = Telling(events, clock)
        self._log = MetadataLog()
        self._applied: dict[int, int] = {}
        self._moved = asyncio.Event()
        self._changing = asyncio.Lock()
        self._sessions = Sessions(clock, config.broker_session_timeout_ms, self._session_ended)
        self._background: set[asyncio.Task[None]] = set()
        self._next_producer_id = 0
        self._reserved_producer_ids = 0
        self._serve: dict[type[Request[Any]], Callable[[Any], Awaitable[Any]]] = {
            ReadMetadataRequest: self._read,
            BrokerHeartbeatRequest: self._heartbeat,
            AlterPartitionRequest: self._alter_partition,
        }

    @property
    def topics(self) -> Mapping[str, Topic]:
        """Every topic, by name."""
        return self.image.topics

    async def load(self, broker_ids: Iterable[int], alive: Iterable[int]) -> None:
        """Take up the topics kept. The brokers in `alive` are about to start, so they count as alive already."""
        self.brokers = tuple(sorted(broker_ids))
        for name, topic_id, internal, overrides, partitions in await self._store.topics():
            self._publish(Topic(name, topic_id, internal, overrides, TopicConfig.of(overrides), partitions))
        self._next_producer_id = self._reserved_producer_ids = (await self._store.settings()).get("producer_ids", 0)
        self._sessions.begin(alive)
        if self._config.auto_leader_rebalance_enable:
            self._spawn(self._rebalance_leaders())
        self._publish(LiveBrokers(self._sessions.alive))

    async def close(self) -> None:
        """Decide nothing more."""
        self._sessions.close()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def session_expires_ms(self, broker_id: int) -> float | None:
        """When a broker's session runs out unless it is heard of (lab ms); None for one taken for dead."""
        return self._sessions.expires_ms(broker_id)

    # What brokers ask

    async def handle(self, client: ClientInfo, request: Request[Any]) -> Any:
        """The answer to a broker; raises KafkaError."""
        serve = self._serve.get(type(request))
        if serve is None:
            raise UnsupportedVersionError(f"The controller does not serve {type(request).__name__}.")
        return await serve(request)

    async def _read(self, request: ReadMetadataRequest) -> ReadMetadataResponse:
        self._applied[request.broker_id] = request.offset
        self._moved.set()
        self._moved = asyncio.Event()
        await self._log.more_than(request.offset)
        return ReadMetadataResponse(self._log.read(request.offset), self._log.end_offset)

    async def _heartbeat(self, request: BrokerHeartbeatRequest) -> BrokerHeartbeatResponse:
        if request.want_stop:
            async with self._changing:
                await self._gone(request.broker_id, "stopped")
            return BrokerHeartbeatResponse(fenced=True, may_stop=True)
        if self._sessions.heard(request.broker_id):
            async with self._changing:
                await self._came(request.broker_id)
        return BrokerHeartbeatResponse(fenced=False)

    async def _alter_partition(self, request: AlterPartitionRequest) -> AlterPartitionResponse:
        async with self._changing:
            tp = request.topic_partition
            state = self.state_of(tp)
            if request.broker_id != state.leader or request.leader_epoch != state.leader_epoch:
                raise FencedLeaderEpochError
            if request.partition_epoch != state.partition_epoch:
                raise InvalidRequestError(f"{tp} has changed since its leader looked; it asks again.")
            changed = with_isr(state, request.isr, self._sessions.alive)
            if changed != state:
                await self._change({tp: changed})
                self._telling.isr_changed(tp, state, changed)
                if state.target and not changed.target:
                    self._telling.moved(tp, changed)
            return AlterPartitionResponse(self.state_of(tp))

    # Brokers come and go

    def _session_ended(self, broker_id: int) -> None:
        self._spawn(self._fence(broker_id))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _rebalance_leaders(self) -> None:
        while True:
            await self._clock.sleep(self._config.leader_imbalance_check_interval_seconds * 1_000)
            with suppress(ElectionNotNeededError):
                await self.elect_preferred()

    async def _fence(self, broker_id: int) -> None:
        async with self._changing:
            if broker_id not in self._sessions.alive:
                await self._gone(broker_id, "silent")

    async def _gone(self, broker_id: int, why: str) -> None:
        self._sessions.end(broker_id)
        live = self._sessions.alive
        changes = {
            tp: without(state, broker_id, live, unclean=topic.config.unclean_leader_election_enable)
            for topic, tp, state in self._every()
            if broker_id in state.replicas
        }
        self._publish(LiveBrokers(live))
        before = {tp: self.state_of(tp) for tp in changes}
        await self._change(changes)
        self._telling.broker_gone(broker_id, why, before, changes)

    async def _came(self, broker_id: int) -> None:
        live = self._sessions.alive
        changes = {
            tp: elect(state, live, unclean=topic.config.unclean_leader_election_enable)
            for topic, tp, state in self._every()
            if state.leader is None
        }
        self._publish(LiveBrokers(live))
        before = {tp: self.state_of(tp) for tp in changes}
        await self._change(changes)
        self._telling.broker_came(broker_id, before, changes)

    async def elect_preferred(self, partitions: Iterable[TopicPartition] | None = None) -> int:
        """Give leadership back to the first replicas that may have it; how many moved (0: ElectionNotNeededError)."""
        async with self._changing:
            wanted = set(partitions) if partitions is not None else None
            live = self._sessions.alive
            changes = {
                tp: elect(state, live, unclean=False, preferred=True)
                for _, tp, state in self._every()
                if wanted is None or tp in wanted
            }
            before = {tp: self.state_of(tp) for tp in changes}
            moved = sum(changes[tp] != before[tp] for tp in changes)
            if not moved:
                raise ElectionNotNeededError(
                    "Every partition is led by its preferred replica, or that one cannot lead."
                )
            await self._change(changes)
            self._telling.preferred(before, changes)
            return moved

    async def reassign(self, tp: TopicPartition, replicas: tuple[int, ...]) -> None:
        """Move a partition to other brokers, or change how many copies it has; raises KafkaError.

        The new replicas copy everything first; the old ones go when all the new are in sync.
        """
        async with self._changing:
            state = self.state_of(tp)
            unknown = [broker_id for broker_id in replicas if broker_id not in self.brokers]
            if not replicas or unknown or len(set(replicas)) != len(replicas):
                raise InvalidReplicaAssignmentError(
                    f"{list(replicas)} cannot hold {tp}: name one or more of {', '.join(map(str, self.brokers))}, "
                    "each once."
                )
            dead = [broker_id for broker_id in replicas if broker_id not in self._sessions.alive]
            if dead and not set(dead) <= set(state.replicas):
                raise InvalidReplicaAssignmentError(f"Broker {dead[0]} is not alive, so it cannot copy {tp}.")
            await self._change({tp: moving(state, replicas)})
            self._telling.moving(tp, state.replicas, replicas)

    def _every(self) -> list[tuple[Topic, TopicPartition, PartitionMetadata]]:
        return [
            (topic, TopicPartition(topic.name, state.partition), state)
            for topic in self.topics.values()
            for state in topic.partitions
        ]

    async def _change(self, changes: Mapping[TopicPartition, PartitionMetadata]) -> None:
        """Write down and publish the partitions that did change, one publication a topic."""
        by_topic: dict[str, dict[int, PartitionMetadata]] = {}
        for tp, state in changes.items():
            now = self.state_of(tp)
            if state != now:
                fresh = replace(state, partition_epoch=now.partition_epoch + 1)
                by_topic.setdefault(tp.topic, {})[tp.partition] = fresh
        for name, states in by_topic.items():
            topic = self.topics[name]
            partitions = tuple(states.get(state.partition, state) for state in topic.partitions)
            await self._save(replace(topic, partitions=partitions), states.values())

    # Topics

    async def create_topic(
        self,
        name: str,
        partitions: int,
        replication_factor: int,
        overrides: Mapping[str, str],
        *,
        internal: bool = False,
    ) -> Topic:
        """Make a topic, its replicas spread over the brokers; raises KafkaError."""
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
        alive = len(self._sessions.alive)
        if replication_factor > alive:
            raise InvalidReplicationFactorError(
                f"The replication factor cannot be {replication_factor}: {alive} brokers are alive."
            )
        config = TopicConfig.of(overrides)
        if config.min_insync_replicas > replication_factor:
            raise InvalidConfigError(
                f"min.insync.replicas {config.min_insync_replicas} is above the replication factor "
                f"{replication_factor}: no record could be acknowledged."
            )
        placed = self._place(range(partitions), len(self.topics), replication_factor)
        topic = Topic(name, uuid.uuid4().bytes, internal, dict(overrides), config, placed)
        await self._save(topic)
        return topic

    def _place(self, numbers: Iterable[int], shift: int, copies: int) -> tuple[PartitionMetadata, ...]:
        """Leaders go round the live brokers, followers come next to them (`StripedReplicaPlacer`, less its chance)."""
        ids = sorted(self._sessions.alive)
        rows = (tuple(ids[(number + shift + copy) % len(ids)] for copy in range(copies)) for number in numbers)
        return tuple(PartitionMetadata(number, row[0], 0, row, row) for number, row in zip(numbers, rows, strict=True))

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
            copies = min(topic.replication_factor, len(self._sessions.alive))
            shift = self.brokers.index(topic.partitions[0].replicas[0])
            grown = replace(topic, partitions=topic.partitions + self._place(range(have, total), shift, copies))
            await self._save(grown)
            return grown

    async def alter_config(self, name: str, changes: Mapping[str, str | None]) -> Topic:
        """Set settings, or with None put them back to the default; raises KafkaError."""
        async with self._changing:
            topic = self.topic(name)
            unknown = [key for key in changes if key not in TopicConfig.settings()]
            if unknown:
                raise InvalidConfigError(f"{unknown[0]!r} is no setting of a topic.")
            kept = {key: value for key, value in {**topic.overrides, **changes}.items() if value is not None}
            changed = replace(topic, overrides=kept, config=TopicConfig.of(kept))
            await self._save(changed)
            return changed

    async def delete_topic(self, name: str) -> Topic:
        """Delete a topic and its records; raises KafkaError."""
        async with self._changing:
            topic = self.topic(name)
            if topic.internal:
                raise InvalidTopicError(f"{name} is internal: it holds every group's offsets and cannot be deleted.")
            await self._store.delete_topic(name)
            await self._published(TopicGone(name))
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
                continue  # the metadata answers with this very error

    async def ensure_offsets_topic(self) -> int:
        """How many partitions `__consumer_offsets` has, made on first use as Kafka does."""
        async with self._changing:
            if INTERNAL_TOPIC not in self.topics:
                copies = min(self._config.offsets_topic_replication_factor, len(self._sessions.alive))
                count = self._config.offsets_topic_num_partitions
                await self._create(INTERNAL_TOPIC, count, copies, INTERNAL_TOPIC_CONFIG, True)
        return self.image.counts[INTERNAL_TOPIC]

    async def next_producer_id(self) -> int:
        """An id that no producer of this lab has had, handed out from blocks (`ProducerIdControlManager`)."""
        producer_id = self._next_producer_id
        self._next_producer_id += 1
        if producer_id >= self._reserved_producer_ids:
            self._reserved_producer_ids = producer_id + PRODUCER_ID_BLOCK
            await self._store.put_settings({"producer_ids": self._reserved_producer_ids})
        return producer_id

    async def _save(self, topic: Topic, changed: Iterable[PartitionMetadata] | None = None) -> None:
        states = topic.partitions if changed is None else tuple(changed)
        await self._store.put_topic(topic.name, topic.topic_id, topic.internal, topic.overrides, states)
        await self._published(topic)

    def _publish(self, change: Change) -> None:
        self.image.apply(change)
        self._log.append(change)

    async def _published(self, change: Change) -> None:
        """Publish, and wait until every live broker that follows the log has taken it in."""
        self._publish(change)
        offset = self._log.end_offset
        while any(self._applied.get(broker_id, offset) < offset for broker_id in self._sessions.alive):
            await self._moved.wait()

    def forget_reader(self, broker_id: int) -> None:
        """A broker reads the log no more, so nobody waits for it."""
        self._applied.pop(broker_id, None)
        self._moved.set()
        self._moved = asyncio.Event()

    # Questions

    def topic(self, name: str) -> Topic:
        """The topic of that name; UnknownTopicOrPartitionError."""
        topic = self.topics.get(name)
        if topic is None:
            raise UnknownTopicOrPartitionError(f"There is no topic {name!r}.")
        return topic

    def state_of(self, tp: TopicPartition) -> PartitionMetadata:
        """Who leads and copies `tp`; UnknownTopicOrPartitionError says whether topic or partition is missing."""
        topic = self.topic(tp.topic)
        if tp.partition not in range(len(topic.partitions)):
            raise UnknownTopicOrPartitionError(f"{tp.topic} has no partition {tp.partition}.")
        return topic.partitions[tp.partition]

    def leader_of(self, tp: TopicPartition) -> int | None:
        """Who leads `tp`; UnknownTopicOrPartitionError."""
        return self.state_of(tp).leader
