"""The base of every live panel: a stack of items with a cursor, which keys and the mouse move.

A subclass names its `kind` and gives `items` (cheap, every tick) and `draw` (only for items in view that changed).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import events
from textual.geometry import Region

from tui.panels.stack import Item, Pen, Stack
from tui.selection import Selection

if TYPE_CHECKING:
    from tui.app import Kafkarium

__all__ = ["Item", "Panel", "Pen"]


class Panel(Stack, can_focus=True):
    """A bordered, focusable panel."""

    kind: ClassVar[str] = ""
    """Its name in the action table: "lab.producers"."""

    # The cursor --------------------------------------------------------------------------------------------

    @property
    def selection(self) -> Selection | None:
        """What the cursor stands on."""
        if 0 <= self._cursor < len(self.items_shown):
            return self.items_shown[self._cursor].selection
        return None

    def _place_cursor(self, selected: Selection | None, old: Sequence[Item]) -> None:
        """Keep the cursor on what it selects; when that is gone, on what took its place."""
        items = self.items_shown
        if selected is not None:
            at = self._cursor
            if 0 <= at < len(items) and items[at].selection == selected:
                return
            found = next((index for index, item in enumerate(items) if item.selection == selected), None)
            if found is not None:
                self._cursor = found
                return
        self._cursor = self._nearest(max(self._cursor, 0))

    def _nearest(self, index: int) -> int:
        able = [at for at, item in enumerate(self.items_shown) if item.selection is not None]
        return min(able, key=lambda at: abs(at - index), default=-1)

    def select(self, selection: Selection) -> bool:
        """Put the cursor on something; False when it is not here."""
        for index, item in enumerate(self.items_shown):
            if item.selection == selection:
                self._move_to(index)
                return True
        return False

    def cursor_up(self) -> None:
        """To the item before."""
        self._step(-1)

    def cursor_down(self) -> None:
        """To the next item."""
        self._step(1)

    def cursor_left(self) -> None:
        """Sideways, where a panel has a sideways."""

    def cursor_right(self) -> None:
        """Sideways, where a panel has a sideways."""

    def cursor_page_up(self) -> None:
        """Up by what is in view."""
        self._leap(-1)

    def cursor_page_down(self) -> None:
        """Down by what is in view."""
        self._leap(1)

    def cursor_first(self) -> None:
        """To the first item."""
        self._move_to(self._nearest(0))

    def cursor_last(self) -> None:
        """To the last item."""
        self._move_to(self._nearest(len(self.items_shown)))

    def _step(self, by: int) -> None:
        index = self._cursor + by
        while 0 <= index < len(self.items_shown):
            if self.items_shown[index].selection is not None:
                self._move_to(index)
                return
            index += by
        self.scroll_relative(y=by, animate=False)

    def _leap(self, sign: int) -> None:
        if self._cursor < 0:
            self.scroll_relative(y=sign * self.size.height, animate=False)
            return
        line = self._tops[self._cursor] + sign * max(1, self.size.height - 1)
        self._move_to(self._nearest(max(0, bisect_right(self._tops, line) - 1)))

    def _move_to(self, index: int) -> None:
        if index == self._cursor or not 0 <= index < len(self.items_shown):
            return
        before, self._cursor = self._cursor, index
        self._refresh_item(before)
        self._refresh_item(index)
        self.scroll_to_region(
            Region(0, self._tops[index], 1, self.items_shown[index].height + self.head_height),
            animate=False,
            force=True,
        )
        self.cursor_moved()

    def cursor_moved(self) -> None:
        """Called when a person moved the cursor; the footer follows by itself."""
        cast("Kafkarium", self.app).context_changed()

    # What the app tells it ---------------------------------------------------------------------------------

    def on_focus(self) -> None:
        """The cursor's row is brighter with the focus."""
        self.repaint()
        cast("Kafkarium", self.app).context_changed()

    def on_blur(self) -> None:
        """The cursor's row is fainter without the focus."""
        self.repaint()

    # The mouse ---------------------------------------------------------------------------------------------

    def item_at(self, event: events.MouseEvent) -> int:
        """Index of the item under the mouse, or -1."""
        offset = event.get_content_offset(self)
        if offset is None or not self._tops:
            return -1
        line = offset.y + self.scroll_offset.y - self.head_height
        if offset.y < self.head_height:
            return -1
        index = bisect_right(self._tops, line) - 1
        return index if index >= 0 and line < self._tops[index] + self.items_shown[index].height else -1

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Light up what a click would take."""
        self._hover_over(self.item_at(event))

    def on_leave(self) -> None:
        """The mouse is elsewhere."""
        self._hover_over(-1)

    def _hover_over(self, index: int) -> None:
        if 0 <= index < len(self.items_shown) and self.items_shown[index].selection is None:
            index = -1
        if index != self._hover:
            before, self._hover = self._hover, index
            self._refresh_item(before)
            self._refresh_item(index)

    async def on_click(self, event: events.Click) -> None:
        """Take what was clicked; open it on a second click."""
        index = self.item_at(event)
        if index >= 0 and self.items_shown[index].selection is not None:
            self._move_to(index)
            if event.chain == 2:
                cast("Kafkarium", self.app).perform("open")
