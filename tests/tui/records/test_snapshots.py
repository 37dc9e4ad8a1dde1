from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui import worlds
from tests.tui.fakes import FakeCluster, app_with
from tests.tui.plans import planner

SCENES = {
    "live-80x24": ("first", (80, 24), ("2",)),
    "live-120x36": ("first", (120, 36), ("2",)),
    "standing-200x60": ("busy", (200, 60), ("2", "m", "m", "m")),
    "merged-120x36": ("busy", (120, 36), ("2", "left", "up", "up")),
    "scrub-80x24": ("first", (80, 24), ("2", "m", "s", "up", "up")),
    "hostile-120x36": ("hostile", (120, 36), ("2", "up")),
}


@pytest.mark.parametrize("name", SCENES)
def test_records_look_as_they_did(name: str, snap_compare: Any) -> None:
    world, size, keys = SCENES[name]
    fake = FakeCluster(worlds.WORLDS[world]())
    fake.answers["offsets.plan"] = planner(fake.world)

    async def drive(pilot: Pilot[None]) -> None:
        for _ in range(3):
            await pilot.pause()
        for key in keys:
            await pilot.press(key)
            await pilot.pause()
        mode: Any = pilot.app.screen
        pilot.app.clear_notifications()
        for _ in range(200):
            view = mode.scrubber.view
            if mode.reader.going is None and (view is None or not view.asking):
                break
            await pilot.pause(0.01)
        await pilot.pause()

    assert snap_compare(app_with(fake), terminal_size=size, run_before=drive)
