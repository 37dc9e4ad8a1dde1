"""Several partitions read as one, by the timestamps of their records; each partition keeps its own order.

A stretch of one partition says how far it was looked through, so a merge stops where a partition that goes on has no
more to offer: what lies behind that may be older than what the others still hold.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from engine.records import ConsumerRecord
from engine.types import TopicPartition


class HasRecord(Protocol):
    """Something with a record in it."""

    @property
    def record(self) -> ConsumerRecord:
        """The record."""


R = TypeVar("R", bound=HasRecord)


@dataclass(frozen=True, slots=True)
class Part(Generic[R]):
    """What was looked through of one partition: offsets from `low` up to, not including, `high`."""

    rows: Sequence[R]
    """Those that were wanted, ascending."""
    low: int
    high: int
    whole: bool
    """Whether it reaches the end of the log that it was read towards."""
    edge: int
    """The timestamp (ms) of the record looked at last; of no meaning in a whole part."""


def merge_onward(parts: Mapping[TopicPartition, Part[R]]) -> tuple[list[R], dict[TopicPartition, int]]:
    """The records of all parts, oldest first, and up to where each partition was taken."""
    taken: list[R] = []
    at = dict.fromkeys(parts, 0)
    heads = [(_time(part, 0), tp) for tp, part in parts.items() if part.rows or not part.whole]
    heapq.heapify(heads)
    while heads:
        tp = heads[0][1]
        part, index = parts[tp], at[tp]
        if index == len(part.rows):
            if not part.whole:
                break
            heapq.heappop(heads)
            continue
        taken.append(part.rows[index])
        at[tp] = index + 1
        heapq.heapreplace(heads, (_time(part, index + 1), tp))
    return taken, {
        tp: part.rows[at[tp]].record.offset if at[tp] < len(part.rows) else part.high for tp, part in parts.items()
    }


def merge_backward(parts: Mapping[TopicPartition, Part[R]]) -> tuple[list[R], dict[TopicPartition, int]]:
    """The records of all parts, oldest first, taken from their ends, and down to where each partition was taken."""
    taken: list[R] = []
    left = {tp: len(part.rows) for tp, part in parts.items()}
    tails = [_tail(tp, part, len(part.rows)) for tp, part in parts.items() if part.rows or not part.whole]
    heapq.heapify(tails)
    while tails:
        tp = tails[0][2]
        part, count = parts[tp], left[tp]
        if not count:
            if not part.whole:
                break
            heapq.heappop(tails)
            continue
        taken.append(part.rows[count - 1])
        left[tp] = count - 1
        heapq.heapreplace(tails, _tail(tp, part, count - 1))
    return taken[::-1], {
        tp: part.rows[left[tp] - 1].record.offset + 1 if left[tp] else part.low for tp, part in parts.items()
    }


def _time(part: Part[R], index: int) -> float:
    """When the next record is of, or was the last looked at; never where the partition has ended."""
    if index < len(part.rows):
        return part.rows[index].record.timestamp
    return float("inf") if part.whole else part.edge


def _tail(tp: TopicPartition, part: Part[R], count: int) -> tuple[float, int, TopicPartition]:
    """Sorts the newest first, and of one time the highest partition, which `merge_onward` takes last."""
    if count:
        return -part.rows[count - 1].record.timestamp, -tp.partition, tp
    return float("inf") if part.whole else -part.edge, -tp.partition, tp
