"""Which lines of an endless list are in view: rows by number, each of one or more lines, kept still while others come.

`top` is the number of the first row that is seen, `skip` how many of its lines are above the view.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

AROUND = 2
"""Rows that stay in view on either side of the cursor."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The rows there are: numbers from `first` up to, not including, `stop`, and `foot` lines behind the last."""

    first: int
    stop: int
    lines: Callable[[int], int]
    """How many lines a row takes: its own, and before it those of what stands between rows."""
    foot: int = 0

    def between(self, first: int, stop: int) -> int:
        """The lines of the rows from `first` up to, not including, `stop`."""
        return sum(map(self.lines, range(first, stop)))


class Viewport:
    """A view of `height` lines."""

    def __init__(self) -> None:
        self.top = 0
        self.skip = 0

    def keep(self, extent: Extent, cursor: int, height: int) -> None:
        """Move so that the cursor's row and those around it are in view, and no further.

        No line is left blank while there are rows above.
        """
        if self.top < extent.first:
            self.top, self.skip = extent.first, 0
        if self.top >= extent.stop:
            self.top, self.skip = extent.stop - 1, 0
        around = AROUND if height > 4 * AROUND else 0
        first, last = max(extent.first, cursor - around), min(extent.stop - 1, cursor + around)
        if first < self.top or (first == self.top and self.skip >= extent.lines(first)):
            self.top, self.skip = first, 0
        elif self._too_low(extent, last, height):
            self.end_with(extent, last + 1, height)
        if self._last_line(extent, height) < height:
            self.end_with(extent, extent.stop, height)

    def centre(self, extent: Extent, number: int, line: int) -> None:
        """Put a row's own line as near to a line of the view as the rows before it allow."""
        self.top, self.skip = number, 0
        above = extent.lines(number) - 1
        while above < line and self.top > extent.first:
            self.top -= 1
            above += extent.lines(self.top)
        self.skip = max(0, above - line)

    def end_with(self, extent: Extent, stop: int, height: int) -> None:
        """End the view with the row before `stop`, after the last row with what stands behind it."""
        lines = extent.foot if stop >= extent.stop else 0
        top = stop
        while lines < height and top > extent.first:
            top -= 1
            lines += extent.lines(top)
        self.top, self.skip = max(extent.first, min(top, extent.stop - 1)), max(0, lines - height)

    def scroll(self, extent: Extent, by: int, height: int) -> bool:
        """Move by lines, up when negative; False when it is at that end already."""
        before = self.top, self.skip
        self.skip += by
        while self.skip < 0 and self.top > extent.first:
            self.top -= 1
            self.skip += extent.lines(self.top)
        while self.top < extent.stop - 1 and self.skip >= extent.lines(self.top):
            self.skip -= extent.lines(self.top)
            self.top += 1
        self.skip = max(0, self.skip)
        if self._last_line(extent, height) < height:
            self.end_with(extent, extent.stop, height)
        return (self.top, self.skip) != before

    def rows(self, extent: Extent, height: int) -> tuple[int, int]:
        """The first row whose own line is in view, and the number behind the last one."""
        first = self.top if self.skip < extent.lines(self.top) else self.top + 1
        last, lines = self.top, -self.skip
        while last < extent.stop and (lines := lines + extent.lines(last)) <= height:
            last += 1
        return first, max(last, first + 1)

    def _too_low(self, extent: Extent, cursor: int, height: int) -> bool:
        lines = -self.skip
        for at in range(self.top, cursor + 1):
            lines += extent.lines(at)
            if lines > height:
                return True
        return False

    def _last_line(self, extent: Extent, height: int) -> int:
        """How many lines there are from the top of the view on, counted no further than its height."""
        lines = -self.skip
        for at in range(self.top, extent.stop):
            lines += extent.lines(at)
            if lines >= height:
                return lines
        return lines + extent.foot
