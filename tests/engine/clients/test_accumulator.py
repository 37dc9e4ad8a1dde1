from __future__ import annotations

import asyncio

import pytest

from engine.clients.accumulator import Accumulator
from engine.clock import ManualClock
from engine.errors import ClientClosedError


def accumulator(buffer_memory: int) -> tuple[ManualClock, Accumulator]:
    clock = ManualClock(0)
    return clock, Accumulator(clock, 1_000, "none", buffer_memory)


async def test_nobody_overtakes_those_who_wait_for_memory_however_little_they_need() -> None:
    clock, memory = accumulator(3_000)
    first = await memory.reserve(1_000, 100)
    second = await memory.reserve(2_000, 100)
    order: list[str] = []

    async def take(name: str, size: int) -> None:
        await memory.reserve(size, 100)
        order.append(name)

    large = asyncio.create_task(take("large", 2_500))
    await clock.settle()
    memory.release(first)
    small = asyncio.create_task(take("small", 1_000))
    await clock.settle()
    assert order == []
    memory.release(second)
    await clock.settle()
    assert order == ["large"]
    memory.release(2_500)
    await clock.settle()
    assert order == ["large", "small"]
    assert large.done()
    assert small.done()


async def test_memory_granted_to_who_gives_up_in_the_same_moment_is_not_lost() -> None:
    clock, memory = accumulator(1_000)
    await memory.reserve(1_000, 100)
    waiting = asyncio.create_task(memory.reserve(1_000, 100))
    await clock.settle()
    memory.release(1_000)
    waiting.cancel()
    await clock.settle()
    assert waiting.cancelled()
    assert await memory.reserve(1_000, 100) == 1_000


async def test_who_waits_for_memory_is_sent_off_when_the_producer_is_closed() -> None:
    clock, memory = accumulator(1_000)
    await memory.reserve(1_000, 100)
    waiting = asyncio.create_task(memory.reserve(1_000, 100))
    await clock.settle()
    memory.close()
    with pytest.raises(ClientClosedError):
        await waiting
