"""The sticky rule for members that subscribe to different topics (`GeneralAssignmentBuilder`).

What is free goes to the least loaded subscriber; then partitions move, one at a time, from an owner to a subscriber
that has at least two fewer, until there is no such pair. Each such move lowers Kafka's balance score, so the moving
ends, and the result never has to be thrown away for the one before, as it may in Kafka.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from engine.groups.assignors.ownership import NOBODY, Ownership, Table


def share_among_subscribers(table: Table, ownership: Ownership) -> list[list[int]]:
    """Partitions of each member, from those owned so far (left as they are)."""
    owner = list(ownership.owner)
    revoked = _drop_unsubscribed(table, owner)
    order = sorted(table.topics, key=lambda topic: (len(table.groups[topic]), topic))
    balancer = _Balancer(table, owner, ownership.earlier)
    free = {topic: [p for p in _partitions(table, topic) if owner[p] == NOBODY] for topic in order}
    for topic in order:
        balancer.hand_out(topic, free[topic])
    movable = [topic for topic in order if len(table.groups[topic]) > 1]
    if not revoked:
        # New partitions are the first to move: nobody has worked on them yet.
        balancer.even_out((topic, free[topic]) for topic in movable)
    balancer.even_out([(topic, _partitions(table, topic)) for topic in movable])
    held: list[list[int]] = [[] for _ in table.members]
    for partition, member in enumerate(owner):
        held[member].append(partition)
    return held


def _partitions(table: Table, topic: str) -> range:
    return range(table.first[topic], table.first[topic] + table.topics[topic])


def _drop_unsubscribed(table: Table, owner: list[int]) -> bool:
    """Free the partitions whose owner no longer wants the topic; whether there were any."""
    found = False
    for partition, member in enumerate(owner):
        if member != NOBODY and table.partitions[partition].topic not in table.subscribed[member]:
            owner[partition] = NOBODY
            found = True
    return found


class _Balancer:
    """Loads, owners and movements during one assignment. Changes the `owner` list it is given."""

    def __init__(self, table: Table, owner: list[int], earlier: dict[int, int]) -> None:
        self._table = table
        self._owner = owner
        self._earlier = earlier
        self._load = [0] * len(table.members)
        for member in owner:
            if member != NOBODY:
                self._load[member] += 1
        self._origin: dict[int, int] = {}
        """Where a moved partition was before it moved."""
        self._moved: dict[tuple[str, int, int], dict[int, None]] = {}
        """(topic, from, to) to the partitions that so moved, in that order."""
        self._group: list[int] = []
        self._heap: list[int] = []
        """The loads of `_group` as load * members + member; entries that a later load overtook are skipped."""

    def hand_out(self, topic: str, partitions: Iterable[int]) -> None:
        """Give each of these free partitions to the topic's least loaded subscriber."""
        for partition in partitions:
            self._look_at(topic)
            member = self._least_loaded()
            self._owner[partition] = member
            self._change_load(member, +1)

    def even_out(self, candidates: Iterable[tuple[str, Iterable[int]]]) -> None:
        """Move candidates to subscribers with at least two fewer, over and over until none can."""
        todo = [(topic, list(partitions)) for topic, partitions in candidates]
        moved = True
        while moved:
            moved = False
            for topic, partitions in todo:
                if partitions:
                    moved |= self._even_out_topic(topic, partitions)

    def _even_out_topic(self, topic: str, partitions: list[int]) -> bool:
        self._look_at(topic)
        load, owner, any_moved = self._load, self._owner, False
        for partition in partitions:
            target, heaviest = self._least_loaded(), load[owner[partition]]
            if heaviest <= load[target] + 1:
                continue
            earlier = self._earlier.get(partition)
            if earlier is not None and heaviest > load[earlier] + 1 and topic in self._table.subscribed[earlier]:
                target = earlier
            self._move(topic, partition, target)
            any_moved = True
        return any_moved

    def _move(self, topic: str, partition: int, target: int) -> None:
        """Take one partition from this one's owner and give one to `target`.

        Where a partition of the topic went from `target` to where this one comes from, both go back instead: the same
        loads with two fewer movements, so that no two members ever swap partitions of a topic.
        """
        giver = self._owner[partition]
        origin = self._origin.get(partition, giver)
        went_the_other_way = self._moved.get((topic, target, origin))
        if went_the_other_way:
            self._place(topic, next(iter(went_the_other_way)), target)
            self._place(topic, partition, origin)
        else:
            self._place(topic, partition, target)
        self._change_load(giver, -1)
        self._change_load(target, +1)

    def _place(self, topic: str, partition: int, target: int) -> None:
        member = self._owner[partition]
        origin = self._origin.setdefault(partition, member)
        if member != origin:
            del self._moved[topic, origin, member][partition]
        if target != origin:
            self._moved.setdefault((topic, origin, target), {})[partition] = None
        self._owner[partition] = target

    def _look_at(self, topic: str) -> None:
        """Have the heap hold the subscribers of this topic; topics that share them share it."""
        group = self._table.groups[topic]
        if group is not self._group:
            members = len(self._load)
            self._group = group
            self._heap = [self._load[member] * members + member for member in group]
            heapify(self._heap)

    def _least_loaded(self) -> int:
        heap, load, members = self._heap, self._load, len(self._load)
        while True:
            known_load, member = divmod(heap[0], members)
            if load[member] == known_load:
                return member
            heappop(heap)

    def _change_load(self, member: int, by: int) -> None:
        self._load[member] += by
        heappush(self._heap, self._load[member] * len(self._load) + member)
