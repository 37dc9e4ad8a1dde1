from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui import worlds
from tests.tui.fakes import FakeCluster, app_with

SCENES: dict[str, tuple[str, tuple[int, int], tuple[str, ...]]] = {
    "clients-80x24": ("visited", (80, 24), ("0",)),
    "clients-120x36": ("visited", (120, 36), ("0",)),
    "clients-200x60": ("visited", (200, 60), ("0",)),
    "paused-120x36": ("paused", (120, 36), ("0",)),
    "how-to-connect-80x24": ("visited", (80, 24), ("0", "v", "right", "right")),
}


@pytest.mark.parametrize("name", SCENES)
def test_clients_look_as_they_did(name: str, snap_compare: Any) -> None:
    world, size, keys = SCENES[name]

    async def drive(pilot: Pilot[None]) -> None:
        for _ in range(3):
            await pilot.pause()
        for key in keys:
            await pilot.press(key)
            for _ in range(4):
                await pilot.pause()

    assert snap_compare(app_with(FakeCluster(worlds.WORLDS[world]())), terminal_size=size, run_before=drive)
