"""Paints the partitions that are part of a transaction: where it begins in each, and what waits behind it."""

from __future__ import annotations

from dataclasses import dataclass

from textual.strip import Strip

from engine.snapshot import PartitionView
from engine.types import TopicPartition
from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.text import clean, number

_FIGURE, _LEAST_NAME, _MOST_NAME, _WHO = 10, 14, 30, 14


@dataclass(frozen=True, slots=True)
class Part:
    """A partition of a transaction; figures are None where they are not known."""

    tp: TopicPartition
    first: int | None
    """The first offset of the transaction in it."""
    stable: int | None
    """The last stable offset."""
    end: int | None
    """The high watermark."""
    waits: str
    """Who waits for the transaction to end."""

    @property
    def behind(self) -> int | None:
        """Records that who reads committed records does not get yet."""
        return None if self.stable is None or self.end is None else max(0, self.end - self.stable)


def part_of(tp: TopicPartition, log: PartitionView | None, producer_id: int, waits: str) -> Part:
    """What is known of it."""
    if log is None:
        return Part(tp, None, None, None, waits)
    first = next((at for each, at in log.open_transactions if each == producer_id), None)
    stable = log.last_stable_offset if log.last_stable_offset >= 0 else None
    return Part(tp, first, stable, log.high_watermark, waits)


def _columns(width: int) -> tuple[int, int]:
    """Cells of the name, and how many of the four figures there is room for beside who waits."""
    name = max(_LEAST_NAME, min(_MOST_NAME, width - 3 * _FIGURE - _WHO - 1))
    return name, min(len(_NAMES), max(1, (width - name - 1 - _WHO) // _FIGURE))


_NAMES = ("held back", "begins", "stable", "end")


def paint_parts_head(width: int, palette: Palette) -> Strip:
    """The names of the columns."""
    name, figures = _columns(width)
    line = Line(width).add(" ").add("partition".ljust(name), palette.quiet)
    for title in _NAMES[:figures]:
        line.add(title.rjust(_FIGURE), palette.quiet)
    return line.add("   who waits", palette.quiet).strip()


def paint_part(part: Part, width: int, palette: Palette) -> Strip:
    """One row."""
    name, figures = _columns(width)
    line = Line(width).add(" ").data(str(part.tp), palette.text, width=name)
    for at, value in enumerate((part.behind, part.first, part.stable, part.end)[:figures]):
        style = palette.flow_lag if at == 0 and value else palette.text if value is not None else palette.faint
        line.add(("–" if value is None else number(value)).rjust(_FIGURE), style)
    return line.add(f"   {clean(part.waits)}", palette.quiet).strip()
