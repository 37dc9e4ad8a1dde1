"""Turns data into text a terminal can be given, and figures into short words.

Text from records, keys, names and clients may hold anything: control and direction-changing characters become visible
symbols, invalid UTF-8 is shown byte by byte, and cutting counts cells, not characters.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from rich.cells import cell_len

ELLIPSIS = "…"
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def _stand_in(code: int) -> str:
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return "�"


_SYMBOLS = {code: _stand_in(code) for code in (*range(0x20), *range(0x7F, 0xA0))}
_HIDDEN = frozenset({"Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Formats (direction, joiners), surrogates, private and unassigned characters, line and paragraph separators."""


@lru_cache(maxsize=4096)
def clean(text: str) -> str:
    """The same text with nothing in it that a terminal would obey or that would change the order of what is shown."""
    if text.isascii() and text.isprintable():
        return text
    text = text.translate(_SYMBOLS)
    if text.isprintable():
        return _held(text)
    return _held("".join("�" if unicodedata.category(char) in _HIDDEN else char for char in text))


def _held(text: str) -> str:
    """A combining character needs something to stand on: one that opens the text stands on a dotted circle."""
    return f"◌{text}" if text and unicodedata.combining(text[0]) else text


def decode(data: bytes | None, limit: int = 4096) -> str:
    """The first `limit` bytes as text: UTF-8 where it is, `\\xNN` for bytes that are not; "∅" for None."""
    if data is None:
        return "∅"
    return clean(data[:limit].decode("utf-8", "backslashreplace"))


def cut(text: str, width: int) -> str:
    """At most `width` cells of `text`, with an ellipsis when something had to go; never half of a wide character."""
    if width <= 0:
        return ""
    if cell_len(text) <= width:
        return text
    return _head(text, width - 1) + ELLIPSIS


def _head(text: str, width: int) -> str:
    """As many characters from the start as `width` cells hold."""
    used, end = 0, 0
    while end < len(text) and (used := used + cell_len(text[end])) <= width:
        end += 1
    return text[:end]


def fit(text: str, width: int, right: bool = False) -> str:
    """Exactly `width` cells: cut or filled with blanks, on the left when `right` is asked for."""
    text = cut(text, width)
    blank = " " * max(0, width - cell_len(text))
    return blank + text if right else text + blank


def wrap(text: str, width: int) -> list[str]:
    """Lines of at most `width` cells, broken between words; a word longer than that is broken where it must be."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        while cell_len(word) > width > 0:
            if line:
                lines.append(line)
                line = ""
            head = _head(word, width) or word[0]
            lines.append(head)
            word = word[len(head) :]
        if not line:
            line = word
        elif cell_len(line) + 1 + cell_len(word) <= width:
            line = f"{line} {word}"
        else:
            lines.append(line)
            line = word
    return [*lines, line] if line else lines


def number(value: float) -> str:
    """A whole number with separators: 12,331."""
    return f"{value:,.0f}"


def short(value: float) -> str:
    """A number in at most five cells: 999, 1.2k, 12k, 3.4M."""
    if abs(value) < 999.5:
        return f"{value:.0f}"
    for unit in ("k", "M", "G"):
        value /= 1000
        if abs(value) < 9.95:
            return f"{value:.1f}{unit}"
        if abs(value) < 999.5:
            return f"{value:.0f}{unit}"
    return f"{value / 1000:.1f}T"


def rate(per_second: float) -> str:
    """Records a second: 120/s, 0.5/s, 1.2k/s."""
    if 0 < per_second < 9.95 and per_second != int(per_second):
        return f"{per_second:.1f}/s"
    return f"{short(per_second)}/s"


def size(count: float) -> str:
    """Bytes in at most seven cells: 812 B, 1.2 MB (powers of 1,000, as Kafka's sizes are read)."""
    if abs(count) < 999.5:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if abs(count) < 9.95:
            return f"{count:.1f} {unit}"
        if abs(count) < 999.5 or unit == "TB":
            break
    return f"{count:.0f} {unit}"


def duration(ms: float) -> str:
    """A length of time: 812 ms, 1.8 s, 2 m 05 s, 3 h 20 m, 7 d."""
    if ms < 1000:
        return f"{max(ms, 0):.0f} ms"
    if ms < 60_000:
        return f"{ms / 1000:.1f} s"
    minutes, seconds = divmod(round(ms / 1000), 60)
    if minutes < 60:
        return f"{minutes} m {seconds:02d} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes:02d} m"
    return f"{hours // 24} d"


def countdown(ms: float) -> str:
    """Time left, in tenths of a second so that it is seen to run: 1.8 s; 0.0 s when it is over."""
    return f"{max(ms, 0) / 1000:.1f} s" if ms < 99_950 else duration(ms)


def clock(ms: float) -> str:
    """A lab's age: 00:03:12; hours go on past 24."""
    seconds = int(max(ms, 0) // 1000)
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def speed(value: float) -> str:
    """How fast the world goes: 1×, 0.25×, 8×."""
    return f"{value:g}×"


def bar(share: float, width: int) -> str:
    """A bar of `width` cells, filled from the left by `share` (0 to 1) in eighths of a cell."""
    eighths = round(min(max(share, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(max(width, 0))
