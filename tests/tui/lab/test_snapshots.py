from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui import worlds
from tests.tui.fakes import FakeCluster, app_with
from tests.tui.plans import planner
from tui.modes.lab import LabMode

SCENES: dict[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    "first-80x24": ("first", (80, 24), ()),
    "first-120x36": ("first", (120, 36), ()),
    "first-200x60": ("first", (200, 60), ()),
    "busy-120x36": ("busy", (120, 36), ("right", "right", "down")),
    "groups-120x36": ("busy", (120, 36), ("right", "m")),
    "crowd-120x36": ("crowd", (120, 36), ("right", "pagedown")),
    "crashed-80x24": ("crashed", (80, 24), ()),
    "torn-80x24": ("torn", (80, 24), ()),
    "torn-120x36": ("torn", (120, 36), ()),
    "torn-200x60": ("torn", (200, 60), ()),
    "partition-120x36": ("torn", (120, 36), ("right", "d")),
    "empty-120x36": ("empty", (120, 36), ()),
    "hostile-120x36": ("hostile", (120, 36), ()),
    "scrub-120x36": ("first", (120, 36), ("right", "s", "left", "pageup")),
    "details-120x36": ("first", (120, 36), ("right", "right", "enter")),
}


@pytest.mark.parametrize("name", SCENES)
def test_the_lab_looks_as_it_did(name: str, snap_compare: Any) -> None:
    world, size, keys = SCENES[name]
    fake = FakeCluster(worlds.WORLDS[world]())
    fake.answers["offsets.plan"] = planner(fake.world)

    async def drive(pilot: Pilot[None]) -> None:
        for _ in range(3):
            await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        mode = pilot.app.screen
        assert isinstance(mode, LabMode)
        for _ in range(200):
            if mode.scrubber.view is None or not mode.scrubber.view.asking:
                break
            await pilot.pause(0.01)
        await pilot.pause()

    assert snap_compare(app_with(fake), terminal_size=size, run_before=drive)
