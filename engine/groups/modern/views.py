"""A group of the consumer protocol as panels see it: what has not changed since the last look is the same object."""

from __future__ import annotations

from collections.abc import Mapping

from engine.groups.modern.consumer_group import ConsumerGroup
from engine.groups.modern.group import ModernGroup
from engine.groups.modern.member import Member
from engine.groups.modern.records import MemberMetadata
from engine.groups.standings import OffsetsViewer, Position, Standing
from engine.snapshot import GroupProtocol, GroupView, MemberState, MemberView


class ModernViewer:
    """Keeps the last view of one group."""

    def __init__(self, seen: ConsumerGroup) -> None:
        self.seen = seen
        self._members: dict[str, tuple[tuple[object, ...], MemberView]] = {}
        self._lines: tuple[MemberView, ...] = ()
        self._offsets = OffsetsViewer(seen.group.group_id, seen.chronicle.history)
        self._key: tuple[object, ...] = ()
        self._view: GroupView | None = None

    def view(self, coordinator: int, topics: Mapping[str, int], standing: Standing, position: Position) -> GroupView:
        """The group now; `coordinator` is the broker's id."""
        seen, group = self.seen, self.seen.group
        lines = self._view_members(group)
        offsets = self._offsets.view(seen.committed, group.subscribed, group.members, topics, standing, position)
        rebalances = seen.chronicle.history.rebalances()
        key = (group, coordinator, seen.presences.deadline_ms, lines, offsets, rebalances)
        if self._view is None or not _same(key, self._key):
            self._key = key
            self._view = GroupView(
                group.group_id,
                group.state,
                seen.chronicle.state_since_ms,
                seen.presences.deadline_ms,
                tuple(member.label for member in self._in_slot_order(group) if _is_waited_for(group, member)),
                group.epoch,
                seen.protocol_type,
                seen.assignor if group.members else "",
                None,
                coordinator,
                0,
                lines,
                offsets,
                rebalances,
                GroupProtocol.CONSUMER,
                group.assignment_epoch,
            )
        return self._view

    def _in_slot_order(self, group: ModernGroup) -> list[Member]:
        return sorted(group.members.values(), key=lambda member: self.seen.presences.of(member.member_id).slot)

    def _view_members(self, group: ModernGroup) -> tuple[MemberView, ...]:
        self._members = {key: known for key, known in self._members.items() if key in group.members}
        lines = tuple(self._view_member(group, member) for member in self._in_slot_order(group))
        if len(lines) != len(self._lines) or any(a is not b for a, b in zip(lines, self._lines, strict=True)):
            self._lines = lines
        return self._lines

    def _view_member(self, group: ModernGroup, member: Member) -> MemberView:
        presence, target = self.seen.presences.of(member.member_id), group.target_of(member.member_id)
        key = (member, target, presence.client, presence.heard_ms, presence.session_ends_ms)
        known = self._members.get(member.member_id)
        if known is not None and _same(key, known[0]):
            return known[1]
        said = member.said
        view = MemberView(
            member.member_id,
            said.client_id,
            said.client_host,
            presence.client.program,
            said.instance_id,
            presence.slot,
            False,
            _assignors(said),
            said.topics,
            tuple(sorted(member.owned)),
            presence.heard_ms,
            self.seen.presences.session_timeout_of(member),
            presence.session_ends_ms,
            said.rebalance_timeout_ms,
            False,
            member.epoch,
            member.state,
            tuple(sorted(target)),
            tuple(sorted(member.revoking)),
            said.pattern or "",
        )
        self._members[member.member_id] = (key, view)
        return view


def _assignors(said: MemberMetadata) -> tuple[str, ...]:
    if said.classic is not None:
        return tuple(name for name, _ in said.classic.protocols)
    return (said.assignor,) if said.assignor else ()


def _same(key: tuple[object, ...], before: tuple[object, ...]) -> bool:
    """Whether two keys hold the same objects, or equal numbers."""
    return len(key) == len(before) and all(
        a is b or (isinstance(a, float) and a == b) for a, b in zip(key, before, strict=True)
    )


def _is_waited_for(group: ModernGroup, member: Member) -> bool:
    return member.state is MemberState.UNREVOKED_PARTITIONS and group.epoch == group.assignment_epoch
