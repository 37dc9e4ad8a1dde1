"""What the marks of a lane mean, in as many words as the border has room for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from textual.content import Content

from engine.snapshot import TopicView
from tui.painting.lab.bar import COMMITTED, HELD, PENDING, PROCESSED, UNREPLICATED
from tui.painting.lab.copies import worst_of
from tui.painting.text import short

Mark = tuple[str, str, str]
"""A sign of the bar, what it stands for, and the variable of its colour."""
_COMMITTED: Mark = (COMMITTED, "committed", "$quiet")
_PROCESSED: Mark = (PROCESSED, "processed", "$lane-pending")
_PENDING: Mark = (PENDING, "pending", "$lane-waiting")
_HELD: Mark = (HELD, "held back", "$lane-waiting")
_UNREPLICATED: Mark = (UNREPLICATED, "not replicated", "$lane-unreplicated")


def _legends(topic: TopicView, held: bool) -> Iterator[Sequence[Mark]]:
    """What the marks of a topic's lanes mean, the fullest first."""
    if held:
        yield _COMMITTED, _PROCESSED, _PENDING, _HELD
        yield _PENDING, _HELD
    copied = topic.replication_factor > 1
    if copied:
        yield _COMMITTED, _PROCESSED, _PENDING, _UNREPLICATED
    if any(log.high_watermark < log.log_end_offset for log in topic.partitions) and worst_of(topic.partitions, 1):
        yield _PROCESSED, _PENDING, _UNREPLICATED
    yield _COMMITTED, _PROCESSED, _PENDING


def legend(topic: TopicView, per: int, width: int, held: bool = False) -> Content:
    """The fullest legend there is room for, and how many offsets a cell is."""
    scale = f" · a cell is {short(per)}" if per else ""
    for marks in _legends(topic, held):
        used = sum(len(sign) + len(word) + 2 for sign, word, _ in marks) + 3
        if used <= width:
            parts = [part for sign, word, style in marks for part in ((sign, style), (f" {word} ", "$quiet"))]
            said = Content.assemble(*parts).rstrip()
            return said + Content.styled(scale, "$quiet") if used + len(scale) <= width else said
    return Content("")
