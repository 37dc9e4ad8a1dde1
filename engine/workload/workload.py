"""The workload of a lab: every producer and consumer that was spawned, by name, and the verbs that move them.

It is kept with the lab at each change, so that a lab that was closed or killed comes back with all as they were.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from random import Random

from engine.errors import ClientClosedError, KafkaError, RefusedError
from engine.snapshot import ClientState
from engine.workload import saying
from engine.workload.consuming import DrivenConsumer
from engine.workload.driven import Driven, describe
from engine.workload.keeping import PRODUCER
from engine.workload.pacing import PaceVerbs
from engine.workload.processing import DrivenProcessor
from engine.workload.producing import DrivenProducer
from engine.workload.roster import Worker
from engine.workload.spec import ConsumerSpec, ProducerSpec

FLUSH_S = 2.0
"""How long (real seconds) closing a lab waits for a producer's buffer."""
_log = logging.getLogger(__name__)


class Workload(PaceVerbs):
    """Spawned producers and consumers. Verbs raise RefusedError, in plain words, or KafkaError."""

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

    # With the lab

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
