"""The books by themselves: order within a key, doubt and judgement, forgetting what is oldest."""

from __future__ import annotations

import pytest

from engine.ledger import Ledger, PartitionBook, Slot, mark_of, marks
from engine.records.record import ConsumerRecord
from engine.snapshot import LedgerFigure, LedgerRecord
from engine.types import TopicPartition

TP = TopicPartition("orders", 0)


def _record(sequence: int, offset: int, key: bytes | None = b"k", producer: bytes = b"web-1") -> ConsumerRecord:
    return ConsumerRecord(*TP, offset, 0, 0, key, b"v", (("producer", producer), ("sequence", b"%d" % sequence)))


def test_a_record_after_a_later_one_of_its_key_is_out_of_order_and_one_delivered_again_is_not() -> None:
    ledger = Ledger()
    group = ledger.group("billing")
    group.processed(TP, [_record(0, 0), _record(2, 1), _record(1, 2), _record(0, 0), _record(3, 4, key=b"other")])
    group.processed(TP, [_record(4, 5, key=None), _record(0, 6, producer=b"web-2")])
    view = group.view()
    assert (view.once, view.again, view.late) == (5, 1, 1)
    assert ledger.records_behind(LedgerFigure(True, "billing", "late")) == [LedgerRecord("web-1", 1, TP, 2)]
    assert [each.sequence for each in ledger.records_behind(LedgerFigure(True, "billing", "again"))] == [0]


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (("producer", b"a"),),
        (("producer", b"a"), ("sequence", None)),
        (("producer", b"a"), ("sequence", b"-1")),
        (("producer", b"a"), ("sequence", b"99999999999999")),
        (("sequence", b"1"), ("producer", b"a")),
    ],
)
def test_records_of_others_are_not_counted(headers: tuple[tuple[str, bytes | None], ...]) -> None:
    assert mark_of(headers) is None
    group = Ledger().group("billing")
    group.processed(TP, [ConsumerRecord(*TP, 0, 0, 0, None, None, headers)])
    assert group.view().once == 0


def test_two_records_acknowledged_at_one_offset_are_both_in_doubt_until_the_log_is_read() -> None:
    book = PartitionBook(TP)
    book.acknowledged(5, 1, [10])
    book.acknowledged(5, 2, [20])
    assert book.doubtful() == (5, 6)
    assert book.judge(6, {5: (2, 20)}, 0) == [Slot(5, 1, 10)]
    assert list(book.records(0, 100)) == [Slot(5, 2, 20)]


def test_what_retention_removed_is_not_gone_and_what_was_overwritten_is() -> None:
    book = PartitionBook(TP)
    for offset in range(6):
        book.acknowledged(offset, 1, [offset])
    book.doubt(1)
    assert book.judge(6, {4: (1, 4), 5: (2, 9)}, removed=3) == [Slot(3, 1, 3), Slot(5, 1, 5)]
    assert list(book.records(0, 100)) == [Slot(0, 1, 0), Slot(4, 1, 4)]


def test_a_record_that_is_found_after_all_is_lost_no_more() -> None:
    ledger = Ledger()
    book = ledger.producer("web-1", "orders", "all")
    book.unanswered([3], 1_000.0)
    book.unanswered([4], 9_000.0)
    book.decide(5_000.0)
    assert book.lost_unacked == 1
    ledger.group("billing").processed(TP, [_record(3, 0)])
    assert (book.lost_unacked, list(book.undecided)) == (0, [4])


def test_of_a_batch_only_what_another_leader_gave_away_too_is_in_doubt() -> None:
    book = PartitionBook(TP)
    book.acknowledged(10, 1, range(100, 103))
    book.acknowledged(10, 1, range(100, 103))
    book.acknowledged(12, 2, [7, 9])
    assert book.doubtful() == (12, 13)
    assert list(book.records(0, 100)) == [Slot(10, 1, 100), Slot(11, 1, 101), Slot(13, 2, 9)]


def test_beyond_its_limit_a_book_forgets_the_oldest_and_says_from_where_on_it_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(marks, "LIMIT", 4_096)
    monkeypatch.setattr("engine.ledger.partitions.LIMIT", 4_096)
    ledger = Ledger()
    book = ledger.producer("web-1", "orders", "1")
    for start in range(0, 20_000, 500):
        book.sent += 500
        book.next = start + 500
        book.acknowledged(range(start, start + 500), TP, start, 0.0)
    view = book.view()
    partition = ledger.partitions[TP]
    assert view.acked == 20_000
    assert 20_000 - 4_096 <= view.since < 20_000
    assert len(partition.producers) <= 4_096 + 1_024
    assert [slot.sequence for slot in partition.records(19_990, 30_000)] == list(range(19_990, 20_000))
    book.acknowledged([1], TP, 1, 0.0)
    assert book.view().acked == 20_000


def test_a_deleted_topics_offsets_begin_anew() -> None:
    ledger = Ledger()
    book = ledger.producer("web-1", "orders", "1")
    book.acknowledged([0], TP, 0, 0.0)
    ledger.forget_topic("orders")
    book.acknowledged([1], TP, 0, 0.0)
    assert ledger.partitions[TP].doubtful() is None
