"""The moments one can go back to: choose one and go, keep another, forget one."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.strip import Strip

from engine.snapshot import MomentView
from tui.dialogs.card import Card
from tui.dialogs.form import Press
from tui.dialogs.page import Page
from tui.painting.moments import paint_moments
from tui.painting.palette import Palette

_AGAIN_S = 0.25
_AROUND = 6
"""Rows of the dialog beside the list."""


class Moments(Card[None]):
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
                yield Press("enter", "go back", self._go)
                yield Press("n", "keep now", self._keep)
                yield Press("D", "forget", self._forget)
                yield Press("esc", "leave", self.leave)

    def on_mount(self) -> None:
        """Time goes on meanwhile."""
        self.set_interval(_AGAIN_S, self.query_one(Page).paint_again)

    def on_resize(self) -> None:
        """Leave room for the keys."""
        self.query_one(Page).styles.max_height = max(int(self.size.height * 0.94) - _AROUND, 3)

    def _moments(self) -> list[MomentView]:
        scene = self.kafkarium.take_scene()
        return list(reversed(scene.world.moments)) if scene is not None else []

    def _at(self, moments: Sequence[MomentView]) -> int:
        return next((row for row, moment in enumerate(moments) if moment.number == self._number), 0)

    def _paint(self, width: int, palette: Palette) -> Sequence[Strip]:
        scene, moments = self.kafkarium.take_scene(), self._moments()
        if scene is None:
            return []
        return paint_moments(scene.world, moments, self._at(moments), width, palette)

    # Keys --------------------------------------------------------------------------------------------------

    def _move(self, by: int) -> None:
        moments = self._moments()
        if moments:
            at = min(max(self._at(moments) + by, 0), len(moments) - 1)
            self._number = moments[at].number
            page = self.query_one(Page)
            page.paint_again()
            page.scroll_to_row(at)

    def _chosen(self) -> MomentView | None:
        moments = self._moments()
        return moments[self._at(moments)] if moments else None

    def _go(self) -> None:
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
            case "down" | "j":
                self._move(1)
            case "up" | "k":
                self._move(-1)
            case "g" | "home":
                self._move(-len(self._moments()))
            case "G" | "end":
                self._move(len(self._moments()))
            case "enter":
                self._go()
            case "n":
                self._keep()
            case "D":
                self._forget()
            case "backspace":
                self.leave()
            case _:
                return False
        return True

    def on_click(self, event: events.Click) -> None:
        """Choose a moment; go there on a second click."""
        page = self.query_one(Page)
        where = event.get_content_offset(page) if event.widget is page else None
        if where is not None:
            moments = self._moments()
            row = where.y + page.scroll_offset.y
            if row < len(moments):
                self._move(row - self._at(moments))
                if event.chain == 2:
                    self._go()
