"""Which leader epoch each stretch of a log was written in (KIP-101), as Kafka's `LeaderEpochFileCache` keeps it.

A follower that may have strayed asks the leader where an epoch ended, and cuts its own log back to there.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

NONE = (-1, -1)
Entry = tuple[int, int]
"""A leader epoch and the offset of its first record."""


class LeaderEpochs:
    """Epochs in ascending order; immutable, each change gives another."""

    __slots__ = ("entries",)

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = tuple(entries)

    @property
    def latest(self) -> int:
        """The newest epoch, -1 while there is none."""
        return self.entries[-1][0] if self.entries else -1

    def started(self, epoch: int, offset: int) -> LeaderEpochs:
        """With `epoch` beginning at `offset`; entries that contradict it go. The same object if nothing changes."""
        if epoch < 0 or (self.entries and self.latest == epoch and self.entries[-1][1] <= offset):
            return self
        kept = [entry for entry in self.entries if entry[0] < epoch and entry[1] < offset]
        return LeaderEpochs([*kept, (epoch, offset)])

    def cut_end(self, offset: int) -> LeaderEpochs:
        """Without the epochs that began at `offset` or later."""
        return LeaderEpochs(entry for entry in self.entries if entry[1] < offset)

    def cut_start(self, offset: int) -> LeaderEpochs:
        """As after records before `offset` went: the epoch that holds it now begins there."""
        later = bisect_right(self.entries, offset, key=lambda entry: entry[1])
        if later == 0:
            return self
        return LeaderEpochs([(self.entries[later - 1][0], offset), *self.entries[later:]])

    def end_offset(self, epoch: int, log_end_offset: int) -> Entry:
        """The largest epoch not above `epoch` and where it ended; (-1, -1) for one this log has not come to."""
        if epoch == self.latest and epoch >= 0:
            return epoch, log_end_offset
        higher = bisect_right(self.entries, epoch, key=lambda entry: entry[0])
        if epoch < 0 or higher == len(self.entries):
            return NONE
        start_of_next = self.entries[higher][1]
        return (epoch if higher == 0 else self.entries[higher - 1][0]), start_of_next

    def epoch_at(self, offset: int) -> int:
        """The epoch of the record at `offset`, -1 if it is before every epoch known."""
        later = bisect_left(self.entries, offset + 1, key=lambda entry: entry[1])
        return self.entries[later - 1][0] if later else -1

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LeaderEpochs) and self.entries == other.entries

    def __hash__(self) -> int:
        return hash(self.entries)
