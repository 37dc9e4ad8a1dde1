"""Paints the last two minutes: records in, records out, and how far behind all groups are together."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from rich.style import Style
from textual.color import Color
from textual.strip import Strip

from engine.snapshot import Throughput
from tui.painting.line import Line, blank
from tui.painting.palette import Palette
from tui.painting.text import number, rate, short

LABEL = 12
_EIGHTHS = " ▁▂▃▄▅▆▇█"


def chart(values: Sequence[float], width: int, height: int, top: float) -> list[str]:
    """Columns of blocks, `height` rows of `width` cells, newest at the right; `top` fills a column."""
    values = list(values)[-width:]
    steps = [round(min(max(value / top, 0.0), 1.0) * height * 8) if top > 0 else 0 for value in values]
    steps = [max(step, 1) if value > 0 else step for step, value in zip(steps, values, strict=True)]
    gap = " " * (width - len(values))
    return [
        gap + "".join(_EIGHTHS[min(max(step - (height - 1 - row) * 8, 0), 8)] for step in steps)
        for row in range(height)
    ]


@lru_cache(maxsize=64)
def softened(style: Style, background: str) -> Style:
    """The same colour nearer to the background: areas are calmer than lines and letters."""
    if style.color is None or style.color.triplet is None:
        return style
    return Style(color=Color.parse(background).blend(Color(*style.color.triplet), 0.62).hex)


def paint_flow(flow: Throughput, width: int, height: int, palette: Palette) -> list[Strip]:
    """`height` rows; in and out on one scale, so that they can be held against each other; lag on its own."""
    cells = max(4, width - LABEL - 1)
    each, more = divmod(max(height, 3), 3)
    top = 1.1 * max((*flow.produced[-cells:], *flow.consumed[-cells:]), default=0)
    series: list[tuple[str, str, Sequence[int], float, Style, int]] = [
        ("in", rate(_latest(flow.produced)), flow.produced, top, palette.flow_in, each),
        ("out", rate(_latest(flow.consumed)), flow.consumed, top, palette.flow_out, each + (more > 1)),
        ("lag", _in_few(flow.lag[-1]) if flow.lag else "0", flow.lag, 1.1 * max(flow.lag[-cells:], default=0),
         palette.flow_lag, each + (more > 0)),
    ]  # fmt: skip
    rows: list[Strip] = []
    for name, figure, values, highest, style, lines in series:
        for at, blocks in enumerate(chart(values, cells, lines, highest)):
            line = Line(width)
            if at == lines - 1:
                line.add(f" {name}".ljust(5), palette.quiet).add(figure.rjust(LABEL - 6), style)
            rows.append(line.to(LABEL).add(blocks, softened(style, palette.background)).strip())
    return [*rows[:height], *[blank(width)] * (height - len(rows))]


def _in_few(value: int) -> str:
    return number(value) if value < 100_000 else short(value)


def _latest(values: Sequence[int], seconds: int = 2) -> float:
    newest = values[-seconds:]
    return sum(newest) / len(newest) if newest else 0.0
