"""What producers and consumers have in common on the screen: a symbol and a word for each state."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.style import Style

from engine.snapshot import ClientState
from tui.painting.line import Line
from tui.painting.palette import Palette

INDENT = 3
"""Cells before everything but a client's name."""

SYMBOLS = {
    ClientState.RUNNING: "●",
    ClientState.PAUSED: "‖",
    ClientState.HUNG: "◍",
    ClientState.STOPPED: "■",
    ClientState.CRASHED: "✗",
}
GONE = (ClientState.STOPPED, ClientState.CRASHED)


def parts_that_fit(line: Line, parts: Sequence[str], style: Style, palette: Palette) -> Line:
    """`line` with as many of the parts, in order, as it has room for as a whole."""
    for part in parts:
        between = " · " if line.used > INDENT else ""
        if cell_len(between) + cell_len(part) < line.left:
            line.add(between, palette.faint).add(part, style)
    return line


def what_can_be_done(state: ClientState, room: int = 80) -> str:
    """The keys that help a client in that state, as many as have room; empty while it works."""
    match state:
        case ClientState.STOPPED | ClientState.CRASHED:
            return "r restart  D remove" if room >= len("r restart  D remove") else "r restart"
        case ClientState.PAUSED:
            return "z go on"
        case ClientState.HUNG:
            return "w wake"
    return ""
