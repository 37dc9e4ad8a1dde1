"""Paints what happened: the time, a symbol for how to take it, and the sentence, wrapped under itself."""

from __future__ import annotations

from textual.strip import Strip

from engine.events import Tone
from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.text import clean, clock, wrap

TONE_SYMBOLS = {Tone.INFO: "·", Tone.GOOD: "✓", Tone.CHANGE: "↻", Tone.WARNING: "!", Tone.LOSS: "✗"}
INDENT, _WITHOUT_TIME = 13, 3
_ROOM = 40
"""Cells from which on there is room for the time beside the sentence."""


def _indent(width: int) -> int:
    return INDENT if width >= _ROOM else _WITHOUT_TIME


def lines_of(sentence: str, width: int) -> tuple[str, ...]:
    """The sentence in lines that fit beside the time; its names are data."""
    return tuple(wrap(clean(sentence), max(8, width - _indent(width) - 1))) or ("",)


def paint_event(
    age_ms: float, tone: Tone, lines: tuple[str, ...], fresh: bool, width: int, palette: Palette
) -> list[Strip]:
    """The rows of an event; one that just happened stands out."""
    style = palette.tones[tone]
    text = palette.text if fresh or tone in (Tone.WARNING, Tone.LOSS) else palette.quiet
    rows = []
    for at, words in enumerate(lines):
        line = Line(width)
        if at == 0:
            if width >= _ROOM:
                line.add(f" {clock(age_ms)} ", palette.quiet if fresh else palette.faint)
            line.add(f" {TONE_SYMBOLS[tone]} ", style)
        rows.append(line.to(_indent(width)).add(words, text).strip())
    return rows
