"""What somebody who lets clients in should know just now: who else can connect, what lab time means to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from tui.painting.line import Line
from tui.painting.outside.time import notices
from tui.painting.text import wrap
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene


class Notices(Panel, can_focus=False):
    """Sentences, one below the other."""

    kind = "outside.notices"
    name_shown = "Take note"

    DEFAULT_CSS = "Notices { border: round $warning; border-title-color: $warning; overflow-y: hidden; }"

    def title(self, scene: Scene) -> Content:
        """Its name."""
        return Content.styled(self.name_shown, "$warning")

    def items(self, scene: Scene) -> Sequence[Item]:
        """A line each."""
        width = max(10, self.scrollable_content_region.width - 2)
        return [Item(line) for line in self._lines(scene, width)]

    def _lines(self, scene: Scene, width: int) -> list[str]:
        return [
            f"{'! ' if not at else '  '}{line}"
            for sentence in notices(scene.world)
            for at, line in enumerate(wrap(sentence, width - 2))
        ]

    def height_for(self, scene: Scene, width: int) -> int:
        """Rows it takes in `width` cells, border and all; 0 while there is nothing to say."""
        lines = len(self._lines(scene, max(10, width - 4)))
        return lines + 2 if lines else 0

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One line."""
        return [Line(pen.width).add(" ").add(cast("str", item.model), pen.palette.text).strip()]
