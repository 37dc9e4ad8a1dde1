"""A group as panels see it: what has not changed since the last look is the same object again."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.groups.classic import ClassicGroup
from engine.groups.group import COMPLETING, PREPARING, STABLE, Group
from engine.groups.member import Member
from engine.groups.rebalance import NOTHING
from engine.snapshot import GroupOffsetView, GroupView, MemberView
from engine.types import TopicPartition

Standing = Callable[[TopicPartition], tuple[int, int] | None]
"""(log start offset, high watermark) of a partition, None while nobody leads it."""
Position = Callable[[str, TopicPartition], int | None]
"""Where the consumer of that group in this lab stands in a partition."""


class Viewer:
    """Keeps the last view of one group."""

    def __init__(self, seen: ClassicGroup) -> None:
        self.seen = seen
        self._members: dict[str, tuple[tuple[object, ...], MemberView]] = {}
        self._shares: dict[str, tuple[frozenset[TopicPartition], tuple[TopicPartition, ...]]] = {}
        self._lines: tuple[MemberView, ...] = ()
        self._partitions: tuple[TopicPartition, ...] = ()
        self._partitions_of: tuple[object, ...] = ()
        self._standings: dict[TopicPartition, GroupOffsetView] = {}
        self._offsets: tuple[GroupOffsetView, ...] = ()
        self._view: GroupView | None = None

    def view(self, coordinator: int, topics: Mapping[str, int], standing: Standing, position: Position) -> GroupView:
        """The group now; `coordinator` is the broker's id."""
        group, phases = self.seen.group, self.seen.phases
        deadline = phases.deadline
        fresh = (
            group.group_id,
            group.state,
            group.state_since_ms,
            None if deadline is None or deadline.cancelled else deadline.deadline,
            tuple(member.label for member in group.in_slot_order() if _is_waited_for(group, member)),
            group.generation,
            group.protocol_type or "",
            group.protocol or "",
            group.leader,
            coordinator,
            len(group.pending_joins),
            self._view_members(),
            self._view_offsets(topics, standing, position),
            phases.history.rebalances(),
        )
        if self._view is None or fresh != _fields(self._view):
            self._view = GroupView(*fresh)
        return self._view

    def _view_members(self) -> tuple[MemberView, ...]:
        group, history = self.seen.group, self.seen.phases.history
        if len(self._members) > len(group.members):
            self._members = {key: seen for key, seen in self._members.items() if key in group.members}
            self._shares = {key: share for key, share in self._shares.items() if key in group.members}
        lines = tuple(
            self._view_member(group, member, history.served_by(member.member_id)) for member in group.in_slot_order()
        )
        if len(lines) != len(self._lines) or any(a is not b for a, b in zip(lines, self._lines, strict=True)):
            self._lines = lines
        return self._lines

    def _view_member(self, group: Group, member: Member, share: frozenset[TopicPartition]) -> MemberView:
        key = (
            member.heard_ms,
            self._session_ends(member),
            group.leader == member.member_id,
            (group.state is PREPARING and member.joining is not None)
            or (group.state is COMPLETING and member.member_id not in group.pending_syncs),
            member.protocols,
            member.client,
            member.session_timeout_ms,
            member.rebalance_timeout_ms,
            share,
        )
        known = self._members.get(member.member_id)
        if known is not None and known[0] == key:
            return known[1]
        view = MemberView(
            member.member_id,
            member.client.client_id,
            member.client.host,
            member.client.software,
            member.group_instance_id,
            member.slot,
            group.leader == member.member_id,
            member.assignors,
            member.topics,
            self._sorted(member.member_id, share),
            member.heard_ms,
            member.session_timeout_ms,
            self._session_ends(member),
            member.rebalance_timeout_ms,
            bool(key[3]),
        )
        self._members[member.member_id] = (key, view)
        return view

    def _session_ends(self, member: Member) -> float:
        """Who waits here cannot run out; its session begins anew when the wait ends."""
        deadline = self.seen.phases.deadline
        if member.waits and deadline is not None:
            return max(member.session_ends_ms, deadline.deadline)
        return member.session_ends_ms

    def _sorted(self, member_id: str, share: frozenset[TopicPartition]) -> tuple[TopicPartition, ...]:
        known = self._shares.get(member_id)
        if known is None or known[0] != share:
            known = self._shares[member_id] = (share, tuple(sorted(share)))
        return known[1]

    def _view_offsets(
        self, topics: Mapping[str, int], standing: Standing, position: Position
    ) -> tuple[GroupOffsetView, ...]:
        group_id, committed = self.seen.group.group_id, self.seen.committed.in_force
        server_of = self.seen.phases.history.server_of
        partitions = self._find_partitions(topics)
        known, changed = self._standings, False
        for tp in partitions:
            value, stands, at, owner = committed.get(tp), standing(tp), position(group_id, tp), server_of(tp)
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

    def _find_partitions(self, topics: Mapping[str, int]) -> tuple[TopicPartition, ...]:
        """Every partition with a commit or an owner, and all of the topics subscribed to."""
        group, committed, history = self.seen.group, self.seen.committed, self.seen.phases.history
        wanted = set(group.subscribed or ()).union(*(member.topics for member in group.members.values()))
        counts = tuple(sorted((topic, topics[topic]) for topic in wanted if topic in topics))
        served = tuple(history.served_by(member_id) for member_id in group.members)
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


def _is_waited_for(group: Group, member: Member) -> bool:
    if group.state is PREPARING:
        return member.joining is None
    return group.state in (COMPLETING, STABLE) and member.member_id in group.pending_syncs


def _fields(view: GroupView) -> tuple[object, ...]:
    return (
        view.group_id,
        view.state,
        view.state_since_ms,
        view.deadline_ms,
        view.waiting_for,
        view.generation,
        view.protocol_type,
        view.assignor,
        view.leader,
        view.coordinator,
        view.pending_members,
        view.members,
        view.offsets,
        view.rebalances,
    )
