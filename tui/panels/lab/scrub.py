"""The scrub under way: where its cursor is, the record there, and what applying would do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.strip import Strip

from tui.painting.lab.scrub import paint_scrub
from tui.painting.text import clean
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.scrubbing import ScrubView

if TYPE_CHECKING:
    from tui.modes.lab import LabMode


class Scrub(Panel, can_focus=False):
    """A card about the record under the cursor."""

    kind = "lab.scrub"
    name_shown = "Scrub"

    @property
    def view(self) -> ScrubView | None:
        """The scrub, None while there is none."""
        return cast("LabMode", self.screen).scrubber.view

    def title(self, scene: Scene) -> Content:
        """Which partition, and for whom."""
        view = self.view
        if view is None:
            return Content("Scrub")
        where = f"P{view.tp.partition} of {clean(view.tp.topic)}"
        whom = f" · {clean(view.group_id)}" if view.group_id is not None else ""
        what = ", the whole group to this record's time" if view.whole else ", this partition" if whom else ""
        return Content.assemble("Scrub ", (where, "bold $lane-cursor"), (f"{whom}{what}", "$quiet"))

    def items(self, scene: Scene) -> Sequence[Item]:
        """One drawing."""
        view = self.view
        if view is None:
            return []
        height = max(1, self.scrollable_content_region.height)
        return [Item((view, round(scene.world.now_ms, -2)), height=height)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        view, now_ms = cast("tuple[ScrubView, float]", item.model)
        return paint_scrub(view, now_ms, pen.width, item.height, pen.palette)
