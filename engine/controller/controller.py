"""The controller: decides about topics, leaders and ISRs, writes it down, and lets every broker read it.

Rules from `ReplicationControlManager` and `ClusterControlManager`. A lab has one controller, apart from its brokers,
that does not die.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

from engine.clock import Clock
from engine.config import (
    INTERNAL_TOPIC,
    INTERNAL_TOPIC_CONFIG,
    TRANSACTION_TOPIC,
    TRANSACTION_TOPIC_CONFIG,
    BrokerConfig,
)
from engine.controller.administration import Administration
from engine.controller.decided import Decided, TopicStore
from engine.controller.elections import called_off, elect, elected, moving, with_isr, without
from engine.controller.image import LiveBrokers, MetadataImage, Topic
from engine.controller.registrations import Registrations
from engine.controller.sessions import Sessions
from engine.controller.settings import Decide
from engine.controller.telling import Telling
from engine.controller.topics import ByHand, altered, check_replicas, grown, new_topic
from engine.errors import (
    ElectionNotNeededError,
    ErrorCode,
    FencedLeaderEpochError,
    IneligibleReplicaError,
    InvalidReplicaAssignmentError,
    InvalidReplicationFactorError,
    InvalidRequestError,
    InvalidTopicError,
    InvalidUpdateVersionError,
    KafkaError,
    UnsupportedVersionError,
)
from engine.events import EventLog
from engine.messages import (
    AlteredPartition,
    AlterPartitionRequest,
    AlterPartitionResponse,
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
    ElectionType,
    EnsureInternalTopicRequest,
    EnsureInternalTopicResponse,
    NewIsr,
    PartitionMetadata,
    ReadMetadataRequest,
    Request,
)
from engine.types import ClientInfo, TopicPartition

PRODUCER_ID_BLOCK = 1_000
UNKNOWN = -1
"""A broker epoch that a leader has not been told yet."""


class Controller:
    """Owns the topics and decides who leads. Brokers read what it decided through `handle`."""

    def __init__(
        self, cluster_id: str, store: TopicStore, clock: Clock, config: BrokerConfig, events: EventLog
    ) -> None:
        self.cluster_id = cluster_id
        self.brokers: tuple[int, ...] = ()
        """Every broker there is, alive or not."""
        self._store = store
        self._clock = clock
        self._config = config
        self.telling = Telling(events, clock)
        self._changing = asyncio.Lock()
        self._sessions = Sessions(clock, config.broker_session_timeout_ms, self._session_ended)
        self._registrations = Registrations()
        self._decided = Decided(store, lambda: self._sessions.alive)
        self._background: set[asyncio.Task[None]] = set()
        self._next_producer_id = 0
        self._reserved_producer_ids = 0
        self._serve: dict[type[Request[Any]], Callable[[Any], Awaitable[Any]]] = {
            ReadMetadataRequest: self._decided.read,
            BrokerRegistrationRequest: self._register,
            BrokerHeartbeatRequest: self._heartbeat,
            AlterPartitionRequest: self._alter_partition,
            EnsureInternalTopicRequest: self._ensure_internal_topic,
            **Administration(self, config).serve,
        }

    @property
    def image(self) -> MetadataImage:
        """The metadata as it stands."""
        return self._decided.image

    @property
    def topics(self) -> Mapping[str, Topic]:
        """Every topic, by name."""
        return self.image.topics

    async def load(self, broker_ids: Iterable[int], alive: Iterable[int]) -> None:
        """Take up the topics kept. The brokers in `alive` are about to start, so they count as alive already."""
        self.brokers = tuple(sorted(broker_ids))
        await self._decided.load()
        self._next_producer_id = self._reserved_producer_ids = (await self._store.settings()).get("producer_ids", 0)
        self._registrations.expect(broker_ids)
        self._sessions.begin(alive)
        if self._config.auto_leader_rebalance_enable:
            self._spawn(self._rebalance_leaders())
        self._publish_alive()

    async def close(self) -> None:
        """Decide nothing more."""
        self._sessions.close()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def session_expires_ms(self, broker_id: int) -> float | None:
        """When a broker's session runs out unless it is heard of (lab ms); None for one taken for dead."""
        return self._sessions.expires_ms(broker_id)

    @asynccontextmanager
    async def _told(self) -> AsyncIterator[None]:
        """One change at a time; whoever asked for this one waits behind it until every live broker knows of it."""
        async with self._changing:
            yield
        await self._decided.known_to_all()

    # What brokers ask

    async def handle(self, client: ClientInfo, request: Request[Any]) -> Any:
        """The answer to a broker; raises KafkaError."""
        serve = self._serve.get(type(request))
        if serve is None:
            raise UnsupportedVersionError(f"The controller does not serve {type(request).__name__}.")
        return await serve(request)

    async def _register(self, request: BrokerRegistrationRequest) -> BrokerRegistrationResponse:
        """A broker that died and starts again is out of sync until it has copied what it missed, however soon it is."""
        broker_id = request.broker_id
        async with self._changing:
            ends_ms = self._sessions.expires_ms(broker_id)
            left_ms = None if ends_ms is None else ends_ms - self._clock.now_ms()
            if self._registrations.register(broker_id, request.incarnation_id, left_ms):
                await self._decided.change(self._without(broker_id))
            return BrokerRegistrationResponse(self._registrations.epochs[broker_id])

    async def _heartbeat(self, request: BrokerHeartbeatRequest) -> BrokerHeartbeatResponse:
        """A broker that wants to stop may when everybody knows who leads instead of it."""
        self._registrations.check(request.broker_id, request.broker_epoch)
        if request.want_stop:
            async with self._changing:
                await self._gone(request.broker_id, "stopped")
            await self._decided.known_to_all()
            return BrokerHeartbeatResponse(fenced=True, may_stop=True)
        if self._sessions.heard(request.broker_id):
            async with self._changing:
                await self._came(request.broker_id)
        return BrokerHeartbeatResponse(fenced=False)

    async def _alter_partition(self, request: AlterPartitionRequest) -> AlterPartitionResponse:
        async with self._changing:
            self._registrations.check(request.broker_id, request.broker_epoch)
            before: dict[TopicPartition, PartitionMetadata] = {}
            answers: dict[TopicPartition, AlteredPartition] = {}
            for tp, wanted in request.partitions.items():
                try:
                    before[tp] = self._may_alter(tp, wanted, request.broker_id)
                except KafkaError as error:
                    answers[tp] = AlteredPartition(error.code)
            after = {tp: with_isr(state, dict(request.partitions[tp].isr).keys()) for tp, state in before.items()}
            await self._decided.change(after)
            for tp, state in before.items():
                answers[tp] = AlteredPartition(state=self.state_of(tp))
                self.telling.isr_changed(tp, state, after[tp])
                if state.target and not after[tp].target:
                    self.telling.moved(tp, after[tp])
            return AlterPartitionResponse(answers)

    def _may_alter(self, tp: TopicPartition, wanted: NewIsr, broker_id: int) -> PartitionMetadata:
        """The partition as it stands, if it may get this ISR (`validateAlterPartitionData`); raises KafkaError."""
        state, isr = self.state_of(tp), dict(wanted.isr)
        if wanted.leader_epoch != state.leader_epoch:
            raise FencedLeaderEpochError
        if broker_id != state.leader or broker_id not in isr or not isr.keys() <= set(state.replicas):
            raise InvalidRequestError
        if wanted.partition_epoch != state.partition_epoch:
            raise InvalidUpdateVersionError
        alive = self._registrations.among(self._sessions.alive)
        if any(each not in alive or epoch not in (UNKNOWN, alive[each]) for each, epoch in isr.items()):
            raise IneligibleReplicaError
        return state

    # Brokers come and go

    def _session_ended(self, broker_id: int) -> None:
        self._decided.forget_reader(broker_id)
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

    def _publish_alive(self) -> None:
        self._decided.publish(LiveBrokers(self._registrations.among(self._sessions.alive)))

    def _without(self, broker_id: int) -> dict[TopicPartition, PartitionMetadata]:
        """How its partitions stand when a broker is gone."""
        return {
            tp: without(state, broker_id, self._sessions.alive, unclean=topic.config.unclean_leader_election_enable)
            for topic, tp, state in self._decided.every()
            if broker_id in state.replicas
        }

    async def _gone(self, broker_id: int, why: str) -> None:
        self._sessions.end(broker_id)
        changes = self._without(broker_id)
        self._publish_alive()
        before = {tp: self.state_of(tp) for tp in changes}
        await self._decided.change(changes)
        self.telling.broker_gone(broker_id, why, before, changes)

    async def _came(self, broker_id: int) -> None:
        live = self._sessions.alive
        changes = {
            tp: elect(state, live, unclean=topic.config.unclean_leader_election_enable)
            for topic, tp, state in self._decided.every()
            if state.leader is None
        }
        self._publish_alive()
        before = {tp: self.state_of(tp) for tp in changes}
        await self._decided.change(changes)
        self.telling.broker_came(broker_id, before, changes)

    async def elect(
        self, kind: ElectionType, partitions: Iterable[TopicPartition] | None = None
    ) -> dict[TopicPartition, ErrorCode]:
        """Elect leaders of these partitions, or of all; what became of each (KIP-460)."""
        async with self._told():
            live = self._sessions.alive
            outcomes: dict[TopicPartition, ErrorCode] = {}
            before: dict[TopicPartition, PartitionMetadata] = {}
            changes: dict[TopicPartition, PartitionMetadata] = {}
            for tp in partitions if partitions is not None else [tp for _, tp, _ in self._decided.every()]:
                try:
                    state = self.state_of(tp)
                except KafkaError as error:
                    outcomes[tp] = error.code
                    continue
                changed, outcomes[tp] = elected(state, live, kind)
                if not outcomes[tp]:
                    before[tp], changes[tp] = state, changed
            if changes:
                await self._decided.change(changes)
                self.telling.elected(kind, before, changes)
            return outcomes

    async def elect_preferred(self, partitions: Iterable[TopicPartition] | None = None) -> int:
        """Give leadership back to the first replicas that may have it; how many moved (0: ElectionNotNeededError)."""
        outcomes = await self.elect(ElectionType.PREFERRED, partitions)
        moved = sum(code is ErrorCode.NONE for code in outcomes.values())
        if not moved:
            raise ElectionNotNeededError("Every partition is led by its preferred replica, or that one cannot lead.")
        return moved

    async def reassign(self, tp: TopicPartition, replicas: tuple[int, ...], *, other_factor: bool = True) -> None:
        """Move a partition to other brokers, or change how many copies it has; raises KafkaError.

        The new replicas copy everything first; the old ones go when all the new are in sync. Without `other_factor` the
        number of copies stays as it is.
        """
        async with self._told():
            state = self.state_of(tp)
            check_replicas(replicas, self.brokers)
            dead = [broker_id for broker_id in replicas if broker_id not in self._sessions.alive]
            if dead and not set(dead) <= set(state.replicas):
                raise InvalidReplicaAssignmentError(f"Broker {dead[0]} is not alive, so it cannot copy {tp}.")
            copies = len(state.target or state.replicas)
            if len(replicas) != copies and not other_factor:
                raise InvalidReplicationFactorError(
                    f"{tp} has {copies} copies; {len(replicas)} would be another number."
                )
            changed = moving(state, replicas)
            if changed != state:
                await self._decided.change({tp: changed})
                self.telling.moving(tp, state.replicas, replicas)

    async def call_off(self, tp: TopicPartition) -> None:
        """Leave a partition where it was before it was to be moved; NoReassignmentInProgressError."""
        async with self._told():
            changed = called_off(self.state_of(tp), self._sessions.alive)
            await self._decided.change({tp: changed})
            self.telling.called_off(tp, changed)

    # Topics

    async def create_topic(
        self,
        name: str,
        partitions: int,
        replication_factor: int,
        overrides: Mapping[str, str],
        *,
        by_hand: ByHand = (),
        validate_only: bool = False,
        unasked: bool = False,
    ) -> Topic:
        """Make a topic, its replicas spread over the brokers or placed by hand; raises KafkaError.

        `validate_only` says what it would be. `unasked`: a client named it, and no person asked for it.
        """
        async with self._told():
            topic = new_topic(
                name,
                partitions,
                replication_factor,
                overrides,
                internal=False,
                others=self.topics.keys(),
                brokers=self.brokers,
                alive=self._sessions.alive,
                by_hand=by_hand,
            )
            if not validate_only:
                await self._decided.save(topic)
                self.telling.created(topic, unasked=unasked)
            return topic

    async def create_partitions(
        self,
        name: str,
        total: int,
        *,
        by_hand: tuple[tuple[int, ...], ...] | None = None,
        validate_only: bool = False,
    ) -> Topic:
        """Grow a topic to `total` partitions; existing records stay where they are. Raises KafkaError."""
        async with self._told():
            before = self.topic(name)
            topic = grown(before, total, brokers=self.brokers, alive=self._sessions.alive, by_hand=by_hand)
            if not validate_only:
                await self._decided.save(topic)
                self.telling.grown(before, topic)
            return topic

    async def alter_config(self, name: str, decide: Decide, *, validate_only: bool = False) -> Topic:
        """Change settings as decided from those that are set; raises KafkaError."""
        async with self._told():
            before = self.topic(name)
            changes = decide(before.overrides)
            topic = altered(before, changes)
            if topic.overrides != before.overrides and not validate_only:
                await self._decided.save(topic)
                self.telling.configured(topic, changes)
            return topic

    async def delete_topic(self, name: str) -> Topic:
        """Delete a topic and its records; raises KafkaError."""
        async with self._told():
            topic = self.topic(name)
            if topic.internal:
                held = "every group's offsets" if name == INTERNAL_TOPIC else "the state of every transaction"
                raise InvalidTopicError(f"{name} is internal: it holds {held} and cannot be deleted.")
            records = self.telling.records_in(name)
            await self._decided.delete(name)
            self.telling.deleted(topic, records)
            return topic

    async def _ensure_internal_topic(self, request: EnsureInternalTopicRequest) -> EnsureInternalTopicResponse:
        match request.name:
            case name if name == INTERNAL_TOPIC:
                await self.ensure_offsets_topic()
            case name if name == TRANSACTION_TOPIC:
                await self.ensure_transaction_topic()
            case name:
                raise InvalidTopicError(f"{name} is no internal topic.")
        return EnsureInternalTopicResponse()

    async def ensure_offsets_topic(self) -> int:
        """How many partitions `__consumer_offsets` has, made on first use as Kafka does."""
        config = self._config
        wanted = (config.offsets_topic_num_partitions, config.offsets_topic_replication_factor)
        return await self._ensure(INTERNAL_TOPIC, *wanted, INTERNAL_TOPIC_CONFIG)

    async def ensure_transaction_topic(self) -> int:
        """How many partitions `__transaction_state` has, made on first use as Kafka does."""
        config = self._config
        copies, least = config.transaction_state_log_replication_factor, config.transaction_state_log_min_isr
        settings = {**TRANSACTION_TOPIC_CONFIG, "min.insync.replicas": str(least)}
        return await self._ensure(TRANSACTION_TOPIC, config.transaction_state_log_num_partitions, copies, settings)

    async def _ensure(self, name: str, partitions: int, copies: int, settings: Mapping[str, str]) -> int:
        async with self._told():
            if name not in self.topics:
                alive = self._sessions.alive
                topic = new_topic(
                    name,
                    partitions,
                    min(copies, len(alive)),
                    settings,
                    internal=True,
                    others=self.topics.keys(),
                    brokers=self.brokers,
                    alive=alive,
                )
                await self._decided.save(topic)
        return self.image.counts[name]

    async def next_producer_id(self) -> int:
        """An id that no producer of this lab has had, handed out from blocks (`ProducerIdControlManager`)."""
        producer_id = self._next_producer_id
        self._next_producer_id += 1
        if producer_id >= self._reserved_producer_ids:
            self._reserved_producer_ids = producer_id + PRODUCER_ID_BLOCK
            await self._store.put_settings({"producer_ids": self._reserved_producer_ids})
        return producer_id

    def forget_reader(self, broker_id: int) -> None:
        """A broker reads the log no more, so nobody waits for it."""
        self._decided.forget_reader(broker_id)

    # Questions

    def topic(self, name: str) -> Topic:
        """The topic of that name; UnknownTopicOrPartitionError."""
        return self._decided.topic(name)

    def state_of(self, tp: TopicPartition) -> PartitionMetadata:
        """Who leads and copies `tp`; UnknownTopicOrPartitionError says whether topic or partition is missing."""
        return self._decided.state_of(tp)

    def leader_of(self, tp: TopicPartition) -> int | None:
        """Who leads `tp`; UnknownTopicOrPartitionError."""
        return self.state_of(tp).leader
