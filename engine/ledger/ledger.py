"""The ledger: what became of every record of the lab's workload, as it was seen and not as it was configured.

Whoever sends and processes tells it, in batches; whoever can read the logs settles what is in doubt.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.ledger.groups import GroupBook
from engine.ledger.partitions import PartitionBook, Slot
from engine.ledger.producers import ProducerBook
from engine.snapshot import LedgerFigure, LedgerRecord, LedgerView
from engine.types import TopicPartition


class Ledger:
    """Books of producers, groups and partitions. It knows no clock: times are given to it (lab ms)."""

    def __init__(self) -> None:
        self.partitions: dict[TopicPartition, PartitionBook] = {}
        self.producers: dict[bytes, ProducerBook] = {}
        self.groups: dict[str, GroupBook] = {}
        self._by_index: list[ProducerBook] = []
        self._view = LedgerView()

    def producer(self, name: str, topic: str = "", acks: str = "") -> ProducerBook:
        """A producer's book, opened if need be; with what it is told to do."""
        book = self.book_of(name.encode("utf-8", "surrogateescape"))
        if topic:
            book.topic, book.acks = topic, acks
        return book

    def book_of(self, header: bytes) -> ProducerBook:
        """The book of the producer that signs so."""
        book = self.producers.get(header)
        if book is None:
            name = header.decode("utf-8", "surrogateescape")
            book = ProducerBook(name, len(self._by_index) + 1, self.partitions)
            self.producers[header] = book
            self._by_index.append(book)
        return book

    def book_at(self, index: int) -> ProducerBook | None:
        """The book of that index."""
        return self._by_index[index - 1] if 0 < index <= len(self._by_index) else None

    def group(self, group_id: str) -> GroupBook:
        """A group's book, opened if need be."""
        book = self.groups.get(group_id)
        if book is None:
            book = self.groups[group_id] = GroupBook(group_id, self.book_of)
            book.book_of_index = self.book_at
        return book

    # What is found out

    def doubt(self, tp: TopicPartition, offset: int) -> None:
        """Another log of the partition counts now, which agrees with what was acknowledged only below `offset`."""
        book = self.partitions.get(tp)
        if book is None:
            book = self.partitions[tp] = PartitionBook(tp)
        book.watching = True
        book.doubt(offset)

    def lost(self, tp: TopicPartition, gone: Iterable[Slot]) -> dict[ProducerBook, int]:
        """These are in no log any more; how many that are of each producer."""
        found: dict[ProducerBook, int] = {}
        for offset, index, sequence in gone:
            book = self.book_at(index)
            if book is not None and book.lost(sequence, tp, offset):
                found[book] = found.get(book, 0) + 1
        return found

    def reached(self, group_id: str, tp: TopicPartition, offset: int) -> None:
        """A group will not by itself process what lies before `offset`."""
        group = self.groups.get(group_id)
        if group is not None:
            group.reached(tp, offset, self.partitions.get(tp))

    def passed(self, group_id: str, tp: TopicPartition, offset: int) -> None:
        """Somebody from outside has read what lies before `offset`; whether it was processed is unknown."""
        group = self.groups.get(group_id)
        if group is not None:
            group.passed(tp, offset)

    def undecided(self) -> dict[str, list[ProducerBook]]:
        """By topic, who has records that were not acknowledged and may yet lie in a log."""
        found: dict[str, list[ProducerBook]] = {}
        for book in self._by_index:
            if book.undecided:
                found.setdefault(book.topic, []).append(book)
        return found

    def passing(self, ends: Mapping[TopicPartition, int]) -> None:
        """The logs end there now."""
        for book in self._by_index:
            book.passing(ends)

    def forget_topic(self, topic: str) -> None:
        """A topic was deleted with its records; that is no loss of theirs, and another may come by its name."""
        for tp in [tp for tp in self.partitions if tp.topic == topic]:
            del self.partitions[tp]
        for group in self.groups.values():
            group.forget(topic)

    # What is

    def view(self) -> LedgerView:
        """All figures; the same objects while they stay the same."""
        producers = tuple(book.view() for book in self._by_index if book.sent)
        groups = tuple(self.groups[group_id].view() for group_id in sorted(self.groups))
        view = LedgerView(producers, groups)
        if view != self._view:
            self._view = view
        return self._view

    def records_behind(self, figure: LedgerFigure) -> list[LedgerRecord]:
        """Some hundreds of the records that a figure counts, or the newest of them."""
        if figure.of_group:
            group = self.groups.get(figure.name)
            return group.behind(figure.column) if group is not None else []
        book = self.producers.get(figure.name.encode("utf-8", "surrogateescape"))
        return book.behind(figure.column) if book is not None else []

    # Keeping

    def kept(self) -> dict[str, Any]:
        """The figures as plain values; which records they are of is not kept."""
        return {
            "producers": {book.name: book.kept() for book in self._by_index if book.sent},
            "groups": {group_id: book.kept() for group_id, book in self.groups.items()},
            "outputs": {
                group_id: [[*tp, offset] for tp, offset in book.outputs.items()]
                for group_id, book in self.groups.items()
                if book.outputs
            },
        }

    def recall(self, kept: Mapping[str, Any]) -> None:
        """Go on from figures that were kept."""
        for name, figures in kept.get("producers", {}).items():
            self.producer(name).recall(figures)
        for group_id, figures in kept.get("groups", {}).items():
            self.group(group_id).recall(figures)
        for group_id, outputs in kept.get("outputs", {}).items():
            self.group(group_id).outputs = {TopicPartition(*tp): offset for *tp, offset in outputs}
