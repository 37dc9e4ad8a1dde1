"""What the storage tests share: making batches, and a store that is closed again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from engine.clock import Clock, ManualClock
from engine.records import BatchBuilder, BatchHeader, ConsumerRecord, read_records
from engine.storage.log import PartitionLog
from engine.storage.store import BrokerStore
from engine.types import TopicPartition

TP = TopicPartition("orders", 0)
TOPIC_ID = bytes(range(16))

KeyValue = tuple[bytes | None, bytes | None]


def batch_of(records: Sequence[KeyValue], timestamps: Sequence[int] | int = 1_000, **about: object) -> bytes:
    """A batch of (key, value) pairs, all at one time or each at its own."""
    builder = BatchBuilder(1 << 24, **about)  # type: ignore[arg-type]
    for index, (key, value) in enumerate(records):
        assert builder.append(timestamps if isinstance(timestamps, int) else timestamps[index], key, value)
    return builder.build()


def batch(count: int = 10, timestamp: int = 1_000, size: int = 20) -> bytes:
    """A batch of `count` records, 1 ms apart from `timestamp` on, with values of `size` bytes."""
    return batch_of([(b"k%d" % index, b"v" * size) for index in range(count)], [timestamp + i for i in range(count)])


@asynccontextmanager
async def store(
    path: Path | None = None, clock: Clock | None = None, *, inline: bool = True
) -> AsyncIterator[BrokerStore]:
    """An open store, closed at the end."""
    opened = await BrokerStore.open(path, clock or ManualClock(0), inline=inline)
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def log(path: Path | None = None, *, inline: bool = True) -> AsyncIterator[PartitionLog]:
    """The log of one partition in a store of its own."""
    async with store(path, inline=inline) as opened:
        yield await opened.create_log(TP, TOPIC_ID)


async def append(to: PartitionLog, *batches: bytes, epoch: int = 0) -> None:
    """Append them one after the other."""
    for each in batches:
        await to.append(each, leader_epoch=epoch)


async def stored(of: PartitionLog, from_offset: int | None = None) -> list[ConsumerRecord]:
    """Every record that can be read, by many small fetches as a consumer makes them."""
    records: list[ConsumerRecord] = []
    at = of.log_start_offset if from_offset is None else from_offset
    while found := await of.read(at, 500):
        for each in found:
            records += read_records(each, *of.tp, at)
            at = BatchHeader.parse(each).last_offset + 1
    return records


def offsets(records: Sequence[ConsumerRecord]) -> list[int]:
    """Their offsets."""
    return [record.offset for record in records]


def bases(batches: Sequence[bytes]) -> list[int]:
    """Where each begins."""
    return [BatchHeader.parse(each).base_offset for each in batches]


async def assert_newest_so_far_is_true(of: PartitionLog) -> None:
    """What look-ups by time bisect over: in each row the largest timestamp up to it."""
    rows = await of.rows._fetch(
        "SELECT max_timestamp, newest_so_far FROM batch WHERE log = ? ORDER BY base_offset", (of.log_id,)
    )
    newest = -1
    for max_timestamp, so_far in rows:
        newest = max(newest, max_timestamp)
        assert so_far == newest
    assert of.max_timestamp == newest
