"""Paints the history of rebalances, two lines for each, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from engine.snapshot import GroupProtocol, GroupState, Phase, Rebalance
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import clean, clock, duration

HEIGHT = 2
_GLYPHS = {"PreparingRebalance": "░", "CompletingRebalance": "▒", "Assigning": "░", "Reconciling": "▒"}
_LEAST_BAR, _MOST_BAR = 8, 24


def way_of(rebalance: Rebalance) -> str:
    """Assignor and protocol: "range, eager"; a cooperative assignor says so by its name."""
    assignor = clean(rebalance.assignor)
    if rebalance.protocol is GroupProtocol.CONSUMER:
        return ", ".join(filter(None, (assignor, "consumer protocol")))
    if rebalance.cooperative:
        return assignor if "cooperative" in assignor else ", ".join(filter(None, (assignor, "cooperative")))
    return ", ".join(filter(None, (assignor, "eager")))


def moved_words(rebalance: Rebalance) -> str:
    """How much changed hands."""
    if not rebalance.moves:
        return "nothing assigned" if rebalance.ended_ms is not None else "nothing assigned yet"
    moved = len(rebalance.moved)
    return f"{moved}/{len(rebalance.moves)} moved" if moved else f"all {len(rebalance.moves)} stayed"


def stopped_words(rebalance: Rebalance) -> str:
    """How long the partition stood still that stood still the longest."""
    return f"stopped {duration(rebalance.unserved_ms)}" if rebalance.unserved_ms >= 1 else "nothing stopped"


def phase_style(phase: Phase, palette: Palette) -> tuple[str, Style]:
    """How a phase is drawn: its texture, so that it reads without colour, and its state's colour."""
    state = next((state for state in GroupState if state.value == phase.name), GroupState.STABLE)
    return _GLYPHS.get(phase.name, "█"), palette.states[state]


def shares(lengths: Sequence[float], width: int) -> list[int]:
    """`width` cells divided in proportion, at least one for what is longer than nothing."""
    whole = sum(lengths)
    if whole <= 0 or width <= 0:
        return [0] * len(lengths)
    edges, passed = [0], 0.0
    for length in lengths:
        passed += length
        edges.append(max(round(width * passed / whole), edges[-1] + (length > 0)))
    edges[-1] = width
    for at in range(len(edges) - 2, 0, -1):
        edges[at] = min(edges[at], edges[at + 1] - (lengths[at] > 0))
    return [max(after - before, 0) for before, after in pairwise(edges)]


def paint_rebalance(rebalance: Rebalance, began_ms: float, width: int, palette: Palette) -> list[Strip]:
    """Generations and cause, then how it went. `began_ms` is when the lab was made."""
    it = rebalance
    under_way = it.ended_ms is None
    head = f" {it.from_generation}→{it.to_generation} "
    indent = max(len(head), 7)
    line = Line(width).add(head.ljust(indent), palette.warning if under_way else palette.strong)
    at = "under way" if under_way else clock(it.began_ms - began_ms)
    line.data(it.cause, palette.text, width=max(width - indent - len(at) - 2, 4))
    right_aligned(line, [(at, palette.warning if under_way else palette.quiet)], margin=1)
    style = palette.flow_lag if it.unserved_ms >= 1 else palette.good
    moved, protocol = moved_words(it), "cooperative" if it.cooperative else "eager"
    protocol = "consumer" if it.protocol is GroupProtocol.CONSUMER else protocol
    long, brief = ("", "") if under_way else (stopped_words(it), duration(it.unserved_ms))
    for way, stopped in ((way_of(it), long), (protocol, long), (protocol, brief)):
        left = width - indent - len(way) - 3 - len(moved) - cell_len(stopped) - 2
        if left >= 0:
            break
    below = Line(width).to(indent).add(way, palette.quiet).add(" · ", palette.faint)
    below.add(moved, palette.text if it.moved else palette.quiet)
    tail: list[tuple[str, Style | None]] = [(stopped, style)]
    if not under_way and left - 3 >= _LEAST_BAR:
        tail = [*_phase_bar(it, min(left - 3, _MOST_BAR), palette), ("  ", None), *tail]
    return [line.strip(), right_aligned(below, tail, margin=1).strip()]


def _phase_bar(it: Rebalance, width: int, palette: Palette) -> list[tuple[str, Style | None]]:
    lengths = [(phase.ended_ms or phase.began_ms) - phase.began_ms for phase in it.phases]
    bar: list[tuple[str, Style | None]] = []
    for phase, cells in zip(it.phases, shares(lengths, width), strict=True):
        glyph, style = phase_style(phase, palette)
        bar.append((glyph * cells, style))
    return bar
