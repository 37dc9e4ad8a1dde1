"""The partitions that are part of the transaction looked at. `enter` reads one where the transaction begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.strip import Strip

from engine.config import INTERNAL_TOPIC
from engine.snapshot import World
from engine.types import TopicPartition
from engine.wording import plural
from tui.painting.transactions.partitions import Part, paint_part, paint_parts_head, part_of
from tui.painting.transactions.saying import OVER
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedPartition

if TYPE_CHECKING:
    from engine.snapshot import TransactionView
    from tui.modes.transactions import TransactionsMode


class TransactionPartitions(Panel):
    """A row each."""

    kind = "transactions.partitions"
    name_shown = "Partitions of the transaction"
    head_height = 1

    @property
    def _view(self) -> TransactionView | None:
        return cast("TransactionsMode", self.screen).chosen

    def title(self, scene: Scene) -> Content:
        """How many there are."""
        view = self._view
        if view is None or not view.partitions:
            return Content("Partitions")
        return Content(f"{plural(len(view.partitions), 'partition')} in this transaction")

    def subtitle(self, scene: Scene) -> Content:
        """What is held back."""
        if self._view is None or not self._view.partitions:
            return Content("")
        return Content.styled("held back: not for read_committed yet", "$quiet")

    def nothing(self, scene: Scene) -> str:
        """Why there are none."""
        view = self._view
        if view is None:
            return "The partitions that a transaction writes to, and the offsets that it commits, stand here."
        if view.state in OVER:
            return "No transaction is open, so no partition is part of one."
        return "Every partition has its marker."

    def items(self, scene: Scene) -> Sequence[Item]:
        """In the order of their names."""
        view, world = self._view, scene.world
        if view is None:
            return ()
        return [
            Item(part_of(tp, world.partition(tp), view.producer_id, _waiting(tp, world)), SelectedPartition(tp))
            for tp in view.partitions
        ]

    def head(self, pen: Pen) -> Sequence[Strip]:
        """The names of the columns."""
        return [paint_parts_head(pen.width, pen.palette)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One row."""
        return [paint_part(cast("Part", item.model), pen.width, pen.palette)]


def _waiting(tp: TopicPartition, world: World) -> str:
    """Whom the lab knows to wait for the transaction there."""
    if tp.topic == INTERNAL_TOPIC:
        return "its offsets"
    names = [
        each.name for each in world.consumers if each.isolation_level == "read_committed" and tp in each.assignment
    ]
    return ", ".join(names) or "nobody here"
