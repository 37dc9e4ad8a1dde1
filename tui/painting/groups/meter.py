"""A thin bar that runs down, heavy where there is still something left, so that it reads without colour."""

from __future__ import annotations

from rich.style import Style

from tui.painting.line import Line
from tui.painting.palette import Palette


def halves(share: float, width: int) -> int:
    """How many half cells of a meter `width` cells wide are filled by `share` (0 to 1)."""
    return round(min(max(share, 0.0), 1.0) * width * 2)


def meter(line: Line, filled: int, width: int, style: Style, palette: Palette) -> Line:
    """Add a meter of `width` cells of which `filled` half cells are left."""
    whole, half = divmod(min(filled, width * 2), 2)
    line.add("━" * whole + ("╸" if half else ""), style)
    return line.add("─" * (width - whole - half), palette.faint)


def urgency(share: float, palette: Palette) -> Style:
    """The colour of what runs down: calm, then a warning, then an alarm."""
    if share > 0.5:
        return palette.good
    return palette.warning if share > 0.25 else palette.error
