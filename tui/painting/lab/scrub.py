"""Paints a scrub: where the cursor stands, the record under it, and what applying would do."""

from __future__ import annotations

from textual.strip import Strip

from tui.painting.line import Line, blank, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import clean, cut, decode, duration, number, size, wrap
from tui.scrubbing import ScrubView

KEYS = (
    ("←→", "record"), ("pgup pgdn", "page"), ("g G", "ends"), ("↑↓", "partition"), ("mouse", "drag along the lane"),
)  # fmt: skip


def paint_scrub(view: ScrubView, now_ms: float, width: int, height: int, palette: Palette) -> list[Strip]:
    """`height` rows: place, record, consequence, keys; the value takes what room there is."""
    place = _place(view, now_ms, width, palette)
    said = _consequence(view, width, palette)
    keys = [_keys(width, palette)]
    room = max(1, height - len(said) - len(keys) - 1)
    record = _record(view, width, palette, room)
    rows = [place, *record, *[blank(width)] * (room - len(record)), *said, *keys]
    return rows[:height]


def _place(view: ScrubView, now_ms: float, width: int, palette: Palette) -> Strip:
    line = Line(width).add(" offset ", palette.quiet).add(number(view.offset), palette.lane_cursor)
    line.add(f"  of {number(view.log_start)} to {number(view.log_end)}", palette.quiet)
    if view.record is not None and not view.asking:
        record = view.record.record
        if record.offset != view.offset:
            line.add(f"  next is {number(record.offset)}; those before it were compacted away", palette.warning)
        elif record.timestamp >= 0:
            line.add(f"  {duration(now_ms - record.timestamp)} ago", palette.text)
    if view.committed is not None:
        by = view.offset - view.committed
        text = "here the group stands" if not by else f"{number(abs(by))} {'after' if by > 0 else 'before'} its commit"
        right_aligned(line, [(text, palette.lane_committed)], 1)
    return line.strip()


def _record(view: ScrubView, width: int, palette: Palette, room: int) -> list[Strip]:
    if view.record is None:
        if view.asking:
            return [Line(width).add(" …", palette.faint).strip()]
        text = "The end of the log: only what comes from now on." if view.offset >= view.log_end else ""
        return [Line(width).add(f" {text}", palette.quiet).strip()]
    record = view.record.record
    line = Line(width).add(" key ", palette.quiet).add(cut(decode(record.key, 80), width // 3), palette.json_key)
    about = f"{size(len(record.value))}" if record.value is not None else "tombstone"
    more = f"{about} · batch {number(view.record.base_offset)}-{number(view.record.last_offset)}"
    right_aligned(line, [(more, palette.faint)], 1)
    rows = [line.strip()]
    text = decode(record.value, width * max(room, 1) * 4)
    values = wrap(text, width - 2) or [""]
    for at, words in enumerate(values[: max(room - 1, 0)]):
        last = at == room - 2 and len(values) > room - 1
        rows.append(Line(width).add(" ").add(cut(words + "……" if last else words, width - 2), palette.text).strip())
    return rows


def _consequence(view: ScrubView, width: int, palette: Palette) -> list[Strip]:
    style = palette.quiet if view.asking else palette.error if view.refused else palette.strong
    if view.plan is not None and not view.refused and not view.asking:
        style = palette.warning if view.plan.skipped else palette.strong
    what = "apply: " if not view.refused else "cannot: "
    text = f"{what}{clean(view.sentence)}" if view.sentence else "…"
    lines = wrap(text, width - 2)[:2]
    return [Line(width).add(" ").add(words, style).strip() for words in lines]


def _keys(width: int, palette: Palette) -> Strip:
    line = Line(width).add(" ")
    for key, label in KEYS:
        if line.left > len(key) + len(label) + 3:
            line.add(key, palette.accent).add(f" {label}  ", palette.quiet)
    return line.strip()
