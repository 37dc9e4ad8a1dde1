"""A producer's batches: records for one partition that are sent together, and the queue in which they wait."""

from __future__ import annotations

import asyncio
import copy
from collections import deque

from engine.errors import KafkaError
from engine.records import BatchBuilder
from engine.types import RecordMetadata, TopicPartition

_new = tuple.__new__


class Latch:
    """Lets go of who waits for it once everything it counts has ended."""

    __slots__ = ("left", "open")

    def __init__(self, left: int) -> None:
        self.left = left
        self.open: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def count_down(self) -> None:
        """One more has ended."""
        self.left -= 1
        if not self.left and not self.open.done():
            self.open.set_result(None)


class Batch:
    """Records for one partition that are sent together, each with the future its sender holds, or with its number."""

    __slots__ = (
        "attempts",
        "awaited_by",
        "base_offset",
        "base_sequence",
        "builder",
        "created_ms",
        "futures",
        "last_error",
        "numbers",
        "renumbered",
        "reserved",
        "retry_at_ms",
        "timestamps",
        "tp",
    )

    def __init__(self, tp: TopicPartition, builder: BatchBuilder, created_ms: float, reserved: int) -> None:
        self.tp = tp
        self.builder = builder
        self.created_ms = created_ms
        self.reserved = reserved
        self.futures: list[asyncio.Future[RecordMetadata]] = []
        self.timestamps: list[int] = []
        self.numbers: list[int] = []
        """What the records are called by a sender that is told of the batch as a whole, and holds no futures."""
        self.base_offset = -1
        """Where it was acknowledged; -1 while it is not, and where nobody said."""
        self.attempts = 0
        self.base_sequence = -1
        """Of its first record, once an idempotent producer has numbered it."""
        self.renumbered = False
        """Whether it got other numbers since it was last sent."""
        self.retry_at_ms = 0.0
        self.last_error: KafkaError | None = None
        self.awaited_by: list[Latch] = []
        """Those who wait for the end of this batch, whatever it is."""

    def acknowledge(self, base_offset: int, log_append_time: int, log_start_offset: int) -> None:
        """Tell each sender where its record went; `base_offset` is -1 where nobody said."""
        self.base_offset = base_offset
        topic, partition = tp = self.tp
        kind = 1 if log_append_time >= 0 else 0
        step = 1 if base_offset >= 0 else 0
        offset = base_offset
        for future, timestamp in zip(self.futures, self.timestamps, strict=True):
            if not future.done():
                at = log_append_time if kind else timestamp
                future.set_result(_new(RecordMetadata, (topic, partition, tp, offset, at, kind, log_start_offset)))
            offset += step

    def fail(self, error: BaseException) -> None:
        """Tell each sender why its record was not delivered."""
        for future in self.futures:
            if not future.done():
                future.set_exception(copy.copy(error))  # one each, or their tracebacks would pile up in one
                future.exception()  # counted by the producer; whoever dropped the future is not told again by the loop

    def end(self) -> None:
        """Tell those who wait for its end."""
        for latch in self.awaited_by:
            latch.count_down()


class PartitionQueue:
    """The batches that wait for one partition, oldest first."""

    __slots__ = ("batches", "muted", "open", "tp")

    def __init__(self, tp: TopicPartition) -> None:
        self.tp = tp
        self.batches: deque[Batch] = deque()
        self.open: Batch | None = None
        """The newest, while it takes more records."""
        self.muted = False
        """Whether nothing of it goes until what is under way has ended."""

    def due_at(self, linger_ms: float) -> float:
        """When its oldest batch may go (lab ms): once full, once its linger is over, or when it is tried again."""
        head = self.batches[0]
        if head.attempts:
            return head.retry_at_ms
        return head.created_ms + (linger_ms if head is self.open else 0.0)

    def take(self) -> Batch:
        """Remove the oldest batch, to be sent."""
        head = self.batches.popleft()
        if head is self.open:
            self.open = None
        return head

    def put_back(self, batch: Batch) -> None:
        """It is to be sent again, before all others but those whose sequence comes before its own."""
        at = 0
        if batch.base_sequence >= 0:
            while at < len(self.batches) and _comes_before(self.batches[at], batch):
                at += 1
        self.batches.insert(at, batch)


def _comes_before(one: Batch, other: Batch) -> bool:
    """Whether both are numbered and this is their order; sequences wrap around."""
    return one.base_sequence >= 0 and (other.base_sequence - one.base_sequence) & 0x7FFFFFFF < 0x40000000
