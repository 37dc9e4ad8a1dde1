"""What members of the classic protocol ask of a group of the consumer protocol (`classicGroupJoinToConsumerGroup`).

Each request is decided when its turn comes. A member's generation is the epoch it has reached; it joins again and again
until it has what it is to have.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable

from engine.clock import Clock
from engine.errors import ErrorCode, KafkaError, MemberIdRequiredError, RebalanceInProgressError
from engine.groups.consumer_protocol import Assignment, Subscription, decode_subscription, encode_assignment
from engine.groups.modern.classic_members import check_sync, has_to_rejoin, member_of, protocol_of
from engine.groups.modern.draft import Draft
from engine.groups.modern.group import ModernGroup
from engine.groups.modern.presence import Presences
from engine.groups.modern.turns import Change
from engine.groups.reasons import names, why_left
from engine.messages import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    SyncGroupRequest,
    SyncGroupResponse,
)
from engine.types import ClientInfo


class ClassicRequests:
    """Decides them for one group: `group` is as it stands, `draft` as it is about to be."""

    def __init__(
        self,
        group_id: str,
        clock: Clock,
        presences: Presences,
        group: Callable[[], ModernGroup],
        draft: Callable[[], Draft],
    ) -> None:
        self._group_id = group_id
        self._clock = clock
        self._presences = presences
        self._group = group
        self._draft = draft
        self._ids = 0

    def join(self, client: ClientInfo, request: JoinGroupRequest) -> Change:
        """Join, or take the next step; raises MemberIdRequiredError on a dynamic member's first try."""
        member_id = request.member_id or self._new_id(request.group_instance_id or client.client_id)
        subscription = decode_subscription(request.protocols[0][1]) if request.protocols else Subscription(())
        draft = self._draft()
        after = draft.join(client, request, member_id, subscription)
        if not request.member_id and request.group_instance_id is None and request.requires_known_member_id:
            raise MemberIdRequiredError(member_id)
        answer = JoinGroupResponse(after.epoch, request.protocols[0][0], "", member_id)
        return Change(draft, answer, heard=(member_id, client), joined=member_id)

    def sync(self, request: SyncGroupRequest) -> Change:
        """Be told what it may work on."""
        group = self._group()
        member = member_of(group, request.member_id, request.group_instance_id, request.generation_id)
        try:
            check_sync(group, member, request.protocol_type, request.protocol_name)
        except RebalanceInProgressError:
            self._presences.await_join(member)
            raise
        self._presences.synced(member)
        self._presences.beats(member)
        share = encode_assignment(Assignment(tuple(sorted(member.assigned))))
        return Change(self._draft(), SyncGroupResponse(share, protocol_of(member)))

    def _new_id(self, prefix: str) -> str:
        """A member id no one has had, and the same again in a lab that is run again."""
        self._ids += 1
        said = f"{self._group_id}/{prefix}/{self._clock.now_ms()}/consumer/{self._ids}"
        return f"{prefix}-{uuid.uuid5(uuid.NAMESPACE_OID, said)}"

    def heartbeat(self, request: HeartbeatRequest) -> None:
        """A member of the classic protocol is alive; where there is news for it, it has to join again."""
        group = self._group()
        member = member_of(group, request.member_id, request.group_instance_id, request.generation_id)
        self._presences.beats(member)
        if has_to_rejoin(group, member):
            self._presences.await_join(member)
            raise RebalanceInProgressError

    def leave(self, request: LeaveGroupRequest) -> Change:
        """They go, and so does whomever an administrator removes."""
        group, draft, errors = self._group(), self._draft(), []
        gone: dict[str, tuple[str, str]] = {}
        for leaving in request.members:
            try:
                member = group.named(leaving.member_id, leaving.group_instance_id)
            except KafkaError as error:
                errors.append(error.code)
            else:
                errors.append(ErrorCode.NONE)
                by_administrator = member.classic is None or not leaving.member_id
                gone[member.member_id] = ("left", why_left(leaving.reason, by_administrator))
        members = [group.members[member_id] for member_id in gone]
        if members:
            whys = dict.fromkeys(why for _, why in gone.values())
            draft.remove(members, f"{names(member.label for member in members)} left: {', '.join(whys)}")
        return Change(draft, LeaveGroupResponse(tuple(errors)), gone=gone)
