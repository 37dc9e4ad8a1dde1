"""The scrub under way, below the records: the consequence before anything is applied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from tui.painting.records.scrub import LEAST_ROWS, paint_scrub
from tui.painting.text import clean
from tui.panels.panel import Item, Pen
from tui.panels.records.base import RecordsPanel
from tui.scene import Scene
from tui.scrubbing import ScrubView


class ScrubCard(RecordsPanel, can_focus=False):
    """From where to where, and what that does."""

    kind = "records.scrub"
    name_shown = "Scrub"

    DEFAULT_CSS = "ScrubCard { height: 6; border: round $lane-cursor; overflow-y: hidden; }"

    def title(self, scene: Scene) -> Content:
        """Who is moved, and where."""
        view = self.scrub
        if view is None:
            return Content("Scrub")
        whom = clean(view.group_id) if view.group_id is not None else "nobody"
        where = "every partition" if view.whole else clean(str(view.tp))
        return Content.assemble("Scrub ", (whom, "bold $lane-cursor"), (f" · {where}", "$quiet"))

    def items(self, scene: Scene) -> Sequence[Item]:
        """One drawing."""
        return [Item(self.scrub, height=max(LEAST_ROWS, self.size.height))] if self.scrub is not None else []

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        return paint_scrub(cast("ScrubView", item.model), pen.width, item.height, pen.palette)
