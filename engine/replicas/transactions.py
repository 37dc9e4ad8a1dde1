"""The transactions of one partition: which are open, which are over but not yet copied, and which were aborted.

Rules from `ProducerStateManager` (ongoing and unreplicated transactions, `firstUnstableOffset`) and
`TransactionIndex`: a reader with `read_committed` gets no further than the first open transaction, and is told which
of those before it were aborted.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class AbortedTransaction(NamedTuple):
    """A transaction of one producer that was aborted, from its first record to its marker.

    `last_stable_offset` is where the partition's stood once the marker was written.
    """

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


class Transactions:
    """What a partition knows of transactions. `first_unstable` is None while none stands in a reader's way."""

    def __init__(self, aborted: Iterable[AbortedTransaction] = ()) -> None:
        self.open: dict[int, int] = {}
        """Where the open transaction of each producer began."""
        self.aborted: list[AbortedTransaction] = list(aborted)
        """In the order of their markers."""
        self.first_unstable: int | None = None
        self._ending: deque[tuple[int, int]] = deque()
        """(first offset, last offset) of transactions whose marker not every in-sync replica has."""

    def began(self, producer_id: int, offset: int) -> None:
        """A producer's first record of a transaction lies at `offset`."""
        self.open[producer_id] = offset
        self._settle()

    def ended(self, producer_id: int, committed: bool, marker_offset: int) -> None:
        """Its marker lies at `marker_offset`; without a record before it, it changes nothing."""
        first = self.open.pop(producer_id, None)
        if first is None:
            return
        self._ending.append((first, marker_offset))
        if not committed:
            stable = min(self.open.values(), default=marker_offset + 1)
            self.aborted.append(AbortedTransaction(producer_id, first, marker_offset, stable))
        self._settle()

    def replicated(self, high_watermark: int) -> None:
        """Whatever lies below is on every in-sync replica: the markers there count."""
        if not self._ending or self._ending[0][1] >= high_watermark:
            return
        while self._ending and self._ending[0][1] < high_watermark:
            self._ending.popleft()
        self._settle()

    def aborted_between(self, start: int, end: int) -> tuple[tuple[int, int], ...]:
        """(producer id, first offset) of aborted transactions that reach into the offsets from `start` up to `end`."""
        found = []
        for at in range(bisect_left(self.aborted, start, key=lambda it: it.last_offset), len(self.aborted)):
            transaction = self.aborted[at]
            if transaction.first_offset < end:
                found.append((transaction.producer_id, transaction.first_offset))
            if transaction.last_stable_offset >= end:
                break
        return tuple(found)

    def fate(self, producer_id: int, offset: int) -> str:
        """ "open" or "aborted" for a record of such a transaction, "" for any other."""
        began = self.open.get(producer_id)
        if began is not None and offset >= began:
            return "open"
        for at in range(bisect_left(self.aborted, offset, key=lambda it: it.last_offset), len(self.aborted)):
            transaction = self.aborted[at]
            if transaction.producer_id == producer_id:
                return "aborted" if transaction.first_offset <= offset else ""
        return ""

    def is_aborted(self, producer_id: int, offset: int) -> bool:
        """Whether a record of a transaction belongs to one that was aborted."""
        return self.fate(producer_id, offset) == "aborted"

    def forget_below(self, log_start: int) -> None:
        """The log starts there now: aborted transactions that ended before it matter to nobody."""
        del self.aborted[: bisect_left(self.aborted, log_start, key=lambda it: it.last_offset)]

    def _settle(self) -> None:
        ending = min((first for first, _ in self._ending), default=None)
        starts = [start for start in (ending, min(self.open.values(), default=None)) if start is not None]
        self.first_unstable = min(starts, default=None)
