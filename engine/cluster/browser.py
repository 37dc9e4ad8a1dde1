"""Reading a partition without being anybody's consumer, and writing one record by hand.

It reads the leader's log up to the high watermark, in both directions, over a log of any size: one partition in pages,
several merged by time, all records or those that match.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from engine.clients.producer import Producer
from engine.cluster.merging import Part, merge_backward, merge_onward
from engine.cluster.nodes import Nodes
from engine.pages import BrowsedRecord, Page, Search, Stretch
from engine.records import BatchHeader, ConsumerRecord, read_records
from engine.replicas.transactions import Transactions
from engine.types import RecordMetadata, TopicPartition

READ_BYTES, SCAN_BYTES = 1 << 17, 1 << 20
"""How much of a log is read at once to show it, and to look for something in it."""
PAGE_BYTES = 4 << 20
"""A page or stretch is not filled up any more when its keys and values take this much."""


EVERYTHING = Search(None, most=1 << 62)
PASSED_OVER = 20
"""So many records are passed over in the time in which one is looked at, or less."""


class Browser:
    """Pages through logs. `producer` makes a fresh producer with these acks for records written by hand."""

    def __init__(self, nodes: Nodes, producer: Callable[[str], Producer]) -> None:
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
        self, places: Mapping[TopicPartition, int], limit: int = 100, search: Search | None = None
    ) -> Stretch:
        """About `limit` records from these places on, several partitions merged by time.

        With `search` only those that match; then no more is looked at than the event loop can spare, and the answer
        says how far that reached. Empty only at the end of every log, or where none matches.
        """
        each, search = _shared(limit, len(places)), _shared_search(search, len(places))
        found = {tp: await self._onward(tp, offset, each, search) for tp, offset in places.items()}
        rows, high = merge_onward({tp: part for tp, (part, _) in found.items()})
        low = {tp: part.low for tp, (part, _) in found.items()}
        return Stretch(tuple(rows), low, high, sum(looked_at for _, looked_at in found.values()))

    async def backward(
        self, places: Mapping[TopicPartition, int], limit: int = 100, search: Search | None = None
    ) -> Stretch:
        """As `onward`, the records before these places; the rows are still oldest first."""
        each, search = _shared(limit, len(places)), _shared_search(search, len(places))
        found = {tp: await self._backward(tp, offset, each, search) for tp, offset in places.items()}
        rows, low = merge_backward({tp: part for tp, (part, _) in found.items()})
        high = {tp: part.high for tp, (part, _) in found.items()}
        return Stretch(tuple(rows), low, high, sum(looked_at for _, looked_at in found.values()))

    async def _onward(
        self, tp: TopicPartition, offset: int, limit: int, search: Search = EVERYTHING
    ) -> tuple[Part[BrowsedRecord], int]:
        """One partition from `offset` on: at most `limit` rows, and how many records were looked at."""
        log = self._nodes.leader(tp)
        start, end = log.log.log_start_offset, log.high_watermark
        low = at = min(max(offset, start), end)
        rows: list[BrowsedRecord] = []
        looked_at = effort = size = edge = 0
        while at < end and len(rows) < limit and effort < search.most and size < PAGE_BYTES:
            at = max(at, log.log.log_start_offset)  # retention may have moved it meanwhile
            batches = await log.log.read(at, SCAN_BYTES if search.matches else READ_BYTES, up_to=end)
            if not batches:
                break
            for batch in batches:
                header = BatchHeader.parse(batch)
                if _passes_over(batch, header, search):
                    looked_at, effort = looked_at + header.count, effort + header.count // PASSED_OVER
                    edge, records = header.max_timestamp, []
                else:
                    records = read_records(batch, *tp, at, control=search.matches is None)
                for record in records:
                    if len(rows) >= limit or size >= PAGE_BYTES:
                        break
                    looked_at, effort = looked_at + 1, effort + 1
                    at, edge = record.offset + 1, record.timestamp
                    if search.matches is None or search.matches(record):
                        rows.append(_browsed(record, header, len(batch), log.producers.transactions))
                        size += _size(record)
                else:
                    at = min(header.last_offset + 1, end)
                    if effort < search.most:
                        continue
                break
        return Part(rows, low, at, at >= end, edge), looked_at

    async def _backward(
        self, tp: TopicPartition, offset: int, limit: int, search: Search = EVERYTHING
    ) -> tuple[Part[BrowsedRecord], int]:
        """One partition before `offset`: at most `limit` rows, and how many records were looked at."""
        log = self._nodes.leader(tp)
        start, end = log.log.log_start_offset, log.high_watermark
        high = at = max(min(offset, end), start)
        rows: list[BrowsedRecord] = []
        looked_at = effort = size = edge = 0
        while at > start and len(rows) < limit and effort < search.most and size < PAGE_BYTES:
            batches = await log.log.read_before(at, SCAN_BYTES if search.matches else READ_BYTES)
            if not batches:
                at = start
                break
            for batch in reversed(batches):
                header = BatchHeader.parse(batch)
                if _passes_over(batch, header, search):
                    looked_at, effort = looked_at + header.count, effort + header.count // PASSED_OVER
                    edge, records = header.base_timestamp, []
                else:
                    records = read_records(batch, *tp, start, control=search.matches is None)
                for record in reversed(records):
                    if record.offset >= at:
                        continue
                    if len(rows) >= limit or size >= PAGE_BYTES:
                        break
                    looked_at, effort = looked_at + 1, effort + 1
                    at, edge = record.offset, record.timestamp
                    if search.matches is None or search.matches(record):
                        rows.append(_browsed(record, header, len(batch), log.producers.transactions))
                        size += _size(record)
                else:
                    at = max(min(at, header.base_offset), start)
                    if effort < search.most:
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
        acks: str = "all",
    ) -> RecordMetadata:
        """Send one record and wait until it is acknowledged, if `acks` has it so; raises KafkaError."""
        self._nodes.controller.topic(topic)
        async with self._producer(acks) as producer:
            return await producer.send_and_wait(topic, value, key=key, partition=partition, headers=list(headers))


def _browsed(
    record: ConsumerRecord, header: BatchHeader, batch_bytes: int, transactions: Transactions
) -> BrowsedRecord:
    in_transaction = header.is_transactional and not header.is_control
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
        transactions.fate(header.producer_id, record.offset) if in_transaction else "",
    )


def _size(record: ConsumerRecord) -> int:
    return len(record.key or b"") + len(record.value or b"")


def _shared(count: int, partitions: int) -> int:
    """What each of several partitions contributes to `count`."""
    return count if partitions <= 1 else max(10, -(-count // partitions))


def _shared_search(search: Search | None, partitions: int) -> Search:
    return EVERYTHING if search is None else replace(search, most=_shared(search.most, partitions))


def _passes_over(batch: bytes, header: BatchHeader, search: Search) -> bool:
    """Whether it can be seen from outside that nothing in a batch matches; compressed ones have to be opened."""
    return bool(search.holding) and header.compression == "none" and search.holding not in batch.lower()
