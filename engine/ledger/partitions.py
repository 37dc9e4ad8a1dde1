"""Which acknowledged record lies at which offset of one partition, and which of them have come into doubt.

When another replica begins to lead, whatever was acknowledged at or beyond the end of its log is in doubt until the
log itself has been looked at.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat
from typing import NamedTuple

from engine.ledger.marks import LIMIT
from engine.types import TopicPartition

NOBODY = 0
_MARGIN = 1024
_slot = tuple.__new__


class Slot(NamedTuple):
    """A record where it was acknowledged: its producer's index and its sequence."""

    offset: int
    producer: int
    sequence: int


class PartitionBook:
    """Six bytes an offset. While `watching`, every acknowledgement is in doubt: an old leader may still give some."""

    def __init__(self, tp: TopicPartition) -> None:
        self.tp = tp
        self.base = -1
        self.watching = False
        self.suspects: list[Slot] = []
        self.producers = array("H")
        self.sequences = array("I")

    @property
    def end(self) -> int:
        """Behind the last offset that is remembered."""
        return self.base + len(self.producers) if self.base >= 0 else 0

    def acknowledged(self, base_offset: int, producer: int, sequences: Sequence[int]) -> None:
        """Records of a producer lie from `base_offset` on, says whoever leads."""
        count = len(sequences)
        if self.watching:
            self.suspects += map(Slot, range(base_offset, base_offset + count), repeat(producer), sequences)
            return
        at, end = base_offset - self.base, base_offset - self.base + count
        if self.base < 0 or at < 0 or end > len(self.producers):
            self._place(base_offset)
            end = self._place(base_offset + count - 1) + 1
            at = end - count
            if at < 0:
                sequences, at = sequences[-end:] if end else (), 0
        if any(self.producers[at:end]):
            self._contested(at, producer, sequences)
        else:
            self.producers[at:end] = array("H", [producer]) * len(sequences)
            self.sequences[at:end] = array("I", sequences)

    def _contested(self, first: int, producer: int, sequences: Sequence[int]) -> None:
        for at, sequence in enumerate(sequences, first):
            offset, other, its = self.base + at, self.producers[at], self.sequences[at]
            if other == NOBODY:
                self.producers[at] = producer
                self.sequences[at] = sequence
            elif (other, its) != (producer, sequence):
                # Two leaders gave one offset away.
                self.producers[at] = NOBODY
                self.suspects += (Slot(offset, other, its), Slot(offset, producer, sequence))

    def _place(self, offset: int) -> int:
        if self.base < 0:
            self.base = max(0, offset - _MARGIN)
        at = offset - self.base
        if at < 0:
            if len(self.producers) - at > LIMIT:
                return -1
            self.producers = array("H", bytes(-2 * at)) + self.producers
            self.sequences = array("I", bytes(-4 * at)) + self.sequences
            self.base, at = offset, 0
        elif at >= len(self.producers):
            if at >= LIMIT:
                gone = min(len(self.producers), max(LIMIT // 4, at - LIMIT + 1))
                del self.producers[:gone], self.sequences[:gone]
                self.base = self.base + gone if self.producers else offset
                at = offset - self.base
            more = at + _MARGIN - len(self.producers)
            self.producers.frombytes(bytes(2 * more))
            self.sequences.frombytes(bytes(4 * more))
        return at

    def doubt(self, offset: int) -> int:
        """From `offset` on another log counts now; how many records that brings into doubt."""
        first = max(0, offset - self.base) if self.base >= 0 else 0
        found = list(self.records(offset, self.end))
        self.suspects += found
        for at in range(first, len(self.producers)):
            self.producers[at] = NOBODY
        return len(found)

    def judge(self, end: int, there: Mapping[int, tuple[int, int]], removed: int) -> list[Slot]:
        """The log was read up to `end`: `there` says whose record lies at an offset. Which of the doubtful are gone.

        What is missing below `removed`, retention or compaction took.
        """
        gone, left = [], []
        settled: list[Slot] = []
        for slot in self.suspects:
            if slot.offset >= end:
                left.append(slot)
                continue
            found = there.get(slot.offset)
            if found == (slot.producer, slot.sequence):
                settled.append(slot)
            elif found is not None or slot.offset >= removed:
                gone.append(slot)
        self.suspects = left
        for slot in settled:
            at = self._place(slot.offset)
            if at >= 0:
                self.producers[at], self.sequences[at] = slot.producer, slot.sequence
        return gone

    def records(self, start: int, end: int) -> Iterator[Slot]:
        """The records known to lie from `start` up to `end`."""
        if self.base < 0:
            return
        producers, sequences, base = self.producers, self.sequences, self.base
        for at in range(max(0, start - base), min(end - base, len(producers))):
            if producers[at]:
                yield _slot(Slot, (base + at, producers[at], sequences[at]))

    def doubtful(self) -> tuple[int, int] | None:
        """The first offset in doubt and the one behind the last; None when there is none."""
        if not self.suspects:
            return None
        offsets = [slot.offset for slot in self.suspects]
        return min(offsets), max(offsets) + 1
