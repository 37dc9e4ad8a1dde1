"""Which offsets a lane shows, and in which cell each lies: one scale for all lanes of a topic, newest at the right.

Cells begin at whole multiples of the offsets they hold, so that a log that grows moves by whole cells, like a tape.
"""

from __future__ import annotations

from dataclasses import dataclass

HOLD_MS = 12_000.0


def steps_up_to(offsets: int, cells: int) -> int:
    """The least of 1, 2, 5, 10, 20, 50 ... offsets in a cell with which `cells` cells hold `offsets` offsets."""
    cells, unit = max(cells, 1), 1
    while True:
        for factor in (1, 2, 5):
            if factor * unit * cells >= offsets:
                return factor * unit
        unit *= 10


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a log in view: `cells` cells from cell `first` on, `per` offsets in each."""

    first: int
    per: int
    cells: int

    def cell(self, offset: int) -> int:
        """The cell an offset lies in; below 0 or from `cells` on when it is out of view."""
        return offset // self.per - self.first

    def offset(self, cell: int) -> int:
        """The first offset of a cell."""
        return (self.first + cell) * self.per


def window(log_start: int, log_end: int, per: int, cells: int, cursor: int | None = None) -> Window:
    """The newest offsets, or those around a cursor that lies before them; a short log begins at the left."""
    lowest = log_start // per
    first = max(lowest, max(log_end - 1, log_start) // per - cells + 1)
    if cursor is not None and cursor // per < first:
        first = max(lowest, cursor // per - cells // 3)
    return Window(first, per, cells)


class Zoom:
    """How many offsets a cell holds: more as soon as they are needed, fewer only when they were not for a while."""

    def __init__(self) -> None:
        self.per = 0
        """Offsets in a cell; 0 before the first `fit`."""
        self._cells = 0
        self._needed_ms = 0.0

    def fit(self, offsets: int, cells: int, now_ms: float) -> int:
        """Make `cells` cells hold `offsets` offsets at lab time `now_ms`."""
        wanted = steps_up_to(offsets, cells)
        if wanted >= self.per or cells != self._cells or now_ms < self._needed_ms:
            self.per, self._cells, self._needed_ms = wanted, cells, now_ms
        elif now_ms - self._needed_ms > HOLD_MS:
            self.per, self._needed_ms = wanted, now_ms
        return self.per

    def forget(self) -> None:
        """Another topic, another scale."""
        self.per = 0
