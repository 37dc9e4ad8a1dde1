"""The transactional ids of the lab. Where its cursor goes, the other panels of the mode look."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import TransactionState
from engine.wording import plural
from tui.painting.transactions.listing import HEIGHT, Listed, listed, paint_listed
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedTransaction

if TYPE_CHECKING:
    from tui.modes.transactions import TransactionsMode

_ROOMY = 36
"""Cells from which on the title has all its words."""


class TransactionList(Panel):
    """Every transactional id that a coordinator knows."""

    kind = "transactions.list"
    name_shown = "Transactional ids"

    @property
    def _mode(self) -> TransactionsMode:
        return cast("TransactionsMode", self.screen)

    def title(self, scene: Scene) -> Content:
        """How many there are, and how many transactions are open."""
        count = len(scene.world.transactions)
        if not count:
            return Content(self.name_shown)
        is_open = sum(each.state is TransactionState.ONGOING for each in self._mode.shown)
        ids = plural(count, "transactional id" if self.size.width >= _ROOMY else "id")
        return Content.assemble(ids, (f" · {is_open} open" if is_open else "", "$quiet"))

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        if not any(not topic.internal for topic in scene.world.topics):
            return "No transactions yet. Press n to make a topic first."
        return "No transactions yet. Press t to start a processor: it reads, writes and commits in one transaction."

    def items(self, scene: Scene) -> Sequence[Item]:
        """One an id."""
        mode = self._mode
        return [
            Item(
                listed(each, scene.world.now_ms, each is mode.chosen),
                SelectedTransaction(each.transactional_id),
                HEIGHT,
            )
            for each in mode.shown
        ]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Two lines."""
        return paint_listed(cast("Listed", item.model), pen.width, pen.palette)

    def cursor_moved(self) -> None:
        """Show that one in the other panels."""
        super().cursor_moved()
        if isinstance(self.selection, SelectedTransaction):
            self._mode.look_at(self.selection.transactional_id)
