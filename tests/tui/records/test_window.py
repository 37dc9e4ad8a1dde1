from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from engine.pages import BrowsedRecord, Stretch
from engine.records import ConsumerRecord
from engine.types import TopicPartition
from tui.records.window import Window

TPS = (TopicPartition("orders", 0), TopicPartition("orders", 1))


def row(partition: int, offset: int, size: int = 1) -> BrowsedRecord:
    record = ConsumerRecord("orders", partition, offset, offset, 0, None, b"x" * size, ())
    return BrowsedRecord(record, offset, offset, 0, "none", 1, 1, -1, False)


def onward(window: Window, count: int) -> Stretch:
    """The next records of both partitions, in turn."""
    high = dict(window.high)
    rows = []
    for at in range(count):
        tp = TPS[at % 2]
        rows.append(row(tp.partition, high[tp]))
        high[tp] += 1
    return Stretch(tuple(rows), window.high, high, count)


def backward(window: Window, count: int) -> Stretch:
    low = dict(window.low)
    rows = []
    for at in range(count):
        tp = TPS[at % 2]
        low[tp] -= 1
        rows.append(row(tp.partition, low[tp]))
    return Stretch(tuple(reversed(rows)), low, window.low, count)


@given(st.lists(st.integers(-30, 30), max_size=25))
def test_between_its_ends_nothing_is_missing_and_nothing_is_twice(steps: list[int]) -> None:
    window = Window(dict.fromkeys(TPS, 1_000), most_rows=40)
    for step in steps:
        if step > 0:
            window.append(onward(window, step), keep_from=window.stop - 15)
        else:
            window.prepend(backward(window, -step), keep_to=window.first + 15)
        for tp in TPS:
            own = [each.record.offset for each in window.rows if each.record.partition == tp.partition]
            assert own == list(range(window.low[tp], window.high[tp]))
        assert window.size_bytes == len(window.rows)
        assert len(window.rows) <= 40 + 30


def test_rows_are_found_by_number_and_by_offset() -> None:
    window = Window(dict.fromkeys(TPS, 100))
    window.append(onward(window, 10), 0)
    number = window.number_of(TPS[1], 102)
    assert number == 5
    found = window.row(number)
    assert found is not None
    assert found.record[1:3] == (1, 102)
    assert window.places_at(number) == {TPS[0]: 103, TPS[1]: 102}
    assert window.row(10) is None
    assert window.number_of(TPS[0], 999) is None


def test_large_records_go_sooner() -> None:
    window = Window({TPS[0]: 0}, most_bytes=1_000)
    for offset in range(20):
        window.append(Stretch((row(0, offset, 200),), {TPS[0]: offset}, {TPS[0]: offset + 1}, 1), keep_from=offset - 3)
    assert window.size_bytes <= 1_000
    assert window.rows[-1].record.offset == 19
