"""Paints the first line: which lab, how fast time goes, what flows in and out, how far behind, how many brokers."""

from __future__ import annotations

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from engine.snapshot import World
from tui.painting.line import Line
from tui.painting.outside.sign import OUTSIDE
from tui.painting.palette import Palette
from tui.painting.text import clean, clock, cut, number, rate, speed

Part = tuple[str, Style | None]


def paint_header(world: World | None, lab: str, width: int, palette: Palette) -> Strip:
    """One row; figures are left out from the least important on when the row is narrow."""
    if world is None:
        return Line(width).add(" kafkarium", palette.accent).add(f" · {clean(lab)}", palette.text).strip()
    alive, brokers = sum(broker.alive for broker in world.brokers), len(world.brokers)
    produced, consumed = _latest(world.throughput.produced), _latest(world.throughput.consumed)
    lag = sum(group.lag for group in world.groups)
    pace: list[Part] = (
        [("‖ paused", palette.warning)]
        if world.paused
        else [("▶ ", palette.good), (speed(world.speed), palette.strong if world.speed == 1 else palette.warning)]
    )
    figures: list[list[Part]] = [
        pace,
        *_open(world, palette),
        [("in ", palette.quiet), (rate(produced), palette.flow_in)],
        [("out ", palette.quiet), (rate(consumed), palette.flow_out)],
        [("lag ", palette.quiet), (number(lag), palette.flow_lag if lag else palette.text)],
        [("brokers ", palette.quiet), (f"{alive}/{brokers}", palette.text if alive == brokers else palette.error)],
    ]
    age: Part = (clock(world.now_ms - world.began_ms), palette.quiet)
    gap = "   " if width >= 100 else "  "
    name = cut(clean(world.lab), 24 if width >= 100 else 14)
    head = cell_len(f" kafkarium · {name}") + len(gap)
    room = width - head - cell_len(age[0]) - 2
    while figures and _length(figures, gap) > room:
        figures.pop()
    line = Line(width).add(" kafkarium", palette.accent).add(" · ", palette.faint).add(name, palette.strong).add(gap)
    for figure in figures:
        for text, style in figure:
            line.add(text, style)
        line.add(gap)
    return line.to(width - cell_len(age[0]) - 1).add(*age).strip()


def _open(world: World, palette: Palette) -> list[list[Part]]:
    """That clients from outside can connect, and how many are connected."""
    view = world.listening
    if view is None:
        return []
    style = palette.error if view.beyond_loopback else palette.accent
    where = "open to the network" if view.beyond_loopback else "" if view.connections else "open"
    connected = f"{len(view.connections)} connected" if view.connections else ""
    return [
        [(f"{OUTSIDE} ", style), (where, style), (" " if where and connected else "", None), (connected, palette.text)]
    ]


def _length(figures: list[list[Part]], gap: str) -> int:
    return sum(cell_len(text) for figure in figures for text, _ in figure) + len(gap) * len(figures)


def _latest(values: tuple[int, ...], seconds: int = 2) -> float:
    """The mean of the newest figures, so that the header does not flicker."""
    newest = values[-seconds:]
    return sum(newest) / len(newest) if newest else 0.0
