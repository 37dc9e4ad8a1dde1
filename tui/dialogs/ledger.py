"""The records behind a figure of the ledger."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from engine.snapshot import LedgerFigure, LedgerRecord
from tui.dialogs.card import Card
from tui.dialogs.form import Press
from tui.dialogs.page import Page
from tui.painting.brokers.ledger import paint_ledger_page
from tui.painting.text import clean, cut

_AROUND = 6
"""Rows of the dialog beside the records."""


class LedgerPage(Card[None]):
    """Lists some hundreds of them, by producer and sequence."""

    def __init__(
        self, figure: LedgerFigure, said: str, count: int, since: int, records: Sequence[LedgerRecord]
    ) -> None:
        super().__init__()
        self._figure = figure
        self._said = said
        self._count = count
        self._since = since
        self._records = records

    def compose(self) -> ComposeResult:
        """The page and its keys."""
        with Vertical(id="dialog"):
            yield Page(
                lambda width, palette: paint_ledger_page(
                    self._said, self._since, self._records, self._count, width, palette
                ),
                id="page",
            )
            with Horizontal(id="keys"):
                yield Press("esc", "back", self.dismiss)
                yield Press("↓", "scroll", lambda: self.query_one(Page).scroll_relative(y=1, animate=False))

    def on_mount(self) -> None:
        """Say whose records these are."""
        dialog = self.query_one("#dialog", Vertical)
        dialog.border_title = Content(cut(clean(self._figure.name), 40))
        self._fit()

    def on_resize(self) -> None:
        """Leave room for the keys."""
        self._fit()

    def _fit(self) -> None:
        self.fit(_AROUND)

    def press(self, key: str) -> bool:
        """`enter` leaves, too."""
        if key == "enter":
            self.leave()
        return key == "enter"
