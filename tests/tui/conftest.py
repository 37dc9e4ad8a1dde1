"""What the tests of the screen share."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from engine.snapshot import World
from tests.tui.fakes import FakeCluster, app_with
from tui.app import Kafkarium


class Stage:
    """A running app, its pilot, and the fake behind it."""

    def __init__(self, app: Kafkarium, pilot: Pilot[None], lab: FakeCluster) -> None:
        self.app = app
        self.pilot = pilot
        self.lab = lab

    async def press(self, *keys: str) -> None:
        """Press keys and let everything that follows happen."""
        await self.pilot.press(*keys)
        await self.settle()

    async def settle(self) -> None:
        """Let every worker that does not wait for a person end, and every message arrive."""
        for _ in range(3):
            await self.pilot.pause()

    def lines(self) -> list[str]:
        """The screen as text."""
        screen = self.app.screen
        width, height = self.app.size
        rows = ["".join(segment.text for segment in strip) for strip in screen._compositor.render_strips()]
        return [row + " " * (width - cell_len(row)) for row in rows[:height]]

    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines())

    def words(self) -> str:
        """The words without frames, one blank between them, so that sentences read on over line ends.

        While a dialog is open they are the dialog's alone.
        """
        lines = self.lines()
        for dialog in self.app.screen.query("#dialog"):
            x, y, width, height = dialog.region
            lines = [line[x : x + width] for line in lines[y : y + height]]
        return " ".join("\n".join(lines).translate(dict.fromkeys(map(ord, "│╭╮╰╯─▌▐"), " ")).split())

    def toasts(self) -> list[str]:
        """What was said in toasts."""
        return [notification.message for notification in self.app._notifications]


OpenStage = Callable[..., AbstractAsyncContextManager[Stage]]


@pytest.fixture
def stage() -> OpenStage:
    """`async with stage(world, size=(120, 36)) as on:` runs the app with a fake lab."""

    @asynccontextmanager
    async def opened(world: World | None = None, size: tuple[int, int] = (120, 36), **more: Any) -> Any:
        fake = FakeCluster(world)
        app = app_with(fake, **more)
        async with app.run_test(size=size) as pilot:
            on = Stage(app, pilot, fake)
            await on.settle()
            yield on

    return opened
