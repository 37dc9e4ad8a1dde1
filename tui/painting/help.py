"""Paints the help: actions by where they work, each with its keys, its name and what it does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from textual.strip import Strip

from tui.painting.line import Line, blank
from tui.painting.palette import Palette
from tui.painting.text import clean, wrap


class Entry(NamedTuple):
    """One action: its keys as they are shown, its label, what it does, and why it cannot be done just now."""

    keys: str
    label: str
    help: str
    disabled: str = ""
    destructive: bool = False


class Section(NamedTuple):
    """Actions that work in one place."""

    heading: str
    entries: Sequence[Entry]


def paint_help(sections: Sequence[Section], width: int, palette: Palette) -> list[Strip]:
    """All the lines, sections apart by a blank one; why actions are disabled stands above the first of them."""
    keys = min(14, max((len(entry.keys) for section in sections for entry in section.entries), default=0)) + 2
    label = max((len(entry.label) for section in sections for entry in section.entries), default=0) + 2
    lines: list[Strip] = []
    for section in sections:
        if lines:
            lines.append(blank(width))
        lines.append(Line(width).data(section.heading, palette.strong).strip())
        for reason, entries in groupby(section.entries, key=lambda entry: entry.disabled):
            if reason:
                lines += [
                    Line(width).add(f"not now: {words}" if at == 0 else f"         {words}", palette.warning).strip()
                    for at, words in enumerate(wrap(clean(reason), max(width - 9, 10)))
                ]
            for entry in entries:
                lines += _paint_entry(entry, keys, label, width, palette)
    return lines


def _paint_entry(entry: Entry, keys: int, label: int, width: int, palette: Palette) -> list[Strip]:
    room = width - keys - label
    words = wrap(clean(entry.help), max(room, 10)) or [""]
    key = palette.faint if entry.disabled else palette.error if entry.destructive else palette.accent
    name = palette.faint if entry.disabled else palette.text
    first = Line(width).add(entry.keys, key).to(keys).add(entry.label, name).to(keys + label)
    painted = [first.add(words[0], palette.quiet)]
    painted += [Line(width).to(keys + label).add(word, palette.quiet) for word in words[1:]]
    return [line.strip() for line in painted]
