"""The verbs that change how fast spawned producers and consumers go, and what is broken about them on purpose."""

from __future__ import annotations

from collections.abc import Mapping

from engine.errors import RefusedError
from engine.snapshot import ClientState
from engine.types import TopicPartition
from engine.workload import saying
from engine.workload.consuming import DrivenConsumer
from engine.workload.core import WorkloadCore


class PaceVerbs(WorkloadCore):
    """Each raises RefusedError, in plain words, or KafkaError."""

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
