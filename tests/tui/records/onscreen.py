"""What the tests of Records as a mode share: where its cursor is, what it scrubs, and a world that grows."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from engine.snapshot import World
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.conftest import Stage
from tests.tui.plans import planner
from tui.modes.records import RecordsMode
from tui.scrubbing import ScrubView
from tui.selection import SelectedRecord

P0 = TopicPartition("orders", 0)


END = worlds.ENDS[0]


COMMITTED = END - 40


def mode_of(on: Stage) -> RecordsMode:
    return cast("RecordsMode", on.app.mode)


def scrub_of(on: Stage) -> ScrubView:
    view = mode_of(on).scrubber.view
    assert view is not None
    return view


def at(on: Stage) -> tuple[int, int]:
    """(partition, offset) under the cursor."""
    selected = mode_of(on).listing.selection
    assert isinstance(selected, SelectedRecord)
    return selected.tp.partition, selected.offset


def grown(world: World, by: int) -> World:
    """The world a moment later, with more records in `orders-0`."""
    topic = world.topics[0]
    old = topic.partitions[0]
    end = old.high_watermark + by
    first = replace(old, high_watermark=end, log_end_offset=end)
    topics = (replace(topic, partitions=(first, *topic.partitions[1:])), *world.topics[1:])
    return replace(world, topics=topics, now_ms=world.now_ms + 1_000)


async def later(on: Stage, world: World) -> None:
    on.lab.world = world
    on.app.mode.tick()
    await on.settle()


async def scrubbing(on: Stage, *keys: str) -> None:
    on.lab.answers["offsets.plan"] = planner(on.lab.world)
    await on.press("2", *keys)
    await waited(on)


async def waited(on: Stage) -> None:
    """Until the scrub has its answer."""
    for _ in range(100):
        view = mode_of(on).scrubber.view
        if view is None or not view.asking:
            break
        await on.pilot.pause(0.01)
    await on.settle()
