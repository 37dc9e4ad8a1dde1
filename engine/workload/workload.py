"""The workload of a lab: every producer and consumer that was spawned, by name, and the verbs that move them.

It is kept with the lab at each change, so that a lab that was closed or killed comes back with all as they were.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from random import Random
from typing import Any, TypeVar

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.clock import Clock
from engine.errors import ClientClosedError, KafkaError, RefusedError
from engine.events import EventLog
from engine.ledger import Ledger
from engine.metrics import Meter
from engine.network import Network
from engine.snapshot import ClientState, ConsumerView, ProducerView
from engine.types import TopicPartition
from engine.workload import saying
from engine.workload.consuming import DrivenConsumer
from engine.workload.driven import Driven, describe
from engine.workload.keeping import PRODUCER, Keeper, SpecStore
from engine.workload.making import Making
from engine.workload.processing import DrivenProcessor
from engine.workload.producing import RECORDS_A_TURN, DrivenProducer
from engine.workload.roster import Roster, Worker
from engine.workload.spec import ConsumerSpec, ProducerSpec

V = TypeVar("V")
FLUSH_S = 2.0
"""How long (real seconds) closing a lab waits for a producer's buffer."""
_log = logging.getLogger(__name__)


class Workload:
    """Spawned producers and consumers. Verbs raise RefusedError, in plain words, or KafkaError."""

    def __init__(
        self,
        network: Network,
        clock: Clock,
        events: EventLog,
        store: SpecStore,
        seed: int,
        *,
        producer: Callable[..., Producer] = Producer,
        consumer: Callable[..., Consumer] = Consumer,
        ledger: Ledger | None = None,
    ) -> None:
        self.produced = Meter()
        """Records acknowledged to any producer of the lab."""
        self.consumed = Meter()
        """Records processed by any consumer of the lab."""
        self._clock = clock
        self._events = events
        self._seed = seed
        self._ledger = ledger or Ledger()
        self._making = Making(network, clock, producer, consumer, self._log_truncated)
        self._roster = Roster()
        self._keeper = Keeper(store, self._roster)
        self._to_save: set[str] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._suspended = False
        self._producer_views: tuple[ProducerView, ...] = ()
        self._consumer_views: tuple[ConsumerView, ...] = ()

    # Spawning

    async def spawn_producer(self, spec: ProducerSpec) -> str:
        """Start a producer and return its name, the template's with the first free number unless the spec names it."""
        spec = spec.check()
        name = self._roster.free_name(spec.name, spec.template)
        spec = replace(spec, name=name, seed=self._seed_for(name, spec.seed))
        await self._spawn(self._new_producer(spec, name), saying.producer_spawned(name, spec))
        return name

    async def spawn_consumer(self, spec: ConsumerSpec) -> str:
        """Start a consumer and return its name, the group's with the first free number unless the spec names it."""
        spec = spec.check()
        name = self._roster.free_name(spec.name, spec.group_id)
        spec = replace(spec, name=name, seed=self._seed_for(name, spec.seed))
        await self._spawn(self._new_consumer(spec, name), saying.consumer_spawned(name, spec))
        return name

    async def _spawn(self, driven: Worker, said: saying.Said) -> None:
        self._roster.add(driven)
        async with driven.verbs:
            try:
                await driven.start()
            except BaseException:
                if driven.state is not ClientState.CRASHED:
                    self._roster.forget(driven.name)
                raise
            self._tell(driven.name, said)
            await self._save(driven)

    def _seed_for(self, name: str, wanted: int | None) -> int:
        return wanted if wanted is not None else Random(f"{self._seed}:{name}").getrandbits(32)

    def _new_producer(self, spec: ProducerSpec, name: str) -> DrivenProducer:
        book = self._ledger.producer(name, spec.topic, spec.acks)
        driven = DrivenProducer(
            spec, name, self._clock, self.produced, self._making.producer, self._save, self._share, self._ended, book
        )
        driven.sequence = driven.reserved = book.next  # a name may come again, its sequences must not
        return driven

    def _new_consumer(self, spec: ConsumerSpec, name: str) -> DrivenConsumer:
        book, told, ended = self._ledger.group(spec.group_id), self._assignment_changed, self._ended
        clock, making = self._clock, self._making
        if not spec.writes_to:
            return DrivenConsumer(spec, name, clock, self.consumed, making.consumer, told, ended, book)
        book.writes_to(spec.writes_to)
        return DrivenProcessor(spec, name, clock, self.consumed, making.consumer, making.output, told, ended, book)

    # Ending and beginning again

    async def stop(self, name: str) -> None:
        """End it cleanly: a producer sends its buffer, a consumer commits and leaves its group."""
        driven = self._roster.living(name)
        async with driven.verbs:
            if driven.alive:
                await self._stop(driven)

    async def _stop(self, driven: Worker) -> None:
        held = self._held(driven)
        try:
            await self._ending(driven)
        except KafkaError as error:
            driven.failed_with(error)
        if driven.state is not ClientState.STOPPED:
            return  # it crashed meanwhile, and that was told
        await self._save(driven)
        if isinstance(driven, DrivenConsumer):
            self._tell(driven.name, saying.consumer_stopped(driven.name, driven.spec, held))
        else:
            self._tell(driven.name, saying.producer_stopped(driven.name, driven.acked))

    async def _ending(self, driven: Worker) -> None:
        try:
            await driven.stop()
        except ClientClosedError:
            if driven.state is not ClientState.CRASHED:
                raise

    def _held(self, driven: Worker) -> int:
        return len(driven.assignment()) if isinstance(driven, DrivenConsumer) else 0

    async def crash(self, name: str) -> None:
        """End it at once, as a kill would; also while it is being stopped."""
        driven = self._roster.living(name)
        if isinstance(driven, DrivenConsumer):
            held = self._held(driven)
            driven.crash()
            said = saying.consumer_crashed(name, driven.spec, held)
        else:
            in_transaction = driven.in_transaction
            said = saying.producer_crashed(name, driven.spec, driven.crash(), in_transaction)
        self._tell(name, said)
        await self._save(driven)

    async def restart(self, name: str) -> None:
        """Start a stopped or crashed one again, with its name and workload."""
        driven = self._roster.find(name)
        async with driven.verbs:
            if driven.alive:
                raise RefusedError(f"{name} is {driven.state.value}; stop or crash it first.")
            await driven.start()
            self._tell(name, saying.restarted(name, driven.spec))
            await self._save(driven)

    async def remove(self, name: str) -> None:
        """Take it off the list, stopped cleanly first if it is alive."""
        driven = self._roster.find(name)
        async with driven.verbs:
            if driven.alive:
                await self._stop(driven)
            await self._keeper.forget(driven)
        self._tell(name, saying.removed(name))

    def _ended(self, driven: Driven, error: BaseException) -> None:
        """Its work ended by itself."""
        assert isinstance(driven, Worker)
        if not isinstance(error, KafkaError):
            _log.error("%s broke", driven.name, exc_info=error)
        self._later(self._bury(driven, describe(error)))

    async def _bury(self, driven: Worker, why: str) -> None:
        async with driven.verbs:
            if not driven.alive:
                return
            self._tell(driven.name, saying.ended_by_itself(driven.name, why))
            try:
                await self._ending(driven)
            except KafkaError:
                pass  # why it ended has been told; that it could not say goodbye either adds nothing
            driven.last_error = why
            await self._save(driven)

    # Pace and faults

    async def pause(self, name: str) -> None:
        """A producer sends nothing; a consumer takes nothing, but stays a member."""
        await self._set_paused(name, True)

    async def resume(self, name: str) -> None:
        """It works again."""
        await self._set_paused(name, False)

    async def _set_paused(self, name: str, paused: bool) -> None:
        driven = self._roster.living(name)
        if driven.state is ClientState.HUNG:
            raise RefusedError(f"{name} hangs; free it first.")
        if (driven.state is ClientState.PAUSED) == paused:
            raise RefusedError(f"{name} is {driven.state.value} already.")
        driven.pause(paused)
        self._tell(name, (saying.paused if paused else saying.resumed)(name, driven.spec))
        await self._save(driven)

    async def set_rate(self, name: str, records_per_s: float) -> None:
        """Have a producer send so many records a second of lab time."""
        producer = self._roster.producer(name, "have a rate")
        before = producer.spec.rate
        producer.set_rate(records_per_s)
        self._tell(name, saying.rate_set(name, before, records_per_s))
        await self._save(producer)

    async def set_processing(self, name: str, ms: float) -> None:
        """Have a consumer take so long for each record."""
        consumer = self._roster.consumer(name, "have a processing time")
        before = consumer.spec.processing_ms
        consumer.set_processing(ms)
        self._tell(name, saying.processing_set(name, before, consumer.spec))
        await self._save(consumer)

    async def hang(self, name: str) -> None:
        """Have a consumer get stuck in processing until `unhang`; beyond max.poll.interval.ms it leaves its group."""
        consumer = self._roster.living_consumer(name, "can hang in processing")
        if consumer.state is ClientState.HUNG:
            raise RefusedError(f"{name} hangs already.")
        consumer.hang(True)
        self._tell(name, saying.hung(name, consumer.spec))
        await self._save(consumer)

    async def unhang(self, name: str) -> None:
        """Let a consumer that hangs go on."""
        consumer = self._roster.living_consumer(name, "can hang in processing")
        if consumer.state is not ClientState.HUNG:
            raise RefusedError(f"{name} does not hang; it is {consumer.state.value}.")
        consumer.hang(False)
        self._tell(name, saying.unhung(name))
        await self._save(consumer)

    async def stop_heartbeats(self, name: str) -> None:
        """Have a consumer go on working without its group hearing from it."""
        await self._set_heartbeats(name, False)

    async def resume_heartbeats(self, name: str) -> None:
        """Have its group hear from it again."""
        await self._set_heartbeats(name, True)

    async def _set_heartbeats(self, name: str, beat: bool) -> None:
        consumer = self._roster.living_consumer(name, "send heartbeats")
        if consumer.heartbeating == beat:
            raise RefusedError(f"{name} {'sends heartbeats' if beat else 'sends no heartbeats'} already.")
        consumer.heartbeating = beat
        said = saying.heartbeats_resumed if beat else saying.heartbeats_stopped
        self._tell(name, said(name, consumer.spec))
        await self._save(consumer)

    async def seek(self, group_id: str, offsets: Mapping[TopicPartition, int]) -> None:
        """Have the consumers that own these partitions go on from these offsets, and commit them; raises KafkaError."""
        by_owner: dict[DrivenConsumer, dict[TopicPartition, int]] = {}
        for tp, offset in offsets.items():
            owner = self._roster.owner(group_id, tp)
            if owner is None:
                raise RefusedError(f"No consumer of the lab owns {tp} in {group_id} just now; try again in a moment.")
            by_owner.setdefault(owner, {})[tp] = offset
        for owner, its in by_owner.items():
            await owner.seek(its)

    # What is

    def spec(self, name: str) -> ProducerSpec | ConsumerSpec:
        """What it was asked to do; RefusedError when there is none of that name."""
        return self._roster.find(name).spec

    def producers(self) -> tuple[ProducerView, ...]:
        """Every producer, in the order they were spawned; unchanged ones are the same objects as before."""
        self._producer_views = _same(self._producer_views, tuple(each.view() for each in self._roster.producers()))
        return self._producer_views

    def consumers(self) -> tuple[ConsumerView, ...]:
        """Every consumer, in the order they were spawned; unchanged ones are the same objects as before."""
        self._consumer_views = _same(self._consumer_views, tuple(each.view() for each in self._roster.consumers()))
        return self._consumer_views

    def consumer_owning(self, group_id: str, tp: TopicPartition) -> Consumer | None:
        """The lab's consumer that owns the partition in the group."""
        owner = self._roster.owner(group_id, tp)
        return owner.client if owner is not None else None

    # Keeping

    async def restore(self) -> None:
        """Bring back everybody as they were when the lab was closed or killed."""
        for kind, name, data in await self._keeper.recall():
            driven: Worker
            if kind == PRODUCER:
                driven = self._new_producer(ProducerSpec.from_json(data["spec"]), name)
            else:
                driven = self._new_consumer(ConsumerSpec.from_json(data["spec"]), name)
            driven.recall(data)
            self._roster.add(driven, data["order"])
            if not driven.alive:
                continue
            try:
                await (driven.start() if isinstance(driven, DrivenProducer) else driven.restore())
            except KafkaError as error:
                driven.state = ClientState.STOPPED
                driven.failed_with(error)
                self._tell(name, saying.could_not_return(name, describe(error)))

    async def save(self) -> None:
        """Keep everybody as they are now."""
        for producer in self._roster.producers():
            await self._save(producer)
        for consumer in self._roster.consumers():
            await self._save(consumer)

    async def suspend(self, flush_s: float = FLUSH_S) -> None:
        """The program quits: keep everybody as they are and drop their clients without a goodbye, producers once their
        buffer is sent or `flush_s` real seconds are over."""
        self._suspended = True
        for task in tuple(self._background):
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        producers = self._roster.producers()
        await asyncio.gather(*(producer.suspend(flush_s) for producer in producers))
        for producer in producers:
            await self._keeper.save(producer)
        for consumer in self._roster.consumers():
            await consumer.suspend()
            await self._keeper.save(consumer)

    async def _save(self, driven: Worker) -> None:
        self._to_save.discard(driven.name)
        if not self._suspended:
            await self._keeper.save(driven)

    def _assignment_changed(self, consumer: DrivenConsumer) -> None:
        self._roster.owners_changed()
        if consumer.name not in self._to_save and not self._suspended:
            self._to_save.add(consumer.name)
            self._later(self._save(consumer))

    def _log_truncated(self, name: str, tp: TopicPartition, before: int, after: int | None) -> None:
        self._tell(name, saying.log_truncated(name, tp, before, after))

    def _share(self) -> int:
        """How many records one producer may make in a turn."""
        busy = sum(each.state is ClientState.RUNNING for each in self._roster.producers())
        return max(10, RECORDS_A_TURN // max(1, busy))

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("The workload could not be kept", exc_info=error)

    def _tell(self, name: str, said: saying.Said) -> None:
        self._events.tell(self._clock.now_ms(), name, *said)


def _same(before: tuple[V, ...], now: tuple[V, ...]) -> tuple[V, ...]:
    return before if len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True)) else now
