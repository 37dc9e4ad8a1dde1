"""What the list of records is made of, line by line: the rows at hand, and between them where groups stand."""

from __future__ import annotations

from collections.abc import Sequence

from engine.snapshot import PartitionView
from engine.types import TopicPartition
from tui.painting.records.row import Edge, Layout, RecordRow, Standing
from tui.painting.text import number
from tui.panels.panel import Item
from tui.records.reader import Reader
from tui.records.standing import Mark, marks_in
from tui.records.viewport import Extent
from tui.scene import Scene
from tui.scrubbing import ScrubView
from tui.selection import SelectedPartition, SelectedRecord


class Lines:
    """The lines at one instant; every item is one line high."""

    def __init__(
        self, reader: Reader, scrub: ScrubView | None, scene: Scene, logs: Sequence[PartitionView], layout: Layout
    ) -> None:
        self._reader = reader
        self._window = reader.window
        self._scrub = scrub
        self._logs = logs
        self._layout = layout
        self._at_start, self._at_end = reader.at_start, reader.at_end
        self._chosen: dict[int, Mark] = {}
        """How the group looked at stands, by partition."""
        self._stops: dict[int, list[tuple[Mark, ...]]] = {}
        """Groups that stand in one place, by the number of the row behind it."""
        if reader.merged:
            self._chosen = {log.partition: mark for log in logs for mark in marks_in(scene, log.tp)[:1] if mark.chosen}
        elif logs:
            self._read_marks(marks_in(scene, logs[0].tp), logs[0])
        foot = 1 + len(self._stops.get(self._window.stop, ())) if self._at_end else 0
        self.extent = Extent(self._window.first, self._window.stop, self._height_of, foot)

    def of(self, at: int) -> list[Item]:
        """A row, with what stands before it."""
        row = self._window.row(at)
        assert row is not None
        record, scrub = row.record, self._scrub
        lines = [Item(self._head())] if at == self._window.first and self._at_start else []
        lines += self._standing(at)
        mark = self._chosen.get(record.partition)
        stage = mark.stage(record.offset) if mark is not None else None
        scrubbed = scrub is not None and scrub.tp.partition == record.partition and scrub.offset == record.offset
        selection = SelectedRecord(TopicPartition(record.topic, record.partition), record.offset)
        return [*lines, Item(RecordRow(row, stage, self._layout, scrubbed), selection)]

    @property
    def foot(self) -> list[Item]:
        """What stands behind the last row."""
        if not self._at_end:
            return []
        reader, lines = self._reader, self._standing(self._window.stop)
        if reader.filter is not None:
            return [*lines, Item(Edge("nothing after this matches, so far"))]
        if reader.merged:
            return [*lines, Item(Edge("the end of every partition", bright=reader.following))]
        end = self._logs[0].high_watermark if self._logs else 0
        text = f"log end: the next record gets offset {number(end)}"
        if self._scrub is None:
            return [*lines, Item(Edge(text, bright=reader.following))]
        edge = Edge(text, reader.following, scrubbed=self._scrub.offset >= end)
        return [*lines, Item(edge, SelectedPartition(reader.tps[0], end))]

    def _head(self) -> Edge:
        if self._reader.filter is not None:
            return Edge("nothing before this matches")
        if self._reader.merged:
            return Edge("the start of every partition")
        start = self._logs[0].log_start_offset if self._logs else 0
        return Edge(f"log start, offset {number(start)}: what was older is gone" if start else "log start, offset 0")

    def _read_marks(self, marks: Sequence[Mark], log: PartitionView) -> None:
        window = self._window
        self._chosen.update((log.partition, mark) for mark in marks if mark.chosen)
        places: dict[int, list[Mark]] = {}
        for mark in marks:
            if mark.committed is not None and mark.committed >= window.low.get(log.tp, 0):
                places.setdefault(mark.committed, []).append(mark)
        for committed, each in places.items():
            before = window.number_from(committed)
            if before < window.stop or self._at_end:
                self._stops.setdefault(before, []).append(tuple(each))

    def _standing(self, before: int) -> list[Item]:
        items = []
        for marks in self._stops.get(before, ()):
            offset = marks[0].committed or 0
            items.append(Item(Standing(marks, offset, max(0, self._logs[0].high_watermark - offset))))
        return items

    def _height_of(self, at: int) -> int:
        return 1 + len(self._stops.get(at, ())) + (at == self._window.first and self._at_start)
