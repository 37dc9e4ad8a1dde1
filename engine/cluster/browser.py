"""Reading a partition without being anybody's consumer, and writing one record by hand.

It reads the leader's log up to the high watermark, in pages, in both directions, over a log of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from engine.broker import Broker
from engine.clients.producer import Producer
from engine.controller import Controller
from engine.errors import LeaderNotAvailableError
from engine.partition import Partition
from engine.records import BatchHeader, ConsumerRecord, read_records
from engine.types import RecordMetadata, TopicPartition

PAGE_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class BrowsedRecord:
    """A record and the batch it came in; sizes in bytes."""

    record: ConsumerRecord
    base_offset: int
    last_offset: int
    leader_epoch: int
    compression: str
    batch_bytes: int
    batch_count: int
    producer_id: int
    control: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Records of one partition in order, and the log's ends when it was read (log_end: the high watermark)."""

    tp: TopicPartition
    rows: tuple[BrowsedRecord, ...]
    log_start: int
    log_end: int


class Browser:
    """Pages through logs. `producer` makes a fresh producer for records written by hand."""

    def __init__(self, controller: Controller, producer: Callable[[], Producer]) -> None:
        self._controller = controller
        self._producer = producer

    async def read(self, tp: TopicPartition, offset: int, limit: int = 100) -> Page:
        """Up to `limit` records from `offset` on; an offset before the log start begins there."""
        log = self._leader(tp)
        start, end = log.log.log_start_offset, log.high_watermark
        at = max(offset, start)
        rows: list[BrowsedRecord] = []
        while at < end and len(rows) < limit:
            batches = await log.log.read(at, PAGE_BYTES, up_to=end)
            if not batches:
                break
            for batch in batches:
                rows += [row for row in browse(batch, tp, at) if row.record.offset < end]
                if len(rows) >= limit:
                    break
            at = BatchHeader.parse(batches[-1]).last_offset + 1
        return Page(tp, tuple(rows[:limit]), start, end)

    async def read_before(self, tp: TopicPartition, offset: int, limit: int = 100) -> Page:
        """Up to `limit` records before `offset`, in ascending order."""
        log = self._leader(tp)
        start, end = log.log.log_start_offset, log.high_watermark
        at = min(offset, end)
        rows: list[BrowsedRecord] = []
        while at > start and len(rows) < limit:
            batches = await log.log.read_before(at, PAGE_BYTES)
            if not batches:
                break
            for batch in reversed(batches):
                rows = [row for row in browse(batch, tp, start) if row.record.offset < at] + rows
                at = min(at, BatchHeader.parse(batch).base_offset)
                if len(rows) >= limit:
                    break
        return Page(tp, tuple(rows[-limit:]), start, end)

    async def offset_at(self, tp: TopicPartition, timestamp_ms: int) -> int:
        """The first offset at or after a time; the high watermark where there is none."""
        partition = self._leader(tp)
        found = await partition.list_offset(max(0, timestamp_ms))
        return found.offset if found.offset >= 0 else partition.high_watermark

    async def produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        partition: int | None = None,
    ) -> RecordMetadata:
        """Send one record and wait until it is acknowledged; raises KafkaError."""
        self._controller.topic(topic)
        async with self._producer() as producer:
            return await producer.send_and_wait(topic, value, key=key, partition=partition, headers=list(headers))

    def _leader(self, tp: TopicPartition) -> Partition:
        leader = self._controller.leader_of(tp)
        if leader is None:
            raise LeaderNotAvailableError(f"Nobody leads {tp} just now.")
        broker: Broker = self._controller.brokers[leader]
        return broker.partitions[tp]


def browse(batch: bytes, tp: TopicPartition, from_offset: int) -> list[BrowsedRecord]:
    """The records of a batch from an offset on, each with its batch."""
    header = BatchHeader.parse(batch)
    return [
        BrowsedRecord(
            record,
            header.base_offset,
            header.last_offset,
            header.leader_epoch,
            header.compression,
            len(batch),
            header.count,
            header.producer_id,
            header.is_control,
        )
        for record in read_records(batch, tp.topic, tp.partition, from_offset)
    ]
