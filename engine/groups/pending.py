"""Offsets that were committed in transactions which are still open (`OffsetMetadataManager.openTransactions`).

They are in the log, and count once their producer's commit marker is: then each takes the place of what is committed,
unless that was written later than itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from engine.groups.records import OffsetKey, OffsetValue
from engine.types import TopicPartition


class Pending(NamedTuple):
    """One of them; `order` tells which of two records of a partition of `__consumer_offsets` is the later."""

    key: OffsetKey
    value: OffsetValue
    order: int


class PendingOffsets:
    """Those of one partition of `__consumer_offsets`, by producer id."""

    def __init__(self) -> None:
        self._by_producer: dict[int, dict[OffsetKey, Pending]] = {}

    def put(self, producer_id: int, pending: Pending) -> bool:
        """Add one, in the place of an earlier one of that transaction; whether there was none."""
        offsets = self._by_producer.setdefault(producer_id, {})
        new = pending.key not in offsets
        offsets[pending.key] = pending
        return new

    def end(self, producer_id: int) -> list[Pending]:
        """The producer's transaction is over: what was pending in it."""
        return list(self._by_producer.pop(producer_id, {}).values())

    def forget(self, key: OffsetKey) -> int:
        """Nothing of that is pending any more; in how many transactions it was."""
        return sum(offsets.pop(key, None) is not None for offsets in self._by_producer.values())

    def of(self, group_id: str) -> Iterator[TopicPartition]:
        """Partitions of which a group's offset may still change."""
        for offsets in self._by_producer.values():
            yield from (key.tp for key in offsets if key.group_id == group_id)
