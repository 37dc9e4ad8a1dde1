"""The strip of throughput: records in and out in the last two minutes, and the lag of all groups together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import Throughput
from tui.painting.lab.flow import LABEL, paint_flow
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene


class Flow(Panel, can_focus=False):
    """In, out and lag over time."""

    kind = "lab.flow"
    name_shown = "Flow"

    def title(self, scene: Scene) -> Content:
        """How far back it goes."""
        seconds = min(max(4, self.scrollable_content_region.width - LABEL - 1), len(scene.world.throughput.produced))
        return Content.assemble("Flow", (f" · last {seconds} s" if seconds else "", "$quiet"))

    def items(self, scene: Scene) -> Sequence[Item]:
        """One drawing."""
        height = max(1, self.scrollable_content_region.height)
        return [Item(scene.world.throughput, height=height)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        return paint_flow(cast("Throughput", item.model), pen.width, item.height, pen.palette)
