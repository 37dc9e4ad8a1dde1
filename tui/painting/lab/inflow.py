"""Draws the way from producers to lanes: every producer of a topic may send to every partition, so they share a bus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from textual.strip import Strip

from tui.painting.line import Line
from tui.painting.palette import Palette


class Source(NamedTuple):
    """A producer of the topic: its row, and whether it sends just now."""

    row: int
    sends: bool


class Mouth(NamedTuple):
    """A lane: its row, and whether a record arrived there a moment ago."""

    row: int
    arrived: bool


def paint_inflow(
    sources: Sequence[Source], mouths: Sequence[Mouth], width: int, height: int, palette: Palette
) -> list[Strip]:
    """`height` rows: stubs from the producers, the bus, and an arrow into each lane, lit when a record arrives."""
    if not sources or not mouths:
        return [Line(width).strip() for _ in range(height)]
    sends = any(source.sends for source in sources)
    bus = palette.flow_in if sends else palette.faint
    from_row = {source.row: source for source in sources}
    to_row = {mouth.row: mouth for mouth in mouths}
    low = min(*from_row, *to_row)
    high = max(*from_row, *to_row)
    column = max(0, width // 2 - 1) if width > 2 else 0
    rows = []
    for y in range(height):
        line = Line(width)
        source, mouth = from_row.get(y), to_row.get(y)
        if low <= y <= high:
            if source is not None:
                line.add(("─" if source.sends else "╌") * column, bus if source.sends else palette.faint)
            line.to(column).add(_joint(y > low, y < high, source is not None, mouth is not None), bus)
            if mouth is not None:
                line.add("─" * (line.left - 1), bus)
                line.add("▶" if mouth.arrived else "▷", palette.lane_head if mouth.arrived else bus)
        rows.append(line.strip())
    return rows


_JOINTS = {
    (False, False, True, True): "─", (False, True, True, False): "╮", (True, False, True, False): "╯",
    (True, True, True, False): "┤", (False, True, False, True): "╭", (True, False, False, True): "╰",
    (True, True, False, True): "├", (False, True, True, True): "┬", (True, False, True, True): "┴",
    (True, True, True, True): "┼", (True, True, False, False): "│",
}  # fmt: skip


def _joint(up: bool, down: bool, left: bool, right: bool) -> str:
    return _JOINTS.get((up, down, left, right), "│")
