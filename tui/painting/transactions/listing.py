"""Paints the list of transactional ids: name, state, epoch, and how long a transaction is open."""

from __future__ import annotations

from dataclasses import dataclass

from textual.strip import Strip

from engine.snapshot import TransactionState, TransactionView
from engine.wording import plural
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import countdown
from tui.painting.transactions.saying import SIGNS, style_of

HEIGHT = 2


@dataclass(frozen=True, slots=True)
class Listed:
    """What the list shows of an id; `open_for` is empty while no transaction is open."""

    transactional_id: str
    state: TransactionState
    epoch: int
    partitions: int
    open_for: str
    chosen: bool


def listed(view: TransactionView, now_ms: float, chosen: bool) -> Listed:
    """The few figures of it."""
    is_open = view.state is TransactionState.ONGOING and view.began_ms is not None
    open_for = countdown(now_ms - view.began_ms) if is_open and view.began_ms is not None else ""
    return Listed(view.transactional_id, view.state, view.producer_epoch, len(view.partitions), open_for, chosen)


def paint_listed(it: Listed, width: int, palette: Palette) -> list[Strip]:
    """Name and how long it is open; state, epoch and partitions where there is room."""
    mark, name = ("▸ ", palette.strong) if it.chosen else ("  ", palette.text)
    line = Line(width).add(mark, palette.mark).data(it.transactional_id, name, width=max(width - 11, 6))
    if it.open_for:
        right_aligned(line, [(it.open_for, palette.lane_waiting)], margin=1)
    below = Line(width).add("  ").add(f"{SIGNS[it.state]} {it.state.value}", style_of(it.state, palette))
    for more in (f" · epoch {it.epoch}", f" · {plural(it.partitions, 'partition')}" if it.partitions else ""):
        if len(more) <= below.left:
            below.add(more, palette.quiet)
    return [line.strip(), below.strip()]
