"""Draws the assignment as wires: from each lane on the left to its owner on the right, one bundle a member.

Bundles keep to a column of their own, ordered so that few of them cross; where two do, the upright one is bridged.
What does not fit, or leads out of view, is a stump; the owner's letter stands beside it in the lane.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from itertools import permutations
from typing import NamedTuple

from rich.style import Style
from textual.strip import Strip

from tui.painting.line import Line
from tui.painting.palette import Palette


class Hold(Enum):
    """How a wire sits in its socket."""

    FIRM = "firm"
    FRESH = "fresh"
    """It was plugged in a moment ago."""
    BROKEN = "broken"
    """Its owner has stopped, and the group does not know yet."""
    LOOSE = "loose"
    """Nobody serves the partition just now."""


class Plug(NamedTuple):
    """The left end: the row of a lane, and whose it is; `slot` is None while it hangs loose."""

    row: int
    slot: int | None
    hold: Hold = Hold.FIRM


class Socket(NamedTuple):
    """The right end: the row of a member."""

    row: int
    slot: int
    held: bool = True
    """Whether it owns a partition at all, in view or not."""
    height: int = 1
    """Rows it has, from `row` on: any of them can take the plug."""


@dataclass(frozen=True, slots=True)
class _Bundle:
    """The wires of one member: rows of its lanes on the left, its own row on the right."""

    slot: int
    lanes: tuple[int, ...]
    row: int

    @property
    def low(self) -> int:
        return min(*self.lanes, self.row)

    @property
    def high(self) -> int:
        return max(*self.lanes, self.row)

    @property
    def straight(self) -> bool:
        return self.low == self.high


_UP, _DOWN, _LEFT, _RIGHT = 1, 2, 4, 8
_LIGHT = {
    _LEFT | _RIGHT: "─", _UP | _DOWN: "│", _DOWN | _RIGHT: "╭", _DOWN | _LEFT: "╮", _UP | _RIGHT: "╰",
    _UP | _LEFT: "╯", _UP | _DOWN | _RIGHT: "├", _UP | _DOWN | _LEFT: "┤", _DOWN | _LEFT | _RIGHT: "┬",
    _UP | _LEFT | _RIGHT: "┴", _UP | _DOWN | _LEFT | _RIGHT: "┼", _LEFT: "╴", _RIGHT: "╶", _UP: "╵", _DOWN: "╷",
}  # fmt: skip
_HEAVY = {
    _LEFT | _RIGHT: "━", _UP | _DOWN: "┃", _DOWN | _RIGHT: "┏", _DOWN | _LEFT: "┓", _UP | _RIGHT: "┗",
    _UP | _LEFT: "┛", _UP | _DOWN | _RIGHT: "┣", _UP | _DOWN | _LEFT: "┫", _DOWN | _LEFT | _RIGHT: "┳",
    _UP | _LEFT | _RIGHT: "┻", _UP | _DOWN | _LEFT | _RIGHT: "╋", _LEFT: "╸", _RIGHT: "╺", _UP: "╹", _DOWN: "╻",
}  # fmt: skip
_DASHED = {**_LIGHT, _LEFT | _RIGHT: "╌", _UP | _DOWN: "╎"}


@dataclass(slots=True)
class _Cell:
    sides: int
    slot: int
    hold: Hold


def paint_wires(
    plugs: Sequence[Plug],
    sockets: Sequence[Socket],
    width: int,
    height: int,
    palette: Palette,
    bright: int | None = None,
) -> list[Strip]:
    """`height` rows of wires; the bundle of the member in slot `bright` is drawn heavy."""
    rows = {socket.slot: _row_for(socket, plugs) for socket in sockets}
    bundles = tuple(
        _Bundle(slot, lanes, rows[slot])
        for slot in dict.fromkeys(plug.slot for plug in plugs if plug.slot is not None)
        if slot in rows
        and (lanes := tuple(plug.row for plug in plugs if plug.slot == slot and plug.hold is not Hold.LOOSE))
    )
    tracks = tracks_for(bundles, width)
    grid: dict[tuple[int, int], _Cell] = {}
    texts: dict[tuple[int, int], tuple[str, Style]] = {}
    holds = {plug.row: plug.hold for plug in plugs}
    for bundle in bundles:
        _draw(grid, bundle, tracks.get(bundle.slot), holds, width)
    drawn = {bundle.slot for bundle in bundles if bundle.slot in tracks}
    for plug in plugs:
        if plug.hold is Hold.LOOSE or plug.slot is None:
            style = palette.faint if plug.slot is None else palette.member(plug.slot)
            texts[plug.row, 0] = ("╌╌╴"[: max(0, width - 1)], style)
        elif plug.slot not in drawn:
            texts[plug.row, 0] = ("╌╴" if plug.hold is Hold.BROKEN else "─╴", palette.member(plug.slot))
    for socket in sockets:
        if socket.slot not in drawn and socket.held:
            texts[socket.row, width - 2] = ("╶─", palette.member(socket.slot))
    return [_row(y, grid, texts, width, palette, bright) for y in range(height)]


def _row_for(socket: Socket, plugs: Sequence[Plug]) -> int:
    """Where a member is plugged in: straight from a lane of its own if that can be, else clear of the others' lanes."""
    able = range(socket.row, socket.row + max(socket.height, 1))
    own = [plug.row for plug in plugs if plug.slot == socket.slot and plug.hold is not Hold.LOOSE and plug.row in able]
    taken = {plug.row for plug in plugs if plug.slot != socket.slot}
    return next(iter(own), next((row for row in able if row not in taken), socket.row))


