"""Reading a partition without being anybody's consumer, and writing one record by hand.

It reads the leader's log up to the high watermark, in both directions, over a log of any size: one partition in pages,
several merged by time, all records or those that match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.clients.producer import Producer
from engine.cluster.merging import Part, merge_backward, merge_onward
from engine.cluster.nodes import Nodes
from engine.pages import BrowsedRecord, Page, Stretch
from engine.records import BatchHeader, ConsumerRecord, read_records
from engine.types import RecordMetadata, TopicPartition

READ_BYTES, SCAN_BYTES = 1 << 17, 1 << 20
"""How much of a log is read at once to show it, and to look for something in it."""
PAGE_BYTES = 4 << 20
"""A page or stretch is not filled up any more when its keys and values take this much."""


Matches = Callable[[ConsumerRecord], bool]


class Browser:
    """Pages through logs. `producer` makes a fresh producer for records written by hand."""

    def __init__(self, nodes: Nodes, producer: Callable[[], Producer]) -> None:
        self._nodes = nodes
        self._producer = producer

    async def read(self, tp: TopicPartition, offset: int, limit: int = 100) -> Page:
        """Up to `limit` records from `offset` on; an offset before the log start begins there."""
        part, _ = await self._onward(tp, offset, limit)
        log = self._nodes.leader(tp)
        return Page(tp, tuple(part.rows), log.log.log_start_offset, log.high_watermark)

    async def read_before(self, tp: TopicPartition, offset: int, limit: int = 100) -> Page:
        """Up to `limit` records before `offset`, in ascending order."""
        part, _ = await self._backward(tp, offset, limit)
        log = self._nodes.leader(tp)
        return Page(tp, tuple(part.rows), log.log.log_start_offset, log.high_watermark)

    async def onward(
        self, places: Mapping[TopicPartition, int], limit: int = 100, matches: Matches | None = None, most: int = 2_000
    ) -> Stretch:
        """About `limit` records from these places on, several partitions merged by time.

        With `matches` only those it holds for; then about `most` records are looked at, so that the event loop goes on
        meanwhile, and the answer says how far they reached. Empty only at the end of every log, or where none matches.
        """
        each, most = _shared(limit, len(places)), _shared(most, len(places))
        found = {tp: await self._onward(tp, offset, each, matches, most) for tp, offset in places.items()}
        rows, high = merge_onward({tp: part for tp, (part, _) in found.items()})
        low = {tp: part.low for tp, (part, _) in found.items()}
        return Stretch(tuple(rows), low, high, sum(looked_at for _, looked_at in found.values()))

    async def backward(
        self, places: Mapping[TopicPartition, int], limit: int = 100, matches: Matches | None = None, most: int = 2_000
    ) -> Stretch:
        """As `onward`, the records before these places; the rows are still oldest first."""
        each, most = _shared(limit, len(places)), _shared(most, len(places))
        found = {tp: await self._backward(tp, offset, each, matches, most) for tp, offset in places.items()}
        rows, low = merge_backward({tp: part for tp, (part, _) in found.items()})
        high = {tp: part.high for tp, (part, _) in found.items()}
        return Stretch(tuple(rows), low, high, sum(looked_at for _, looked_at in found.values()))

    async def _onward(
        self, tp: TopicPartition, offset: int, limit: int, matches: Matches | None = None, most: int = 1 << 62
    ) -> tuple[Part[BrowsedRecord], int]:
        """One partition from `offset` on: at most `limit` rows, and how many records were looked at."""
        log = self._nodes.leader(tp)
        start, end = log.log.log_start_offset, log.high_watermark
        low = at = min(max(offset, start), end)
        rows: list[BrowsedRecord] = []
        looked_at = size = edge = 0
        while at < end and len(rows) < limit and looked_at < most and size < PAGE_BYTES:
            at = max(at, log.log.log_start_offset)  # retention may have moved it meanwhile
            batches = await log.log.read(at, SCAN_BYTES if matches else READ_BYTES, up_to=end)
            if not batches:
                break
            for batch in batches:
                header = BatchHeader.parse(batch)
                for record in read_records(batch, tp.topic, tp.partition, at):
                    if len(rows) >= limit or size >= PAGE_BYTES:
                        break
                    looked_at += 1
                    at, edge = record.offset + 1, record.timestamp
                    if matches is None or matches(record):
                        rows.append(_browsed(record, header, len(batch)))
                        size += _size(record)
                else:
                    at = min(header.last_offset + 1, end)
                    if looked_at < most:
                        continue
                break
        return Part(rows, low, at, at >= end, edge), looked_at

    async def _backward(
        self, tp: TopicPartition, offset: int, limit: int, matches: Matches | None = None, most: int = 1 << 62
    ) -> tuple[Part[BrowsedRecord], int]:
        """One partition before `offset`: at most `limit` rows, and how many records were looked at."""
        log = self._nodes.leader(tp)
        start, end = log.log.log_start_offset, log.high_watermark
        high = at = max(min(offset, end), start)
        rows: list[BrowsedRecord] = []
        looked_at = size = edge = 0
        while at > start and len(rows) < limit and looked_at < most and size < PAGE_BYTES:
            batches = await log.log.read_before(at, SCAN_BYTES if matches else READ_BYTES)
            if not batches:
                at = start
                break
            for batch in reversed(batches):
                header = BatchHeader.parse(batch)
                for record in reversed(read_records(batch, tp.topic, tp.partition, start)):
                    if record.offset >= at:
                        continue
                    if len(rows) >= limit or size >= PAGE_BYTES:
                        break
                    looked_at += 1
                    at, edge = record.offset, record.timestamp
                    if matches is None or matches(record):
                        rows.append(_browsed(record, header, len(batch)))
                        size += _size(record)
                else:
                    at = max(min(at, header.base_offset), start)
                    if looked_at < most:
                        continue
                break
        rows.reverse()
        return Part(rows, at, high, at <= start, edge), looked_at

    async def offset_at(self, tp: TopicPartition, timestamp_ms: int) -> int:
        """The first offset at or after a time; the high watermark where there is none."""
        partition = self._nodes.leader(tp)
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
        self._nodes.controller.topic(topic)
        async with self._producer() as producer:
            return await producer.send_and_wait(topic, value, key=key, partition=partition, headers=list(headers))


def _browsed(record: ConsumerRecord, header: BatchHeader, batch_bytes: int) -> BrowsedRecord:
    return BrowsedRecord(
        record,
        header.base_offset,
        header.last_offset,
        header.leader_epoch,
        header.compression,
        batch_bytes,
        header.count,
        header.producer_id,
        header.is_control,
    )


def _size(record: ConsumerRecord) -> int:
    return len(record.key or b"") + len(record.value or b"")


def _shared(count: int, partitions: int) -> int:
    """What each of several partitions contributes to `count`."""
    return count if partitions <= 1 else max(10, -(-count // partitions))
