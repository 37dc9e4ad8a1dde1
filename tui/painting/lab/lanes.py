"""Paints a lane: one partition from log start to log end, who leads it, and where a group stands in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from engine.snapshot import GroupOffsetView, PartitionView
from tui.painting.lab.bar import HELD, Runs, bars, cells_of
from tui.painting.lab.copies import SIGNS, Health, health_of, words_of
from tui.painting.lab.scale import Window, window
from tui.painting.line import Line, blank, right_aligned
from tui.painting.palette import Palette, letter
from tui.painting.text import clean, cut, number, short, size

CLIPPED, CUT_RIGHT, PIN = "‹", "›", "▴"


class Owner(NamedTuple):
    """Who serves a partition: the member's slot; `given_up` when it has stopped and the group does not know yet."""

    slot: int
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Pinned:
    """Another group's standing in the partition."""

    group_id: str
    committed: int | None
    lag: int | None
    chosen: bool


class Lane(NamedTuple):
    """What a lane is painted from. `per` is how many offsets a cell holds."""

    partition: PartitionView
    standing: GroupOffsetView | None
    owner: Owner | None
    per: int
    lines: int = 1
    arrived: bool = False
    """A record arrived a moment ago."""
    per_s: float = 0.0
    """Records arriving in a second."""
    cursor: int | None = None
    """The offset the scrub's cursor stands on."""
    pins: tuple[Pinned | None, ...] = ()
    """A row each; None leaves it blank, so that all lanes are of one height."""
    widest: int = 0
    """Cells the widest log end offset of the topic takes."""
    numbers: int = 1
    """Digits of the largest partition number."""
    least: int = 1
    """The topic's min.insync.replicas."""
    held: int = 0
    """Records that an open transaction holds back from who reads committed ones."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Where the parts of a lane lie in a row."""

    label: int
    leader: int
    bar: int
    cells: int
    end: int
    lag: int
    owner: int


@lru_cache(maxsize=256)
def columns(width: int, numbers: int, widest: int, lines: int = 1) -> Columns:
    """The parts of a lane in `width` cells; leader and lag have a column of their own only where there is room.

    In a lane of one line the leader has its column always, for there is no second line to name it.
    """
    at = 1
    label = at
    at += numbers + 2
    leader = 0
    if width >= 60 or (lines == 1 and width >= 30):
        leader = at
        at += 4
    bar = at + 1
    right = width - 1
    owner = right - 2
    lag = 0
    end = owner - 1 - widest
    if width >= 60:
        lag = owner - 9
        end = lag - 1 - widest
    return Columns(label, leader, bar, max(1, end - 1 - bar), end, lag, owner)


def bar_rows(lines: int) -> int:
    """How many of a lane's rows its bar takes."""
    return 1 if lines < 4 else 2


def height_of(lines: int, pins: int) -> int:
    """How many rows a lane takes."""
    return lines + pins


def window_of(lane: Lane, cells: int) -> Window:
    """The offsets a lane shows."""
    log = lane.partition
    return window(log.log_start_offset, log.log_end_offset, lane.per, cells, lane.cursor)


def paint_lane(lane: Lane, width: int, palette: Palette, cursor: bool = False) -> list[Strip]:
    """The rows of a lane: the log, its figures where there is room for them, a row for each pinned group."""
    at = columns(width, lane.numbers, lane.widest, lane.lines)
    seen = window_of(lane, at.cells)
    stable = lane.partition.last_stable_offset if lane.held else None
    cells = cells_of(lane.partition, lane.standing, seen, palette, lane.arrived, lane.cursor, stable)
    *above, lowest = bars(cells, bar_rows(lane.lines))
    rows = [_paint_above(runs, at, width) for runs in above]
    rows.append(_paint_log(lane, at, seen, lowest, width, palette, cursor))
    if lane.lines > 1:
        rows.append(_paint_figures(lane, at, seen, width, palette))
    if lane.lines > 4:
        rows.append(_paint_position(lane, at, seen, width, palette))
    rows += [_paint_pin(pin, lane, at, seen, width, palette) if pin else blank(width) for pin in lane.pins]
    return rows + [blank(width)] * (lane.lines + len(lane.pins) - len(rows))