def tracks_for(bundles: tuple[_Bundle, ...], width: int) -> dict[int, int]:
    """The column of each bundle; a bundle for which there is none is left out."""
    upright = tuple(bundle for bundle in bundles if not bundle.straight)
    found = {bundle.slot: width // 2 for bundle in bundles if bundle.straight}
    columns = list(range(1, width - 1, 2)) or [0]
    if len(upright) > len(columns):
        columns = list(range(1, width - 1)) or [0]
    order = _in_order(upright)
    if len(order) <= len(columns):
        spread = (len(columns) - len(order)) // 2
        for at, bundle in enumerate(order):
            found[bundle.slot] = columns[at + spread]
        return found
    taken: list[list[_Bundle]] = [[] for _ in columns]
    for bundle in order:
        for at, others in enumerate(taken):
            if all(bundle.high < other.low or bundle.low > other.high for other in others):
                others.append(bundle)
                found[bundle.slot] = columns[at]
                break
    return found


@lru_cache(maxsize=64)
def _in_order(bundles: tuple[_Bundle, ...]) -> tuple[_Bundle, ...]:
    """Left to right so that few cross: every order tried for a handful, else each taken to its best place in turn."""
    count = len(bundles)
    cost = [[_crossings(left, right) for right in bundles] for left in bundles]
    if count <= 5:
        best = min(
            permutations(range(count)),
            key=lambda order: sum(cost[a][b] for at, a in enumerate(order) for b in order[at + 1 :]),
        )
        return tuple(bundles[at] for at in best)
    order = list(range(count))
    for _ in range(4):
        before = list(order)
        for each in range(count):
            _take_to_best_place(order, each, cost)
        if order == before:
            break
    return tuple(bundles[at] for at in order)


def _take_to_best_place(order: list[int], each: int, cost: list[list[int]]) -> None:
    order.remove(each)
    now = sum(cost[each][other] for other in order)
    costs = [now]
    for other in order:
        now += cost[other][each] - cost[each][other]
        costs.append(now)
    order.insert(costs.index(min(costs)), each)


def _crossings(left: _Bundle, right: _Bundle) -> int:
    """What it costs to have `left` left of `right`: crossings, and dearer, two wires in one row."""
    crossed = sum(left.low <= row <= left.high for row in right.lanes)
    crossed += right.low <= left.row <= right.high
    shared = left.row in right.lanes
    return crossed + 6 * shared


def _draw(
    grid: dict[tuple[int, int], _Cell], bundle: _Bundle, track: int | None, holds: dict[int, Hold], width: int
) -> None:
    if track is None:
        return
    firm = [row for row in bundle.lanes if holds[row] is not Hold.BROKEN]
    whole = Hold.BROKEN if not firm else Hold.FRESH if all(holds[row] is Hold.FRESH for row in firm) else Hold.FIRM
    if bundle.straight:
        for column in range(width):
            _put(grid, (bundle.row, column), _LEFT | _RIGHT, bundle.slot, holds[bundle.lanes[0]])
        return
    for row in range(bundle.low, bundle.high + 1):
        sides = (_UP if row > bundle.low else 0) | (_DOWN if row < bundle.high else 0)
        _put(grid, (row, track), sides, bundle.slot, whole)
    for row in bundle.lanes:
        for column in range(track):
            _put(grid, (row, column), _LEFT | _RIGHT, bundle.slot, holds[row])
        _put(grid, (row, track), _LEFT, bundle.slot, whole)
    for column in range(track + 1, width):
        _put(grid, (bundle.row, column), _LEFT | _RIGHT, bundle.slot, whole)
    _put(grid, (bundle.row, track), _RIGHT, bundle.slot, whole)


def _put(grid: dict[tuple[int, int], _Cell], at: tuple[int, int], sides: int, slot: int, hold: Hold) -> None:
    known = grid.get(at)
    if known is None:
        grid[at] = _Cell(sides, slot, hold)
    elif known.slot == slot:
        known.sides |= sides
    elif known.sides != _LEFT | _RIGHT or sides != _UP | _DOWN:
        grid[at] = _Cell(sides, slot, hold)


def _row(
    y: int,
    grid: dict[tuple[int, int], _Cell],
    texts: dict[tuple[int, int], tuple[str, Style]],
    width: int,
    palette: Palette,
    bright: int | None,
) -> Strip:
    line = Line(width)
    while line.left > 0:
        text = texts.get((y, line.used))
        if text is not None:
            line.add(*text)
            continue
        cell = grid.get((y, line.used))
        if cell is None:
            line.add(" ")
            continue
        glyphs = _HEAVY if cell.slot == bright or cell.hold is Hold.FRESH else _LIGHT
        style = palette.member(cell.slot)
        if cell.hold is Hold.BROKEN:
            glyphs, style = _DASHED, palette.faint
        line.add(glyphs[cell.sides], style)
    return line.strip()
