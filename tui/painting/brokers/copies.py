"""Where every copy of a partition stands: a row a partition, a column a broker.

Each cell says with a sign what the copy is: ★ leads, ● in sync, ○ out of sync, ✗ on a dead broker, ◌ one that is just
being made, ◍ one that will be dropped.
"""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from textual.strip import Strip

from engine.snapshot import PartitionView, ReplicaView
from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.text import number, short

NAME, EPOCH, MARK = 5, 6, 10
LEAST, WORDY = 9, 13
"""Cells a broker's column needs, or the high watermark is left out; and those from which it has words."""


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
    wordy = each >= WORDY
    copies = {copy.broker_id: copy for copy in view.copies}
    for broker_id in brokers:
        sign, words, style = _cell(view, copies.get(broker_id), each - 3, wordy, palette)
        name.add(f"{sign} ", style).data(words, style, each - 3).add(" ")
    mark = number(view.high_watermark) if view.leader is not None else "no leader"
    if room or view.leader is None:
        name.add(mark.rjust(room or MARK), palette.text if view.leader is not None else palette.error)
    return [name.strip()]


def _cell(
    view: PartitionView, copy: ReplicaView | None, room: int, wordy: bool, palette: Palette
) -> tuple[str, str, Style]:
    if copy is None:
        return " ", "", palette.faint
    behind = view.log_end_offset - copy.log_end_offset if copy.alive else 0
    sign, word, style = _standing(view, copy, behind, palette)
    end = number(copy.log_end_offset) if copy.log_end_offset >= 0 else "unknown" if wordy else "?"
    lag = f" −{number(behind)}" if behind > 0 else ""
    if wordy and word and len(end + lag) + len(word) < room:
        return sign, f"{end}{lag} {word}", style
    if len(end + lag) > room:
        return sign, f"−{short(behind)}" if lag else short(copy.log_end_offset), style
    return sign, end + lag, style


def _standing(view: PartitionView, copy: ReplicaView, behind: int, palette: Palette) -> tuple[str, str, Style]:
    """Sign, word and colour of what a copy is."""
    leads = copy.broker_id == view.leader
    if not copy.alive:
        return "✗", "leads" if leads else "down", palette.error
    if leads:
        return "★", "leads", palette.strong
    if view.target and copy.broker_id not in view.target:
        return "◍", "leaves", palette.quiet
    if copy.broker_id in view.isr:
        return "●", "", palette.good
    if copy.broker_id in view.target:
        return "◌", "comes", palette.accent
    return "○", "" if behind else "not in sync", palette.warning
