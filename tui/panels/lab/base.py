"""What the panels of the Lab share: left and right go to the neighbour, and rows can be found for the wires."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.css.query import NoMatches
from textual.widget import Widget

from tui.panels.lab.standing import Standing
from tui.panels.panel import Item, Panel

if TYPE_CHECKING:
    from tui.modes.lab import LabMode


class LabPanel(Panel):
    """A panel of the Lab; `neighbours` are the ids of the panels to its left and right."""

    neighbours: ClassVar[tuple[str, str]] = ("", "")

    @property
    def lab_mode(self) -> LabMode:
        """The mode it is in."""
        return cast("LabMode", self.screen)

    @property
    def standing(self) -> Standing:
        """How the group shown stands in the topic looked at."""
        return self.lab_mode.standing

    @property
    def rows(self) -> int:
        """Rows inside the border."""
        return self.scrollable_content_region.height

    def in_view(self) -> Iterator[tuple[int, Item]]:
        """The items whose first row is in view, with that row counted from the panel's own top, border included."""
        scrolled, bottom = round(self.scroll_y), self.rows
        for top, item in zip(self._tops, self.items_shown, strict=False):
            row = top - scrolled
            if row >= bottom:
                return
            if row >= 0:
                yield row + 1, item

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Wires follow what they are plugged into."""
        super().watch_scroll_y(old_value, new_value)
        if self.is_attached:
            self.lab_mode.rewire()

    def cursor_moved(self) -> None:
        """The bundle of what is selected is drawn heavy."""
        super().cursor_moved()
        self.lab_mode.rewire()

    def on_focus(self) -> None:
        """Another panel says now what is selected."""
        self.lab_mode.rewire()

    def on_resize(self) -> None:
        """Rows lie elsewhere now."""
        self.call_after_refresh(self.lab_mode.rewire)

    def cursor_left(self) -> None:
        """To the panel on the left."""
        self._focus(self.neighbours[0])

    def cursor_right(self) -> None:
        """To the panel on the right."""
        self._focus(self.neighbours[1])

    def _focus(self, other: str) -> None:
        if not other:
            return
        try:
            panel = self.screen.query_one(f"#{other}", Widget)
        except NoMatches:
            return
        if panel.display:
            panel.focus()

    async def on_click(self, event: events.Click) -> None:
        """A click on the title takes what is written there; elsewhere as in every panel."""
        if event.y == 0:
            event.prevent_default()
            self.title_clicked(event.x)

    def title_clicked(self, x: int) -> None:
        """The mouse was pressed on the top border, `x` cells from its left."""


def lines_each(count: int, room: int, least: int, most: int) -> int:
    """As many rows for each of `count` things as `room` has, within limits."""
    return max(least, min(most, room // max(count, 1)))
