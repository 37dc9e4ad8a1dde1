"""Paints the last line: the keys that work just now, the most important first, and the modes at its right end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette


class Hint(NamedTuple):
    """A key and its short label; `action` is the id to run when it is clicked."""

    action: str
    key: str
    label: str
    current: bool = False


class Span(NamedTuple):
    """The columns of the footer that belong to an action: from `start` up to, not including, `end`."""

    start: int
    end: int
    action: str


def paint_footer(
    hints: Sequence[Hint], modes: Sequence[Hint], width: int, palette: Palette
) -> tuple[Strip, tuple[Span, ...]]:
    """One row and where each action is on it; hints that do not fit are left out from the end."""
    tail = sum(_length(mode) + 2 for mode in modes)
    while modes and tail > width - 12:
        *modes, gone = modes
        tail -= _length(gone) + 2
    line, spans = Line(width).add(" "), []
    for hint in hints:
        if line.used + _length(hint) + 2 > width - tail - 1:
            continue
        start = line.used
        line.add(hint.key, palette.accent).add(f" {hint.label}", palette.quiet)
        spans.append(Span(start, line.used, hint.action))
        line.add("  ")
    parts: list[tuple[str, Style | None]] = []
    column = width - tail
    for mode in modes:
        spans.append(Span(column, column + _length(mode), mode.action))
        parts.append((mode.key, palette.accent))
        parts.append((f" {mode.label}", palette.strong if mode.current else palette.quiet))
        parts.append(("  ", None))
        column += _length(mode) + 2
    return right_aligned(line, parts).strip(), tuple(spans)


def _length(hint: Hint) -> int:
    return cell_len(hint.key) + 1 + cell_len(hint.label)
