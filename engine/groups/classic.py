"""What members ask of their group, and what they are answered (`GroupMetadataManager`'s `classicGroup...` methods).

A request that is refused raises the KafkaError; JoinGroup and SyncGroup are answered through a `Reply`, now or later.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace

from engine.coordinators.writer import LogRecord
from engine.errors import (
    ErrorCode,
    GroupMaxSizeReachedError,
    InconsistentGroupProtocolError,
    KafkaError,
    MemberIdRequiredError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    UnknownServerError,
)
from engine.groups.committed import Committed
from engine.groups.group import COMPLETING, EMPTY, PREPARING, STABLE, Group
from engine.groups.member import Member, Reply, read_assignment
from engine.groups.phases import Phases
from engine.groups.reasons import names, why_left, why_rejoined
from engine.groups.records import GroupKey, encode_key
from engine.groups.roster import Surroundings
from engine.messages import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeavingMember,
    OffsetCommitRequest,
    SyncGroupRequest,
    SyncGroupResponse,
    TxnOffsetCommitRequest,
)
from engine.types import ClientInfo


class ClassicGroup:
    """One group with its members, its committed offsets and its history."""

    def __init__(self, group: Group, surroundings: Surroundings) -> None:
        self.group = group
        self.phases = Phases(group, surroundings)
        self.committed = Committed()
        self._around = surroundings
        self._ids = 0

    @property
    def bare(self) -> bool:
        """Whether there is nothing to it: no offsets, and never any member."""
        group = self.group
        return not (group.members or group.pending_joins or group.protocol_type or len(self.committed))

    @property
    def empty(self) -> bool:
        """Whether it has no members."""
        return self.group.state is EMPTY

    def die(self) -> None:
        """Stop: the group is deleted, or another broker's."""
        self.phases.die()

    def drop_topic(self, topic: str) -> None:
        """The topic is gone, and nobody misses its partitions."""
        self.phases.history.drop_topic(topic)

    def check_delete(self) -> None:
        """Refuse to delete a group that has members."""
        self.group.check_delete()

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
        self.phases.counts = self._subscribed_counts()
        for member in group.members.values():
            self.phases.roster.restart_session(member)
        if len(group.members) > limit:
            self.phases.prepare(f"{len(group.members)} members are more than group.max.size allows ({limit})")

    # JoinGroup

    def join(self, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        """Join or rejoin."""
        self.group.check_alive()
        if not self._has_room_for(request.member_id):
            self.phases.roster.refuse(request.member_id)
            limit = self._around.config.group_max_size
            raise GroupMaxSizeReachedError(f"{self.group.group_id} is full: group.max.size is {limit}.")
        if not self.group.supports(request.protocol_type, request.protocols):
            offered = names(name for name, _ in request.protocols)
            shared = names(sorted(self.group.candidates()))
            raise InconsistentGroupProtocolError(
                f"{self.group.group_id} has no assignor in common with what is offered ({offered}); it uses {shared}."
            )
        if request.member_id:
            self._join_again(client, request, reply)
        else:
            self._join_anew(client, request, reply)

    def _has_room_for(self, member_id: str) -> bool:
        group, limit = self.group, self._around.config.group_max_size
        if group.state is EMPTY:
            return True
        member = group.members.get(member_id)
        if group.state is PREPARING:
            awaiting = sum(1 for other in group.members.values() if other.joining)
            return (member is not None and member.joining is not None) or awaiting < limit
        return member is not None or len(group.members) < limit

    def _join_anew(self, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        instance_id = request.group_instance_id
        member_id = self._new_id(instance_id or client.client_id)
        if instance_id is not None and (holder := self.group.static_members.get(instance_id)) is not None:
            self._take_over(self.group.members[holder], member_id, client, request, reply)
        elif instance_id is None and request.requires_known_member_id:
            self.phases.roster.await_pending(member_id, request.session_timeout_ms)
            raise MemberIdRequiredError(member_id)
        else:
            self._admit(member_id, client, request, reply)

    def _join_again(self, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        group, member_id = self.group, request.member_id
        if member_id in group.pending_joins:
            if request.group_instance_id is not None:
                raise UnknownServerError(f"{member_id} was given to a dynamic member, and comes back as a static one.")
            self._admit(member_id, client, request, reply)
            return
        group.check_member(member_id, request.group_instance_id)
        member = group.members[member_id]
        unchanged = member.protocols == request.protocols
        if group.state is EMPTY:
            raise UnknownMemberIdError(f"{group.group_id} is empty; {member.label} has to join again.")
        if (group.state is COMPLETING and unchanged) or (
            group.state is STABLE and unchanged and group.leader != member_id
        ):
            # Its answer may have been lost: the generation that is there is still right for it.
            member.heard_ms = self._around.clock.now_ms()
            self._stop_serving(member, request)
            reply.answer(group.join_response(member_id))
            return
        cause = self._why_rejoined(member, request)
        self._await_join(member, request, reply)
        self.phases.history.came_back(member_id)
        self.phases.prepare_or_complete(cause)

    def _admit(
        self, member_id: str, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]
    ) -> None:
        member = Member(
            member_id,
            client,
            request.group_instance_id,
            request.session_timeout_ms,
            request.rebalance_timeout_ms,
            request.protocol_type,
            request.protocols,
            joining=reply,
        )
        self.phases.admit(member)
        self.phases.prepare_or_complete(f"{member.label} joined")

    def _take_over(
        self,
        old: Member,
        member_id: str,
        client: ClientInfo,
        request: JoinGroupRequest,
        reply: Reply[JoinGroupResponse],
    ) -> None:
        """A static member is back: it takes the place of its former self, if possible without a rebalance."""
        group, history = self.group, self.phases.history
        before = (old.protocols, old.rebalance_timeout_ms, old.session_timeout_ms)
        silent_since_ms = old.heard_ms
        member = self.phases.roster.replace(old, member_id, client)
        history.stops(member_id, silent_since_ms)
        self.phases.roster.heard_from(member)
        self._await_join(member, request, reply)
        if group.state is STABLE:
            if group.protocol != group.select_protocol():
                self.phases.prepare(f"{member.label} came back and another assignor has the most votes")
                return
            self._around.events.tell(
                self._around.clock.now_ms(),
                group.group_id,
                f"static member {member.label} came back to {group.group_id} within its session: "
                f"it keeps its partitions, and nobody rebalances.",
            )
            skips = request.knows_skipping
            self.phases.store_as_is(lambda error: self._taken_over(member, old, before, error, skips=skips))
        elif group.state is COMPLETING:
            self.phases.prepare(f"{member.label} came back as a new member while partitions were shared out")
        else:
            history.came_back(member_id)
            self.phases.maybe_complete_join()

    def _taken_over(
        self,
        member: Member,
        old: Member,
        before: tuple[tuple[tuple[str, bytes], ...], int, int],
        error: KafkaError | None,
        *,
        skips: bool,
    ) -> None:
        group = self.group
        if group.members.get(member.member_id) is not member or group.state is not STABLE:
            return  # it is gone again, or waits for the rebalance that has begun meanwhile
        if error is None:
            self.phases.roster.restart_session(member)
            leads = group.leader == member.member_id
            answer = group.join_response(member.member_id, skip_assignment=leads)
            if leads and not skips:  # so that it assigns nothing, it is told that its former self leads
                answer = replace(answer, leader=old.member_id, members=(), skip_assignment=False)
            member.answer_join(answer)
            return
        reply, member.joining = member.joining, None
        member.subscribe(before[0])
        member.rebalance_timeout_ms, member.session_timeout_ms = before[1:]
        self.phases.roster.restart_session(self.phases.roster.replace(member, old.member_id, old.client))
        if reply is not None:
            reply.answer(error)

    def _await_join(self, member: Member, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        member.answer_join(RebalanceInProgressError("Another JoinGroup of this member took the place of this one."))
        member.subscribe(request.protocols)
        member.rebalance_timeout_ms = request.rebalance_timeout_ms
        member.session_timeout_ms = request.session_timeout_ms
        member.heard_ms = self._around.clock.now_ms()
        member.joining = reply
        self._stop_serving(member, request)

    def _stop_serving(self, member: Member, request: JoinGroupRequest) -> None:
        """Who joins again works on nothing but what its subscription says it still owns."""
        owned = member.subscription.owned_partitions if member.subscription else ()
        self.phases.history.stops(member.member_id, self._around.clock.now_ms(), owned)

    def _why_rejoined(self, member: Member, request: JoinGroupRequest) -> str:
        after = Member("", member.client, None, 0, 0, request.protocol_type, request.protocols)
        return why_rejoined(
            member.label,
            leads=self.group.leader == member.member_id,
            reason=request.reason,
            given_up=self.phases.history.given_up_by(member.member_id),
            topics=(member.topics, after.topics),
            assignors=(member.assignors, after.assignors),
            counts=(self.phases.counts, self._subscribed_counts()),
        )

    def _subscribed_counts(self) -> Mapping[str, int]:
        counts = self._around.topics()
        return {topic: counts[topic] for topic in self.group.subscribed or () if topic in counts}

    def _new_id(self, prefix: str) -> str:
        """A member id no one has had: Kafka's form, and the same again in a lab that is run again."""
        self._ids += 1
        said = f"{self.group.group_id}/{prefix}/{self._around.clock.now_ms()}/{self._ids}"
        return f"{prefix}-{uuid.uuid5(uuid.NAMESPACE_OID, said)}"

    # SyncGroup, Heartbeat, LeaveGroup

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

    def leave(self, request: LeaveGroupRequest) -> tuple[ErrorCode, ...]:
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
        return errors

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

    # OffsetCommit

    def check_commit(self, request: OffsetCommitRequest) -> None:
        """Whether such a member may commit now; a commit is a sign of life."""
        group = self.group
        group.check_commit(request.member_id, request.group_instance_id, request.generation_id)
        if group.state in (STABLE, PREPARING):
            self.phases.roster.heard_from(group.members[request.member_id])

    def check_transactional_commit(self, request: TxnOffsetCommitRequest) -> None:
        """Whether such a member may commit in a transaction; who names no member is asked nothing (KIP-447)."""
        self.group.check_transactional_commit(request.member_id, request.group_instance_id, request.generation_id)
