"""Appending, looking up and reading back, against plain sqlite3 doing the same with as few words as possible."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import tempfile
import time
from collections.abc import Awaitable, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from engine.clock import LabClock
from engine.records import BatchBuilder, BatchHeader, read_records
from engine.storage.log import PartitionLog
from engine.storage.store import BrokerStore
from engine.storage.times import offset_for_timestamp
from engine.types import TopicPartition
from tests.bench.row import Row

TP = TopicPartition("orders", 0)
RECORDS = 1_000
AT_ONCE = 10
"""Batches in a transaction."""
ROUNDS = 5
LOOK_UPS = 200


def rows(batches: int = 600, largest: int = 10_000_000) -> list[Row]:
    """Rates are the best of five turns taken by both in alternation; times of look-ups are the median of 200."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_rows(Path(folder), batches, largest))


async def _rows(folder: Path, batches: int, largest: int) -> list[Row]:
    return [
        await _append(folder, batches),
        await _append_one_by_one(folder, batches),
        await _read_back(folder, batches),
        *await _look_up(folder, largest),
    ]


def _batch(value_size: int, timestamp: int = 1_700_000_000_000) -> bytes:
    rng = random.Random(timestamp)
    builder = BatchBuilder(1 << 24)
    for index in range(RECORDS):
        builder.append(timestamp + index, b"key-%06d" % index, rng.randbytes(value_size))
    return builder.build()


def _plain(path: Path, table: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA page_size = 8192")  # as ours, or it would be the slower for its page size alone
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(table)
    connection.commit()
    return connection


async def _open(path: Path) -> tuple[BrokerStore, PartitionLog]:
    store = await BrokerStore.open(path, LabClock(time.time() * 1000))
    return store, await store.create_log(TP, bytes(16))


async def _append(folder: Path, batches: int) -> Row:
    return await _append_in(
        folder, batches, AT_ONCE, f"append {RECORDS:,}-record batches, {AT_ONCE} at once", floor=0.7
    )


async def _append_one_by_one(folder: Path, batches: int) -> Row:
    return await _append_in(folder, batches // 2, 1, f"append {RECORDS:,}-record batches, one awaited at a time")


async def _append_in(folder: Path, batches: int, at_once: int, name: str, floor: float | None = None) -> Row:
    batch = _batch(100)
    size = batches * len(batch) / 1e6
    ours = plain = 0.0
    for turn in range(ROUNDS):
        connection = _plain(
            folder / f"plain-{at_once}-{turn}.db", "CREATE TABLE batch (id INTEGER PRIMARY KEY, bytes BLOB)"
        )
        began = perf_counter()
        for _ in range(batches // at_once):
            connection.executemany("INSERT INTO batch (bytes) VALUES (?)", [(batch,)] * at_once)
            connection.commit()
        plain = max(plain, size / (perf_counter() - began))
        connection.close()

        store, log = await _open(folder / f"ours-{at_once}-{turn}.db")
        try:
            began = perf_counter()
            for _ in range(batches // at_once):
                await asyncio.gather(*(log.append(batch, leader_epoch=0) for _ in range(at_once)))
            ours = max(ours, size / (perf_counter() - began))
        finally:
            await store.close()
        for path in folder.iterdir():
            path.unlink()
    return Row(name, ours, plain, "MB/s", "sqlite3, the same blobs in the same transactions", floor)


async def _read_back(folder: Path, batches: int) -> Row:
    batches //= 2
    connection = _plain(
        folder / "rows.db", "CREATE TABLE record (offset INTEGER PRIMARY KEY, timestamp INTEGER, key BLOB, value BLOB)"
    )
    store, log = await _open(folder / "batches.db")
    try:
        for _ in range(batches):
            info = await log.append(_batch(100), leader_epoch=0)
            records = read_records((await log.read(info.base_offset, 0))[0], *TP, info.base_offset)
            connection.executemany(
                "INSERT INTO record VALUES (?, ?, ?, ?)", [(r.offset, r.timestamp, r.key, r.value) for r in records]
            )
            connection.commit()
        ours = plain = 0.0
        for _ in range(ROUNDS):
            began = perf_counter()
            count = 0
            for offset in range(0, batches * RECORDS, RECORDS * 9):
                found = connection.execute(
                    "SELECT * FROM record WHERE offset >= ? AND offset < ?", (offset, offset + RECORDS * 9)
                ).fetchall()
                count += len(found)
            plain = max(plain, count / (perf_counter() - began))

            log._tail.clear()
            began = perf_counter()
            offset = count = 0
            while blobs := await log.read(offset, 1 << 20):
                for blob in blobs:
                    count += len(read_records(blob, *TP, offset))
                offset = BatchHeader.parse(blobs[-1]).last_offset + 1
            ours = max(ours, count / (perf_counter() - began))
    finally:
        await store.close()
        connection.close()
    return Row(
        "read a log back, from disk to records", ours, plain, "/s", "sqlite3 fetchall of a row a record", floor=1.0
    )


async def _look_up(folder: Path, largest: int) -> list[Row]:
    smallest = 10_000
    times: dict[str, list[float]] = {"offset": [], "timestamp": []}
    for records in (smallest, largest):
        store, log = await _open(folder / f"{records}.db")
        try:
            batch = _batch(8)
            for first in range(0, records // RECORDS, 50):
                many = range(first, min(first + 50, records // RECORDS))
                await asyncio.gather(
                    *(log.append(batch, leader_epoch=0, log_append_time=1_000 * number) for number in many)
                )
            log._tail.clear()
            rng = random.Random(1)
            offsets = [rng.randrange(records) for _ in range(LOOK_UPS)]
            times["offset"].append(await _median_us([log.read(offset, 0) for offset in offsets]))
            found = [offset_for_timestamp(log, offset) for offset in offsets if offset < records - RECORDS]
            times["timestamp"].append(await _median_us(found))
        finally:
            await store.close()
    against = f"the same at {smallest:,}"
    return [
        Row(f"look-up by {what} at {largest:,} records", after, before, "us", against, 0.33, higher_is_better=False)
        for what, (before, after) in times.items()
    ]


async def _median_us(look_ups: Sequence[Awaitable[object]]) -> float:
    times = []
    for look_up in look_ups:
        began = perf_counter()
        await look_up
        times.append(perf_counter() - began)
    return median(times) * 1e6
