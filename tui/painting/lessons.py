"""Paints lessons: the strip of the one under way, and the list of all. Keys stand out, and so does what is stressed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from textual.strip import Strip

from tui.painting.line import Line, blank, right_aligned
from tui.painting.palette import Palette
from tui.painting.records.parts import Part, fold, style_of
from tui.painting.text import clean, wrap

_MARKED = re.compile(r"`([^`]+)`|\*([^*]+)\*")
_BAR = 2
"""Cells of the bar at the left."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the strip says. `key` is what `5` does now, empty where it does nothing."""

    heading: str
    words: str
    key: str
    place: str = ""
    """"step 2 of 4"."""
    done: bool = False
    """Whether the words tell what was seen, and not what is to be done."""
    lacking: bool = False


def parts_of(words: str, style: str) -> list[Part]:
    """Words with their keys (`k`) and what is stressed (*so*) in styles of their own."""
    parts: list[Part] = []
    at = 0
    for found in _MARKED.finditer(words):
        parts.append((words[at : found.start()], style))
        parts.append((found[1], "accent") if found[1] else (found[2], "strong"))
        at = found.end()
    return [part for part in (*parts, (words[at:], style)) if part[0]]


def paint_guide(told: Told, width: int, palette: Palette) -> list[Strip]:
    """Heading, then the words in as many rows as they need; without words the heading alone."""
    tail: list[tuple[str, Style | None]] = [(f"{told.place}   ", palette.quiet)] if told.place else []
    if told.key:
        tail += [("5", palette.accent), (f" {told.key}", palette.good if told.done else palette.quiet)]
    head = _bar(width, palette)
    for text, style in parts_of(clean(told.heading), "strong"):
        head.add(text, style_of(style, palette))
    rows = [right_aligned(head, tail, 1).strip()]
    sign: list[Part] = [("✓ ", "good")] if told.done else [("! ", "warning")] if told.lacking else []
    for parts in fold([*sign, *parts_of(clean(told.words), "text")], width - _BAR - 2, 2 if sign else 0, words=True):
        line = _bar(width, palette)
        for text, style in parts:
            line.add(text, style_of(style, palette))
        rows.append(line.strip())
    return rows


def _bar(width: int, palette: Palette) -> Line:
    return Line(width).add("▌ ", palette.rule_focus)


def paint_course(
    titles: Sequence[str], taken: Sequence[bool], now: int, at: int, about: str, width: int, palette: Palette
) -> list[Strip]:
    """The lessons, one a row: `at` is under the cursor, `now` under way (-1: none). Below, what the chosen is about."""
    rows = []
    for number, title in enumerate(titles):
        line = Line(width).add("▸" if number == at else " ", palette.mark)
        line.add(f"{number + 1:>3}  ", palette.accent).add(title, palette.strong if number == at else palette.text)
        if number == now:
            line.add("  under way", palette.warning)
        elif taken[number]:
            line.add("  ✓", palette.good)
        rows.append(line.strip(palette.cursor if number == at else None))
    rows.append(blank(width))
    words = wrap(about, width - 4)
    rows += [Line(width).add("  ").add(text, palette.quiet).strip() for text in [*words, "", ""][: max(2, len(words))]]
    return rows
