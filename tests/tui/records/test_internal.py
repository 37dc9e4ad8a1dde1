"""What Kafka writes for itself is readable in Records mode, and so is what became of a record's transaction."""

from __future__ import annotations

from dataclasses import replace

from engine.pages import BrowsedRecord, Stretch
from engine.records import BatchHeader, Marker, marker_batch, read_records
from engine.snapshot import TransactionState
from engine.transactions.records import TransactionValue, encode_key, encode_value
from engine.types import TopicPartition
from tests.tui.records.test_painting import browsed
from tui.records.internal import fate_of, said_by
from tui.records.why import why_here
from tui.records.window import Window


def _marker(committed: bool) -> BrowsedRecord:
    batch = marker_batch(7, 0, Marker(committed, 3), 1_000)
    [record] = read_records(batch, "orders", 0, control=True)
    return replace(browsed(), record=record, control=True, producer_id=BatchHeader.parse(batch).producer_id)


def test_a_marker_says_what_it_means() -> None:
    assert said_by(_marker(True)) == "commit marker: what producer id 7 wrote before, in its transaction, counts."
    assert "abort marker" in (said_by(_marker(False)) or "")
    assert "to be passed over" in (said_by(_marker(False)) or "")
    assert "every partition of its transaction" in why_here(_marker(True).record, 3, control=True)


def test_a_damaged_marker_is_said_to_be_so() -> None:
    row = _marker(True)
    assert "too short" in (said_by(replace(row, record=row.record._replace(key=b"\x00"))) or "")


def test_a_record_of_the_transaction_coordinator_says_how_an_id_stands() -> None:
    value = TransactionValue(7, 1, 60_000, TransactionState.ONGOING, frozenset({TopicPartition("orders", 0)}))
    row = browsed(topic="__transaction_state", key=encode_key("till"), value=encode_value(value))
    assert said_by(row) == "till is Ongoing: producer id 7, epoch 1, timeout 60,000 ms, partitions orders-0."
    assert "hash of the transactional id mod 50" in why_here(row.record, 50)


def test_an_ordinary_record_says_nothing_but_its_transaction_may() -> None:
    row = browsed()
    assert said_by(row) is None
    assert fate_of(row) == ""
    assert "never gets it" in fate_of(replace(row, transaction="aborted"))
    assert "waits here" in fate_of(replace(row, transaction="open"))


def test_rows_read_while_their_transaction_was_open_learn_how_it_ended_from_its_marker() -> None:
    tp = TopicPartition("orders", 0)
    for committed, fate in ((True, ""), (False, "aborted")):
        window = Window({tp: 0})
        mine = replace(browsed(offset=1), transaction="open")
        other = replace(mine, record=mine.record._replace(offset=2), producer_id=8)
        marker = _marker(committed)
        marker = replace(marker, record=marker.record._replace(offset=3))
        window.append(Stretch((mine, other), {tp: 0}, {tp: 3}, 2), 0)
        window.append(Stretch((marker,), {tp: 3}, {tp: 4}, 1), 0)
        assert [row.transaction for row in window.rows] == [fate, "open", ""]
