"""Pieces of text with the name of the style they are painted in, so that they can be laid out without colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.text import clean

Part = tuple[str, str]
"""Text that holds nothing a terminal would obey, and the name of a style of `Palette`, or "member:3"."""
Parts = tuple[Part, ...]
PIECE = 512


def clean_long(text: str) -> str:
    """`clean` for a text of any length: what it remembers are pieces, not the whole."""
    return (
        clean(text)
        if len(text) <= PIECE
        else "".join(clean(text[at : at + PIECE]) for at in range(0, len(text), PIECE))
    )


def style_of(name: str, palette: Palette) -> Style:
    """The style of that name; `member:n` is the colour of the member in slot n."""
    if name.startswith("member:"):
        return palette.member(int(name[7:]))
    return cast("Style", getattr(palette, name))


def paint_parts(parts: Sequence[Part], width: int, palette: Palette) -> Strip:
    """One row."""
    line = Line(width)
    for text, name in parts:
        line.add(text, style_of(name, palette))
    return line.strip()


def fold(parts: Iterable[Part], width: int, indent: int = 0, words: bool = False) -> list[Parts]:
    """The parts in rows of at most `width` cells; rows after the first begin with `indent` blanks.

    Rows are broken anywhere, or with `words` between words where that is possible.
    """
    indent = min(indent, max(0, width - 8))
    rows: list[list[Part]] = [[]]
    used = 0
    for text, name in parts:
        while text:
            head = _head(text, width - used)  # a long text is measured no further than the row
            if len(head) == len(text):
                rows[-1].append((text, name))
                used += _length(text)
                break
            if words and (between := _between_words(text, head, used > indent)) is not None:
                rows[-1].append((text[:between], name))
                text = text[between:].lstrip(" ")
            elif head:
                rows[-1].append((head, name))
                text = text[len(head) :]
            elif (used <= indent and len(rows) > 1) or not used:
                head, text = text[0], text[1:]  # a wide character in a row too narrow for it
                rows[-1].append((head, name))
            rows.append([(" " * indent, name)] if indent else [])
            used = indent
    return [tuple(row) for row in rows if row]


def _between_words(text: str, head: str, begun: bool) -> int | None:
    """Where to break a text of which `head` fits: before its last word, or before all of it in a row that is begun."""
    if text[len(head) : len(head) + 1] == " ":
        return len(head)
    blank = head.rfind(" ")
    return blank if blank > 0 or (blank == 0 and begun) else None


def _length(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _head(text: str, width: int) -> str:
    """As much of a text as `width` cells hold."""
    if text.isascii():
        return text[: max(width, 0)]
    used = end = 0
    while end < len(text) and (used := used + cell_len(text[end])) <= width:
        end += 1
    return text[:end] if width > 0 else ""  # marks take no cells, so they stay with the letter they stand on
