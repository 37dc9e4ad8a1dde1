"""What the borders of the list of records say, and what stands there while it is empty."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from engine.snapshot import PartitionView
from engine.wording import plural
from tui.painting.records.row import GUTTER
from tui.painting.text import clean, cut
from tui.records.ends import Progress
from tui.records.reader import Reader
from tui.records.standing import Stage

Parts = list[tuple[str, str]]


def title_of(reader: Reader, width: int) -> Content:
    """What is read, whether it is live, and the filter."""
    if not reader.tps:
        return Content("Records")
    tp = reader.tps[0]
    name = f"{clean(tp.topic)}, all by time" if reader.merged else clean(str(tp))
    parts = [(cut(name, max(10, width // 2)), "bold $strong")]
    if reader.following:
        parts.append(("  ● live", "$state-stable"))
    if reader.filter is not None:
        parts.append((f"  / {cut(clean(reader.filter.text), max(8, width // 3))}", "$lane-cursor"))
    return Content.assemble(*parts)


_LEGEND: Parts = [
    (GUTTER[Stage.COMMITTED], "$quiet"), (" committed  ", "$quiet"),
    (GUTTER[Stage.DELIVERED], "$lane-pending"), (" read  ", "$quiet"),
    (GUTTER[Stage.WAITING], "$lane-waiting"), (" waiting   ", "$quiet"),
]  # fmt: skip
"""What the marks before records mean."""


def subtitle_of(reader: Reader, logs: Sequence[PartitionView], width: int, marked: bool) -> Content:
    """What is wrong, how the search goes, or how far the end is and how to come back to it; `marked`: with a legend."""
    if not reader.tps:
        return Content("")
    if reader.error:
        return Content.assemble((cut(clean(reader.error), max(10, width - 6)), "$text-error"))
    said = _followed(reader, logs) if reader.search is None else _searched(reader.search)
    used = sum(len(text) for text, _ in (*_LEGEND, *said)) + 6
    return Content.assemble(*(_LEGEND if marked and used <= width else ()), *said)


def _followed(reader: Reader, logs: Sequence[PartitionView]) -> Parts:
    if reader.following:
        return [("↑", "$primary"), (" stops following", "$quiet")]
    behind = _behind(reader, logs)
    if not behind:
        return [("G", "$primary"), (" follows the end", "$quiet")]
    return [
        ("not following: ", "$lane-pending"),
        (f"{plural(behind, 'record')} further on  ", "$quiet"),
        ("G", "$primary"),
        (" to the end", "$quiet"),
    ]


def nothing_in(reader: Reader, topics: bool) -> str:
    """Why no record is shown, and what to press."""
    if not topics:
        return "There are no topics yet. Press n to make one; then p sends records to it."
    if reader.error:
        return reader.error
    if reader.waiting or not reader.tps:
        return "…" if reader.filter is None else "Looking…"
    if reader.filter is not None:
        return f"No record matches {clean(reader.filter.text)}. Press / to change the filter, esc to show everything."
    here = "These partitions hold" if reader.merged else "This partition holds"
    return f"{here} no records now. Press e to write one by hand, p to start a producer."


def _behind(reader: Reader, logs: Sequence[PartitionView]) -> int:
    """Records behind the cursor."""
    places = reader.window.places_at(reader.cursor + 1)
    return sum(max(0, log.high_watermark - places.get(log.tp, log.high_watermark)) for log in logs)


def _searched(search: Progress) -> Parts:
    found = f"{plural(search.found, 'match', 'matches')} at hand"
    if search.under_way:
        return [
            (f"looking: {search.share:.0%} looked through, ", "$lane-pending"),
            (f"{found}  ", "$quiet"),
            ("esc", "$primary"),
            (" stops", "$quiet"),
        ]
    if search.stopped:
        return [(f"stopped at {search.share:.0%}, {found}  ", "$lane-pending"), ("/", "$primary"), (" again", "$quiet")]
    end = "" if search.share >= 1 else "; more as you scroll"
    return [(f"{found}{end}  ", "$quiet"), ("esc", "$primary"), (" shows everything", "$quiet")]
