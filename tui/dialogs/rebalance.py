"""One rebalance in full, over the mode; left and right go to the one before and after. It follows one that goes on."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.types import CSSPathType
from textual.widgets import Static

from engine.snapshot import GroupProtocol, GroupView, Rebalance, label_of
from tui.dialogs.card import Card
from tui.dialogs.form import Press
from tui.dialogs.page import Page, Paint
from tui.painting.groups.lessons import lesson_of
from tui.painting.groups.rebalance_page import paint_rebalance_page
from tui.painting.text import clean, cut, wrap

_AGAIN_S = 0.2
_WIDEST, _BESIDE = 112, 9
"""Cells the dialog takes at most, and those of them that the lesson cannot use."""
_AROUND = 7
"""Rows of the dialog beside the page and the lesson."""


class RebalancePage(Card[None]):
    """Shows the rebalance that began at `began_ms` (lab ms) in a group."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["card.tcss", "rebalance.tcss"]

    def __init__(self, group: GroupView, began_ms: float) -> None:
        super().__init__()
        self._group = group
        self._began_ms = began_ms

    def compose(self) -> ComposeResult:
        """The page, the lesson, the keys."""
        with Vertical(id="dialog"):
            yield Page(self._paint(), id="page")
            yield Static("", id="lesson", markup=False)
            with Horizontal(id="keys"):
                yield Press("esc", "back", self.dismiss)
                yield Press("←", "older", lambda: self._step(-1))
                yield Press("→", "newer", lambda: self._step(1))
                yield Press("↓", "scroll", lambda: self.query_one(Page).scroll_relative(y=1, animate=False))

    def on_mount(self) -> None:
        """Say what it is, and follow it while it goes on."""
        self._show()
        self.set_interval(_AGAIN_S, self._follow)

    def on_resize(self) -> None:
        """Leave room for the lesson and the keys."""
        self._fit()

    def _fit(self) -> None:
        lesson = wrap(lesson_of(self.shown), max(min(_WIDEST, int(self.size.width * 0.96)) - _BESIDE, 10))
        self.fit(len(lesson) + _AROUND)

    @property
    def shown(self) -> Rebalance:
        """The rebalance on the page."""
        found = next((each for each in self._group.rebalances if each.began_ms == self._began_ms), None)
        return found or self._group.rebalances[-1]

    def _follow(self) -> None:
        scene = self.kafkarium.take_scene()
        group = scene.world.group(self._group.group_id) if scene else None
        if group is None or not group.rebalances:
            return
        before, went_on = self.shown, self.shown.ended_ms is None
        self._group = group
        if self.shown is not before or went_on:
            self._show()

    def _show(self) -> None:
        it = self.shown
        dialog = self.query_one("#dialog", Vertical)
        counted = "epoch" if it.protocol is GroupProtocol.CONSUMER else "generation"
        dialog.border_title = Content(
            f"{cut(clean(it.group_id), 32)} · {counted} {it.from_generation} → {it.to_generation}"
        )
        at = self._group.rebalances.index(it) + 1
        dialog.border_subtitle = Content(f"{at} of {len(self._group.rebalances)}")
        self.query_one("#lesson", Static).update(Content(lesson_of(it)))
        self.query_one(Page).show(self._paint())
        self._fit()

    def _paint(self) -> Paint:
        scene = self.kafkarium.take_scene()
        it, group = self.shown, self._group
        began_ms = scene.world.began_ms if scene else it.began_ms
        now_ms = scene.world.now_ms if scene else it.began_ms
        slots = {label_of(member.client_id, member.member_id): member.slot for member in group.members}
        return lambda width, palette: paint_rebalance_page(it, slots, began_ms, now_ms, width, palette)

    def _step(self, by: int) -> None:
        past = self._group.rebalances
        at = past.index(self.shown) + by
        if 0 <= at < len(past):
            self._began_ms = past[at].began_ms
            self._show()
            self.query_one(Page).scroll_home(animate=False)

    def press(self, key: str) -> bool:
        """Leave, or go to another."""
        match key:
            case "enter":
                self.leave()
            case "left" | "h":
                self._step(-1)
            case "right" | "l":
                self._step(1)
            case _:
                return False
        return True
