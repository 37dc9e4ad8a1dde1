"""Paints a log as a bar: which of its records are done, which are read, which wait, and which nobody may read yet.

The nearer a record is to being done, the lower its mark: pending high, processed but not committed lower, committed
low. Those that an open transaction holds back, and those above the high watermark, are a shade, not a block. The form
says the same as the colour, so that a bar reads without colour.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style

from engine.snapshot import GroupOffsetView, PartitionView
from tui.painting.lab.scale import Window
from tui.painting.palette import Palette

COMMITTED, PROCESSED, PENDING, HELD, UNREPLICATED, AHEAD = "▂", "▄", "▆", "▒", "░", "▁"
CURSOR = "┃"
TAPE = 10
"""Every so many cells one is a shade lower, so that the tape is seen to move."""

Cell = tuple[str, Style]
"""What a cell shows, by the sign that stands for it in the legend, and its style."""
Runs = list[Cell]
"""Neighbours of one style as one piece."""


def cells_of(
    log: PartitionView,
    standing: GroupOffsetView | None,
    seen: Window,
    palette: Palette,
    arrived: bool = False,
    cursor: int | None = None,
    stable: int | None = None,
) -> list[Cell]:
    """The cells of a log. What is above the high watermark shows where it fills its cell: less would only flicker.

    `stable` is the last stable offset while a transaction holds back what is behind it.
    """
    start, end = log.log_start_offset, log.log_end_offset
    last = seen.cell(end - 1) if end > start else -1
    cells: list[Cell] = [(AHEAD, palette.lane_ahead)] * seen.cells
    done, read = _read_up_to(log, standing)
    _fill(cells, seen.cell(start), last, (COMMITTED, palette.lane_consumed))
    if read > done:
        _fill(cells, seen.cell(done), seen.cell(read - 1), (PROCESSED, palette.lane_pending))
    if end > read:
        _fill(cells, seen.cell(read), last, (PENDING, palette.lane_waiting))
        if stable is not None:
            _fill(cells, max(seen.cell(read), seen.cell(stable)), last, (HELD, palette.lane_waiting))
    if end > log.high_watermark:
        _fill(cells, -(-log.high_watermark // seen.per) - seen.first, last, (UNREPLICATED, palette.lane_unreplicated))
    if arrived and 0 <= last < seen.cells:
        cells[last] = (cells[last][0], palette.lane_head)
    for cell in range(-seen.first % TAPE, max(0, min(last + 1, seen.cells)), TAPE):
        cells[cell] = (_TAPED[cells[cell][0]], cells[cell][1])
    if cursor is not None:
        under = min(seen.cell(cursor), seen.cells - 1)
        if under >= 0:
            cells[under] = (CURSOR, palette.lane_cursor)
    return cells


def _read_up_to(log: PartitionView, standing: GroupOffsetView | None) -> tuple[int, int]:
    """What the group is done with, and what it has read."""
    if standing is None:
        return log.log_end_offset, log.log_end_offset
    done = log.log_start_offset if standing.committed is None else standing.committed
    return done, max(done, standing.position) if standing.position is not None else done


def _fill(cells: list[Cell], first: int, last: int, cell: Cell) -> None:
    first, last = max(first, 0), min(last, len(cells) - 1)
    if last >= first:
        cells[first : last + 1] = [cell] * (last + 1 - first)


_TAPED = {AHEAD: AHEAD, COMMITTED: AHEAD, PROCESSED: "▃", PENDING: "▅", HELD: HELD, UNREPLICATED: UNREPLICATED}
_TALL = {
    AHEAD: (" ", "▁"), COMMITTED: (" ", "▄"), PROCESSED: ("▁", "█"), PENDING: ("▆", "█"), HELD: ("▒", "▒"),
    UNREPLICATED: ("░", "░"), CURSOR: (CURSOR, CURSOR), "▃": (" ", "▇"), "▅": ("▄", "█"),
}  # fmt: skip


def bars(cells: Sequence[Cell], tall: int) -> list[Runs]:
    """The cells as one row of a bar, or as two for one twice as high."""
    rows: list[Runs] = []
    for row in range(tall):
        runs: Runs = []
        for sign, style in cells:
            glyph = sign if tall == 1 else _TALL[sign][row]
            if runs and runs[-1][1] is style:
                runs[-1] = (runs[-1][0] + glyph, style)
            else:
                runs.append((glyph, style))
        rows.append(runs)
    return rows
