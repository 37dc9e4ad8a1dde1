"""The strips of screen between panels, where wires run."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TYPE_CHECKING, cast

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui.painting.line import blank
from tui.painting.palette import Palette
from tui.panels.framed import filters_of

if TYPE_CHECKING:
    from tui.app import Kafkarium


class Gutter(Widget):
    """Drawn from rows of its neighbours; repainted when what it is drawn from is something else."""

    DEFAULT_CSS = "Gutter { background: $background; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._drawn_from: Hashable = None
        self._strips: list[Strip] = []

    def take(self, drawn_from: Hashable, paint: Callable[[int, int, Palette], Sequence[Strip]]) -> None:
        """`paint` is asked for the rows (width, height, palette) when `drawn_from` or the size changed."""
        width, height = self.size
        palette = cast("Kafkarium", self.app).palette
        key = (drawn_from, width, height, id(palette))
        if key != self._drawn_from and width > 0:
            self._drawn_from = key
            base = self.rich_style
            self._strips = [strip.apply_style(base) for strip in paint(width, height, palette)]
            for each in filters_of(self):
                self._strips = [strip.apply_filter(each, self.background_colors[1]) for strip in self._strips]
            self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """The rows in `crop`, as they were painted."""
        strips = self._strips[crop.y : crop.bottom]
        missing = crop.height - len(strips)
        return strips + [blank(crop.width).apply_style(self.rich_style)] * missing if missing else strips