def _paint_above(runs: Runs, at: Columns, width: int) -> Strip:
    """The upper row of a bar that takes two."""
    line = Line(width).to(at.bar)
    for text, style in runs:
        line.add(text, style)
    return line.strip()


def _paint_log(lane: Lane, at: Columns, seen: Window, runs: Runs, width: int, palette: Palette, cursor: bool) -> Strip:
    log = lane.partition
    line = Line(width).add("▸" if cursor else " ", palette.mark)
    line.add(f"P{log.partition}", palette.strong if cursor else palette.text)
    health = health_of(log, lane.least)
    if at.leader:
        line.to(at.leader).add(*_leader(log, health, palette))
    elif lane.lines == 1:
        line.add(SIGNS.get(health, ""), _style_of(health, palette))
    line.to(at.bar - 1)
    if seen.offset(0) > log.log_start_offset:
        line.add(CLIPPED, palette.faint)
    else:
        line.add("▕", palette.quiet)
    if lane.lines == 1 and health in _UNSERVED:
        line.add(cut(f" {words_of(log, health)} ", at.cells), palette.error)
    for text, style in _from(runs, line.used - at.bar):
        line.add(text, style)
    line.add(CUT_RIGHT if seen.cell(log.log_end_offset - 1) >= seen.cells else " ", palette.lane_waiting)
    line.to(at.end).add(number(log.log_end_offset).rjust(lane.widest), palette.strong if lane.arrived else palette.text)
    if at.lag:
        _add_lag(line, lane.standing, at.lag, palette)
    return _add_owner(line, lane.owner, at, palette).strip()


_UNSERVED = (Health.OFFLINE, Health.SILENT)


def _from(runs: Runs, cell: int) -> Runs:
    """What of a row comes after its first cells."""
    left: Runs = []
    for text, style in runs:
        if cell < len(text):
            left.append((text[cell:], style))
        cell = max(0, cell - len(text))
    return left


def _leader(log: PartitionView, health: Health, palette: Palette) -> tuple[str, Style]:
    """The leader's broker, with a sign when the copies are not well."""
    name = f"b{log.leader}" if log.leader is not None else "b"
    return f"{name}{SIGNS.get(health, '')}", _style_of(health, palette)


def _style_of(health: Health, palette: Palette) -> Style:
    if health is Health.WELL:
        return palette.faint
    return palette.warning if health is Health.UNDER_REPLICATED else palette.error


def _add_owner(line: Line, owner: Owner | None, at: Columns, palette: Palette) -> Line:
    line.to(at.owner)
    if owner is None:
        return line.add("·", palette.faint)
    if owner.gone:
        return line.add(f"{letter(owner.slot)}", palette.member(owner.slot)).add("✗", palette.error)
    return line.add(letter(owner.slot), palette.member(owner.slot))


def _add_lag(line: Line, standing: GroupOffsetView | None, column: int, palette: Palette) -> None:
    if standing is None or standing.lag is None:
        return
    text = "✓" if not standing.lag else f"-{short(standing.lag)}"
    line.to(column).add(text.rjust(7), palette.flow_lag if standing.lag else palette.good)


