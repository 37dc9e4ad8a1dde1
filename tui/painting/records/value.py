"""Lays out a record's value (or key) of any size and kind: as JSON, as text, or as bytes in hex."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tui.painting.records.json import is_json, lay_out
from tui.painting.records.parts import Part, Parts, clean_long, fold
from tui.painting.text import number, size

JSON_BYTES, TEXT_BYTES, HEX_BYTES = 1 << 18, 1 << 16, 1 << 15
"""How much of a value is laid out at most; JSON only as a whole."""
MOST_ROWS = 2_000


class Look(Enum):
    """Ways to show a value."""

    JSON = "JSON"
    TEXT = "text"
    HEX = "hex"


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A value in rows, and the way it is really shown: bytes that are no JSON are shown as text, or in hex."""

    look: Look
    rows: tuple[Parts, ...]


def best_look(data: bytes | None) -> Look:
    """How a value is best read."""
    if not data:
        return Look.TEXT
    try:
        text = data[:JSON_BYTES].decode()
    except UnicodeDecodeError as error:
        # the cut may have gone through a character
        if len(data) <= JSON_BYTES or error.start < JSON_BYTES - 4:
            return Look.HEX if _binary(data) else Look.TEXT
        return Look.TEXT
    if len(data) <= JSON_BYTES and is_json(text):
        return Look.JSON
    return Look.HEX if _binary(data) else Look.TEXT


def lay_out_value(data: bytes | None, look: Look | None, width: int) -> LaidOut:
    """A value in rows of `width` cells, in the way asked for (None: the best)."""
    width = max(width, 10)
    best = best_look(data)
    chosen = best if look is None or (look is Look.JSON and best is not Look.JSON) else look
    if data is None:
        rows = fold([("∅ null: a tombstone; compaction deletes the key's older records", "quiet")], width)
        return LaidOut(Look.TEXT, tuple(rows))
    if not data:
        return LaidOut(Look.TEXT, ((("empty: 0 bytes", "quiet"),),))
    if chosen is Look.JSON:
        rows = lay_out(data.decode(), width, MOST_ROWS)
        return LaidOut(
            chosen,
            (
                *rows,
                *_left_out(len(rows) >= MOST_ROWS, f"the rest is left out, {number(len(data))} bytes in all", width),
            ),
        )
    if chosen is Look.HEX:
        shown = data[:HEX_BYTES]
        rows = _hex(shown, width)
    else:
        shown = data[:TEXT_BYTES]
        rows = _text(shown, width)
    rest = len(data) - len(shown)
    if len(rows) > MOST_ROWS:
        return LaidOut(
            chosen,
            (*rows[:MOST_ROWS], *_left_out(True, f"the rest is left out, {number(len(data))} bytes in all", width)),
        )
    return LaidOut(chosen, (*rows, *_left_out(rest > 0, f"{size(rest)} more, {number(len(data))} bytes in all", width)))


def _left_out(is_so: bool, what: str, width: int) -> list[Parts]:
    return fold([(f"… {what}", "warning")], width) if is_so else []


def _text(data: bytes, width: int) -> list[Parts]:
    rows: list[Parts] = []
    for line in data.decode("utf-8", "backslashreplace").split("\n"):
        rows += fold([(clean_long(line.removesuffix("\r")), "text")], width) or [((" ", "text"),)]
        if len(rows) > MOST_ROWS:
            break
    return rows


def _hex(data: bytes, width: int) -> list[Parts]:
    """Offset, bytes and, where there is room for them, characters; as many bytes in a row, up to 32, as fit."""
    digits = 4 if len(data) <= 1 << 16 else 6
    room = width - digits - 2
    per = next((each for each in (32, 16, 8) if _hex_cells(each) + 2 + each <= room), 0)
    characters = per > 0
    per = per or next((each for each in (4, 2) if _hex_cells(each) <= room), 1)
    rows: list[Parts] = []
    for at in range(0, len(data), per):
        row = data[at : at + per]
        cells = "  ".join(row[part : part + 8].hex(" ") for part in range(0, len(row), 8))
        parts: list[Part] = [(f"{at:0{digits}x}  ", "faint"), (cells.ljust(_hex_cells(per)), "text")]
        if characters:
            parts.append(("  " + "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in row), "quiet"))
        rows.append(tuple(parts))
    return rows


def _hex_cells(count: int) -> int:
    """Cells of so many bytes, with a blank between them and one more after each eight."""
    return count * 3 - 1 + (count - 1) // 8


def _binary(data: bytes) -> bool:
    """Whether hex tells more than text: bytes that are no UTF-8, or control characters, beyond a few."""
    sample = data[:512]
    strange = sum(byte < 32 and byte not in (9, 10, 13) for byte in sample)
    strange += sample.decode("utf-8", "replace").count("\ufffd")
    return strange * 8 > len(sample)
