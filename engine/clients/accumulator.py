"""Records on their way out, gathered into one batch after another for each partition, within bounded memory.

After `org.apache.kafka.clients.producer.internals.RecordAccumulator` and `BufferPool`: memory is taken for a whole
batch at a time, and whoever finds none left waits in line.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator

from engine.clients.batches import Batch, Latch, PartitionQueue
from engine.clock import Clock
from engine.errors import ClientClosedError, KafkaTimeoutError, RecordTooLargeError
from engine.records import BatchBuilder, ConsumerRecord, read_records
from engine.records.builder import Headers
from engine.types import TopicPartition


class Accumulator:
    """All queues of a producer, and the `buffer_memory` bytes they share."""

    def __init__(
        self, clock: Clock, batch_bytes: int, compression: str, buffer_memory: int, *, transactional: bool = False
    ) -> None:
        self._clock = clock
        self._transactional = transactional
        self.batch_bytes = batch_bytes
        self._compression = compression
        self._buffer_memory = buffer_memory
        self._free = buffer_memory
        self._in_line: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._queues: dict[TopicPartition, PartitionQueue] = {}
        self.waiting: dict[TopicPartition, PartitionQueue] = {}
        """The queues that hold batches, in the order they began to."""
        self.under_way: set[Batch] = set()
        """Every batch that is neither acknowledged nor failed."""

    def queue(self, tp: TopicPartition) -> PartitionQueue:
        """The queue of a partition, the same one each time."""
        queue = self._queues.get(tp)
        if queue is None:
            queue = self._queues[tp] = PartitionQueue(tp)
        return queue

    @property
    def exhausted(self) -> bool:
        """Whether senders wait for memory, so that no batch should linger."""
        return bool(self._in_line)

    async def reserve(self, size: int, within_ms: float) -> int:
        """Take memory for a batch with a record of `size` bytes, waiting in line for it; returns what was taken.

        Raises RecordTooLargeError if there can never be as much, KafkaTimeoutError after `within_ms`.
        """
        wanted = max(size, self.batch_bytes)
        if wanted > self._buffer_memory:
            raise RecordTooLargeError(
                f"{wanted:,} bytes are more than the producer's whole buffer_memory of {self._buffer_memory:,}."
            )
        if self._in_line or self._free < wanted:
            await self._stand_in_line(wanted, within_ms)
        else:
            self._free -= wanted
        return wanted

    async def _stand_in_line(self, wanted: int, within_ms: float) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        place = (wanted, granted)
        self._in_line.append(place)
        timer = self._clock.call_later(within_ms, _time_out, granted, wanted, within_ms)
        try:
            await granted
        except BaseException:
            if place in self._in_line:
                self._in_line.remove(place)
            elif granted.done() and not granted.cancelled() and granted.exception() is None:
                self.release(wanted)  # granted, but its sender was cancelled in the same moment
            self._grant()
            raise
        finally:
            timer.cancel()

    def release(self, size: int) -> None:
        """Give memory back; the first in line get theirs."""
        self._free += size
        self._grant()

    def _grant(self) -> None:
        while self._in_line and (self._in_line[0][1].done() or self._in_line[0][0] <= self._free):
            wanted, granted = self._in_line.popleft()
            if not granted.done():
                self._free -= wanted
                granted.set_result(None)

    def open_batch(
        self,
        queue: PartitionQueue,
        reserved: int,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> Batch:
        """A new batch at the end of `queue`, with one record in it."""
        batch = Batch(queue.tp, self._builder(self.batch_bytes), self._clock.now_ms(), reserved)
        batch.builder.append(timestamp, key, value, headers)
        queue.batches.append(batch)
        queue.open = batch
        self.waiting[queue.tp] = queue
        self.under_way.add(batch)
        return batch

    def take(self, queue: PartitionQueue) -> Batch:
        """Remove the oldest batch of a queue, to be sent."""
        batch = queue.take()
        if not queue.batches:
            del self.waiting[queue.tp]
        return batch

    def put_back(self, batch: Batch) -> None:
        """It is to be sent again, in its turn."""
        queue = self.queue(batch.tp)
        queue.put_back(batch)
        self.waiting[batch.tp] = queue

    def forget(self, batch: Batch) -> None:
        """It is acknowledged or failed: its memory is free."""
        if batch in self.under_way:
            self.under_way.discard(batch)
            self.release(batch.reserved)
            batch.end()

    def split(self, batch: Batch) -> list[Batch]:
        """A batch the broker finds too large as several of about half its size, in order, which are to be put back."""
        whole = batch.builder.build()
        records = read_records(whole, *batch.tp)
        half = max(1, batch.builder.count // 2)
        parts = list(self._parts(batch, records, half))
        self.under_way.discard(batch)
        self.under_way.update(parts)
        parts[-1].reserved = batch.reserved
        for latch in batch.awaited_by:
            latch.left += len(parts) - 1
        return parts

    def _parts(self, batch: Batch, records: list[ConsumerRecord], size: int) -> Iterator[Batch]:
        for start in range(0, len(records), size):
            builder = self._builder(2**31 - 1)
            for record in records[start : start + size]:
                builder.append(record.timestamp, record.key, record.value, record.headers)
            part = Batch(batch.tp, builder, batch.created_ms, 0)
            part.awaited_by = list(batch.awaited_by)
            part.futures = batch.futures[start : start + size]
            part.timestamps = batch.timestamps[start : start + size]
            part.numbers = batch.numbers[start : start + size]
            yield part

    def _builder(self, size: int) -> BatchBuilder:
        return BatchBuilder(size, self._compression, transactional=self._transactional)

    def take_waiting(self, *, sent_before: bool) -> list[Batch]:
        """Remove every batch that waits (`abortUndrainedBatches`), or only those that were never sent before."""
        taken = []
        for queue in tuple(self.waiting.values()):
            while queue.batches and (sent_before or queue.batches[-1].base_sequence < 0):
                taken.append(queue.batches.pop())
            queue.open = None
            if not queue.batches:
                del self.waiting[queue.tp]
        return taken

    async def ended(self) -> None:
        """Return when every batch there is now is acknowledged or failed."""
        if self.under_way:
            latch = Latch(len(self.under_way))
            for batch in self.under_way:
                batch.awaited_by.append(latch)
            await latch.open

    def close(self) -> list[Batch]:
        """Let go of everything, and return the batches that were still under way; those in line are sent off."""
        left = list(self.under_way)
        for batch in left:
            batch.end()
        self.under_way.clear()
        self.waiting.clear()
        for queue in self._queues.values():
            queue.batches.clear()
            queue.open = None
        while self._in_line:
            _, granted = self._in_line.popleft()
            if not granted.done():
                granted.set_exception(ClientClosedError("The producer was closed while this send waited for memory."))
        return left


def _time_out(granted: asyncio.Future[None], wanted: int, within_ms: float) -> None:
    if not granted.done():
        granted.set_exception(
            KafkaTimeoutError(
                f"The producer's buffer stayed full: {wanted:,} bytes were not free within {within_ms:.0f} ms. "
                "Send more slowly, or raise buffer_memory or max_block_ms."
            )
        )
