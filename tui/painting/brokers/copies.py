"""Where every copy of a partition stands: a row a partition, a column a broker.

Each cell says with a sign what the copy is: ★ leads, ● in sync, ○ out of sync, ✗ on a dead broker.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from engine.snapshot import PartitionView, ReplicaView
from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.text import number

NAME, EPOCH, MARK = 5, 6, 10
LEAST = 13
"""Cells a broker's column needs beside the high watermark; where there are fewer, that is left out."""


def columns(width: int, brokers: int) -> tuple[int, int]:
    """Cells of each broker's column, and of the high watermark's."""
    room = width - NAME - EPOCH - 2
    mark = MARK if room - MARK >= LEAST * brokers else 0
    return (room - mark) // max(brokers, 1), mark


def paint_copies_head(brokers: Sequence[int], width: int, palette: Palette) -> Strip:
    """The names of the columns."""
    line = Line(width).add("".ljust(NAME + 1)).add("epoch".ljust(EPOCH), palette.quiet)
    each, mark = columns(width, len(brokers))
    for broker_id in brokers:
        line.add(f"{'broker' if each > 9 else 'b'} {broker_id}".ljust(each), palette.quiet)
    return line.add("watermark".rjust(mark) if mark else "", palette.quiet).strip()


def paint_copies(view: PartitionView, brokers: Sequence[int], width: int, palette: Palette) -> list[Strip]:
    """One partition: what each broker has of it, and up to where consumers see."""
    under = len(view.isr) < len(view.replicas)
    name = Line(width).add(f" P{view.partition}".ljust(NAME + 1), palette.warning if under else palette.strong)
    name.add(str(view.leader_epoch).ljust(EPOCH), palette.quiet)
    each, room = columns(width, len(brokers))
    copies = {copy.broker_id: copy for copy in view.copies}
    for broker_id in brokers:
        sign, words, style = _cell(view, copies.get(broker_id), palette)
        name.add(f"{sign} ", style).data(words, style, each - 3).add(" ")
    mark = number(view.high_watermark) if view.leader is not None else "no leader"
    if room or view.leader is None:
        name.add(mark.rjust(room or MARK), palette.text if view.leader is not None else palette.error)
    return [name.strip()]


def _cell(view: PartitionView, copy: ReplicaView | None, palette: Palette) -> tuple[str, str, Style]:
    if copy is None:
        return " ", "", palette.faint
    end = number(copy.log_end_offset) if copy.log_end_offset >= 0 else "unknown"
    if not copy.alive:
        return "✗", f"{end} {'leads' if copy.broker_id == view.leader else 'down'}", palette.error
    if copy.broker_id == view.leader:
        return "★", f"{end} leads", palette.strong
    behind = view.log_end_offset - copy.log_end_offset
    lag = f" −{number(behind)}" if behind > 0 else ""
    if copy.broker_id in view.isr:
        return "●", f"{end}{lag}", palette.good
    return "○", f"{end}{lag or ' not in sync'}", palette.warning
