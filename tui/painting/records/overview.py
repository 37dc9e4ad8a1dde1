"""Paints a partition as a whole: its start and end, where groups stand, and which part of it is in view."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.text import clean, cut, number

COMMITTED, DELIVERED, WAITING = "▂", "▄", "▆"
PIN, CURSOR, VIEW = "◆", "┃", "━"


@dataclass(frozen=True, slots=True)
class Pin:
    """A group's committed offset."""

    group_id: str
    offset: int
    chosen: bool
    grabbed: bool = False


@dataclass(frozen=True, slots=True)
class Overview:
    """A log, or several counted together, from `start` to `end`; the group looked at has `committed` and `position`."""

    start: int
    end: int
    committed: int | None
    position: int | None
    pins: tuple[Pin, ...]
    view: tuple[int, int]
    """Offsets in view, from the first up to, not including, the last."""
    cursor: int | None
    scrub: int | None = None


@dataclass(frozen=True, slots=True)
class Bar:
    """Where the bar lies in a row: from column `left`, `cells` wide."""

    left: int
    cells: int

    def cell(self, overview: Overview, offset: int) -> int:
        """The cell an offset lies in, held to the bar."""
        span = max(1, overview.end - overview.start)
        return max(0, min(self.cells - 1, (offset - overview.start) * self.cells // span))

    def offset(self, overview: Overview, column: int) -> int:
        """The first offset of the cell in a column of the row; the end in the last cell."""
        cell = column - self.left
        if cell >= self.cells - 1:
            return overview.end
        span = overview.end - overview.start
        return overview.start + max(0, cell) * span // max(1, self.cells)


def bar_of(overview: Overview, width: int) -> Bar:
    """The bar between the figures for start and end."""
    left = len(number(overview.start)) + 3
    return Bar(left, max(1, width - left - len(number(overview.end)) - 3))


def paint_overview(overview: Overview, width: int, palette: Palette) -> list[Strip]:
    """Three rows: groups, the log, the part in view."""
    bar = bar_of(overview, width)
    return [
        _pins(overview, bar, width, palette),
        _log(overview, bar, width, palette),
        _view(overview, bar, width, palette),
    ]


def _log(overview: Overview, bar: Bar, width: int, palette: Palette) -> Strip:
    line = Line(width).add(" ").add(number(overview.start).rjust(bar.left - 3), palette.quiet).add(" ▕", palette.faint)
    for glyph, style in _cells(overview, bar, palette):
        line.add(glyph, style)
    return line.add("▏", palette.faint).add(f" {number(overview.end)}", palette.text).strip()


def _cells(overview: Overview, bar: Bar, palette: Palette) -> list[tuple[str, Style]]:
    if overview.end <= overview.start:
        return [("▁", palette.lane_ahead)] * bar.cells
    done = overview.start if overview.committed is None else overview.committed
    read = done if overview.position is None else max(done, overview.position)
    if not overview.pins and overview.committed is None and overview.position is None:
        cells = [(DELIVERED, palette.lane_waiting)] * bar.cells
    else:
        cells = [(COMMITTED, palette.lane_consumed)] * bar.cells
        if read < overview.end:
            for cell in range(bar.cell(overview, read), bar.cells):
                cells[cell] = (WAITING, palette.lane_waiting)
        if read > done:
            first = bar.cell(overview, done)
            stop = bar.cells if read >= overview.end else max(first + 1, bar.cell(overview, read))
            for cell in range(first, stop):
                cells[cell] = (DELIVERED, palette.lane_pending)
    if overview.scrub is not None:
        cells[bar.cell(overview, overview.scrub)] = (CURSOR, palette.lane_cursor)
    return cells


def _pins(overview: Overview, bar: Bar, width: int, palette: Palette) -> Strip:
    """Each group over its place, its name beside the pin where there is room, the one looked at first."""
    together: list[list[Pin]] = []
    for pin in sorted(overview.pins, key=lambda pin: (not pin.grabbed, not pin.chosen)):
        cell = bar.cell(overview, pin.offset)
        near = [pins for pins in together if abs(bar.cell(overview, pins[0].offset) - cell) <= 2]
        near[0].append(pin) if near else together.append([pin])
    taken: list[tuple[int, int]] = []
    placed: list[tuple[int, str, Style]] = []
    for pins in together:
        column = bar.left + bar.cell(overview, pins[0].offset)
        style = palette.lane_committed if any(pin.chosen for pin in pins) else palette.quiet
        style = palette.lane_cursor if any(pin.grabbed for pin in pins) else style
        name = cut(", ".join(cut(clean(pin.group_id), 20) for pin in pins), 40)
        cells = cell_len(name)
        for start, text in ((column, f"{PIN} {name}"), (column - cells - 1, f"{name} {PIN}"), (column, PIN)):
            stop = start + (1 if text == PIN else cells + 2)
            if start >= 0 and stop <= width and all(stop < a or start > b for a, b in taken):
                taken.append((start, stop))
                placed.append((start, text, style))
                break
    line = Line(width)
    for start, text, style in sorted(placed, key=lambda each: each[0]):
        line.to(start).add(text, style)
    return line.strip()


def _view(overview: Overview, bar: Bar, width: int, palette: Palette) -> Strip:
    line = Line(width)
    if overview.end <= overview.start:
        return line.strip()
    first, stop = overview.view
    low, high = bar.cell(overview, first), bar.cell(overview, max(first, stop - 1))
    at = None if overview.cursor is None else bar.cell(overview, overview.cursor)
    for cell in range(low, high + 1):
        line.to(bar.left + cell)
        line.add("▲" if cell == at else VIEW, palette.mark if cell == at else palette.rule_focus)
    return line.strip()
