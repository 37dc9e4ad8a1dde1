"""What the tests of the Lab as a mode share."""

from __future__ import annotations

from tests.tui.conftest import Stage
from tui.modes.lab import LabMode

SIZES = ((60, 18), (80, 24), (100, 30), (120, 36), (200, 60))


def lab(on: Stage) -> LabMode:
    mode = on.app.mode
    assert isinstance(mode, LabMode)
    return mode


async def scrubbed(on: Stage) -> None:
    """Let the scrub's question be answered."""
    for _ in range(200):
        view = lab(on).scrubber.view
        if view is None or not view.asking:
            break
        await on.pilot.pause(0.01)
    await on.settle()
