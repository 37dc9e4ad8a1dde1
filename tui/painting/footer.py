"""Paints the last line: the keys that work just now, the most important first, and the modes at its right end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from textual.strip import Strip

from tui.painting.line import Line
from tui.painting.palette import Palette

LEAST = 46
"""Cells that keys have; where the modes by name would leave fewer, all but the one one is in are numbers."""


class Hint(NamedTuple):
    """Keys and what they do, in a word or two; each key with the id of the action that a click on it runs."""

    keys: tuple[tuple[str, str], ...]
    label: str
    current: bool = False

    @property
    def length(self) -> int:
        """Cells it takes."""
        return sum(cell_len(key) + 1 for key, _ in self.keys) + cell_len(self.label) - (not self.label)


class Span(NamedTuple):
    """The columns of the footer that belong to an action: from `start` up to, not including, `end`."""

    start: int
    end: int
    action: str


def paint_footer(
    hints: Sequence[Hint], modes: Sequence[Hint], width: int, palette: Palette
) -> tuple[Strip, tuple[Span, ...]]:
    """One row and where each action is on it; hints that do not fit are left out from the end."""
    modes = _named_or_numbered(modes, width)
    tail = sum(mode.length + 2 for mode in modes)
    line, spans = Line(width).add(" "), []
    for hint in hints:
        if line.used + hint.length + 2 <= width - tail - 1:
            spans += _add(line, hint, palette)
            line.add("  ")
    line.to(width - tail)
    for mode in modes:
        spans += _add(line, mode, palette)
        line.add("  ")
    return line.strip(), tuple(spans)


def _named_or_numbered(modes: Sequence[Hint], width: int) -> Sequence[Hint]:
    """The modes by name, if that leaves room for keys; else by number, but for the one one is in."""
    if width - sum(mode.length + 2 for mode in modes) >= LEAST:
        return modes
    return [mode._replace(label="") if mode.keys[0][0].isdigit() and not mode.current else mode for mode in modes]


def _add(line: Line, hint: Hint, palette: Palette) -> list[Span]:
    """Adds a hint; a click on its words means its first key."""
    spans = []
    for at, (key, action) in enumerate(hint.keys):
        start = line.used
        line.add(" " if at else "").add(key, palette.accent)
        spans.append(Span(start, line.used, action))
    if hint.label:
        start = line.used
        line.add(f" {hint.label}", palette.strong if hint.current else palette.quiet)
        first = hint.keys[0][1]
        spans = [spans[0]._replace(end=line.used)] if len(spans) == 1 else [*spans, Span(start, line.used, first)]
    return spans
