from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.merging import Part, merge_backward, merge_onward
from engine.records import ConsumerRecord
from engine.types import TopicPartition


@dataclass(frozen=True)
class Row:
    record: ConsumerRecord


def row(partition: int, offset: int, timestamp: int) -> Row:
    return Row(ConsumerRecord("orders", partition, offset, timestamp, 0, None, b"", ()))


def logs_of(times: list[list[int]]) -> dict[TopicPartition, list[Row]]:
    return {
        TopicPartition("orders", partition): [row(partition, at, time) for at, time in enumerate(each)]
        for partition, each in enumerate(times)
    }


times = st.lists(st.lists(st.integers(0, 20), max_size=12), min_size=1, max_size=4)
sorted_times = times.map(lambda each: [sorted(one) for one in each])


def onward(logs: dict[TopicPartition, list[Row]], page: int, wanted: range = range(100)) -> list[Row]:
    """Read everything in pages of `page` records a partition, those at `wanted` times."""
    seen: list[Row] = []
    at = dict.fromkeys(logs, 0)
    for _ in range(200):
        parts = {}
        for tp, log in logs.items():
            end = min(at[tp] + page, len(log))
            found = [each for each in log[at[tp] : end] if each.record.timestamp in wanted]
            parts[tp] = Part(found, at[tp], end, end == len(log), log[end - 1].record.timestamp if end else 0)
        rows, after = merge_onward(parts)
        assert all(after[tp] >= at[tp] for tp in logs)
        if after == at:
            return seen
        seen, at = seen + rows, after
    raise AssertionError("reading does not come to an end")


def backward(logs: dict[TopicPartition, list[Row]], page: int, wanted: range = range(100)) -> list[Row]:
    seen: list[Row] = []
    at = {tp: len(log) for tp, log in logs.items()}
    for _ in range(200):
        parts = {}
        for tp, log in logs.items():
            low = max(at[tp] - page, 0)
            found = [each for each in log[low : at[tp]] if each.record.timestamp in wanted]
            parts[tp] = Part(found, low, at[tp], low == 0, log[low].record.timestamp if low < len(log) else 0)
        rows, before = merge_backward(parts)
        if before == at:
            return seen
        seen, at = rows + seen, before
    raise AssertionError("reading does not come to an end")


@given(times, st.integers(1, 5))
def test_every_record_is_read_once_in_either_direction_whatever_its_time(
    given_times: list[list[int]], page: int
) -> None:
    logs = logs_of(given_times)
    everything = sorted((each for log in logs.values() for each in log), key=lambda each: each.record[1:3])
    for seen in (onward(logs, page), backward(logs, page)):
        assert sorted(seen, key=lambda each: each.record[1:3]) == everything
        for tp, log in logs.items():
            assert [each for each in seen if each.record.partition == tp.partition] == log


@given(sorted_times, st.integers(1, 5))
def test_where_time_never_goes_back_both_directions_give_the_order_of_time(
    given_times: list[list[int]], page: int
) -> None:
    logs = logs_of(given_times)
    by_time = sorted(
        (each for log in logs.values() for each in log),
        key=lambda each: (each.record.timestamp, each.record.partition, each.record.offset),
    )
    assert onward(logs, page) == by_time
    assert backward(logs, page) == by_time


@given(sorted_times, st.integers(1, 5), st.integers(0, 20))
def test_what_does_not_match_is_passed_over_without_losing_the_order(
    given_times: list[list[int]], page: int, since: int
) -> None:
    logs, wanted = logs_of(given_times), range(since, 21)
    by_time = sorted(
        (each for log in logs.values() for each in log if each.record.timestamp >= since),
        key=lambda each: (each.record.timestamp, each.record.partition, each.record.offset),
    )
    assert onward(logs, page, wanted) == by_time
    assert backward(logs, page, wanted) == by_time
