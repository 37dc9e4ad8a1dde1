"""Paints the help: actions by where they work, each with its keys, its name and what it does."""

from __future__ import annotations

from collections.abc import Sequence
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
    """All the lines, sections apart by a blank one."""
    keys = min(14, max((len(entry.keys) for section in sections for entry in section.entries), default=0)) + 2
    label = max((len(entry.label) for section in sections for entry in section.entries), default=0) + 2
    lines: list[Strip] = []
    for section in sections:
        if lines:
            lines.append(blank(width))
        lines.append(Line(width).data(section.heading, palette.strong).strip())
        for entry in section.entries:
            lines += _paint_entry(entry, keys, label, width, palette)
    return lines


def _paint_entry(entry: Entry, keys: int, label: int, width: int, palette: Palette) -> list[Strip]:
    room = width - keys - label
    words = wrap(clean(entry.help), max(room, 10)) or [""]
    key = palette.error if entry.destructive else palette.accent
    first = Line(width).add(entry.keys, key).to(keys).add(entry.label, palette.text).to(keys + label)
    painted = [first.add(words[0], palette.quiet)]
    painted += [Line(width).to(keys + label).add(word, palette.quiet) for word in words[1:]]
    if entry.disabled:
        painted += [
            Line(width).to(keys + label).add(("not now: " if at == 0 else "         ") + word, palette.warning)
            for at, word in enumerate(wrap(clean(entry.disabled), max(room - 9, 10)))
        ]
    return [line.strip() for line in painted]
