"""Paints the list of topics: name, partitions, records."""

from __future__ import annotations

from textual.strip import Strip

from engine.snapshot import TopicView
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import number, plural


def paint_topic(topic: TopicView, chosen: bool, width: int, palette: Palette) -> Strip:
    """One row; `chosen` marks the topic that is looked at."""
    line = Line(width).add("▸ " if chosen else "  ", palette.mark)
    line.data(topic.name, palette.quiet if topic.internal else palette.text, width=min(24, max(8, width - 30)))
    line.add("  ").add(plural(len(topic.partitions), "partition"), palette.quiet)
    records = sum(partition.span for partition in topic.partitions)
    return right_aligned(line, [(number(records), palette.text)], margin=1).strip()
