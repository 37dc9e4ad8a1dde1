"""The screen: a full repaint of the Lab for a large world, and from a key to its frame while records flow."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from textual import events
from textual.screen import Screen

import tui.app
from engine.cluster import Cluster
from engine.snapshot import World
from engine.types import TopicPartition
from engine.workload.spec import ConsumerSpec, ProducerSpec
from tests.bench.row import Row
from tests.tui import worlds
from tests.tui.fakes import FakeCluster, app_with
from tui.app import Kafkarium
from tui.modes.base import Mode
from tui.panels.panel import Panel

PARTITIONS, MEMBERS, SIZE, ROUNDS = 200, 50, (120, 40), 60
RATE, PRODUCERS, PRESSES = 20_000, 4, 120
OUTSIDE = ("1000", "linger.ms=50", "batch.size=1000000")
"""What a client from outside sends: values of so many bytes, and how it gathers them."""


def rows() -> list[Row]:
    """Times in ms, against what they may take."""
    full, tick = asyncio.run(_repaint())
    what = f"Lab at {SIZE[0]}x{SIZE[1]}, {PARTITIONS} partitions, {MEMBERS} members"
    found = [
        Row(f"{what}: full repaint", full, 10.0, "ms", "the 10 ms asked for", 1.0, higher_is_better=False),
        Row(f"{what}: a tick", tick, 1000 / 12, "ms", "the time between ticks", higher_is_better=False),
    ]
    p50, p95, flowed = asyncio.run(_key_to_screen(_workload()))
    what = f"key to repainted screen, {flowed:,.0f} records/s"
    found += [
        Row(f"{what}: median", p50, 100.0, "ms", "100 ms, felt as at once", higher_is_better=False),
        Row(f"{what}: p95", p95, 100.0, "ms", "100 ms, felt as at once", higher_is_better=False),
    ]
    p50, p95, flowed = asyncio.run(_key_to_screen(_from_outside()))
    what = f"key to repainted screen, {flowed * int(OUTSIDE[0]) / 1e6:,.0f} MB/s from outside"
    return [
        *found,
        Row(f"{what}: median", p50, 50.0, "ms", "the 50 ms asked for", higher_is_better=False),
        Row(f"{what}: p95", p95, 50.0, "ms", "the 50 ms asked for", 1.0, higher_is_better=False),
    ]


def large(grown: int) -> World:
    """A world in which every partition has grown by `grown` records since the first."""
    share = PARTITIONS // MEMBERS
    members = [
        worlds.member(at, f"billing-{at + 1}", worlds.tps("orders", *range(at * share, (at + 1) * share)))
        for at in range(MEMBERS)
    ]
    ends = [12_000 + 37 * at + grown for at in range(PARTITIONS)]
    offsets = [
        worlds.standing(TopicPartition("orders", at), end, members[at // share], 20 + at, 7)
        for at, end in enumerate(ends)
    ]
    return worlds.world(
        now_ms=worlds.NOW + grown * 80.0,
        topics=(worlds.topic("orders", ends),),
        groups=(worlds.group("billing", members, offsets),),
        producers=tuple(worlds.producer(f"web-{at}", "orders", 120.0) for at in range(4)),
        consumers=tuple(worlds.consumer(member, "billing") for member in members),
        throughput=worlds.flow(240 + grown, 236, 6_000),
    )


async def _repaint() -> tuple[float, float]:
    """Everything from a new scene to the strips of the whole screen, all painted anew; and the scene alone.

    The time of the thread, so that what else the machine does is not counted.
    """
    fake = FakeCluster(large(0))
    app = app_with(fake, freeze=True)
    full, ticks = [], []
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        mode = app.mode
        mode._timer.pause()
        for grown in range(1, ROUNDS + 1):
            world = large(grown)
            await pilot.pause()
            gc.collect()
            fake.world = world
            began = time.thread_time()
            mode.tick()
            ticked = time.thread_time()
            mode.repaint()
            mode._compositor.render_strips()
            full.append((time.thread_time() - began) * 1000)
            ticks.append((ticked - began) * 1000)
    return _middle(full), _middle(ticks)


class _Watched(Kafkarium):
    """Says when a frame went out."""

    CSS_PATH = str(Path(tui.app.__file__).with_name("app.tcss"))
    frame: asyncio.Event

    def _display(self, screen: Screen[Any], renderable: Any) -> None:
        super()._display(screen, renderable)
        self.frame.set()


@asynccontextmanager
async def _workload() -> AsyncIterator[Cluster]:
    """A lab whose own producers write as fast as they are asked to."""
    async with Cluster.open(None, seed=1) as cluster:
        await cluster.create_topic("orders", partitions=6)
        for _ in range(PRODUCERS):
            await cluster.workload.spawn_producer(ProducerSpec("orders", rate=RATE / PRODUCERS))
        for _ in range(2):
            await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), processing_ms=0))
        yield cluster


@asynccontextmanager
async def _from_outside() -> AsyncIterator[Cluster]:
    """A lab that a client in another process writes to as fast as it can."""
    async with Cluster.open(None, seed=1) as cluster:
        await cluster.create_topic("orders", partitions=6)
        await cluster.listen(port=0)
        listening = cluster.snapshot().listening
        assert listening is not None
        first = listening.addresses[0]
        client = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.outside", "produce", f"{first.host}:{first.port}", "orders",
            "100000000", *OUTSIDE, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield cluster
        finally:
            client.kill()
            await client.wait()


async def _key_to_screen(lab: AbstractAsyncContextManager[Cluster]) -> tuple[float, float, float]:
    """Median and 95th percentile, and how many records a second were written meanwhile."""
    app = _Watched(lambda: lab, lab_name="bench", freeze=True)
    app.frame = asyncio.Event()
    taken = []
    async with app.run_test(size=SIZE) as pilot:
        while app.take_scene() is None:
            await pilot.pause(0.05)
        await pilot.press("l")
        await pilot.pause(3.0)
        panel = app.mode.focused
        assert isinstance(panel, Panel)
        written, since = _written(app), time.perf_counter()
        for press in range(PRESSES):
            taken.append(await _press(app, panel, "j" if press // 5 % 2 == 0 else "k"))
            await asyncio.sleep(0.02 + (press * 37 % 50) / 1000)
        flowed = (_written(app) - written) / (time.perf_counter() - since)
    taken.sort()
    return taken[len(taken) // 2], taken[int(len(taken) * 0.95)], flowed


async def _press(app: _Watched, panel: Panel, key: str) -> float:
    """From the key to the frame in which the cursor stands elsewhere."""
    before, mode = panel.selection, app.screen
    assert isinstance(mode, Mode)
    began = time.perf_counter()
    mode.post_message(events.Key(key, key))
    while True:
        app.frame.clear()
        await app.frame.wait()
        if panel.selection != before:
            return _ms_since(began)


def _written(app: Kafkarium) -> int:
    scene = app.take_scene()
    topic = scene.world.topic("orders") if scene else None
    return sum(log.log_end_offset for log in topic.partitions) if topic else 0


def _ms_since(began: float) -> float:
    return (time.perf_counter() - began) * 1000


def _middle(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]
