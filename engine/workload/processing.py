"""Keeps a spawned processor busy: it consumes, transforms and produces, as a member of its group.

With transactions (KIP-98, KIP-447) what it writes for a poll and the offsets of that poll count together or not at all:
if anything fails, or a partition goes to somebody else meanwhile, it aborts and goes back to where the poll began.
Without, it writes, then commits by its rule: what comes again, after a crash or a write that failed, is written again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.clock import Clock
from engine.errors import KafkaError, RefusedError
from engine.ledger import GroupBook, by_header
from engine.metrics import Meter
from engine.records.record import ConsumerRecord
from engine.types import RecordMetadata, TopicPartition
from engine.workload.consuming import DrivenConsumer
from engine.workload.driven import Driven
from engine.workload.member import DrivenMember
from engine.workload.spec import ConsumerSpec
from engine.workload.standing import Standing


class DrivenProcessor(DrivenConsumer):
    """A consumer that writes what it makes of its records to `spec.writes_to`."""

    def __init__(
        self,
        spec: ConsumerSpec,
        name: str,
        clock: Clock,
        total: Meter,
        make: Callable[[DrivenMember, Mapping[str, Any] | None], Consumer],
        make_output: Callable[[DrivenConsumer], Producer],
        on_change: Callable[[DrivenMember], None],
        on_end: Callable[[Driven, BaseException], None],
        book: GroupBook | None = None,
    ) -> None:
        super().__init__(spec, name, clock, total, make, on_change, on_end, book)
        self._make_output = make_output
        self._output: Producer | None = None
        self._written: list[asyncio.Future[RecordMetadata]] = []
        self._began: dict[TopicPartition, int] = {}
        """Where in each partition begins what is not known to be written, and committed in a transaction."""

    # Beginning and ending

    async def start(self, membership: Mapping[str, Any] | None = None) -> None:
        """Join as any consumer; raises KafkaError. Whoever had its transactional id before is fenced once it works."""
        self._output = self._make_output(self)
        try:
            await super().start(membership)
        except BaseException:
            self._output.crash()
            raise

    async def stop(self) -> None:
        """Leave off, abort what is not committed, leave the group."""
        await self._end()
        try:
            if self._output is not None:
                await self._output.stop()
        finally:
            await super().stop()

    def crash(self) -> None:
        """End at once; an open transaction stays open until its timeout, or until its id is used again."""
        super().crash()
        if self._output is not None:
            self._output.crash()

    async def suspend(self) -> None:
        """End as the world stops, to go on from where the last transaction was committed."""
        await self._end()
        if self._output is not None:
            self._output.crash()
        await super().suspend()
        if self.spec.transactional and self._membership is not None:
            self._membership = {**self._membership, "positions": []}  # how far it came, the coordinator knows

    # What it does

    async def work(self) -> None:
        """Begin to write, then work."""
        assert self._output is not None
        await self.begin_transacting(self._output)
        await super().work()

    async def _work_on(
        self,
        client: Consumer,
        standing: Standing,
        polled: Mapping[TopicPartition, Sequence[ConsumerRecord]],
        random: Callable[[], float],
    ) -> None:
        output = self._output
        assert output is not None
        if not self.spec.transactional:
            try:
                await super()._work_on(client, standing, polled, random)
            except KafkaError:
                self._go_back(client, standing)
                raise
        elif polled:
            await self._in_a_transaction(output, client, standing, polled, random)

    async def _in_a_transaction(
        self,
        output: Producer,
        client: Consumer,
        standing: Standing,
        polled: Mapping[TopicPartition, Sequence[ConsumerRecord]],
        random: Callable[[], float],
    ) -> None:
        whose = client.group_metadata()
        self._began = {tp: records[0].offset for tp, records in polled.items()}
        try:
            await output.begin_transaction()
            for tp, records in polled.items():
                if not await self._process(standing, tp, records, random):
                    raise RefusedError(f"{tp} went to another member in the middle of a transaction.")
            offsets = {tp: records[-1].offset + 1 for tp, records in polled.items()}
            await output.send_offsets_to_transaction(client.to_commit(offsets), whose)
            await self.until_known(output.commit_transaction)
            standing.committed(offsets)
        except (KafkaError, RefusedError) as error:
            self._go_back(client, standing)
            if output.fatal is None:
                await self.until_known(output.abort_transaction)
            if isinstance(error, KafkaError):
                raise
        except BaseException:
            self._go_back(client, standing)
            raise
        finally:
            self._began = {}
            self._written.clear()

    def _at_end(self, error: KafkaError) -> bool:
        return super()._at_end(error) or (self._output is not None and self._output.fatal is not None)

    def _go_back(self, client: Consumer, standing: Standing) -> None:
        """Have everything delivered again from `_began` on."""
        standing.put_back()
        for tp, offset in self._began.items():
            if standing.owns(tp):
                client.seek(tp, offset)

    async def _did(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Write what these become; the ledger counts what a reader of committed records finds of it."""
        output = self._output
        assert output is not None
        by = by_header(self.spec.group_id)
        for record in records:
            value = transformed(record.value, self.name)
            if not self.spec.transactional and self.spec.commit != "before":
                self._began.setdefault(tp, record.offset)
            future = await output.send(self.spec.writes_to, value, key=record.key, headers=(*record.headers[:2], by))
            if not self.spec.transactional:
                self._written.append(future)

    async def _commit(self, client: Consumer, standing: Standing, offsets: dict[TopicPartition, int]) -> None:
        """Offsets go with transactions; without those, once all is written, and what could not be comes again."""
        if self.spec.transactional or self._output is None:
            return
        await self._output.flush()
        written, self._written = self._written, []
        failed = next((error for future in written if future.done() and (error := future.exception())), None)
        if failed is not None:
            self._go_back(client, standing)
        self._began = {}
        if failed is not None:
            raise failed
        await super()._commit(client, standing, offsets)


def transformed(value: bytes | None, name: str) -> bytes | None:
    """What a processor makes of a value: an object of JSON gets a field more, anything else stays as it is."""
    if value is None or not (value.startswith(b"{") and value.endswith(b"}")):
        return value
    more = b", " if value[1:-1].strip() else b""
    return (
        value[:-1]
        + more
        + b'"by": "'
        + name.encode("ascii", "replace").replace(b'"', b"?").replace(b"\\", b"?")
        + b'"}'
    )
