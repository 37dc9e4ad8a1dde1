"""Paints the scrub under way: where the group would go, what applying would do, and the keys."""

from __future__ import annotations

from textual.strip import Strip

from tui.painting.line import Line, blank
from tui.painting.palette import Palette
from tui.painting.text import clean, cut, number, wrap
from tui.scrubbing import ScrubView

KEYS = (
    ("⏎", "apply"), ("u", "undo"), ("esc", "leave"), ("↑↓", "record"), ("m", "committed"), ("t", "go to"),
    ("v", "whole group"), ("{ }", "group"), ("g G", "ends"),
)  # fmt: skip
LEAST_ROWS = 3


def paint_scrub(view: ScrubView, width: int, height: int, palette: Palette) -> list[Strip]:
    """From where to where, the consequence in what room there is, keys."""
    room = max(1, height - 2)
    said = _consequence(view, width, room, palette)
    return [_place(view, width, palette), *said, *[blank(width)] * (room - len(said)), _keys(view, width, palette)]


def _place(view: ScrubView, width: int, palette: Palette) -> Strip:
    line = Line(width).add(" ")
    if view.group_id is None:
        return line.add(f"at offset {number(view.offset)}", palette.lane_cursor).strip()
    if view.whole:
        line.add("every partition to the time of this record, here ", palette.quiet)
    if view.committed is None:
        line.add("nothing committed", palette.quiet)
    else:
        line.add(f"committed {number(view.committed)}", palette.lane_committed)
    line.add("  →  ", palette.quiet).add(number(view.offset), palette.lane_cursor)
    if view.offset >= view.log_end:
        line.add("  the end: only what comes from now on", palette.quiet)
    elif view.committed is not None and view.offset != view.committed:
        by = view.offset - view.committed
        line.add(f"  {number(abs(by))} {'further on' if by > 0 else 'back'}", palette.quiet)
    return line.strip()


def _consequence(view: ScrubView, width: int, room: int, palette: Palette) -> list[Strip]:
    style = palette.quiet if view.asking else palette.error if view.refused else palette.strong
    if view.plan is not None and view.plan.skipped and not view.refused and not view.asking:
        style = palette.warning
    rows = wrap(clean(view.sentence) or "…", width - 2)
    if len(rows) > room:
        rows = [*rows[: room - 1], cut(" ".join(rows[room - 1 :]), width - 2)]
    return [Line(width).add(" ").add(words, style).strip() for words in rows]


def _keys(view: ScrubView, width: int, palette: Palette) -> Strip:
    line = Line(width).add(" ")
    for key, label in KEYS:
        label = "one partition" if key == "v" and view.whole else label
        if line.left > len(key) + len(label) + 3:
            line.add(key, palette.accent).add(f" {label}  ", palette.quiet)
    return line.strip()
