from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tui.modes.base import Mode


def running(mode: Mode) -> int:
    """How many timers of a mode tick."""
    return sum(timer._active.is_set() for timer in mode._timers)


async def test_the_lab_is_on_the_screen_with_its_figures(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        header = on.lines()[0]
        assert "kafkarium · first" in header
        assert "▶ 1×" in header
        assert "brokers 3/3" in header
        assert "00:03:12" in header


def test_the_first_frame_does_not_wait_until_the_engine_is_loaded() -> None:
    loaded = "import sys, tui.app; print([name for name in sys.modules if name.startswith('engine.cluster')])"
    told = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


async def test_number_keys_change_the_mode_and_the_lab_stays_open(stage: OpenStage) -> None:
    async with stage() as on:
        for key, kind in (("2", "records"), ("3", "groups"), ("1", "lab")):
            await on.press(key)
            assert on.app.mode.kind == kind
        assert not on.lab.closed


async def test_only_the_mode_in_view_takes_snapshots(stage: OpenStage) -> None:
    async with stage() as on:
        lab = on.app.mode
        assert running(lab) == 1
        for key in "234":
            await on.press(key)
            assert running(on.app.mode) == 1
        assert running(lab) == 0


async def test_leaving_closes_the_lab(stage: OpenStage) -> None:
    async with stage() as on:
        fake = on.lab
        await on.press("q")
    assert fake.closed


async def test_a_small_terminal_is_told_how_large_it_must_be(stage: OpenStage) -> None:
    for size in ((59, 30), (80, 17)):
        async with stage(size=size) as on:
            assert "60 columns by 18 rows" in " ".join(on.text().split())


async def test_the_screen_follows_the_world(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.world = replace(on.lab.world, paused=True)
        on.app.mode.tick()
        await on.settle()
        assert "paused" in on.lines()[0]
