"""Paints who owns what, partitions by members, and beside it how far the group has come in each partition.

Columns of members take two cells, or one when there are many, or as many as fit, which then move sideways. Figures
are left out from the least important on while there is no room for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual.strip import Strip

from engine.snapshot import GroupOffsetView, MemberView
from engine.wording import plural
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette, letter
from tui.painting.text import number

_LEAST_FIGURE, _LEAST_LAG, _LEAST_BAR = 10, 7, 5
_LABEL = 6
_LEVELS = ("committed", "position", "end")


@dataclass(frozen=True, slots=True)
class Grid:
    """How a table of assignments is laid out. `slots` are the members in view, `hidden` those left and right."""

    slots: tuple[int, ...]
    idle: frozenset[int]
    cells: int
    """Cells a member's column takes."""
    hidden: tuple[int, int]
    figures: int
    """How many of committed, position and end of log are shown."""
    figure: int
    """Cells of each of them."""
    lag: int
    """Cells of a lag."""
    bar: int
    top: int
    """The lag that fills a bar."""


def grid_for(members: Sequence[MemberView], width: int, first: int, top_lag: int, top_offset: int) -> Grid:
    """Lay out a table; `first` is the member wanted leftmost when not all fit, the tops the largest figures."""
    figure = max(len(number(top_offset)) + 2, _LEAST_FIGURE)
    lag = max(len(number(top_lag)) + 2, _LEAST_LAG)
    count = len(members)
    idle = frozenset(member.slot for member in members if not member.assignment)
    for cells, figures in ((2, 3), (2, 2), (1, 3), (2, 1), (1, 2), (1, 1), (1, 0)):
        room = width - _LABEL - 1 - figures * figure - lag
        if count * cells + 1 <= room:
            break
    shown = members
    start = 0
    if count * cells + 1 > room:
        fits = max((room - 3) // cells, 1)
        start = min(max(first, 0), max(count - fits, 0))
        shown = members[start : start + fits]
    bar = max(room - len(shown) * cells - 3, 0)
    hidden = (start, count - start - len(shown))
    return Grid(
        tuple(member.slot for member in shown), idle, cells, hidden, figures, figure, lag, min(bar, 40), nice(top_lag)
    )


def nice(value: int) -> int:
    """The next of 10, 20, 50, 100, 200 ... so that the scale of bars stands still while figures move."""
    if value <= 10:
        return 10
    power: int = 10 ** (len(str(value)) - 1)
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def paint_grid_head(grid: Grid, width: int, palette: Palette) -> Strip:
    """Letters of the members and the names of the figures."""
    line = Line(width).to(_LABEL)
    line.add("‹" if grid.hidden[0] else " ", palette.accent)
    for slot in grid.slots:
        style = palette.faint if slot in grid.idle else palette.member(slot)
        line.add(letter(slot)[-1:].ljust(grid.cells), style)
    line.add("› " if grid.hidden[1] else "  " if any(grid.hidden) else " ", palette.accent)
    for name in _LEVELS[: grid.figures]:
        line.add(name.rjust(grid.figure), palette.faint)
    line.add("lag".rjust(grid.lag), palette.faint)
    if grid.bar >= 28:
        line.add("  ▒", palette.lane_pending).add(" not committed  ", palette.faint)
        line.add("█", palette.lane_waiting).add(" not read", palette.faint)
    return line.strip()


def paint_topic_line(topic: str, partitions: int, lag: int, width: int, palette: Palette) -> Strip:
    """The line above a topic's partitions."""
    line = Line(width).add(" ").data(topic, palette.strong, width=None)
    line.add(f"  {plural(partitions, 'partition')}", palette.quiet)
    return right_aligned(line, [("lag ", palette.quiet), (number(lag), palette.text)], margin=1).strip()


def paint_standing(
    standing: GroupOffsetView,
    end: int | None,
    owner: int | None,
    grid: Grid,
    width: int,
    palette: Palette,
    heir: int | None = None,
) -> Strip:
    """One partition; `owner` is the slot of the member that serves it, `end` the high watermark.

    `heir`, a small letter, is to have it once its owner has given it up, which an arrow tells where there is room.
    """
    line = Line(width).add(f" P{standing.partition}".ljust(_LABEL), palette.text).add(" ")
    for slot in grid.slots:
        if slot == owner:
            leaves = heir is not None and grid.cells > 1
            line.add((letter(slot)[-1:] + "›" * leaves).ljust(grid.cells), palette.member(slot))
        elif slot == heir:
            line.add(letter(slot)[-1:].lower().ljust(grid.cells), palette.member(slot))
        else:
            line.add("·".ljust(grid.cells), palette.faint)
    line.add("  " if any(grid.hidden) else " ")
    figures = (standing.committed, standing.position, end)
    for value in figures[: grid.figures]:
        text = "–" if value is None else number(value)
        line.add(text.rjust(grid.figure), palette.faint if value is None else palette.text)
    lag = standing.lag
    style = palette.faint if lag is None else palette.flow_lag if lag else palette.quiet
    line.add(("–" if lag is None else number(lag)).rjust(grid.lag), style)
    if grid.bar >= _LEAST_BAR and lag:
        line.add("  ")
        _add_bar(line, standing, lag, grid, palette)
    return line.strip()


def _add_bar(line: Line, standing: GroupOffsetView, lag: int, grid: Grid, palette: Palette) -> None:
    cells = max(1, round(grid.bar * min(lag / grid.top, 1.0)))
    read = 0
    if standing.position is not None and standing.committed is not None:
        read = min(max(standing.position - standing.committed, 0), lag)
    pending = round(cells * read / lag)
    line.add("▒" * pending, palette.lane_pending).add("█" * (cells - pending), palette.lane_waiting)
