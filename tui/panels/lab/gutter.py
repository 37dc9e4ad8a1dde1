"""The strips of screen between panels, where wires run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, cast

from textual.strip import Strip
from textual.widget import Widget

from tui.painting.line import blank
from tui.painting.palette import Palette

if TYPE_CHECKING:
    from tui.app import Kafkarium


class Gutter(Widget):
    """Drawn from rows of its neighbours; repainted when what it is drawn from is something else."""

    DEFAULT_CSS = "Gutter { background: $background; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn_from: Hashable = None
        self._strips: Sequence[Strip] = ()

    def take(self, drawn_from: Hashable, paint: Callable[[int, int, Palette], Sequence[Strip]]) -> None:
        """`paint` is asked for the rows (width, height, palette) when `drawn_from` or the size changed."""
        width, height = self.size
        palette = cast("Kafkarium", self.app).palette
        key = (drawn_from, width, height, id(palette))
        if key != self._drawn_from and width > 0:
            self._drawn_from = key
            base = self.rich_style
            self._strips = [strip.apply_style(base) for strip in paint(width, height, palette)]
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row."""
        if y < len(self._strips):
            return self._strips[y]
        return blank(self.size.width).apply_style(self.rich_style)
