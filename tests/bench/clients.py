"""Clients end to end, through the real cluster on disk, against plain sqlite3 with one row for each record."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from pathlib import Path
from time import perf_counter

from engine.clients.consumer import Consumer
from engine.cluster import Cluster
from engine.types import TopicPartition
from tests.bench.row import Row

RECORDS, AT_A_TIME, ALONE = 300_000, 1_000, 1_000
SMALL, LARGE = 16_384, 131_072
"""Kafka's default batch, of about 120 of these records, and one of about 1,000, like the yardstick's transaction."""
VALUE = bytes(range(100))
TOPIC = "bench"
PARTITIONS = 3
READINGS = 3
"""Each reading takes a fraction of a second, so the best of several is taken, on both sides."""


def rows(records: int = RECORDS) -> list[Row]:
    """Rates in records/s of 100-byte values."""
    with tempfile.TemporaryDirectory() as folder:
        insert, alone, read = _plain(Path(folder) / "plain.db", records)
        large = asyncio.run(_produce_only(Path(folder) / "large", records))
        produce, wait, consume, each = asyncio.run(_clients(Path(folder) / "lab", records))
    many, one = "sqlite3.executemany, 1,000 a transaction", "sqlite3, a transaction each"
    return [
        Row("producer.send to acknowledged, 128 KiB batches", large, insert, "records/s", many, floor=0.5),
        Row("producer.send to acknowledged, 16 KiB batches", produce, insert, "records/s", many),
        Row("send_and_wait, one at a time", wait, alone, "records/s", one),
        Row("consume with getmany", consume, read, "records/s", "sqlite3 rows with fetchall", floor=1.0),
        Row("consume with getone", each, read, "records/s", "sqlite3 rows with fetchall"),
    ]


def _plain(path: Path, records: int) -> tuple[float, float, float]:
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        db.execute(
            "CREATE TABLE record (partition INTEGER, offset INTEGER, timestamp INTEGER, key BLOB, value BLOB, "
            "PRIMARY KEY (partition, offset))"
        )
        insert = "INSERT INTO record VALUES (?, ?, ?, ?, ?)"
        started = perf_counter()
        for first in range(0, records, AT_A_TIME):
            db.execute("BEGIN")
            db.executemany(insert, [_row(number) for number in range(first, first + AT_A_TIME)])
            db.execute("COMMIT")
        inserted = perf_counter() - started
        read = max(_read(db) for _ in range(READINGS))
        started = perf_counter()
        for number in range(records, records + ALONE):
            db.execute(insert, _row(number))
        alone = perf_counter() - started
    db.close()
    return records / inserted, ALONE / alone, read


def _read(db: sqlite3.Connection) -> float:
    started = perf_counter()
    found = len(db.execute("SELECT * FROM record ORDER BY partition, offset").fetchall())
    return found / (perf_counter() - started)


def _row(number: int) -> tuple[int, int, int, None, bytes]:
    return number % PARTITIONS, number // PARTITIONS, 1_700_000_000_000, None, VALUE


async def _produce(cluster: Cluster, records: int, batch_bytes: int) -> float:
    await cluster.create_topic(TOPIC, partitions=PARTITIONS)
    async with cluster.producer(linger_ms=5, max_batch_size=batch_bytes) as producer:
        await producer.partitions_for(TOPIC)
        started = perf_counter()
        futures = [await producer.send(TOPIC, VALUE) for _ in range(records)]
        await producer.flush()
        took = perf_counter() - started
        assert all(future.result().offset >= 0 for future in futures)
    return records / took


async def _produce_only(folder: Path, records: int) -> float:
    async with Cluster.open(folder, brokers=3) as cluster:
        return await _produce(cluster, records, LARGE)


async def _clients(folder: Path, records: int) -> tuple[float, float, float, float]:
    async with Cluster.open(folder, brokers=3) as cluster:
        produced = await _produce(cluster, records, SMALL)
        async with cluster.producer() as producer:
            started = perf_counter()
            for _ in range(ALONE):
                await producer.send_and_wait(TOPIC, VALUE, partition=0)
            waited = perf_counter() - started
        readings = [await _consume(cluster.consumer(auto_offset_reset="earliest"), records) for _ in range(READINGS)]
        each = await _consume_each(cluster.consumer(auto_offset_reset="earliest"), records // 10)
    return produced, ALONE / waited, max(readings), each


async def _consume(consumer: Consumer, records: int) -> float:
    async with consumer:
        consumer.assign(TopicPartition(TOPIC, partition) for partition in range(PARTITIONS))
        started = perf_counter()
        found = 0
        while found < records:
            found += sum(map(len, (await consumer.getmany(timeout_ms=1_000)).values()))
        return found / (perf_counter() - started)


async def _consume_each(consumer: Consumer, records: int) -> float:
    async with consumer:
        consumer.assign(TopicPartition(TOPIC, partition) for partition in range(PARTITIONS))
        started = perf_counter()
        for _ in range(records):
            await consumer.getone()
        return records / (perf_counter() - started)
