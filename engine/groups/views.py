"""A group as panels see it: what has not changed since the last look is the same object again."""

from __future__ import annotations

from collections.abc import Mapping

from engine.groups.classic import ClassicGroup
from engine.groups.group import COMPLETING, PREPARING, STABLE, Group
from engine.groups.member import Member
from engine.groups.standings import OffsetsViewer, Position, Standing
from engine.snapshot import GroupView, MemberView
from engine.types import TopicPartition


class Viewer:
    """Keeps the last view of one group."""

    def __init__(self, seen: ClassicGroup) -> None:
        self.seen = seen
        self._members: dict[str, tuple[tuple[object, ...], MemberView]] = {}
        self._shares: dict[str, tuple[frozenset[TopicPartition], tuple[TopicPartition, ...]]] = {}
        self._lines: tuple[MemberView, ...] = ()
        self._offsets = OffsetsViewer(seen.group.group_id, seen.phases.history)
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
            self._offsets.view(self.seen.committed, self._wanted(), group.members, topics, standing, position),
            phases.history.rebalances(),
        )
        if self._view is None or fresh != _fields(self._view):
            self._view = GroupView(*fresh)
        return self._view

    def _wanted(self) -> set[str]:
        group = self.seen.group
        return set(group.subscribed or ()).union(*(member.topics for member in group.members.values()))

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
            member.client.program,
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
