"""What copies cost: appends with three of them, a follower that catches up, and the time until another leads."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.records import BatchBuilder
from engine.types import TopicPartition
from tests.bench.row import Row

BATCHES, RECORDS, VALUE = 400, 1_000, b"x" * 100
TP = TopicPartition("orders", 0)


def rows() -> list[Row]:
    """Three measurements."""
    return [_append(), _catch_up(), _fail_over()]


def _batch() -> bytes:
    builder = BatchBuilder(1 << 20)
    for number in range(RECORDS):
        builder.append(1_700_000_000_000 + number, None, VALUE)
    return builder.build()


async def _fill(cluster: Cluster) -> float:
    """Records/s of ready batches appended with acks=all, ten at a time."""
    batch, leader = _batch(), cluster.nodes.leader(TP)
    began = time.perf_counter()
    for _ in range(BATCHES // 10):
        await asyncio.gather(*(leader.append(batch) for _ in range(10)))
    return BATCHES * RECORDS / (time.perf_counter() - began)


async def _with_copies(copies: int) -> float:
    async with Cluster.open() as cluster:
        await cluster.create_topic("orders", replication_factor=copies, config={"max.message.bytes": "2000000"})
        await asyncio.sleep(1.5)
        return await _fill(cluster)


def _append() -> Row:
    three, one = asyncio.run(_with_copies(3)), asyncio.run(_with_copies(1))
    return Row("append, acks=all, 3 copies", three / 1e3, one / 1e3, "k/s", "the same with 1 copy")


def _catch_up() -> Row:
    ours, size = asyncio.run(_copied())
    return Row("a follower catches up", ours, _plain_copy(size), "MB", "plain SQLite copy of the same rows, a second")


async def _copied() -> tuple[float, int]:
    async with Cluster.open() as cluster:
        await cluster.create_topic("orders", replication_factor=2, config={"max.message.bytes": "2000000"})
        await asyncio.sleep(1.5)
        follower = next(broker for broker in cluster.nodes.controller.state_of(TP).replicas[1:])
        await cluster.nodes.stop(follower)
        await _fill(cluster)
        size = cluster.nodes.leader(TP).log.size_bytes
        await cluster.nodes.start(follower)
        began = time.perf_counter()
        log = cluster.nodes.alive[follower].partitions[TP].log
        while log.flushed_offset < BATCHES * RECORDS:
            await asyncio.sleep(0.002)
        return size / 1e6 / (time.perf_counter() - began), size


def _plain_copy(size: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        source, target = (sqlite3.connect(Path(folder) / name) for name in ("a.db", "b.db"))
        for database in (source, target):
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("CREATE TABLE batch (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL)")
        blob = b"y" * (size // BATCHES)
        source.executemany("INSERT INTO batch (bytes) VALUES (?)", ((blob,) for _ in range(BATCHES)))
        source.commit()
        began = time.perf_counter()
        for first in range(0, BATCHES, 10):
            some = source.execute("SELECT id, bytes FROM batch WHERE id > ? LIMIT 10", (first,)).fetchall()
            target.executemany("INSERT INTO batch VALUES (?, ?)", some)
            target.commit()
        took = time.perf_counter() - began
        source.close()
        target.close()
        return size / 1e6 / took


def _fail_over() -> Row:
    took, session = asyncio.run(_until_acknowledged())
    name = "leader crash to the first record acknowledged by another"
    return Row(name, took, session, "s", "broker.session.timeout.ms, in lab time", higher_is_better=False)


async def _until_acknowledged() -> tuple[float, float]:
    clock = ManualClock(1_700_000_000_000)
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=1) as cluster:
        await cluster.create_topic("orders", replication_factor=3, config={"min.insync.replicas": "2"})
        await clock.advance(3_000)
        producer = cluster.producer()
        await clock.complete(producer.start())
        await clock.complete(producer.send_and_wait("orders", VALUE))
        leader = cluster.nodes.controller.leader_of(TP)
        assert leader is not None
        await cluster.nodes.crash(leader)
        began = clock.now_ms()
        await clock.complete(producer.send_and_wait("orders", VALUE))
        took = clock.now_ms() - began
        await clock.complete(producer.stop())
        return took / 1e3, cluster.config.broker_session_timeout_ms / 1e3
