"""The record under the cursor in full. It scrolls; its value can be seen as JSON, as text and in hex."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual import events
from textual.content import Content
from textual.strip import Strip

from engine.pages import BrowsedRecord
from engine.types import TopicPartition
from tui.painting.records.detail import Told, lay_out_record, time_row, value_of
from tui.painting.records.parts import Parts, paint_parts
from tui.painting.records.value import LaidOut, Look
from tui.painting.text import clean, cut, number
from tui.panels.panel import Item, Pen
from tui.panels.records.base import RecordsPanel
from tui.records.standing import marks_in
from tui.scene import Scene
from tui.selection import SelectedRecord, Selection


class Detail(RecordsPanel):
    """Everything about one record."""

    kind = "records.detail"
    name_shown = "Record"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.look: Look | None = None
        """How values are shown; None: each as it is best read."""
        self._value: tuple[object, LaidOut] | None = None
        self._rows: tuple[object, list[Parts]] | None = None
        self._shown: tuple[TopicPartition, int] | None = None

    @property
    def _row(self) -> BrowsedRecord | None:
        return self.reader.row

    @property
    def selection(self) -> Selection | None:
        """The record."""
        row = self._row
        return (
            SelectedRecord(TopicPartition(row.record.topic, row.record.partition), row.record.offset) if row else None
        )

    def title(self, scene: Scene) -> Content:
        """Which record."""
        row = self._row
        if row is None:
            return Content("Record")
        record = row.record
        name = f"P{record.partition}" if self.reader.merged else clean(f"{record.topic}-{record.partition}")
        return Content.assemble((cut(name, 30), "$quiet"), (f" @ {number(record.offset)}", "bold $strong"))

    def nothing(self, scene: Scene) -> str:
        """Why it is empty."""
        return "The record under the cursor is shown here."

    def items(self, scene: Scene) -> Sequence[Item]:
        """A line each."""
        row = self._row
        if row is None:
            return []
        width = max(20, self.scrollable_content_region.width - 2)
        told = self._told(row, scene)
        record = row.record
        if self._value is None or self._value[0] != (row, self.look, width):
            self._value = ((row, self.look, width), value_of(told, self.look, width))
        if self._rows is None or self._rows[0] != (told, self._value[1].look, width):
            self._rows = ((told, self._value[1].look, width), lay_out_record(told, self._value[1], width))
        here = (TopicPartition(record.topic, record.partition), record.offset)
        if here != self._shown:
            self._shown = here
            self.call_after_refresh(self.scroll_home, animate=False)
        when = time_row(told, round(scene.world.now_ms, -2), width)
        return [Item(parts) for parts in (*when, *self._rows[1])]

    def _told(self, row: BrowsedRecord, scene: Scene) -> Told:
        record = row.record
        topic = scene.world.topic(record.topic)
        marks = marks_in(scene, TopicPartition(record.topic, record.partition))
        return Told(row, len(topic.partitions) if topic else 1, marks, scene.world.began_ms)

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One line, a cell from the border."""
        return [paint_parts(((" ", "text"), *cast("Parts", item.model)), pen.width, pen.palette)]

    def next_look(self) -> Look:
        """Show the value in the next way; returns which."""
        now = self._value[1].look if self._value else Look.TEXT
        ways = list(Look)
        self.look = ways[(ways.index(now) + 1) % len(ways)]
        self.update()
        if self.look is Look.JSON and self._value is not None and self._value[1].look is not Look.JSON:
            self.look = Look.TEXT if now is Look.HEX else Look.HEX  # it is no JSON
            self.update()
        return self.look

    def cursor_up(self) -> None:
        """Scroll."""
        self.scroll_relative(y=-1, animate=False)

    def cursor_down(self) -> None:
        """Scroll."""
        self.scroll_relative(y=1, animate=False)

    def cursor_page_up(self) -> None:
        """Scroll by what is in view."""
        self.scroll_relative(y=1 - self.size.height, animate=False)

    def cursor_page_down(self) -> None:
        """Scroll by what is in view."""
        self.scroll_relative(y=self.size.height - 1, animate=False)

    def cursor_first(self) -> None:
        """To the first line."""
        self.scroll_home(animate=False)

    def cursor_last(self) -> None:
        """To the last line."""
        self.scroll_end(animate=False)

    def cursor_left(self) -> None:
        """To the record before."""
        self.mode.listing.cursor_up()

    def cursor_right(self) -> None:
        """To the next record."""
        self.mode.listing.cursor_down()

    async def on_click(self, event: events.Click) -> None:
        """On the ways to show a value: the next."""
        at = self.item_at(event)
        if at >= 0 and any(style == "accent" for _, style in cast("Parts", self.items_shown[at].model)):
            self.mode.kafkarium.perform("records.look")
