"""The moments one can go back to: choose one and go, keep another, forget one."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.strip import Strip

from engine.snapshot import MomentView
from tui.dialogs.form import Press
from tui.dialogs.page import Page
from tui.dialogs.picking import Picking
from tui.painting.moments import paint_moments
from tui.painting.palette import Palette
from tui.scene import Scene

_AGAIN_S = 0.25
_AROUND = 6
"""Rows of the dialog beside the list."""


class Moments(Picking[None]):
    """Newest first. Whatever is done here is done at once; it is left by going somewhere or by `escape`."""

    def __init__(self) -> None:
        super().__init__()
        self._number: int | None = None
        """The chosen moment's; the newest as long as nobody chose."""
        self._busy = False

    def compose(self) -> ComposeResult:
        """The list and its keys."""
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content("Go back to")
            yield Page(self._paint, id="page")
            with Horizontal(id="keys"):
                yield Press("enter", "go back", self.take)
                yield Press("n", "keep now", self._keep)
                yield Press("D", "forget", self._forget)
                yield Press("esc", "leave", self.leave)

    def on_mount(self) -> None:
        """Time goes on meanwhile."""
        self.set_interval(_AGAIN_S, self.query_one(Page).paint_again)

    def on_resize(self) -> None:
        """Leave room for the keys."""
        self.fit(_AROUND)

    def _moments(self, scene: Scene | None) -> list[MomentView]:
        return list(reversed(scene.world.moments)) if scene is not None else []

    def _at(self, moments: Sequence[MomentView]) -> int:
        return next((row for row, moment in enumerate(moments) if moment.number == self._number), 0)

    def _paint(self, width: int, palette: Palette) -> Sequence[Strip]:
        scene = self.kafkarium.take_scene()
        if scene is None:
            return []
        moments = self._moments(scene)
        return paint_moments(scene.world, moments, self._at(moments), width, palette)

    # Keys --------------------------------------------------------------------------------------------------

    def row_count(self) -> int:
        """As many as are kept."""
        return len(self._moments(self.kafkarium.take_scene()))

    def chosen_row(self) -> int:
        """The moment under the cursor."""
        return self._at(self._moments(self.kafkarium.take_scene()))

    def choose_row(self, row: int) -> None:
        """Another moment."""
        self._number = self._moments(self.kafkarium.take_scene())[row].number

    def _chosen(self) -> MomentView | None:
        moments = self._moments(self.kafkarium.take_scene())
        return moments[self._at(moments)] if moments else None

    def take(self) -> None:
        """Go there."""
        if (moment := self._chosen()) is not None:
            self._do(self.kafkarium.lab.rewind(moment.number), leave=True)

    def _keep(self) -> None:
        self._number = None
        self._do(self.kafkarium.lab.moments.keep("kept by hand"))

    def _forget(self) -> None:
        if (moment := self._chosen()) is not None:
            self._do(self.kafkarium.lab.moments.forget(moment.number))

    def _do(self, verb: Coroutine[Any, Any, object], *, leave: bool = False) -> None:
        """One thing at a time, and carried through; what could not be done is said, and the list stays."""
        if self._busy:
            verb.close()
            return
        self._busy = True
        self.kafkarium.run_worker(self._doing(verb, leave))

    def leave(self) -> None:
        """Not before what has begun is done."""
        if not self._busy:
            self.dismiss()

    async def _doing(self, verb: Coroutine[Any, Any, object], leave: bool) -> None:
        try:
            done = await self.kafkarium.attempt(verb)
        finally:
            self._busy = False
        self.query_one(Page).paint_again()
        if done and leave:
            self.dismiss()

    def press(self, key: str) -> bool:
        """Choose, go, keep, forget, leave."""
        match key:
            case "n":
                self._keep()
            case "D":
                self._forget()
            case "backspace":
                self.leave()
            case _:
                return super().press(key)
        return True
