"""Logs of any length behind the engine's own browser, and a reader over them that is driven step by step."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from engine.snapshot import World
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.logs import StubBrowser
from tui.records.places import Place
from tui.records.reader import Reader

P0 = TopicPartition("orders", 0)


def world_of(*ends: int, starts: tuple[int, ...] = ()) -> World:
    """A world whose topic `orders` has partitions that end there, and a group that has read half of each."""
    topic = worlds.topic("orders", ends, starts)
    offsets = [worlds.standing(part.tp, part.high_watermark, None, part.span // 2) for part in topic.partitions]
    return worlds.world(topics=(topic,), groups=(worlds.group("billing", (), offsets),))


class Desk:
    """A reader, what it reads from, and the tasks it started."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.browser = StubBrowser(lambda: self.world)
        self.lab: Any = SimpleNamespace(browser=self.browser)
        self.changes = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self.reader = Reader(lambda: self.lab, self._run, self._changed)

    def _run(self, asking: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(asking)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _changed(self) -> None:
        self.changes += 1

    def open(self, *partitions: int, place: Place | None = None) -> None:
        """Read these partitions."""
        self.reader.open(self.world, tuple(TopicPartition("orders", each) for each in partitions), place)
        self.reader.view(0, 20)

    async def settle(self) -> None:
        """Let it read whatever it wants to."""
        while self._tasks:
            await asyncio.gather(*self._tasks)

    def grow(self, partition: int, by: int, start: int | None = None) -> None:
        """Records arrive; the log start moves."""
        topic = self.world.topics[0]
        parts = list(topic.partitions)
        old = parts[partition]
        end = old.high_watermark + by
        parts[partition] = replace(
            old,
            high_watermark=end,
            log_end_offset=end,
            log_start_offset=old.log_start_offset if start is None else start,
        )
        self.world = replace(self.world, topics=(replace(topic, partitions=tuple(parts)),))
        self.reader.follow(self.world)

    @property
    def offsets(self) -> list[int]:
        """The offsets at hand."""
        return [row.record.offset for row in self.reader.window.rows]

    @property
    def at(self) -> int | None:
        """The offset under the cursor."""
        row = self.reader.row
        return row.record.offset if row else None


OpenDesk = Callable[..., Any]


@pytest.fixture
def desk() -> OpenDesk:
    """`async with desk(world) as it:` gives a desk and waits for its tasks in the end."""

    @asynccontextmanager
    async def opened(world: World) -> AsyncIterator[Desk]:
        it = Desk(world)
        yield it
        await it.settle()

    return opened
