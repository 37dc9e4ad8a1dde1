"""Lays JSON out for reading, token by token: nothing is rounded, reordered or dropped; each kind has its colour."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from tui.painting.records.parts import Part, Parts, clean_long, fold

_TOKEN = re.compile(r'[ \t\r\n]*(?:("(?:[^"\\]|\\.)*")|(-?[0-9][-+.0-9eE]*)|(true|false|null)|([\[\]{},:]))', re.DOTALL)
_STYLES = (None, "json_text", "json_number", "json_word", "quiet")
INDENT = 2


def is_json(text: str) -> bool:
    """Whether the text is a JSON object or array, by RFC 8259."""
    if text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def lay_out(text: str, width: int, most: int) -> list[Parts]:
    """At most `most` rows of `width` cells for a text that `is_json`; what fits in a row stays in one."""
    tokens = _tokens(text)
    ends = _ends(tokens)
    rows: list[Parts] = []
    line: list[Part] = []
    depth = at = 0

    def end_line() -> None:
        nonlocal line
        if line:
            rows.extend(fold(line, width, min(depth, 8) * INDENT + INDENT))
        line = [(" " * (INDENT * min(depth, 16)), "quiet")]

    while at < len(tokens) and len(rows) < most:
        text_of, style = tokens[at]
        if text_of in "[{" and style == "quiet":
            end = ends[at]
            short = _inline(tokens, at, end, width - sum(len(part[0]) for part in line) - 2)
            if (depth > 0 and short is not None) or end == at + 1:
                line += short if short is not None else tokens[at : end + 1]
                at = end
            else:
                line.append(tokens[at])
                depth += 1
                end_line()
        elif text_of in "]}" and style == "quiet":
            depth -= 1
            end_line()
            line.append(tokens[at])
        elif text_of == "," and style == "quiet":
            line.append(tokens[at])
            end_line()
        else:
            line.append(tokens[at])
            if text_of == ":" and style == "quiet":
                line.append((" ", "quiet"))
        at += 1
    if line:
        rows.extend(fold(line, width, min(depth, 8) * INDENT + INDENT))
    return rows[:most]


def tokens_of(text: str, most: int = 64) -> list[Part]:
    """The first tokens of a text that may be JSON, or be cut off anywhere; what is no token comes as it is."""
    parts: list[Part] = []
    at = 0
    while at < len(text) and len(parts) < most:
        found = _TOKEN.match(text, at)
        if found is None:
            break
        parts.append((text[at : found.end()], _style(found, text)))
        at = found.end()
    return [*parts, (text[at:], "text")] if at < len(text) else parts


def _tokens(text: str) -> list[Part]:
    return [(clean_long(found[found.lastindex or 0]), _style(found, text)) for found in _TOKEN.finditer(text)]


def _style(found: re.Match[str], text: str) -> str:
    kind = found.lastindex or 0
    if kind == 1 and text[found.end() : found.end() + 8].lstrip()[:1] == ":":
        return "json_key"
    return _STYLES[kind] or "text"


def _ends(tokens: Sequence[Part]) -> dict[int, int]:
    """Where each bracket that opens is closed."""
    ends, open_ = {}, []
    for at, (text, style) in enumerate(tokens):
        if style == "quiet" and text in "[{":
            open_.append(at)
        elif style == "quiet" and text in "]}" and open_:
            ends[open_.pop()] = at
    return ends


def _inline(tokens: Sequence[Part], start: int, end: int, room: int) -> list[Part] | None:
    """The tokens from a bracket to its end in one row, or None where they need more cells than there are."""
    if end - start > 60:
        return None
    parts: list[Part] = []
    used = 0
    for text, style in tokens[start : end + 1]:
        text = text + " " if style == "quiet" and text in ",:" else text
        used += len(text)
        if used > room:
            return None
        parts.append((text, style))
    return parts


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")
