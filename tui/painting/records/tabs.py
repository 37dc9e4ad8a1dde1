"""Paints the row of partitions to choose from, and says what is known of the chosen one."""

from __future__ import annotations

from dataclasses import dataclass

from textual.strip import Strip

from engine.snapshot import PartitionView
from engine.wording import plural
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import clean, cut, size

ALL = -1
"""Stands for all partitions merged by time."""


@dataclass(frozen=True, slots=True)
class Tabs:
    """The partitions of a topic; `chosen` is a number or `ALL`. `others` is how many more topics there are."""

    topic: str
    partitions: tuple[PartitionView, ...]
    chosen: int
    others: int


@dataclass(frozen=True, slots=True)
class Span:
    """Columns from `start` up to, not including, `stop`; `choice` is a partition or `ALL`, None for the topic."""

    start: int
    stop: int
    choice: int | None


def paint_tabs(tabs: Tabs, width: int, palette: Palette) -> tuple[Strip, tuple[Span, ...]]:
    """One row, and where each choice is in it."""
    name = cut(clean(tabs.topic), max(10, width // 4))
    line = Line(width).add(" ").add(name, palette.strong)
    spans = [Span(1, line.used, None)]
    if tabs.others:
        line.add(" ").add("[ ]", palette.accent)
    line.add("   ")
    about = _about(tabs)
    choices = [(ALL, "all by time"), *((each.partition, f"P{each.partition}") for each in tabs.partitions)]
    if len(tabs.partitions) <= 1:
        choices = choices[1:]
    room = width - line.used - (len(about) + 2 if width >= 90 else 0) - 8
    for choice, text in _around(choices, tabs.chosen, room):
        start = line.used
        if choice is None:
            line.add(f" {text} ", palette.faint)
            continue
        empty = choice >= 0 and not tabs.partitions[choice].span
        style = palette.chosen if choice == tabs.chosen else palette.faint if empty else palette.text
        line.add(f" {text} ", style)
        spans.append(Span(start, line.used, choice))
    line.add("  ").add("← →" if len(choices) > 1 else "", palette.accent)
    return right_aligned(line, [("  ", None), (about, palette.quiet)], 1).strip(), tuple(spans)


def _about(tabs: Tabs) -> str:
    shown = tabs.partitions if tabs.chosen == ALL else tabs.partitions[tabs.chosen : tabs.chosen + 1]
    records = plural(sum(each.high_watermark - each.log_start_offset for each in shown), "record")
    weight = size(sum(each.size_bytes for each in shown))
    if tabs.chosen == ALL or not shown:
        return f"{records} · {weight}"
    leader = f"leader {shown[0].leader}" if shown[0].leader is not None else "no leader"
    return f"{records} · {weight} · {leader}"


def _around(choices: list[tuple[int, str]], chosen: int, room: int) -> list[tuple[int | None, str]]:
    """The choices that fit, the chosen one among them; an ellipsis where some are left out."""
    at = next((index for index, (choice, _) in enumerate(choices) if choice == chosen), 0)
    first = last = at
    used = len(choices[at][1]) + 2 if choices else 0
    while True:
        grown = False
        for index in (last + 1, first - 1):
            if 0 <= index < len(choices) and used + len(choices[index][1]) + 2 <= room:
                used += len(choices[index][1]) + 2
                first, last, grown = min(first, index), max(last, index), True
        if not grown:
            break
    shown: list[tuple[int | None, str]] = list(choices[first : last + 1])
    return [*([(None, "…")] if first > 0 else []), *shown, *([(None, "…")] if last < len(choices) - 1 else [])]
