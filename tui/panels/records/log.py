"""The list of records: a view over what the reader has at hand, scrolled without an end in either direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual import events
from textual.content import Content
from textual.strip import Strip

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
from tui.painting.text import number
from tui.panels.panel import Item, Pen
from tui.panels.records.base import RecordsPanel
from tui.panels.records.captions import nothing_in, subtitle_of, title_of
from tui.panels.records.lines import Lines
from tui.records.standing import group_read
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
        self._lines: Lines | None = None
        self._dragging = False
        self._dragged = False

    # What is shown -----------------------------------------------------------------------------------------

    def title(self, scene: Scene) -> Content:
        """What is read, and whether it is live."""
        return title_of(self.reader, self.size.width)

    def subtitle(self, scene: Scene) -> Content:
        """How the search goes, or how far the end is and how to come back to it."""
        return subtitle_of(self.reader, self.logs(scene), self.size.width, group_read(scene) is not None)

    def nothing(self, scene: Scene) -> str:
        """Why there is nothing, and what to press."""
        return nothing_in(self.reader, bool(scene.world.topics))

    def items(self, scene: Scene) -> Sequence[Item]:
        """The lines in view, from the first to the last."""
        reader, height = self.reader, self.size.height
        window = reader.window
        if not window.rows or height <= 0:
            reader.view(0, max(height, 1))
            return []
        self._lines = Lines(self.reader, self.scrub, scene, self.logs(scene), self._layout(scene))
        extent, view = self._lines.extent, self.viewport
        self._place(extent, height)
        items: list[Item] = []
        at = view.top
        while len(items) < height + view.skip and at < window.stop:
            items += self._lines.of(at)
            at += 1
        reader.view(view.top, at)
        if at == window.stop and len(items) < height + view.skip:
            items += self._lines.foot
        return items[view.skip : view.skip + height]

    def _layout(self, scene: Scene) -> Layout:
        reader = self.reader
        first = max(0, self.viewport.top - reader.window.first)
        for row in reader.window.rows[first : first + self.size.height]:
            if row.record.key is not None and len(row.record.key) > self._key_cells:
                self._key_cells = min(len(row.record.key), WIDEST_KEY)
        logs, began = self.logs(scene), scene.world.began_ms
        return Layout(
            reader.merged,
            len(number(max((log.log_end_offset for log in logs), default=0))),
            len(str(max(len(logs) - 1, 0))),
            self._key_cells,
            began,
            short_time=self.size.width < 100 and scene.world.now_ms - began < HOUR_MS,
        )

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

    def in_view(self) -> tuple[int, int]:
        """The number of the first row in view, and that behind the last one."""
        if self._lines is None or not self.reader.window.rows:
            return 0, 0
        return self.viewport.rows(self._lines.extent, self.size.height)

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
        if self._lines is None or not window.rows:
            return
        extent, height = self._lines.extent, self.size.height
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
            return
        event.prevent_default()
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
        event.prevent_default()
        if self._dragged:
            self._dragged = False
            return
        offset = event.get_content_offset(self)
        at = self.number_at(offset.y) if offset is not None else None
        if at is not None:
            self.move_to(at)
            if event.chain == 2:
                self.mode.kafkarium.perform("open")
