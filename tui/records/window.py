"""The records at hand: a bounded stretch of one or several logs, longer at either end as it is scrolled.

Rows are numbered, and a row keeps its number while others come before it and go behind it, so that a cursor can be a
number. Everything wanted between `low` and `high` of each partition is among the rows.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import replace

from engine.pages import BrowsedRecord, Stretch
from engine.types import TopicPartition
from tui.records.internal import is_abort

MOST_ROWS = 1_200
MOST_BYTES = 24 << 20


class Window:
    """Rows from number `first` up to, not including, `stop`; empty at first, at a place in each log."""

    def __init__(
        self,
        places: Mapping[TopicPartition, int],
        first: int = 0,
        most_rows: int = MOST_ROWS,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self.low = dict(places)
        self.high = dict(places)
        self.rows: list[BrowsedRecord] = []
        self.first = first
        self.size_bytes = 0
        self._most_rows = most_rows
        self._most_bytes = most_bytes

    @property
    def stop(self) -> int:
        """The number behind the last row's."""
        return self.first + len(self.rows)

    def row(self, number: int) -> BrowsedRecord | None:
        """The row of that number, None where it is not at hand."""
        return self.rows[number - self.first] if self.first <= number < self.stop else None

    def number_of(self, tp: TopicPartition, offset: int) -> int | None:
        """The number of the first row of a partition at or after an offset; None where none is at hand."""
        for number, row in enumerate(self.rows, self.first):
            record = row.record
            if record.partition == tp.partition and record.topic == tp.topic and record.offset >= offset:
                return number
        return None

    def number_from(self, offset: int) -> int:
        """The number of the first row at or after an offset, in a window of one partition."""
        return self.first + bisect_left(self.rows, offset, key=lambda row: row.record.offset)

    def places_at(self, number: int) -> dict[TopicPartition, int]:
        """The place in each log that lies just before a row."""
        places = dict(self.high)
        if len(places) == 1 and (row := self.row(max(number, self.first))) is not None:
            return dict.fromkeys(places, row.record.offset)
        for row in reversed(self.rows[max(0, number - self.first) :]):
            places[_tp(row)] = row.record.offset
        return places

    def append(self, stretch: Stretch, keep_from: int) -> None:
        """Add what follows; rows before number `keep_from` go where there would be too many.

        A marker among it says what became of the transaction that rows before it were read in.
        """
        self.rows.extend(stretch.rows)
        self._end_transactions(stretch)
        self.high = {**self.high, **stretch.high}
        self.size_bytes += sum(map(_size, stretch.rows))
        drop = 0
        while self._too_many(drop) and self.first + drop < keep_from:
            self._forget(self.rows[drop])
            self.low[_tp(self.rows[drop])] = self.rows[drop].record.offset + 1
            drop += 1
        del self.rows[:drop]
        self.first += drop

    def _end_transactions(self, stretch: Stretch) -> None:
        """Rows that were read while their transaction was open belong to one that is over by now."""
        ended = {(_tp(row), row.producer_id): row for row in stretch.rows if row.control}
        if not ended:
            return
        for at, row in enumerate(self.rows):
            marker = ended.get((_tp(row), row.producer_id)) if row.transaction == "open" else None
            if marker is not None and row.record.offset < marker.record.offset:
                self.rows[at] = replace(row, transaction="aborted" if is_abort(marker) else "")

    def prepend(self, stretch: Stretch, keep_to: int) -> None:
        """Add what comes before; rows behind number `keep_to` go where there would be too many."""
        self.rows[:0] = stretch.rows
        self.first -= len(stretch.rows)
        self.low = {**self.low, **stretch.low}
        self.size_bytes += sum(map(_size, stretch.rows))
        drop = 0
        while self._too_many(drop) and self.stop - drop - 1 > keep_to:
            row = self.rows[-1 - drop]
            self._forget(row)
            self.high[_tp(row)] = row.record.offset
            drop += 1
        del self.rows[len(self.rows) - drop :]

    def forget_below(self, starts: Mapping[TopicPartition, int]) -> bool:
        """Let go of leading rows that their logs no longer hold; True if there were any."""
        drop = 0
        while drop < len(self.rows) and self.rows[drop].record.offset < starts.get(_tp(self.rows[drop]), 0):
            self._forget(self.rows[drop])
            drop += 1
        del self.rows[:drop]
        self.first += drop
        self.low = {tp: max(low, starts.get(tp, low)) for tp, low in self.low.items()}
        self.high = {tp: max(high, self.low[tp]) for tp, high in self.high.items()}
        return drop > 0

    def _too_many(self, dropped: int) -> bool:
        return len(self.rows) - dropped > self._most_rows or self.size_bytes > self._most_bytes

    def _forget(self, row: BrowsedRecord) -> None:
        self.size_bytes -= _size(row)


def _tp(row: BrowsedRecord) -> TopicPartition:
    return TopicPartition(row.record.topic, row.record.partition)


def _size(row: BrowsedRecord) -> int:
    return len(row.record.key or b"") + len(row.record.value or b"")
