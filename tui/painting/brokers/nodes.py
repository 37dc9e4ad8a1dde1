"""One broker in three lines: whether it lives, what it leads, and what is wrong with it on purpose."""

from __future__ import annotations

from rich.style import Style
from textual.strip import Strip

from engine.snapshot import BrokerView
from engine.wording import plural
from tui.painting.line import Line, blank, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import bar, countdown, number, size

CONTROLLER = 0
"""What the controller is called among the nodes a broker is cut from."""
_ROOMY = 36
"""Cells from which on a broker has all its words, and a blank line behind."""


def height(width: int) -> int:
    """Lines of a broker."""
    return 4 if width >= _ROOMY else 3


def state_of(broker: BrokerView, palette: Palette) -> tuple[str, str, Style]:
    """Symbol, word and colour of what a broker is doing."""
    if not broker.alive and broker.registered:
        return "✗", "crashed", palette.error
    if not broker.alive:
        return "○", "down", palette.quiet
    if not broker.registered:
        return "◐", "fenced", palette.warning
    if CONTROLLER in broker.cut_from:
        return "╳", "cut off", palette.warning
    return "●", "alive", palette.good


def paint_broker(
    broker: BrokerView, left_ms: float | None, session_ms: float, width: int, palette: Palette
) -> list[Strip]:
    """Three lines, and a blank one where there is room. `left_ms`: until the controller notices that it is gone."""
    symbol, word, style = state_of(broker, palette)
    head = Line(width).add(f" {symbol} ", style).add(f"broker {broker.broker_id}", palette.strong)
    right_aligned(head, [(word, style)], 1)
    second = Line(width).add("   ")
    if broker.alive:
        roomy = width >= _ROOMY
        second.add(f"leads {broker.leads}", palette.text).add(" of " if roomy else "/", palette.faint)
        second.add(f"{broker.replicas} copies " if roomy else f"{broker.replicas} ", palette.quiet)
        right_aligned(second, [(f" {size(broker.size_bytes)}", palette.quiet)], 1)
    elif left_ms is not None:
        share = max(0.0, min(1.0, left_ms / session_ms))
        words = f"{countdown(left_ms)} until noticed"
        room = width - len(words) - 6
        if room >= 4:
            second.add(bar(share, room), palette.error).add(" ")
        second.add(words, palette.error)
    else:
        second.add("r starts it again", palette.quiet)
    return [head.strip(), second.strip(), _troubles(broker, width, palette), blank(width)][: height(width)]


def _troubles(broker: BrokerView, width: int, palette: Palette) -> Strip:
    line = Line(width).add("   ")
    said = []
    if broker.cut_from:
        others = [str(node) for node in broker.cut_from if node != CONTROLLER]
        said.append(
            ("cut from " if width >= _ROOMY else "cut: ")
            + ", ".join(others + (["controller"] if CONTROLLER in broker.cut_from else []))
        )
    if broker.lost_answers:
        said.append(f"loses {broker.lost_answers:.0%}" + (" of answers" if width >= _ROOMY else ""))
    if broker.slow_ms:
        said.append(f"disk +{broker.slow_ms:.0f} ms")
    if broker.full:
        said.append("disk full")
    if said:
        line.add(" · ".join(said), palette.warning)
    elif not broker.alive and broker.registered:
        line.add("the controller does not know yet" if width >= _ROOMY else "not missed yet", palette.quiet)
    elif broker.alive:
        follows = broker.replicas - broker.leads
        told = f"{plural(follows, 'partition')} followed" if width >= _ROOMY else f"follows {number(follows)}"
        line.add(told, palette.faint)
    return line.strip()
