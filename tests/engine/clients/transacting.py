"""Transactional producers on a lab, and what readers find of what they sent."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.clients.producer import Producer
from tests.engine.clients.lab import Lab


async def transactional(lab: Lab, name: str = "till", **options: Any) -> Producer:
    producer = lab.cluster.producer(transactional_id=name, **options)
    lab.clients.append(producer)
    await lab.run(producer.start())
    return producer


async def values_of(lab: Lab, level: str = "read_committed") -> list[bytes]:
    """All that such a reader finds."""
    consumer = await lab.consumer("orders", auto_offset_reset="earliest", isolation_level=level)
    found: list[bytes] = []

    async def read() -> None:
        while got := await consumer.getmany(timeout_ms=3_000):
            found.extend(record.value or b"" for records in got.values() for record in records)

    await lab.run(read())
    consumer.crash()
    return found


async def send_each(lab: Lab, producer: Producer, *values: bytes, partition: int = 0) -> list[asyncio.Future[Any]]:
    return [await lab.run(producer.send("orders", value, partition=partition)) for value in values]


async def sent_and_flushed(lab: Lab, producer: Producer, *values: bytes) -> None:
    for value in values:
        await producer.send("orders", value, partition=0)
    await producer.flush()