def _paint_figures(lane: Lane, at: Columns, seen: Window, width: int, palette: Palette) -> Strip:
    """Beneath the log: log start and leader at its left, the committed offset where it lies, the lag at its right.

    When the copies are not well, or a transaction holds records back, that takes the place of the log start.
    """
    log, standing = lane.partition, lane.standing
    health = health_of(log, lane.least)
    line = Line(width)
    if not at.leader:
        line.to(at.label).add(*_leader(log, health, palette))
    clipped = seen.offset(0) > log.log_start_offset
    start = f"from {number(seen.offset(0))}" if clipped else f"start {number(log.log_start_offset)}"
    if lane.held and health is Health.WELL:
        line.to(at.bar).add(f"{HELD} {short(lane.held)} held", palette.lane_waiting)
    else:
        line.to(at.bar).add(words_of(log, health) or start, _style_of(health, palette))
    committed = standing.committed if standing else None
    right = _figures_right(lane, at, palette)
    limit = width - 1 - sum(len(text) for text, _ in right) - 1
    if committed is not None:
        if committed < log.log_start_offset:
            text = f" ✗ committed {number(committed)} is gone"
            line.add(cut(text, limit - line.used), palette.error)
        else:
            text = f"{PIN}{number(committed)}" + (" committed" if lane.lines > 4 else "")
            _add_pin(line, text, seen.cell(committed), at, limit, palette.lane_committed)
    line.to(limit + 1)
    for text, style in right:
        line.add(text, style)
    return line.strip()


def _paint_position(lane: Lane, at: Columns, seen: Window, width: int, palette: Palette) -> Strip:
    """Where the owner reads, and the high watermark while the log goes on beyond it, each under its cell."""
    line, log, standing = Line(width), lane.partition, lane.standing
    if standing is not None and standing.position is not None:
        text = f"{PIN}{number(standing.position)} position"
        _add_pin(line, text, seen.cell(standing.position), at, at.end, palette.lane_pending)
    if lane.held:
        text = f"{PIN}{number(log.last_stable_offset)} last stable: a transaction is open"
        _add_pin(line, text, seen.cell(log.last_stable_offset), at, width - 1, palette.lane_committed)
    if log.high_watermark < log.log_end_offset:
        text = f"{PIN}{number(log.high_watermark)} high watermark"
        _add_pin(line, text, seen.cell(log.high_watermark), at, width - 1, palette.lane_unreplicated)
    return line.strip()


def _figures_right(lane: Lane, at: Columns, palette: Palette) -> list[tuple[str, Style]]:
    parts: list[tuple[str, Style]] = []
    if at.lag:
        parts.append((f"{size(lane.partition.size_bytes)}", palette.faint))
        if lane.per_s >= 0.05:
            parts.insert(0, (f"+{lane.per_s:.0f}/s · ", palette.quiet))
    elif lane.standing is not None and lane.standing.lag is not None:
        lag = lane.standing.lag
        parts.append((f"lag {short(lag)}", palette.flow_lag) if lag else ("✓ caught up", palette.good))
    return parts


def _add_pin(line: Line, text: str, cell: int, at: Columns, limit: int, style: Style) -> None:
    """A figure with its pin under the cell it belongs to; before the pin where there is no room behind it."""
    column = at.bar + max(0, min(cell, at.cells))
    if column + len(text) <= limit and column > line.used:
        line.to(column).add(text, style)
    elif column + 1 <= limit and column + 1 - len(text) > line.used:
        line.to(column + 1 - len(text)).add(text[1:] + text[0], style)
    elif line.used < column < limit:
        line.to(column).add(text[0], style)


def _paint_pin(pin: Pinned, lane: Lane, at: Columns, seen: Window, width: int, palette: Palette) -> Strip:
    """A group's own row under the log: how far it has come, its name, and its lag."""
    log = lane.partition
    style = palette.lane_committed if pin.chosen else palette.quiet
    line = Line(width).to(at.bar)
    name = cut(clean(pin.group_id), max(4, at.cells // 2))
    if pin.committed is None:
        return line.add("◇", style).add(f" {name}: nothing committed yet", style).strip()
    right = f"-{short(pin.lag)}" if pin.lag else "✓"
    cell = max(0, min(seen.cell(pin.committed), at.cells))
    clipped = pin.committed < max(seen.offset(0), log.log_start_offset)
    if cell + 2 + cell_len(name) <= at.cells:
        line.add("─" * cell, style).add("‹" if clipped else "◆", style).add(f" {name}", style)
    else:
        line.add("─" * max(0, cell - cell_len(name) - 2), style).add(f" {name} ", style)
        line.to(at.bar + cell).add("◆", style)
    return right_aligned(line, [(right, palette.flow_lag if pin.lag else style)], 1).strip()
