"""Builds one row of cells, left to right, never wider than asked for, with runs of one style merged."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Self

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from tui.painting.text import clean, cut, fit


class Line:
    """A row under construction. `add` takes our own words, `data` takes anybody's."""

    __slots__ = ("_parts", "used", "width")

    def __init__(self, width: int) -> None:
        self.width = max(width, 0)
        self.used = 0
        """Cells taken so far."""
        self._parts: list[tuple[str, Style | None]] = []

    @property
    def left(self) -> int:
        """Cells still free."""
        return self.width - self.used

    def add(self, text: str, style: Style | None = None) -> Self:
        """Text that holds no control characters; cut at the end of the row."""
        length = cell_len(text)
        if length > self.left:
            text = cut(text, self.left)
            length = cell_len(text)
        if text:
            if self._parts and self._parts[-1][1] is style:
                self._parts[-1] = (self._parts[-1][0] + text, style)
            else:
                self._parts.append((text, style))
            self.used += length
        return self

    def data(self, text: str, style: Style | None = None, width: int | None = None, right: bool = False) -> Self:
        """Text from records, keys, names or clients, made harmless; in exactly `width` cells when that is given."""
        text = clean(text)
        return self.add(text if width is None else fit(text, width, right), style)

    def to(self, column: int, style: Style | None = None) -> Self:
        """Blanks up to `column`; nothing when the row is there already."""
        return self.add(" " * (min(column, self.width) - self.used), style)

    def strip(self, base: Style | None = None) -> Strip:
        """The row in exactly `width` cells, `base` under every style."""
        parts = self._parts
        if self.left:
            parts = [*parts, (" " * self.left, None)]
        segments = [Segment(text, style) for text, style in parts]
        strip = Strip(segments, self.width)
        return strip.apply_style(base) if base else strip


def right_aligned(line: Line, parts: Sequence[tuple[str, Style | None]], margin: int = 0) -> Line:
    """`line` with `parts` at its right end, `margin` cells from it; left out as a whole when there is no room."""
    length = sum(cell_len(text) for text, _ in parts)
    column = line.width - margin - length
    if column < line.used:
        return line
    line.to(column)
    for text, style in parts:
        line.add(text, style)
    return line


@lru_cache(maxsize=256)
def blank(width: int) -> Strip:
    """An empty row."""
    return Strip([Segment(" " * width)], width) if width > 0 else Strip([], 0)
