"""Pictures of the whole screen that tests hold against earlier ones.

The footer is left blank in them: each new key would change every picture. It has tests of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui import worlds
from tests.tui.fakes import FakeCluster, app_with
from tests.tui.plans import planner

SIZES = ((80, 24), (120, 36), (200, 60))
AT_EACH_SIZE = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
_LONGEST_WAIT = 200

Compare = Callable[..., bool]


def looks_as_it_did(
    compare: Compare,
    world: str,
    size: tuple[int, int],
    keys: Sequence[str] = (),
    theme: str = "kafkarium-dark",
    **answers: Any,
) -> bool:
    """Whether the screen after these keys is as in the picture; `answers` are the fake's, by verb with _ for a dot."""
    fake = FakeCluster(worlds.WORLDS[world]())
    fake.answers["offsets.plan"] = planner(fake.world)
    fake.answers.update(answers)
    app = app_with(fake, theme=theme)

    async def drive(pilot: Pilot[None]) -> None:
        for _ in range(3):
            await pilot.pause()
        for key in keys:
            await pilot.press(key)
            for _ in range(4):
                await pilot.pause()
        pilot.app.clear_notifications()
        await _answered(pilot)
        pilot.app.screen_stack[0].query("Footer").set_styles("visibility: hidden;")
        await pilot.pause()

    return compare(app, terminal_size=size, run_before=drive)


async def _answered(pilot: Pilot[None]) -> None:
    """Until the lab has answered what the screen asks by itself."""
    for _ in range(_LONGEST_WAIT):
        mode: Any = pilot.app.screen_stack[0]
        scrub = getattr(mode, "scrubber", None)
        reader = getattr(mode, "reader", None)
        if (scrub is None or scrub.view is None or not scrub.view.asking) and (reader is None or reader.going is None):
            break
        await pilot.pause(0.01)
    for _ in range(4):
        await pilot.pause()
