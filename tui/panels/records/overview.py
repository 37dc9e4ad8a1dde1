"""The whole partition in three rows. A click or a drag goes there; a drag that begins on a group's pin scrubs it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

from textual import events
from textual.strip import Strip

from engine.snapshot import PartitionView
from engine.types import TopicPartition
from tui.painting.records.overview import Bar, Overview, Pin, bar_of, paint_overview
from tui.panels.panel import Item, Pen
from tui.panels.records.base import RecordsPanel
from tui.records.standing import Mark, marks_in
from tui.scene import Scene

ROWS = 3
REACH = 1
"""Cells beside a pin that still take hold of it."""


class Overviews(RecordsPanel, can_focus=False):
    """Log start to log end, groups, and what is in view."""

    kind = "records.overview"
    name_shown = "Overview"

    DEFAULT_CSS = "Overviews { border: none; height: 3; overflow-y: hidden; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._dragging = ""

    def items(self, scene: Scene) -> Sequence[Item]:
        """One drawing."""
        logs = self.logs(scene)
        return [Item(self._overview(scene, logs), height=ROWS)] if logs else []

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        return paint_overview(cast("Overview", item.model), pen.width, pen.palette)

    def _overview(self, scene: Scene, logs: Sequence[PartitionView]) -> Overview:
        reader, scrub = self.reader, self.scrub
        top, bottom = self.mode.listing.in_view()
        first = reader.window.places_at(top)
        last = reader.window.places_at(bottom)
        cursor = reader.window.places_at(reader.cursor)
        if len(logs) == 1:
            log = logs[0]
            marks = marks_in(scene, log.tp)
            chosen = next((mark for mark in marks if mark.chosen), None)
            return Overview(
                log.log_start_offset,
                log.high_watermark,
                chosen.committed if chosen else None,
                chosen.position if chosen else None,
                tuple(
                    Pin(
                        mark.group_id,
                        mark.committed,
                        mark.chosen,
                        scrub is not None and scrub.group_id == mark.group_id,
                    )
                    for mark in marks
                    if mark.committed is not None
                ),
                (first.get(log.tp, log.log_start_offset), last.get(log.tp, log.high_watermark)),
                cursor.get(log.tp),
                scrub.offset if scrub is not None and scrub.tp == log.tp else None,
            )
        return _together(
            logs,
            [marks_in(scene, log.tp) for log in logs],
            {log.tp: first.get(log.tp, log.log_start_offset) for log in logs},
            {log.tp: last.get(log.tp, log.high_watermark) for log in logs},
            {log.tp: cursor.get(log.tp, log.log_start_offset) for log in logs},
        )

    # The mouse ---------------------------------------------------------------------------------------------

    @property
    def _bar(self) -> tuple[Overview, Bar] | None:
        if not self.items_shown:
            return None
        overview = cast("Overview", self.items_shown[0].model)
        return overview, bar_of(overview, self.scrollable_content_region.width)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a pin, or go there."""
        shown = self._bar
        if shown is None:
            return
        overview, bar = shown
        pin = self._pin_at(event.x, event.y, overview, bar)
        self.capture_mouse()
        if pin is not None and len(self.reader.tps) == 1:
            self._dragging = "scrub"
            self.mode.begin_scrub(pin.group_id, pin.offset)
        else:
            self._dragging = "scrub" if self.scrub is not None else "go"
            self._go(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Follow the mouse while its button is down."""
        if self._dragging:
            self._go(event.get_content_offset_capture(self).x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let go."""
        if self._dragging:
            self._dragging = ""
            self.release_mouse()

    async def on_click(self, event: events.Click) -> None:
        """What a click means was done when the button went down."""

    def _pin_at(self, x: int, y: int, overview: Overview, bar: Bar) -> Pin | None:
        if y > 1:
            return None
        near = [
            (abs(bar.left + bar.cell(overview, pin.offset) - x), not pin.chosen, pin.group_id, pin)
            for pin in overview.pins
        ]
        return min(near)[3] if near and min(near)[0] <= REACH else None

    def _go(self, column: int) -> None:
        shown = self._bar
        if shown is None:
            return
        overview, bar = shown
        offset = bar.offset(overview, column)
        if len(self.reader.tps) == 1:
            self.mode.go_to_offset(offset, at_end=offset >= overview.end)
        else:
            span = max(1, overview.end - overview.start)
            self.mode.go_to_share((offset - overview.start) / span)


def _together(
    logs: Sequence[PartitionView],
    marks: Sequence[Sequence[Mark]],
    first: dict[TopicPartition, int],
    last: dict[TopicPartition, int],
    cursor: dict[TopicPartition, int],
) -> Overview:
    """Several logs counted together: every place is the number of records before it, over all of them."""
    starts = {log.tp: log.log_start_offset for log in logs}

    def before(places: dict[TopicPartition, int]) -> int:
        return sum(max(0, at - starts[tp]) for tp, at in places.items())

    total = Overview(
        0, sum(log.high_watermark - log.log_start_offset for log in logs), None, None, (),
        (before(first), before(last)), before(cursor),
    )  # fmt: skip
    groups: dict[str, dict[TopicPartition, Mark]] = {}
    for log, each in zip(logs, marks, strict=True):
        for mark in each:
            groups.setdefault(mark.group_id, {})[log.tp] = mark
    pins = []
    for group_id, standing in groups.items():
        committed = {tp: mark.committed for tp, mark in standing.items() if mark.committed is not None}
        if not committed:
            continue
        at = before(committed)
        chosen = any(mark.chosen for mark in standing.values())
        pins.append(Pin(group_id, at, chosen))
        if chosen:
            reads = {tp: mark.position for tp, mark in standing.items() if mark.position is not None}
            total = replace(total, committed=at, position=max(at, before({**committed, **reads})))
    return replace(total, pins=tuple(pins))
