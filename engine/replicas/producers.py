"""What a partition remembers of idempotent producers: their epoch and their last batches.

Rules from `org.apache.kafka.storage.internals.log.ProducerStateManager`, `ProducerStateEntry` and
`ProducerAppendInfo` (KIP-98): a batch sent again is answered with where it lies already, a gap is refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from engine.errors import InvalidProducerEpochError, OutOfOrderSequenceError
from engine.records import BatchHeader

REMEMBERED = 5
"""Batches of each producer that are told from new ones (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`)."""
_WRAP = 0x7FFFFFFF


class KnownBatch(NamedTuple):
    """A batch that was appended, by its sequence numbers and offsets."""

    base_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int
    timestamp: int


class ProducerEntry:
    """One producer as one partition knows it."""

    __slots__ = ("batches", "epoch", "transaction_start")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.batches: deque[KnownBatch] = deque(maxlen=REMEMBERED)
        self.transaction_start: int | None = None
        """The first offset of its open transaction here."""

    @property
    def last_sequence(self) -> int:
        """Of its newest batch, -1 before any."""
        return self.batches[-1].last_sequence if self.batches else -1


class ProducerStates:
    """The producers of one partition, by id."""

    def __init__(self) -> None:
        self._entries: dict[int, ProducerEntry] = {}

    def get(self, producer_id: int) -> ProducerEntry | None:
        """What is known of a producer."""
        return self._entries.get(producer_id)

    def check(self, header: BatchHeader) -> KnownBatch | None:
        """The batch this one repeats, or None for one that may be appended.

        InvalidProducerEpochError for an older epoch, OutOfOrderSequenceError for a gap, or for a first batch of a
        newer epoch that does not begin at 0. A producer that is not known may begin anywhere.
        """
        if header.producer_id < 0 or header.is_control:
            return None
        entry = self._entries.get(header.producer_id)
        if entry is None:
            return None
        if header.producer_epoch < entry.epoch:
            raise InvalidProducerEpochError(
                f"Producer {header.producer_id} is at epoch {entry.epoch}; this batch says {header.producer_epoch}."
            )
        if header.producer_epoch == entry.epoch:
            for known in entry.batches:
                if (known.base_sequence, known.last_sequence) == (header.base_sequence, header.last_sequence):
                    return known
        expected = (entry.last_sequence + 1) & _WRAP if header.producer_epoch == entry.epoch and entry.batches else None
        if expected is None:
            expected = 0 if header.producer_epoch > entry.epoch else header.base_sequence
        if header.base_sequence != expected:
            raise OutOfOrderSequenceError(
                f"Producer {header.producer_id} sent sequence {header.base_sequence}; {expected} was to come next."
            )
        return None

    def appended(self, header: BatchHeader, base_offset: int, last_offset: int) -> None:
        """A batch is in the log."""
        if header.producer_id < 0:
            return
        entry = self._entries.get(header.producer_id)
        if entry is None or header.producer_epoch > entry.epoch:
            fresh = ProducerEntry(header.producer_epoch)
            if entry is not None:
                fresh.transaction_start = entry.transaction_start
            entry = self._entries[header.producer_id] = fresh
        if header.is_control:
            entry.transaction_start = None
            return
        known = KnownBatch(header.base_sequence, header.last_sequence, base_offset, last_offset, header.max_timestamp)
        entry.batches.append(known)
        if header.is_transactional and entry.transaction_start is None:
            entry.transaction_start = base_offset

    @classmethod
    def replay(cls, headers: Iterable[BatchHeader]) -> ProducerStates:
        """As after these batches, which lie in the log at their own offsets."""
        states = cls()
        for header in headers:
            states.appended(header, header.base_offset, header.last_offset)
        return states

    def first_unstable_offset(self) -> int | None:
        """Where the earliest open transaction began: the last stable offset lies there."""
        starts = [entry.transaction_start for entry in self._entries.values() if entry.transaction_start is not None]
        return min(starts, default=None)
