"""What members of the consumer protocol ask of their group, and what follows (`GroupMetadataManager`).

One change at a time: a heartbeat that changes something is answered when its records are committed, and what comes
meanwhile waits its turn. One that changes nothing is answered at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from engine.coordinators.patterns import check_pattern
from engine.coordinators.writer import LogRecord
from engine.errors import (
    InvalidRequestError,
    NotCoordinatorError,
    UnsupportedAssignorError,
)
from engine.groups.coordinated import Coordinated
from engine.groups.member import Reply
from engine.groups.modern.chronicle import Chronicle
from engine.groups.modern.classic_members import only_classic
from engine.groups.modern.classic_requests import ClassicRequests
from engine.groups.modern.draft import Draft, Known
from engine.groups.modern.group import ModernGroup
from engine.groups.modern.presence import RETRY_MS, Overdue, Presences
from engine.groups.modern.records import Key, Value, encode_key
from engine.groups.modern.resolving import due
from engine.groups.modern.turns import Change, Turns
from engine.groups.records import OffsetValue
from engine.groups.roster import Surroundings
from engine.messages import (
    JOIN_EPOCH,
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    DescribedConsumer,
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
    SyncGroupResponse,
    TxnOffsetCommitRequest,
)
from engine.snapshot import GroupState
from engine.types import ClientInfo

Heartbeat = ConsumerGroupHeartbeatResponse
Downgrade = Callable[["ConsumerGroup", str], None]


class ConsumerGroup(Coordinated):
    """A group of the consumer protocol. `downgrade` puts a classic one in its place, and says why it rebalances."""

    kind = "consumer"
    protocol_type = "consumer"

    def __init__(self, group: ModernGroup, surroundings: Surroundings, downgrade: Downgrade) -> None:
        self.group = group
        self._downgrade = downgrade
        self.presences = Presences(
            surroundings.clock, surroundings.config.group_consumer_session_timeout_ms, self._fence_later
        )
        self.chronicle = Chronicle(group.group_id, self.presences, surroundings.clock, surroundings.events)
        super().__init__(group.group_id, self.chronicle.history)
        self._around = surroundings
        self._turns = Turns(surroundings.write, self._takes_effect, self._take_note)
        self._resolved_among: frozenset[str] = frozenset()
        self._resolving = False
        self._classic = ClassicRequests(
            group.group_id, surroundings.clock, self.presences, lambda: self.group, self._draft
        )

    @property
    def state(self) -> GroupState:
        """What it is doing."""
        return self.group.state

    @property
    def bare(self) -> bool:
        """Whether there is nothing to it: no offsets, never any member, and none that is about to be."""
        return not (self.group.members or self.group.epoch or len(self.committed) or self._turns.busy)

    @property
    def empty(self) -> bool:
        """Whether it has no members, and none that is about to be."""
        return self.group.state is GroupState.EMPTY and not self._turns.busy

    @property
    def assignor(self) -> str:
        """The server-side assignor that shares out the partitions."""
        among = self._around.config.group_consumer_assignors
        return self.group.assignor(among, among[0])

    def resume(self) -> None:
        """Go on after loading: every session starts anew, and so does every wait for partitions to be given up."""
        for member in self.group.members.values():
            self.presences.admit(member, ClientInfo(member.said.client_id, member.said.client_host, ""))
            self.presences.restart(member)
            self.presences.await_giving_up(member)
        self.chronicle.take_up(self.group, self.assignor)
        if only_classic(self.group):
            self._around.clock.call_later(RETRY_MS, self._downgrade_if_due, "the others have left")

    def take_over(self, records: Sequence[tuple[Key, Value]], clients: Mapping[str, tuple[ClientInfo, int]]) -> None:
        """Begin with the members of a classic group, as these records have them; `clients` with their slots."""
        names_of = {topic_id: name for name, topic_id in self._around.metadata.ids.items()}
        for key, value in records:
            self.group.put(key, value, names_of.get)
        for member_id, (client, slot) in clients.items():
            self.presences.admit(self.group.members[member_id], client, slot)
            self.presences.restart(self.group.members[member_id])
        self.chronicle.take_up(self.group, self.assignor)

    def anew(self) -> ConsumerGroup:
        """The same group, with nothing under way."""
        return ConsumerGroup(self.group.copy(), self._around, self._downgrade)

    def die(self) -> None:
        """Stop: the group is deleted, or another broker's. What waits is sent to look for the coordinator."""
        self.presences.close()
        self.group = self.group.copy()
        self.group.dead = True
        self._turns.close(NotCoordinatorError(f"This broker does not coordinate {self.group_id} any more."))

    def tombstones(self) -> list[LogRecord]:
        """What makes the log forget the group."""
        return [(encode_key(key), None) for key in self.group.tombstones()]

    # Its offsets

    def check_commit(self, request: OffsetCommitRequest) -> None:
        """Whether such a member may commit now."""
        self.group.check_commit(request.member_id, request.generation_id, knows_epochs=request.knows_epochs)

    def check_transactional_commit(self, request: TxnOffsetCommitRequest) -> None:
        """Whether such a member may commit in a transaction; who names no member is asked nothing (KIP-447)."""
        self.group.check_transactional_commit(request.member_id, request.group_instance_id, request.generation_id)

    def check_fetch(self, request: OffsetFetchRequest) -> None:
        """Refuse to tell offsets to a member of another epoch; anybody may ask who names no member."""
        self.group.check_fetch(request.member_id, request.member_epoch)

    def check_delete_offsets(self) -> None:
        """Offsets of topics nobody subscribes to can always be forgotten."""
        self.group.check_alive()

    def check_delete(self) -> None:
        """Refuse to delete a group that has members, or is about to."""
        self.group.check_delete()
        if not self.empty:
            raise NotCoordinatorError(f"{self.group_id} is being changed just now.")

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether a member wants `topic`."""
        return topic in self.group.topics

    def ages_since(self, value: OffsetValue) -> int | None:
        """Each offset ages from its commit, whatever the group does."""
        return value.commit_timestamp

    # Requests

    def hear(self, client: ClientInfo, request: ConsumerGroupHeartbeatRequest, reply: Reply[Heartbeat]) -> None:
        """Join, stay, take over, give up or leave."""
        leaves = request.member_epoch in (LEAVE_EPOCH, LEAVE_STATIC_EPOCH)
        self._turns.take((lambda: self._step_out(request)) if leaves else (lambda: self._hear(client, request)), reply)

    def join(self, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        """A member of the classic protocol joins; its generation is the epoch that it reaches."""
        self._turns.take(lambda: self._classic.join(client, request), reply)

    def sync(self, request: SyncGroupRequest, reply: Reply[SyncGroupResponse]) -> None:
        """A member of the classic protocol asks for its assignment, which is there already."""
        self._turns.take(lambda: self._classic.sync(request), reply)

    def heartbeat(self, request: HeartbeatRequest) -> None:
        """A member of the classic protocol is alive; where there is news for it, it has to join again."""
        self._classic.heartbeat(request)

    def leave(self, request: LeaveGroupRequest, reply: Reply[LeaveGroupResponse]) -> None:
        """Members of the classic protocol go, and whomever an administrator removes."""
        self._turns.take(lambda: self._classic.leave(request), reply)

    def describe(self) -> ConsumerGroupDescribeResponse:
        """The group as it stands; raises GroupIdNotFoundError once it is dead."""
        group = self.group
        group.check_alive()
        return ConsumerGroupDescribeResponse(
            group.group_id,
            group.state.value,
            group.epoch,
            group.assignment_epoch,
            self.assignor,
            tuple(
                DescribedConsumer(
                    member.member_id,
                    member.said.instance_id,
                    member.said.rack_id,
                    member.epoch,
                    member.said.client_id,
                    member.said.client_host,
                    member.said.topics,
                    member.said.pattern,
                    tuple(sorted(member.assigned)),
                    tuple(sorted(group.target_of(member.member_id))),
                    classic=member.classic is not None,
                )
                for member in group.members.values()
            ),
        )

    def _draft(self) -> Draft:
        metadata, config = self._around.metadata, self._around.config
        known = Known(
            metadata.counts,
            metadata.ids,
            config.group_consumer_assignors,
            config.group_consumer_max_size,
            self._may_downgrade,
            metadata.version,
            self._around.clock.now(),
        )
        return Draft(self.group, known)

    def _hear(self, client: ClientInfo, request: ConsumerGroupHeartbeatRequest) -> Change:
        draft = self._draft()
        before, after = draft.hear(client, request)
        told_all = request.rebalance_timeout_ms >= 0 and request.partitions is not None
        told_all = told_all and (request.topics is not None or request.pattern is not None)
        changed = before.assigned != after.assigned
        answer = Heartbeat(
            after.member_id,
            after.epoch,
            self._around.config.group_consumer_heartbeat_interval_ms,
            tuple(sorted(after.assigned)) if request.member_epoch == JOIN_EPOCH or told_all or changed else None,
        )
        return Change(draft, answer, heard=(after.member_id, client))

    def _step_out(self, request: ConsumerGroupHeartbeatRequest) -> Change:
        draft = self._draft()
        member = self.group.named(request.member_id, request.group_instance_id)
        change = Change(draft, Heartbeat(member.member_id, request.member_epoch, 0))
        if request.group_instance_id is not None and request.member_epoch == LEAVE_STATIC_EPOCH:
            draft.step_away(member)
        else:
            draft.remove([member], f"{member.label} left")
            change.gone[member.member_id] = ("left", "closed cleanly")
        return change

    def _fence_later(self, overdue: Overdue) -> None:
        self._turns.take(lambda: self._fence(overdue), None)

    def _fence(self, overdue: Overdue) -> Change | None:
        """Drop a member, unless it was heard while this had to wait its turn."""
        member = self.group.members.get(overdue.member_id)
        if member is None or not overdue.stands():
            return None
        draft = self._draft()
        draft.remove([member], overdue.cause)
        return Change(draft, gone={member.member_id: ("dropped", overdue.why)}, again=overdue.again)

    # Patterns

    def _resolve_if_due(self) -> None:
        topics, now = self._around.metadata.counts, self._around.clock.now()
        interval_ms = self._around.config.group_consumer_regex_refresh_interval_ms
        if not self._resolving and due(self.group, topics, self._resolved_among, now, interval_ms):
            self._resolving = True
            asyncio.get_running_loop().call_soon(self._turns.take, self._resolve, None)

    def _resolve(self) -> Change:
        self._resolving = False
        draft = self._draft()
        draft.resolve()
        return Change(draft)

    # What follows

    def _takes_effect(self, change: Change) -> None:
        before, self.group = self.group, change.draft.group
        if change.draft.records:
            self.chronicle.follow(before, self.group, change.draft, change.heard, change.gone, self.assignor)
        self._take_note(change)
        if change.joined is not None:
            self.presences.await_sync(self.group.members[change.joined])
        self._resolved_among = change.draft.resolved_among or self._resolved_among
        if change.heard is not None:
            self._resolve_if_due()
        self._downgrade_if_due("" if change.joined else " and ".join(change.draft.causes))

    @property
    def _may_downgrade(self) -> bool:
        return self._around.config.group_consumer_migration_policy in ("downgrade", "bidirectional")

    def _downgrade_if_due(self, cause: str) -> None:
        """Become a classic group once only members of that protocol are left."""
        fits = len(self.group.members) <= self._around.config.group_max_size
        if self._may_downgrade and fits and not self.group.dead and only_classic(self.group):
            self._downgrade(self, cause)

    def _take_note(self, change: Change) -> None:
        """Who sent a heartbeat is alive, whatever became of it."""
        member_id, client = change.heard or ("", None)
        if client is not None and member_id in self.group.members:
            self.presences.heard(self.group.members[member_id], client)


def check_heartbeat(request: ConsumerGroupHeartbeatRequest, assignors: tuple[str, ...]) -> None:
    """Refuse one that makes no sense (`throwIfConsumerGroupHeartbeatRequestIsInvalid`)."""
    if not request.group_id or not request.member_id:
        raise InvalidRequestError("A heartbeat names its group and its member; neither may be empty.")
    if request.group_instance_id == "" or request.rack_id == "":
        raise InvalidRequestError("A group.instance.id or rack id that is given must not be empty.")
    if request.member_epoch < LEAVE_STATIC_EPOCH:
        raise InvalidRequestError(f"{request.member_epoch} is no member epoch; it is -2 or more.")
    if request.member_epoch == LEAVE_STATIC_EPOCH and request.group_instance_id is None:
        raise InvalidRequestError("Only a static member leaves with epoch -2, and it names its group.instance.id.")
    if request.member_epoch == JOIN_EPOCH:
        if request.rebalance_timeout_ms < 0:
            raise InvalidRequestError("A member that joins tells its rebalance timeout.")
        if request.partitions is None or request.partitions:
            raise InvalidRequestError("A member that joins owns nothing: its partitions are given, and empty.")
        if request.topics is None and request.pattern is None:
            raise InvalidRequestError("A member that joins subscribes to topics, or to a pattern.")
    if request.server_assignor is not None and request.server_assignor not in assignors:
        raise UnsupportedAssignorError(
            f"The coordinator has no assignor {request.server_assignor!r}; it has {', '.join(assignors)}."
        )
    check_pattern(request.pattern or "")
