"""The history of rebalances of the group looked at, newest first. `enter` opens one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.message import Message
from textual.strip import Strip

from engine.snapshot import Rebalance
from engine.wording import plural
from tui.painting.groups.rebalances import HEIGHT, paint_rebalance
from tui.painting.text import clean, cut
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedRebalance


class Rebalances(Panel):
    """Two lines each."""

    kind = "groups.rebalances"
    name_shown = "Rebalances"

    class Chosen(Message):
        """The cursor stands on another one."""

    @property
    def chosen(self) -> Rebalance | None:
        """The rebalance under the cursor, else the newest."""
        if not self.items_shown:
            return None
        at = self._cursor if 0 <= self._cursor < len(self.items_shown) else 0
        return cast("tuple[Rebalance, float]", self.items_shown[at].model)[0]

    def cursor_moved(self) -> None:
        """Tell the mode, which may show it in full."""
        super().cursor_moved()
        self.post_message(self.Chosen())

    def update(self) -> None:
        """A cursor on the newest stays on the newest."""
        newest = self._cursor <= 0
        super().update()
        if newest and self.items_shown:
            self.cursor_first()

    def title(self, scene: Scene) -> Content:
        """How many are kept; what the newest was, while it is folded."""
        group = scene.group
        if group is None or not group.rebalances:
            return Content(self.name_shown)
        said = plural(len(group.rebalances), "rebalance")
        last = group.rebalances[-1]
        if self.size.height < 2:
            said = f"{said}   {last.from_generation}→{last.to_generation} {cut(clean(last.cause), 40)}"
        return Content(said)

    def subtitle(self, scene: Scene) -> Content:
        """What can be done."""
        return Content("enter opens one") if self.selection is not None else Content("")

    def nothing(self, scene: Scene) -> str:
        """What makes one."""
        if scene.group is None:
            return "Every time partitions changed hands: why, to whom, and for how long nobody served them."
        return "No rebalance yet. There is one whenever a member comes or goes."

    def items(self, scene: Scene) -> Sequence[Item]:
        """Newest first."""
        group, began_ms = scene.group, scene.world.began_ms
        if group is None:
            return ()
        return [Item((each, began_ms), selection_of(each), HEIGHT) for each in reversed(group.rebalances)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Two lines."""
        rebalance, began_ms = cast("tuple[Rebalance, float]", item.model)
        return paint_rebalance(rebalance, began_ms, pen.width, pen.palette)


def selection_of(rebalance: Rebalance) -> SelectedRebalance:
    """What the cursor selects on it. One that goes on may still lead to a later generation, so that is no part."""
    return SelectedRebalance(rebalance.group_id, rebalance.to_generation, rebalance.began_ms)
