"""The base of dialogs in which one row of a list is chosen: by keys, or by a click, of which the second takes it."""

from __future__ import annotations

from typing import Generic, TypeVar

from textual import events

from tui.dialogs.card import Card
from tui.dialogs.page import Page

T = TypeVar("T")


class Picking(Card[T], Generic[T]):
    """Its `Page` begins with the rows. A subclass says how many there are and which is chosen, notes another, and takes
    the chosen one; its `press` asks this one's for the keys it has no other use for."""

    def row_count(self) -> int:
        """How many rows there are now."""
        raise NotImplementedError

    def chosen_row(self) -> int:
        """The one under the cursor, from 0."""
        raise NotImplementedError

    def choose_row(self, row: int) -> None:
        """Put the cursor there; the row exists."""
        raise NotImplementedError

    def take(self) -> None:
        """`enter`: do with the chosen row what the list is for."""
        raise NotImplementedError

    def press(self, key: str) -> bool:
        """Move the cursor, or take what it is on."""
        match key:
            case "down" | "j":
                self._go_to(self.chosen_row() + 1)
            case "up" | "k":
                self._go_to(self.chosen_row() - 1)
            case "g" | "home":
                self._go_to(0)
            case "G" | "end":
                self._go_to(self.row_count() - 1)
            case "enter":
                self.take()
            case _:
                return False
        return True

    def on_click(self, event: events.Click) -> None:
        """Choose a row; take it on a second click."""
        page = self.query_one(Page)
        where = event.get_content_offset(page) if event.widget is page else None
        if where is not None and (row := where.y + page.scroll_offset.y) < self.row_count():
            self._go_to(row)
            if event.chain == 2:
                self.take()

    def _go_to(self, row: int) -> None:
        if count := self.row_count():
            row = min(max(row, 0), count - 1)
            self.choose_row(row)
            page = self.query_one(Page)
            page.paint_again()
            page.scroll_to_row(row)
