"""Everything about one producer, consumer or partition, over the other panels and as alive as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from tui.painting.lab.flow import chart, softened
from tui.painting.line import Line, blank
from tui.painting.text import wrap
from tui.panels.lab.about import about
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import Selection, client_of

LABEL = 18


class Inspector(Panel):
    """Labels and values, and the last minute."""

    kind = "lab.inspector"
    name_shown = "Details"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.inspected: Selection | None = None
        """What it is about; the keys for producers and consumers work on it."""

    @property
    def selection(self) -> Selection | None:
        """What it is about."""
        return self.inspected

    def title(self, scene: Scene) -> Content:
        """Its name and kind."""
        found = about(self.inspected, scene)
        if found is None:
            return Content("Gone")
        return Content.assemble((found.name, "bold $strong"), (f" · {found.kind}", "$quiet"))

    def subtitle(self, scene: Scene) -> Content:
        """How to leave."""
        pace = [("  + -", "$primary"), (" pace", "$quiet")] if client_of(self.inspected, scene.world) else []
        return Content.assemble(("esc", "$primary"), (" back", "$quiet"), *pace)

    def items(self, scene: Scene) -> Sequence[Item]:
        """A label and its value in each, then the last minute."""
        return self._rows(scene, self.scrollable_content_region.width)

    def height_for(self, scene: Scene, width: int) -> int:
        """How many rows it takes in `width` cells."""
        return sum(item.height for item in self._rows(scene, width))

    def _rows(self, scene: Scene, width: int) -> list[Item]:
        found = about(self.inspected, scene)
        room = max(10, width - LABEL - 3)
        if found is None:
            return [Item(("", "It is gone. esc leaves."))]
        items = []
        for label, value in found.rows:
            for at, line in enumerate(wrap(value, room)[:4] or [""]):
                items.append(Item((label if not at else "", line)))
        return items if found.history is None else [*items, Item(found.history, height=2)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """A row, or the last minute in two."""
        width, palette = pen.width, pen.palette
        if item.height == 2:
            history = cast("tuple[int, ...]", item.model)
            label = Line(width).to(2).add("last minute".ljust(LABEL), palette.quiet)
            blocks = chart(history, min(60, width - LABEL - 4), 1, max(*history, 1) * 1.3)[0].lstrip()
            return [blank(width), label.add(blocks, softened(palette.flow_in, palette.background)).strip()]
        label_text, value = cast("tuple[str, str]", item.model)
        line = Line(width).to(2).add(label_text.ljust(LABEL), palette.quiet)
        return [line.add(value, palette.error if label_text == "last error" else palette.text).strip()]
