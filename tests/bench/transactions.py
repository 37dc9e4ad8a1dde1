"""What a transaction costs: one hundred records in one, against the same hundred sent and waited for without."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from engine.clients.producer import Producer
from engine.cluster import Cluster
from tests.bench.row import Row

RECORDS, ROUNDS, VALUE = 100, 40, b"x" * 100
PARTITIONS = 3


def rows() -> list[Row]:
    """One measurement."""
    with_, without = asyncio.run(_measure())
    name = "a transaction of 100 records over 3 partitions"
    return [Row(name, with_ * 1e3, without * 1e3, "ms", "the same without", higher_is_better=False)]


async def _measure() -> tuple[float, float]:
    """Seconds for a hundred records with a transaction, and without."""
    async with Cluster.open() as cluster:
        await cluster.create_topic("orders", partitions=PARTITIONS, replication_factor=3)
        async with cluster.producer() as plain, cluster.producer(transactional_id="till") as till:
            await _in_a_transaction(till)
            await _send(plain)
            return await _each(_in_a_transaction, till), await _each(_send, plain)


async def _each(work: Callable[[Producer], Awaitable[None]], producer: Producer) -> float:
    began = time.perf_counter()
    for _ in range(ROUNDS):
        await work(producer)
    return (time.perf_counter() - began) / ROUNDS


async def _in_a_transaction(producer: Producer) -> None:
    async with producer.transaction():
        await _send(producer)


async def _send(producer: Producer) -> None:
    for number in range(RECORDS):
        await producer.send("orders", VALUE, partition=number % PARTITIONS)
    await producer.flush()
