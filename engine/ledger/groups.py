"""What became of the workload's records in one group: processed once, again, never, or after a later one of a key."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from engine.ledger.marks import EXAMPLES, Bytes, by_header, mark_of
from engine.ledger.partitions import PartitionBook
from engine.ledger.producers import ProducerBook
from engine.records.record import ConsumerRecord
from engine.snapshot import GroupLedger, LedgerRecord
from engine.types import TopicPartition

COUNT, LATE, NEVER = 3, 4, 8
KEYS = 100_000
"""How many keys of a producer are remembered; a record out of order is not noticed for one that was forgotten."""
SWEEP = 50_000
"""How many offsets are looked at in one go for records that nobody processed."""

Examples = dict[tuple[int, int], tuple[TopicPartition, int]]


class _Page:
    """One producer's records in the group: a byte each, and the newest sequence of each key."""

    __slots__ = ("keys", "marks", "producer")

    def __init__(self, producer: ProducerBook) -> None:
        self.producer = producer
        self.marks = Bytes()
        self.keys: dict[bytes, int] = {}


class GroupBook:
    """One group's page."""

    def __init__(self, group_id: str, book_of: Callable[[bytes], ProducerBook]) -> None:
        self.group_id = group_id
        self.once = self.again = self.never = self.late = 0
        self._book_of = book_of
        self._pages: dict[bytes, _Page] = {}
        self._by_index: dict[int, _Page] = {}
        self._swept: dict[TopicPartition, int] = {}
        """Below these offsets it is known what was never processed."""
        self._examples: dict[str, Examples] = {"again": {}, "never": {}, "late": {}}
        self.outputs: dict[TopicPartition, int] = {}
        """Of a group of processors, how far what they wrote is counted."""
        self.output_topics: set[str] = set()
        self.by = by_header(group_id)
        self._recent: deque[ConsumerRecord] = deque(maxlen=EXAMPLES)
        self._view: GroupLedger | None = None

    # What is told

    def polled(self, tp: TopicPartition, offset: int) -> None:
        """It reads a partition from here; what lies before its first is none of its business."""
        self._swept.setdefault(tp, offset)

    def processed(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """Its owner of a partition has processed these."""
        pages = self._pages
        for record in records:
            mark = mark_of(record.headers)
            if mark is None:
                continue
            name, sequence = mark
            page = pages.get(name) or self._page(name)
            marks = page.marks
            at = sequence - marks.since
            if not 0 <= at < len(marks.data):
                at = marks.place(sequence)
                if at < 0:
                    continue
            if page.producer.undecided or page.producer.lost_unacked:
                page.producer.seen(sequence)
            data = marks.data
            value = data[at]
            times = value & COUNT
            if times == 0:
                self.once += 1
                if value & NEVER:
                    value &= ~NEVER
                    self._never_no_more(page, sequence)
                key = record.key
                if key is not None:
                    if page.keys.get(key, -1) < sequence:
                        page.keys[key] = sequence
                        if len(page.keys) > KEYS:
                            self._forget_keys(page)
                    else:
                        value |= LATE
                        self.late += 1
                        self._note("late", page, sequence, tp, record.offset)
                data[at] = value + 1
            elif times == 1:
                self.once -= 1
                self.again += 1
                data[at] = value + 1
                self._note("again", page, sequence, tp, record.offset)
        self._recent.extend(records[-EXAMPLES:])

    def writes_to(self, topic: str) -> None:
        """Its members are processors: what counts is what a reader of committed records finds in this topic."""
        self.output_topics.add(topic)

    def written(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> None:
        """These committed records lie in a topic that its processors write to, among them what they wrote."""
        self.processed(tp, [record for record in records if self.by in record.headers])

    def reached(self, tp: TopicPartition, offset: int, partition: PartitionBook | None) -> None:
        """It will not process what lies before `offset` by itself: what was acknowledged there and not processed."""
        swept = self._swept.setdefault(tp, offset)
        if partition is None or swept == offset:
            return
        if offset < swept:
            for _, index, sequence in partition.records(offset, swept):
                page = self._by_index.get(index)
                at = page.marks.place(sequence) if page else -1
                if page is not None and at >= 0 and page.marks.data[at] & NEVER:
                    page.marks.data[at] &= ~NEVER & 0xFF
                    self._never_no_more(page, sequence)
            self._swept[tp] = offset
            return
        doubtful = partition.doubtful()
        end = min(offset, swept + SWEEP, max(swept, doubtful[0]) if doubtful else offset)
        for place, index, sequence in partition.records(swept, end):
            page = self._by_index.get(index)
            if page is None:
                page = self._page_of_index(index)
                if page is None:
                    continue
            marks = page.marks
            at = sequence - marks.since
            if not 0 <= at < len(marks.data):
                at = marks.place(sequence)
            if at >= 0 and not marks.data[at] & (COUNT | NEVER):
                marks.data[at] |= NEVER
                self.never += 1
                self._note("never", page, sequence, tp, place)
        self._swept[tp] = end

    def passed(self, tp: TopicPartition, offset: int) -> None:
        """Somebody whose work is not seen has read up to `offset`: of what lies before it nothing can be said."""
        self._swept[tp] = max(offset, self._swept.get(tp, offset))

    def forget(self, topic: str) -> None:
        """The topic is gone; another of its name would begin anew."""
        for offsets in (self._swept, self.outputs):
            for tp in [tp for tp in offsets if tp.topic == topic]:
                del offsets[tp]

    book_of_index: Callable[[int], ProducerBook | None] = staticmethod(lambda _: None)

    def _page_of_index(self, index: int) -> _Page | None:
        book = self.book_of_index(index)
        return self._page(book.header) if book is not None else None

    def _page(self, name: bytes) -> _Page:
        page = self._pages.get(name)
        if page is None:
            page = self._pages[name] = _Page(self._book_of(name))
            self._by_index[page.producer.index] = page
        return page

    def _never_no_more(self, page: _Page, sequence: int) -> None:
        self.never -= 1
        self._examples["never"].pop((page.producer.index, sequence), None)

    def _note(self, column: str, page: _Page, sequence: int, tp: TopicPartition, offset: int) -> None:
        examples = self._examples[column]
        if len(examples) < EXAMPLES:
            examples[page.producer.index, sequence] = (tp, offset)

    def _forget_keys(self, page: _Page) -> None:
        for key in list(page.keys)[: KEYS // 2]:
            del page.keys[key]

    # What is

    def view(self) -> GroupLedger:
        """The figures; the same object while they stay the same."""
        view = GroupLedger(
            self.group_id, self.once, self.again, self.never, self.late, tuple(sorted(self.output_topics))
        )
        if view != self._view:
            self._view = view
        assert self._view is not None
        return self._view

    def behind(self, column: str) -> list[LedgerRecord]:
        """Some hundreds of the records a figure counts."""
        if column == "once":
            marked = ((record, mark_of(record.headers)) for record in self._recent)
            return [
                LedgerRecord(self._book_of(mark[0]).name, mark[1], TopicPartition(record[0], record[1]), record.offset)
                for record, mark in marked
                if mark is not None
                and (page := self._pages.get(mark[0])) is not None
                and self._times(page, mark[1]) == 1
            ]
        names = {page.producer.index: page.producer.name for page in self._pages.values()}
        found = sorted(self._examples.get(column, {}).items())
        return [LedgerRecord(names[index], sequence, *place) for (index, sequence), place in found]

    def _times(self, page: _Page, sequence: int) -> int:
        at = page.marks.place(sequence)
        return page.marks.data[at] & COUNT if at >= 0 else 0

    # Keeping

    def kept(self) -> list[int]:
        """The figures as plain values."""
        return [self.once, self.again, self.never, self.late]

    def recall(self, kept: Iterable[int]) -> None:
        """Go on from figures that were kept."""
        self.once, self.again, self.never, self.late = kept
