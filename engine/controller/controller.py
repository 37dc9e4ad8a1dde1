"""The controller: which brokers are alive, who leads and is in sync after they came or went, and who reads of it.

Rules from `ClusterControlManager` and `ReplicationControlManager`. A lab has one controller, apart from its brokers,
that does not die.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from engine.clock import Clock
from engine.config import (
    INTERNAL_TOPIC,
    TRANSACTION_TOPIC,
    BrokerConfig,
)
from engine.controller.administration import Administration
from engine.controller.decided import Decided, TopicStore
from engine.controller.elections import elect, with_isr, without
from engine.controller.image import LiveBrokers
from engine.controller.registrations import Registrations
from engine.controller.sessions import Sessions
from engine.controller.telling import Telling
from engine.controller.verbs import Verbs
from engine.errors import (
    ElectionNotNeededError,
    FencedLeaderEpochError,
    IneligibleReplicaError,
    InvalidRequestError,
    InvalidTopicError,
    InvalidUpdateVersionError,
    KafkaError,
    KafkaStorageError,
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
RETRY_MS = 500
"""After what time something is stored again that could not be."""
UNKNOWN = -1
"""A broker epoch that a leader has not been told yet."""


class Controller(Verbs):
    """Knows which brokers live, and lets them read what was decided, through `handle`."""

    def __init__(
        self, cluster_id: str, store: TopicStore, clock: Clock, config: BrokerConfig, events: EventLog
    ) -> None:
        self._sessions = Sessions(clock, config.broker_session_timeout_ms, self._session_ended)
        self._registrations = Registrations()
        decided = Decided(store, lambda: self._sessions.alive, clock, config.broker_session_timeout_ms)
        super().__init__(decided, Telling(events, clock), config, lambda: self._sessions.alive)
        self.cluster_id = cluster_id
        self._store = store
        self._clock = clock
        self._background: set[asyncio.Task[None]] = set()
        self._reserving = asyncio.Lock()
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

    async def load(self, broker_ids: Iterable[int], alive: Iterable[int]) -> None:
        """Take up the topics kept. The brokers in `alive` are about to start, so they count as alive already."""
        self.brokers = tuple(sorted(broker_ids))
        await self._decided.load()
        self._next_producer_id = self._reserved_producer_ids = (await self._store.settings()).get("producer_ids", 0)
        self._registrations.expect(broker_ids)
        self._sessions.begin(alive)
        config = self._config
        if config.auto_leader_rebalance_enable:
            every_ms = config.leader_imbalance_check_interval_seconds * 1_000
            self._spawn(self._regularly(every_ms, self._rebalance_leaders))
        self._spawn(self._regularly(config.unclean_leader_election_interval_ms, self._lead_the_leaderless))
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
            new_life = self._registrations.is_new_life(broker_id, request.incarnation_id, left_ms)
            if new_life:
                await self._decided.change(self._without(broker_id))
            epoch = self._registrations.register(broker_id, request.incarnation_id, new_life=new_life)
            return BrokerRegistrationResponse(epoch)

    async def _heartbeat(self, request: BrokerHeartbeatRequest) -> BrokerHeartbeatResponse:
        """A broker that wants to stop may when everybody knows who leads instead of it."""
        self._registrations.check(request.broker_id, request.broker_epoch)
        if request.want_stop:
            try:
                async with self._changing:
                    await self._gone(request.broker_id, "stopped")
            except KafkaStorageError:
                self._session_ended(request.broker_id)
                raise
            await self._decided.known_to_all()
            return BrokerHeartbeatResponse(fenced=True, may_stop=True)
        if self._sessions.heard(request.broker_id):
            self._spawn(self._insist(partial(self._came, request.broker_id)))
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

    async def _ensure_internal_topic(self, request: EnsureInternalTopicRequest) -> EnsureInternalTopicResponse:
        match request.name:
            case name if name == INTERNAL_TOPIC:
                await self.ensure_offsets_topic()
            case name if name == TRANSACTION_TOPIC:
                await self.ensure_transaction_topic()
            case name:
                raise InvalidTopicError(f"{name} is no internal topic.")
        return EnsureInternalTopicResponse()

    # Brokers come and go

    def _session_ended(self, broker_id: int) -> None:
        self._decided.forget_reader(broker_id)
        self._spawn(self._insist(partial(self._fence, broker_id)))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _insist(self, change: Callable[[], Awaitable[None]]) -> None:
        """Do what follows from a broker's coming or going: again and again, for nobody else asks for it."""
        told = ""
        while True:
            try:
                async with self._changing:
                    await change()
                return
            except KafkaStorageError as error:
                if str(error) != told:
                    told = str(error)
                    self.telling.not_stored(error)
            await self._clock.sleep(RETRY_MS)

    async def _regularly(self, every_ms: float, change: Callable[[], Awaitable[None]]) -> None:
        while True:
            await self._clock.sleep(every_ms)
            try:
                await change()
            except KafkaStorageError as error:
                self.telling.not_stored(error)

    async def _rebalance_leaders(self) -> None:
        with suppress(ElectionNotNeededError):
            await self.elect_preferred()

    async def _lead_the_leaderless(self) -> None:
        """Elect unclean leaders where a topic has come to allow it since nobody leads."""
        waiting = [
            tp
            for topic, tp, state in self._decided.every()
            if state.leader is None and topic.config.unclean_leader_election_enable
        ]
        if waiting:
            await self.elect(ElectionType.UNCLEAN, waiting)

    async def _fence(self, broker_id: int) -> None:
        if broker_id not in self._sessions.alive:
            await self._gone(broker_id, "silent")

    def _publish_alive(self) -> None:
        live = self._registrations.among(self._sessions.alive)
        if live != self.image.live:
            self._decided.publish(LiveBrokers(live))

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
        if broker_id not in live:
            return  # and gone again
        changes = {
            tp: elect(state, live, unclean=topic.config.unclean_leader_election_enable)
            for topic, tp, state in self._decided.every()
            if state.leader is None
        }
        self._publish_alive()
        before = {tp: self.state_of(tp) for tp in changes}
        await self._decided.change(changes)
        self.telling.broker_came(broker_id, before, changes)

    async def next_producer_id(self) -> int:
        """An id that no producer of this lab has had, handed out from blocks (`ProducerIdControlManager`)."""
        async with self._reserving:
            if self._next_producer_id >= self._reserved_producer_ids:
                reserved = self._next_producer_id + PRODUCER_ID_BLOCK
                await self._store.put_settings({"producer_ids": reserved})
                self._reserved_producer_ids = reserved
            self._next_producer_id += 1
            return self._next_producer_id - 1

    def forget_reader(self, broker_id: int) -> None:
        """A broker reads the log no more, so nobody waits for it."""
        self._decided.forget_reader(broker_id)
