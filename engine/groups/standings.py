"""How a group stands in its partitions, as panels see it: what has not changed is the same object again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from engine.groups.committed import Committed
from engine.groups.rebalance import NOTHING, History
from engine.snapshot import GroupOffsetView
from engine.types import TopicPartition

Standing = Callable[[TopicPartition], tuple[int, int] | None]
"""(log start offset, high watermark) of a partition, None while nobody leads it."""
Position = Callable[[str, TopicPartition], int | None]
"""Where the consumer of that group in this lab stands in a partition."""


class OffsetsViewer:
    """Keeps the last view of one group's offsets."""

    def __init__(self, group_id: str, history: History) -> None:
        self._group_id = group_id
        self._history = history
        self._partitions: tuple[TopicPartition, ...] = ()
        self._partitions_of: tuple[object, ...] = ()
        self._standings: dict[TopicPartition, GroupOffsetView] = {}
        self._offsets: tuple[GroupOffsetView, ...] = ()

    def view(
        self,
        committed: Committed,
        wanted: Collection[str],
        members: Iterable[str],
        topics: Mapping[str, int],
        standing: Standing,
        position: Position,
    ) -> tuple[GroupOffsetView, ...]:
        """What is committed, owned and missing of every partition; `wanted` are the topics subscribed to."""
        in_force, server_of = committed.in_force, self._history.server_of
        partitions = self._find_partitions(committed, wanted, members, topics)
        known, changed = self._standings, False
        for tp in partitions:
            value, stands, at, owner = in_force.get(tp), standing(tp), position(self._group_id, tp), server_of(tp)
            offset = None if value is None else value.offset
            lag = None if offset is None or stands is None else max(0, stands[1] - offset)
            metadata = "" if value is None else value.metadata
            before = known.get(tp)
            if (
                before is None
                or before.lag != lag
                or before.committed != offset
                or before.position != at
                or before.owner != owner
                or before.metadata != metadata
            ):
                known[tp] = GroupOffsetView(tp.topic, tp.partition, offset, at, lag, owner, metadata)
                changed = True
        if changed or len(self._offsets) != len(partitions):
            self._offsets = tuple(known[tp] for tp in partitions)
        return self._offsets

    def _find_partitions(
        self, committed: Committed, wanted: Collection[str], members: Iterable[str], topics: Mapping[str, int]
    ) -> tuple[TopicPartition, ...]:
        """Every partition with a commit or an owner, and all of the topics subscribed to."""
        counts = tuple(sorted((topic, topics[topic]) for topic in wanted if topic in topics))
        served = tuple(self._history.served_by(member_id) for member_id in members)
        key = (committed, committed.version, counts, served)
        if key != self._partitions_of:
            found = {TopicPartition(topic, number) for topic, count in counts for number in range(count)}
            found.update(committed.in_force, NOTHING.union(*served))
            self._partitions_of = key
            if len(found) != len(self._partitions) or not found.issuperset(self._partitions):
                self._partitions = tuple(sorted(found))
                self._standings = {tp: view for tp, view in self._standings.items() if tp in found}
                self._offsets = ()
        return self._partitions
