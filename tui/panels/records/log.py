"""The list of records: a view over what the reader has at hand, scrolled without an end in either direction."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import cast

from textual import events
from textual.content import Content
from textual.strip import Strip

from engine.snapshot import PartitionView
from engine.types import TopicPartition
from tui.painting.records.row import (
    GUTTER_CELLS,
    Edge,
    Layout,
    RecordRow,
    Standing,
    paint_edge,
    paint_row,
    paint_standing,
)
from tui.painting.text import clean, cut, number, plural
from tui.panels.panel import Item, Panel, Pen
from tui.panels.records.base import RecordsPanel
from tui.records.reader import Search
from tui.records.standing import Mark, marks_in
from tui.records.viewport import Extent, Viewport
from tui.scene import Scene
from tui.scrubbing import Move
from tui.selection import SelectedPartition, SelectedRecord, Selection

WHEEL = 3
HOUR_MS = 3_600_000
NARROWEST_KEY, WIDEST_KEY = 6, 24
"""Cells of the column of keys: as many as the longest in view needed since the last jump."""


class Log(RecordsPanel):
    """Records in rows, with a cursor that is the reader's."""

    kind = "records.log"
    name_shown = "Records"

    DEFAULT_CSS = "Log { overflow-y: hidden; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.viewport = Viewport()
        self._jumps = -1
        self._key_cells = NARROWEST_KEY
        self._marks: tuple[Mark, ...] = ()
        self._stops: list[tuple[int, tuple[Mark, ...]]] = []
        self._dragging = False
        self._dragged = False

    # What is shown -----------------------------------------------------------------------------------------

    def title(self, scene: Scene) -> Content:
        """What is read, and whether it is live."""
        reader = self.reader
        if not reader.tps:
            return Content("Records")
        tp = reader.tps[0]
        name = f"{clean(tp.topic)}, all by time" if reader.merged else clean(str(tp))
        parts: list[str | Content | tuple[str, str]] = [(cut(name, max(10, self.size.width // 2)), "bold $strong")]
        if reader.following:
            parts.append(("  ● live", "$state-stable"))
        if reader.filter is not None:
            parts.append((f"  / {cut(clean(reader.filter.text), max(8, self.size.width // 3))}", "$lane-cursor"))
        return Content.assemble(*parts)

    def subtitle(self, scene: Scene) -> Content:
        """How the search goes, or how far the end is and how to come back to it."""
        reader = self.reader
        if not reader.tps:
            return Content("")
        if reader.error:
            return Content.assemble((cut(clean(reader.error), max(10, self.size.width - 6)), "$text-error"))
        search = reader.search
        if search is not None:
            return Content.assemble(*_searched(search))
        if reader.following:
            return Content.assemble(("↑", "$primary"), (" stops following", "$quiet"))
        behind = self._behind(scene)
        if not behind:
            return Content.assemble(("G", "$primary"), (" follows the end", "$quiet"))
        return Content.assemble(
            ("not following: ", "$lane-pending"),
            (f"{plural(behind, 'record')} further on  ", "$quiet"),
            ("G", "$primary"),
            (" to the end", "$quiet"),
        )

    def _behind(self, scene: Scene) -> int:
        """Records behind the cursor."""
        reader = self.reader
        places = reader.window.places_at(reader.cursor + 1)
        return sum(max(0, log.high_watermark - places.get(log.tp, log.high_watermark)) for log in self.logs(scene))

    def nothing(self, scene: Scene) -> str:
        """Why there is nothing, and what to press."""
        reader = self.reader
        if not scene.world.topics:
            return "There are no topics yet. Press n to make one; then p sends records to it."
        if reader.error:
            return reader.error
        if reader.filter is not None:
            if reader.waiting:
                return "Looking…"
            return (
                f"No record matches {clean(reader.filter.text)}. Press / to change the filter, esc to show everything."
            )
        if reader.waiting or not reader.tps:
            return "…"
        here = "These partitions hold" if reader.merged else "This partition holds"
        return f"{here} no records now. Press e to write one by hand, p to start a producer."

    def items(self, scene: Scene) -> Sequence[Item]:
        """The lines in view, from the first to the last."""
        reader, height = self.reader, self.size.height
        window = reader.window
        if not window.rows or height <= 0:
            reader.view(0, max(height, 1))
            return []
        logs = self.logs(scene)
        self._read_marks(scene, logs)
        extent = self._extent()
        self._place(extent, height)
        view = self.viewport
        layout = self._layout(scene, logs)
        lines: list[Item] = []
        at = view.top
        while len(lines) < height + view.skip and at < window.stop:
            lines += self._lines(at, layout, logs)
            at += 1
        reader.view(view.top, at)
        if at == window.stop and len(lines) < height + view.skip:
            lines += self._foot(logs)
        return lines[view.skip : view.skip + height]

    def _extent(self) -> Extent:
        window = self.reader.window
        foot = 0
        if self.reader.at_end:
            foot = 1 + sum(before == window.stop for before, _ in self._stops)
        return Extent(window.first, window.stop, self._height_of, foot)

    def _height_of(self, at: int) -> int:
        lines = 1 + sum(before == at for before, _ in self._stops)
        return lines + (at == self.reader.window.first and self.reader.at_start)

    def _place(self, extent: Extent, height: int) -> None:
        """Move the view so that the cursor is in it, and no further; after a jump show what is around it."""
        reader, view = self.reader, self.viewport
        cursor = max(extent.first, min(reader.cursor, extent.stop - 1))
        if self._jumps != reader.jumps:
            self._jumps = reader.jumps
            self._key_cells = NARROWEST_KEY
            view.centre(extent, cursor, height // 3)
        if reader.following and reader.at_end:
            view.end_with(extent, extent.stop, height)
        view.keep(extent, cursor, height)

    def _layout(self, scene: Scene, logs: Sequence[PartitionView]) -> Layout:
        end = max((log.log_end_offset for log in logs), default=0)
        widest = len(number(end))
        top = max(0, self.viewport.top - self.reader.window.first)
        for row in self.reader.window.rows[top : top + self.size.height]:
            if row.record.key is not None and len(row.record.key) > self._key_cells:
                self._key_cells = min(len(row.record.key), WIDEST_KEY)
        partitions = len(str(max(len(logs) - 1, 0)))
        young = self.size.width < 100 and scene.world.now_ms - scene.world.began_ms < HOUR_MS
        began = scene.world.began_ms
        return Layout(self.reader.merged, widest, partitions, self._key_cells, began, short_time=young)

    def _read_marks(self, scene: Scene, logs: Sequence[PartitionView]) -> None:
        """Where groups stand, by the number of the row they stand before."""
        self._stops = []
        reader = self.reader
        if reader.merged or not logs:
            group = marks_in(scene, logs[0].tp)[:1] if logs else ()
            self._marks = tuple(mark for log in logs for mark in marks_in(scene, log.tp)[:1]) if group else ()
            return
        self._marks = marks_in(scene, logs[0].tp)
        window = reader.window
        offsets = [row.record.offset for row in window.rows]
        low = min(window.low.values(), default=0)
        by_offset: dict[int, list[Mark]] = {}
        for mark in self._marks:
            if mark.committed is not None and mark.committed >= low:
                by_offset.setdefault(mark.committed, []).append(mark)
        for committed, marks in by_offset.items():
            before = window.first + bisect_left(offsets, committed)
            if before < window.stop or reader.at_end:
                self._stops.append((before, tuple(marks)))

    def _lines(self, at: int, layout: Layout, logs: Sequence[PartitionView]) -> list[Item]:
        """A row, with what stands before it."""
        reader, scrub = self.reader, self.scrub
        row = reader.window.row(at)
        assert row is not None
        record = row.record
        lines: list[Item] = []
        if at == reader.window.first and reader.at_start:
            lines.append(Item(self._head(logs)))
        lines += self._standing(at, logs)
        mark = self._mark_of(record.partition)
        stage = mark.stage(record.offset) if mark is not None else None
        scrubbed = scrub is not None and scrub.tp.partition == record.partition and scrub.offset == record.offset
        selection = SelectedRecord(TopicPartition(record.topic, record.partition), record.offset)
        return [*lines, Item(RecordRow(row, stage, layout, scrubbed), selection)]

    def _mark_of(self, partition: int) -> Mark | None:
        if not self._marks:
            return None
        if self.reader.merged:
            at = next((index for index, tp in enumerate(self.reader.tps) if tp.partition == partition), -1)
            return self._marks[at] if 0 <= at < len(self._marks) else None
        return self._marks[0] if self._marks[0].chosen else None

    def _standing(self, before: int, logs: Sequence[PartitionView]) -> list[Item]:
        items = []
        for at, marks in self._stops:
            if at == before:
                offset = marks[0].committed or 0
                items.append(Item(Standing(marks, offset, max(0, logs[0].high_watermark - offset))))
        return items

    def _head(self, logs: Sequence[PartitionView]) -> Edge:
        if self.reader.filter is not None:
            return Edge("nothing before this matches")
        if self.reader.merged:
            return Edge("the start of every partition")
        start = logs[0].log_start_offset if logs else 0
        return Edge(f"log start, offset {number(start)}: what was older is gone" if start else "log start, offset 0")

    def _foot(self, logs: Sequence[PartitionView]) -> list[Item]:
        """What stands behind the last row."""
        reader = self.reader
        if not reader.at_end:
            return []
        lines = self._standing(reader.window.stop, logs)
        scrub = self.scrub
        if reader.filter is not None:
            return [*lines, Item(Edge("nothing after this matches, so far"))]
        if reader.merged:
            return [*lines, Item(Edge("the end of every partition", bright=reader.following))]
        end = logs[0].high_watermark if logs else 0
        edge = Edge(f"log end: the next record gets offset {number(end)}", bright=reader.following)
        if scrub is None:
            return [*lines, Item(edge)]
        scrubbed = scrub.offset >= end
        return [*lines, Item(Edge(edge.text, edge.bright, scrubbed), SelectedPartition(reader.tps[0], end))]

    def in_view(self) -> tuple[int, int]:
        """The number of the first row in view, and that behind the last one."""
        if not self.reader.window.rows:
            return 0, 0
        return self.viewport.rows(self._extent(), self.size.height)

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One line."""
        match item.model:
            case RecordRow() as row:
                return [paint_row(row, pen.width, pen.palette, pen.cursor)]
            case Standing() as standing:
                return [paint_standing(standing, pen.width, pen.palette)]
            case _:
                return [paint_edge(cast("Edge", item.model), pen.width, pen.palette)]

    # The cursor --------------------------------------------------------------------------------------------

    def _place_cursor(self, selected: Selection | None, old: Sequence[Item]) -> None:
        """The cursor is the reader's; here it is only found among the lines."""
        row, scrub = self.reader.row, self.scrub
        wanted: Selection | None = None
        if scrub is not None and not self.reader.merged and scrub.offset >= scrub.log_end:
            wanted = SelectedPartition(scrub.tp, self._end_of(scrub.tp))
        elif row is not None:
            wanted = SelectedRecord(TopicPartition(row.record.topic, row.record.partition), row.record.offset)
        found = next((at for at, item in enumerate(self.items_shown) if item.selection == wanted), -1)
        if found != self._cursor:
            before, self._cursor = self._cursor, found
            for line in (before, found):  # every item here is one line
                if line >= 0:
                    self.refresh_lines(line)

    def _end_of(self, tp: TopicPartition) -> int:
        log = self.scene.world.partition(tp) if self.scene else None
        return log.high_watermark if log else 0

    @property
    def selection(self) -> Selection | None:
        """The record under the cursor; the partition while it holds none."""
        row = self.reader.row
        if row is not None:
            return SelectedRecord(TopicPartition(row.record.topic, row.record.partition), row.record.offset)
        return SelectedPartition(self.reader.tps[0]) if len(self.reader.tps) == 1 else None

    def select(self, selection: Selection) -> bool:
        """Put the cursor on a record at hand."""
        if isinstance(selection, SelectedRecord):
            at = self.reader.window.number_of(selection.tp, selection.offset)
            if at is not None:
                self.move_to(at)
                return True
        return False

    def move_to(self, at: int) -> None:
        """Put the cursor on a row by its number."""
        beyond = at >= self.reader.window.stop and self.reader.at_end
        self.reader.move_to(at)
        if beyond and self.scrub is not None and not self.reader.merged:
            self.mode.scrubber.move(Move.END)
        else:
            self.mode.scrub_follows()
        self.mode.moved()
        self.cursor_moved()

    def cursor_up(self) -> None:
        """To the record before."""
        scrub = self.scrub
        if scrub is not None and not self.reader.merged and scrub.offset >= scrub.log_end:
            self.move_to(self.reader.window.stop - 1)  # from the end itself to the last record
            return
        self.move_to(self.reader.cursor - 1)

    def cursor_down(self) -> None:
        """To the next record."""
        self.move_to(self.reader.cursor + 1)

    def cursor_left(self) -> None:
        """To the partition before."""
        self.mode.step_partition(-1)

    def cursor_right(self) -> None:
        """To the next partition."""
        self.mode.step_partition(1)

    def cursor_page_up(self) -> None:
        """Up by what is in view."""
        self.move_to(self.reader.cursor - max(1, self.size.height - 2))

    def cursor_page_down(self) -> None:
        """Down by what is in view."""
        self.move_to(self.reader.cursor + max(1, self.size.height - 2))

    def cursor_first(self) -> None:
        """To the oldest record."""
        self.mode.go_to_start()

    def cursor_last(self) -> None:
        """To the newest record, and on with it."""
        self.mode.go_to_end()

    # The mouse ---------------------------------------------------------------------------------------------

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """A few records on."""
        event.stop()
        event.prevent_default()
        self.scroll_rows(WHEEL)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """A few records back."""
        event.stop()
        event.prevent_default()
        self.scroll_rows(-WHEEL)

    def scroll_rows(self, by: int) -> None:
        """Move the view, and the cursor with it as far as it must."""
        reader = self.reader
        window = reader.window
        if not window.rows:
            return
        extent, height = self._extent(), self.size.height
        if by < 0:
            reader.following = False
        if not self.viewport.scroll(extent, by, height):
            reader.move_to(reader.cursor + by)
        else:
            first, stop = self.viewport.rows(extent, height)
            reader.move_to(max(first, min(reader.cursor, stop - 1)))
        self.mode.scrub_follows()
        self.mode.moved()
        self.cursor_moved()

    def number_at(self, y: int) -> int | None:
        """The number of the row in a line of the view; None where none is."""
        if not 0 <= y < len(self.items_shown):
            return None
        selection = self.items_shown[y].selection
        if isinstance(selection, SelectedRecord):
            return self.reader.window.number_of(selection.tp, selection.offset)
        return self.reader.window.stop if isinstance(selection, SelectedPartition) else None

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """On the gutter a drag begins: it scrubs."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.x <= GUTTER_CELLS and self.number_at(offset.y) is not None:
            self._dragging, self._dragged = True, False
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Scrub while dragging, else light up what a click would take."""
        if not self._dragging:
            super().on_mouse_move(event)
            return
        y = event.get_content_offset_capture(self).y
        if not 0 <= y < self.size.height:
            self.move_to(self.reader.cursor + (1 if y >= self.size.height else -1))
            return
        at = self.number_at(y)
        if at is not None:
            self._dragged = True
            if self.scrub is None:
                self.mode.begin_scrub()
            self.move_to(at)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """The drag ends; enter applies what it shows."""
        if self._dragging:
            self._dragging = False
            self.release_mouse()

    async def on_click(self, event: events.Click) -> None:
        """Take what was clicked; open it on a second click."""
        if self._dragged:
            self._dragged = False
            return
        offset = event.get_content_offset(self)
        at = self.number_at(offset.y) if offset is not None else None
        if at is not None:
            self.move_to(at)
            if event.chain == 2:
                self.mode.kafkarium.perform("open")

    def on_resize(self) -> None:
        """Another height shows other rows."""
        self.update()
        Panel.on_resize(self)


def _searched(search: Search) -> list[str | Content | tuple[str, str]]:
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
