"""Paints requests as they pass: name and version, how long they took, what was asked and what was answered."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip

from engine.snapshot import RequestView
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import clean, clock, size, wrap

_INDENT = 10
_MOST = 3
"""Lines of what was asked, and of what was answered."""


def lines_of(request: RequestView, width: int) -> int:
    """How many rows it takes."""
    return 1 + len(_said(request.summary, width)) + len(_said(request.answer, width))


def _said(text: str, width: int) -> list[str]:
    found = wrap(clean(text), max(10, width - _INDENT - 3))
    if len(found) > _MOST:
        found = [*found[: _MOST - 1], f"{found[_MOST - 1][:-1]}…"]
    return found


def paint_request(request: RequestView, began_ms: float, width: int, palette: Palette) -> list[Strip]:
    """A line about the request, then what was asked (→) and what was answered (←)."""
    head = Line(width).add(f" {clock(request.at_ms - began_ms)} ", palette.faint)
    head.add(clean(request.name), palette.strong)
    head.add(f" v{request.api_version} to b{request.broker_id}", palette.quiet)
    took = "waits" if request.latency_ms is None else f"{_latency(request.latency_ms)}"
    sizes = size(request.bytes_in) + (f" → {size(request.bytes_out)}" if request.latency_ms is not None else "")
    right: list[tuple[str, Style | None]] = [
        (f"{sizes}   ", palette.faint),
        (took.rjust(8), palette.warning if request.latency_ms is None else palette.text),
    ]
    rows = [right_aligned(head, right, 1).strip()]
    rows += _paragraph("→", _said(request.summary, width), width, palette.text, palette)
    return rows + _paragraph("←", _said(request.answer, width), width, palette.quiet, palette)


def _latency(ms: float) -> str:
    return f"{ms:.1f} ms" if ms < 1000 else f"{ms / 1000:.2f} s"


def _paragraph(sign: str, lines: list[str], width: int, style: Style, palette: Palette) -> list[Strip]:
    return [
        Line(width).to(_INDENT).add(sign if at == 0 else " ", palette.faint).add(" ").add(text, style).strip()
        for at, text in enumerate(lines)
    ]
