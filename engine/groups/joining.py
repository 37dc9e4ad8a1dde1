"""JoinGroup: who is let in, who comes back, and what that starts (`classicGroupJoin...`)."""

from __future__ import annotations

import uuid
from dataclasses import replace

from engine.errors import (
    GroupMaxSizeReachedError,
    InconsistentGroupProtocolError,
    KafkaError,
    MemberIdRequiredError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    UnknownServerError,
)
from engine.groups.group import COMPLETING, EMPTY, PREPARING, STABLE, Group
from engine.groups.member import Member, Reply
from engine.groups.phases import Phases
from engine.groups.reasons import names, why_rejoined
from engine.groups.roster import Surroundings
from engine.messages import JoinGroupRequest, JoinGroupResponse
from engine.types import ClientInfo


class Joining:
    """Lets members into one group."""

    def __init__(self, group: Group, phases: Phases, surroundings: Surroundings) -> None:
        self._group = group
        self._phases = phases
        self._around = surroundings
        self._ids = 0

    def join(self, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        """Join or rejoin."""
        self._group.check_alive()
        if not self._has_room_for(request.member_id):
            self._phases.roster.refuse(request.member_id)
            limit = self._around.config.group_max_size
            raise GroupMaxSizeReachedError(f"{self._group.group_id} is full: group.max.size is {limit}.")
        if not self._group.supports(request.protocol_type, request.protocols):
            offered = names(name for name, _ in request.protocols)
            shared = names(sorted(self._group.candidates()))
            raise InconsistentGroupProtocolError(
                f"{self._group.group_id} has no assignor in common with what is offered ({offered}); it uses {shared}."
            )
        if request.member_id:
            self._join_again(client, request, reply)
        else:
            self._join_anew(client, request, reply)

    def _has_room_for(self, member_id: str) -> bool:
        group, limit = self._group, self._around.config.group_max_size
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
        if instance_id is not None and (holder := self._group.static_members.get(instance_id)) is not None:
            self._take_over(self._group.members[holder], member_id, client, request, reply)
        elif instance_id is None and request.requires_known_member_id:
            self._phases.roster.await_pending(member_id, request.session_timeout_ms)
            raise MemberIdRequiredError(member_id)
        else:
            self._admit(member_id, client, request, reply)

    def _join_again(self, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        group, member_id = self._group, request.member_id
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
        self._phases.history.came_back(member_id)
        self._phases.prepare_or_complete(cause)

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
        self._phases.admit(member)
        self._phases.prepare_or_complete(f"{member.label} joined")

    def _take_over(
        self,
        old: Member,
        member_id: str,
        client: ClientInfo,
        request: JoinGroupRequest,
        reply: Reply[JoinGroupResponse],
    ) -> None:
        """A static member is back: it takes the place of its former self, if possible without a rebalance."""
        group, history = self._group, self._phases.history
        before = (old.protocols, old.rebalance_timeout_ms, old.session_timeout_ms)
        silent_since_ms = old.heard_ms
        member = self._phases.roster.replace(old, member_id, client)
        history.stops(member_id, silent_since_ms)
        self._phases.roster.heard_from(member)
        self._await_join(member, request, reply)
        if group.state is STABLE:
            if group.protocol != group.select_protocol():
                self._phases.prepare(f"{member.label} came back and another assignor has the most votes")
                return
            self._around.events.tell(
                self._around.clock.now_ms(),
                group.group_id,
                f"static member {member.label} came back to {group.group_id} within its session: "
                f"it keeps its partitions, and nobody rebalances.",
            )
            skips = request.knows_skipping
            self._phases.store_as_is(lambda error: self._taken_over(member, old, before, error, skips=skips))
        elif group.state is COMPLETING:
            self._phases.prepare(f"{member.label} came back as a new member while partitions were shared out")
        else:
            history.came_back(member_id)
            self._phases.maybe_complete_join()

    def _taken_over(
        self,
        member: Member,
        old: Member,
        before: tuple[tuple[tuple[str, bytes], ...], int, int],
        error: KafkaError | None,
        *,
        skips: bool,
    ) -> None:
        group = self._group
        if group.members.get(member.member_id) is not member or group.state is not STABLE:
            return  # it is gone again, or waits for the rebalance that has begun meanwhile
        if error is None:
            self._phases.roster.restart_session(member)
            leads = group.leader == member.member_id
            answer = group.join_response(member.member_id, skip_assignment=leads)
            if leads and not skips:  # so that it assigns nothing, it is told that its former self leads
                answer = replace(answer, leader=old.member_id, members=(), skip_assignment=False)
            member.answer_join(answer)
            return
        reply, member.joining = member.joining, None
        member.subscribe(before[0])
        member.rebalance_timeout_ms, member.session_timeout_ms = before[1:]
        self._phases.roster.restart_session(self._phases.roster.replace(member, old.member_id, old.client))
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
        self._phases.history.stops(member.member_id, self._around.clock.now_ms(), owned)

    def _why_rejoined(self, member: Member, request: JoinGroupRequest) -> str:
        after = Member("", member.client, None, 0, 0, request.protocol_type, request.protocols)
        return why_rejoined(
            member.label,
            leads=self._group.leader == member.member_id,
            reason=request.reason,
            given_up=self._phases.history.given_up_by(member.member_id),
            topics=(member.topics, after.topics),
            assignors=(member.assignors, after.assignors),
            counts=(self._phases.counts, self._phases.subscribed_counts()),
        )

    def _new_id(self, prefix: str) -> str:
        """A member id no one has had: Kafka's form, and the same again in a lab that is run again."""
        self._ids += 1
        said = f"{self._group.group_id}/{prefix}/{self._around.clock.now_ms()}/{self._ids}"
        return f"{prefix}-{uuid.uuid5(uuid.NAMESPACE_OID, said)}"
