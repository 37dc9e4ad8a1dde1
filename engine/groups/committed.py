"""What one group has committed, and what of it is still on its way to the log."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from engine.groups.records import OffsetValue
from engine.types import TopicPartition


class Committed:
    """The committed offsets of one group: those in force, and those still being written."""

    def __init__(self) -> None:
        self.in_force: dict[TopicPartition, OffsetValue] = {}
        self.version = 0
        """Grows whenever a partition is added or forgotten."""
        self._under_way: Counter[TopicPartition] = Counter()
        self._orders: dict[TopicPartition, int] = {}

    def __iter__(self) -> Iterator[TopicPartition]:
        """Every partition that has a commit or will have one as soon as it is written."""
        return iter({**self.in_force, **self._under_way})

    def __len__(self) -> int:
        return len({*self.in_force, *self._under_way})

    def writing(self, partitions: Iterable[TopicPartition]) -> None:
        """Commits of these are on their way to the log, or in a transaction that is open."""
        self._under_way.update(iter(partitions))  # counted one by one, not as a mapping of counts

    def written(self, partitions: Iterable[TopicPartition]) -> None:
        """They are committed, have failed, or their transaction is over."""
        for tp in partitions:
            self._under_way[tp] -= 1
            if self._under_way[tp] <= 0:
                del self._under_way[tp]

    def is_under_way(self, tp: TopicPartition) -> bool:
        """Whether a commit of this partition is on its way, or in a transaction that is open."""
        return tp in self._under_way

    def put(self, tp: TopicPartition, value: OffsetValue, order: int = 0) -> None:
        """From now on `value` is what is committed, unless that was written later, by its `order`, than `value`."""
        if order < self._orders.get(tp, 0):
            return
        self._orders[tp] = order
        if tp not in self.in_force:
            self.version += 1
        self.in_force[tp] = value

    def forget(self, tp: TopicPartition) -> None:
        """Nothing is committed any more."""
        self._orders.pop(tp, None)
        if self.in_force.pop(tp, None) is not None:
            self.version += 1

    def take_in(self, other: Committed) -> None:
        """What `other` has is committed here, too; of two commits of a partition the later counts."""
        for tp, value in other.in_force.items():
            self.put(tp, value, other._orders.get(tp, 0))
        self._under_way.update(other._under_way)
