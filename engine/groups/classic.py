"""What members ask of their group, and what they are answered (`GroupMetadataManager`'s `classicGroup...` methods).

A request that is refused raises the KafkaError; JoinGroup and SyncGroup are answered through a `Reply`, now or later.
"""

from __future__ import annotations

from engine.coordinators.writer import LogRecord
from engine.errors import (
    ErrorCode,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.coordinated import Coordinated
from engine.groups.group import COMPLETING, EMPTY, PREPARING, STABLE, Group
from engine.groups.joining import Joining
from engine.groups.member import Reply, read_assignment
from engine.groups.phases import Phases
from engine.groups.reasons import names, why_left
from engine.groups.records import GroupKey, GroupValue, OffsetValue, encode_key
from engine.groups.roster import Surroundings
from engine.messages import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    LeavingMember,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
    SyncGroupResponse,
    TxnOffsetCommitRequest,
)
from engine.snapshot import GroupState
from engine.types import ClientInfo


class ClassicGroup(Coordinated):
    """A group of the classic protocol."""

    kind = "classic"

    def __init__(self, group: Group, surroundings: Surroundings) -> None:
        self.group = group
        self.phases = Phases(group, surroundings)
        super().__init__(group.group_id, self.phases.history)
        self._joining = Joining(group, self.phases, surroundings)
        self._around = surroundings

    @property
    def state(self) -> GroupState:
        """What it is doing."""
        return self.group.state

    @property
    def protocol_type(self) -> str:
        """What its members are; "" where there never was any."""
        return self.group.protocol_type or ""

    @property
    def bare(self) -> bool:
        """Whether there is nothing to it: no offsets, and never any member."""
        group = self.group
        known = group.members or group.pending_joins or group.protocol_type or group.generation
        return not (known or len(self.committed))

    @property
    def empty(self) -> bool:
        """Whether it has no members."""
        return self.group.state is EMPTY

    def die(self) -> None:
        """Stop: the group is deleted, or another broker's."""
        self.phases.die()

    def anew(self) -> ClassicGroup:
        """The same group as its last generation left it; no generation is given out again that was not stored."""
        made = ClassicGroup.loaded(self.group_id, self.phases.in_log, self._around)
        made.group.generation = max(made.group.generation, self.group.generation)
        return made

    @classmethod
    def loaded(cls, group_id: str, value: GroupValue | None, surroundings: Surroundings) -> ClassicGroup:
        """The group as a record has it, or one that never had members."""
        now_ms = surroundings.clock.now_ms()
        group = Group(group_id, now_ms) if value is None else Group.loaded(group_id, value, now_ms)
        made = cls(group, surroundings)
        made.phases.in_log = value
        return made

    def tombstones(self) -> list[LogRecord]:
        """What makes the log forget the group."""
        return [(encode_key(GroupKey(self.group.group_id)), None)]

    def resume(self) -> None:
        """Go on after loading: every session starts anew, and a group that is too large by now rebalances."""
        group, limit = self.group, self._around.config.group_max_size
        shares = {
            member.member_id: read_assignment(member.protocol_type, member.assignment)
            for member in group.members.values()
        }
        self.phases.history.loaded({m.member_id: m.label for m in group.members.values()}, shares)
        self.phases.counts = self.phases.subscribed_counts()
        for member in group.members.values():
            self.phases.roster.restart_session(member)
        if len(group.members) > limit:
            self.phases.prepare(f"{len(group.members)} members are more than group.max.size allows ({limit})")

    # Requests

    def join(self, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        """Join or rejoin."""
        self._joining.join(client, request, reply)

    def sync(self, request: SyncGroupRequest, reply: Reply[SyncGroupResponse]) -> None:
        """Ask for an assignment; the leader brings everybody's."""
        group, member_id = self.group, request.member_id
        group.check_alive()
        if group.state is EMPTY:
            raise UnknownMemberIdError(f"{group.group_id} is empty; its members have to join again.")
        group.check_member(member_id, request.group_instance_id)
        group.check_generation(request.generation_id)
        group.check_protocol(request.protocol_type, request.protocol_name)
        member = group.members[member_id]
        member.heard_ms = self._around.clock.now_ms()
        if group.state is PREPARING:
            raise RebalanceInProgressError
        member.answer_sync(RebalanceInProgressError("Another SyncGroup of this member took the place of this one."))
        member.syncing = reply
        self.phases.synced(member_id)
        if group.state is STABLE:
            self.phases.hand_out(member)
            self.phases.maybe_end()
        elif group.leader == member_id:
            self.phases.take_assignments(request.assignments)

    def heartbeat(self, request: HeartbeatRequest) -> None:
        """The member is alive; it is told to rejoin by REBALANCE_IN_PROGRESS."""
        group = self.group
        group.check_alive()
        group.check_member(request.member_id, request.group_instance_id)
        group.check_generation(request.generation_id)
        self.phases.roster.heard_from(group.members[request.member_id])
        if group.state is PREPARING:
            raise RebalanceInProgressError

    def leave(self, request: LeaveGroupRequest, reply: Reply[LeaveGroupResponse]) -> None:
        """Members go; an error code for each, in order."""
        self.group.check_alive()
        before = dict(self.group.members)
        errors = tuple(self._leave(leaving) for leaving in request.members)
        if ErrorCode.NONE in errors:
            gone = [member.label for member_id, member in before.items() if member_id not in self.group.members]
            whys = dict.fromkeys(why_left(m.reason, not m.member_id) for m in request.members)
            if self.group.state in (STABLE, COMPLETING):
                who = names(gone) if gone else "a member that had not joined yet"
                self.phases.prepare_or_complete(f"{who} left: {', '.join(whys)}")
            else:
                self.phases.maybe_complete_join()
        reply.answer(LeaveGroupResponse(errors))

    def _leave(self, leaving: LeavingMember) -> ErrorCode:
        group = self.group
        why = why_left(leaving.reason, not leaving.member_id)
        if not leaving.member_id:
            holder = group.static_members.get(leaving.group_instance_id or "")
            if holder is None:
                return ErrorCode.UNKNOWN_MEMBER_ID
            self.phases.roster.let_go(holder, why)
        elif leaving.member_id in group.pending_joins:
            self.phases.roster.let_go_pending(leaving.member_id)
        else:
            try:
                group.check_member(leaving.member_id, leaving.group_instance_id)
            except KafkaError as error:
                return error.code
            self.phases.roster.let_go(leaving.member_id, why)
        return ErrorCode.NONE

    # Its offsets

    def check_commit(self, request: OffsetCommitRequest) -> None:
        """Whether such a member may commit now; a commit is a sign of life."""
        group = self.group
        group.check_commit(request.member_id, request.group_instance_id, request.generation_id)
        if group.state in (STABLE, PREPARING):
            self.phases.roster.heard_from(group.members[request.member_id])

    def check_transactional_commit(self, request: TxnOffsetCommitRequest) -> None:
        """Whether such a member may commit in a transaction; who names no member is asked nothing (KIP-447)."""
        self.group.check_transactional_commit(request.member_id, request.group_instance_id, request.generation_id)

    def check_fetch(self, request: OffsetFetchRequest) -> None:
        """Anybody may ask."""

    def check_delete_offsets(self) -> None:
        """Refuse to forget offsets of a group whose subscriptions are not known."""
        self.group.check_delete_offsets()

    def check_delete(self) -> None:
        """Refuse to delete a group that has members."""
        self.group.check_delete()

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether a member wants `topic`; where that is not known, consumers are taken to."""
        return self.group.is_subscribed_to(topic)

    def ages_since(self, value: OffsetValue) -> int | None:
        """Since when a committed offset has been ageing; None while it does not.

        An empty group's offsets age together from when it became empty, those of a simple consumer each from its
        commit, and those of consumers at work likewise, where nobody subscribes to the topic any more.
        """
        group = self.group
        if group.protocol_type is not None and group.state is EMPTY:
            return group.state_timestamp if group.state_timestamp >= 0 else value.commit_timestamp
        at_work = group.protocol_type == "consumer" and group.subscribed is not None and group.state is STABLE
        return value.commit_timestamp if group.protocol_type is None or at_work else None
