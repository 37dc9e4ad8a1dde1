"""What a classic group is, and the rules of who may be in it (`ClassicGroup`). Nothing here waits or is written.

Where Kafka takes whichever member its hash map yields first, the one that has been in the group longest is taken.
"""

from __future__ import annotations

from collections import Counter

from engine.errors import (
    CoordinatorNotAvailableError,
    FencedInstanceIdError,
    GroupIdNotFoundError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    NonEmptyGroupError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.member import Member, Protocols, read_subscription
from engine.groups.records import GroupValue, StoredMember
from engine.messages import JoinedMember, JoinGroupResponse
from engine.snapshot import GroupState
from engine.types import ClientInfo

EMPTY, PREPARING, COMPLETING, STABLE, DEAD = (
    GroupState.EMPTY,
    GroupState.PREPARING_REBALANCE,
    GroupState.COMPLETING_REBALANCE,
    GroupState.STABLE,
    GroupState.DEAD,
)

_BEFORE = {
    EMPTY: (PREPARING,),
    PREPARING: (STABLE, COMPLETING, EMPTY),
    COMPLETING: (PREPARING,),
    STABLE: (COMPLETING,),
    DEAD: (EMPTY, PREPARING, COMPLETING, STABLE, DEAD),
}


class Group:
    """One group: its state, generation, members and leader."""

    def __init__(self, group_id: str, now_ms: float) -> None:
        self.group_id = group_id
        self.state = EMPTY
        self.previous_state = DEAD
        self.state_since_ms = now_ms
        self.state_timestamp = int(now_ms)
        """`state_since_ms` as it is stored; -1 when an old record did not say."""
        self.generation = 0
        self.protocol_type: str | None = None
        """None until there was a member: a group of offsets alone, a "simple" one."""
        self.protocol: str | None = None
        self.leader: str | None = None
        self.members: dict[str, Member] = {}
        self.static_members: dict[str, str] = {}
        """Instance id to member id."""
        self.pending_joins: set[str] = set()
        """Member ids handed out with MEMBER_ID_REQUIRED that have not come back yet."""
        self.pending_syncs: set[str] = set()
        """Members of this generation that have not sent SyncGroup."""
        self.subscribed: frozenset[str] | None = None
        """The topics of this generation; None where they are not known."""
        self._slots: dict[str, int] = {}

    def become(self, state: GroupState, now_ms: float) -> None:
        """Go to `state`, which must be a step Kafka knows."""
        assert self.state in _BEFORE[state], f"{self.group_id}: {self.state} cannot become {state}"
        self.previous_state, self.state = self.state, state
        self.state_since_ms, self.state_timestamp = now_ms, int(now_ms)

    @property
    def rebalance_timeout_ms(self) -> int:
        """The longest rebalance timeout of its members."""
        return max((member.rebalance_timeout_ms for member in self.members.values()), default=0)

    @property
    def everybody_joined(self) -> bool:
        """Whether every member waits to join and no pending one is missing."""
        return not self.pending_joins and all(member.joining for member in self.members.values())

    @property
    def can_rebalance(self) -> bool:
        """Whether a rebalance could begin now."""
        return self.state in _BEFORE[PREPARING]

    def in_slot_order(self) -> list[Member]:
        """The members as a person sees them lined up."""
        return sorted(self.members.values(), key=lambda member: member.slot)

    # Who is in it

    def add(self, member: Member) -> None:
        """Take in a member; it leads if nobody does, and gets the smallest free slot."""
        if member.group_instance_id is not None:
            self.static_members[member.group_instance_id] = member.member_id
        if not self.members:
            self.protocol_type = member.protocol_type
        if self.leader is None:
            self.leader = member.member_id
        member.slot = self._free_slot(member.group_instance_id)
        self.members[member.member_id] = member
        self.pending_joins.discard(member.member_id)

    def remove(self, member_id: str) -> None:
        """Let a member or pending member go; the next one leads if it did."""
        member = self.members.pop(member_id, None)
        if member is not None and member.group_instance_id is not None:
            self.static_members.pop(member.group_instance_id, None)
        if self.leader == member_id:
            self.leader = next(iter(self.members), None)
        self.pending_joins.discard(member_id)
        self.pending_syncs.discard(member_id)

    def replace_static(self, old: Member, member_id: str, client: ClientInfo) -> Member:
        """A static member is back under another member id: same place, same assignment, same slot."""
        member = Member(
            member_id,
            client,
            old.group_instance_id,
            old.session_timeout_ms,
            old.rebalance_timeout_ms,
            old.protocol_type,
            old.protocols,
            old.assignment,
            old.slot,
            heard_ms=old.heard_ms,
        )
        self.members = {
            (member_id if key == old.member_id else key): (member if key == old.member_id else value)
            for key, value in self.members.items()
        }
        if self.leader == old.member_id:
            self.leader = member_id
        if old.group_instance_id is not None:
            self.static_members[old.group_instance_id] = member_id
        self.pending_syncs.discard(old.member_id)
        return member

    def _free_slot(self, instance_id: str | None) -> int:
        taken = {member.slot for member in self.members.values()}
        if instance_id is None:
            return next(slot for slot in range(len(taken) + 1) if slot not in taken)
        slot = self._slots.get(instance_id, -1)
        if slot < 0 or slot in taken:
            slot = next(slot for slot in range(len(taken) + 1) if slot not in taken)
        self._slots[instance_id] = slot
        return slot

    def elect_joined_leader(self) -> bool:
        """See to it that a member that has rejoined leads; False when none has."""
        if self.leader is None:
            return False
        if self.members[self.leader].joining is None:
            joined = next((member.member_id for member in self.members.values() if member.joining), None)
            if joined is None:
                return False
            self.leader = joined
        return True

    # Its protocol

    def supports(self, protocol_type: str, protocols: Protocols) -> bool:
        """Whether somebody who offers `protocols` could be in it: any at all while empty, else one all others share."""
        if self.state is EMPTY:
            return bool(protocol_type) and bool(protocols)
        shared = self.candidates()
        return protocol_type == self.protocol_type and any(not self.members or name in shared for name, _ in protocols)

    def candidates(self) -> set[str]:
        """The assignors every member offers."""
        counts = Counter(name for member in self.members.values() for name in set(member.assignors))
        if not self.members:
            return set()
        return {name for name, count in counts.items() if count == len(self.members)}

    def select_protocol(self) -> str:
        """The shared assignor with the most votes; each member votes for the one it likes best."""
        candidates = self.candidates()
        return Counter(member.vote(candidates) for member in self.members.values()).most_common(1)[0][0]

    def next_generation(self, now_ms: float) -> None:
        """Count on, choose the assignor, and wait for assignments; or be empty."""
        self.generation += 1
        self.protocol = self.select_protocol() if self.members else None
        self.subscribed = self.subscribed_topics()
        self.pending_syncs.clear()
        self.become(COMPLETING if self.members else EMPTY, now_ms)

    def subscribed_topics(self) -> frozenset[str] | None:
        """What its members subscribe to; None where the protocol does not tell."""
        if self.protocol_type != "consumer":
            return None
        if not self.members:
            return frozenset()
        if self.protocol is None:
            return None
        topics: set[str] = set()
        for member in self.members.values():
            subscription = read_subscription(self.protocol_type, member.metadata(self.protocol))
            if subscription is None:
                return None
            topics.update(subscription.topics)
        return frozenset(topics)

    def is_subscribed_to(self, topic: str) -> bool:
        """Whether a member wants `topic`; where that is not known, consumers are taken to."""
        return topic in self.subscribed if self.subscribed is not None else self.protocol_type == "consumer"

    def join_response(self, member_id: str, skip_assignment: bool = False) -> JoinGroupResponse:
        """The present generation as `member_id` is told of it; only the leader is told the members."""
        protocol = self.protocol or ""
        members = tuple(
            JoinedMember(member.member_id, member.group_instance_id, member.metadata(protocol))
            for member in (self.members.values() if self.leader == member_id else ())
        )
        return JoinGroupResponse(self.generation, protocol, self.leader or "", member_id, members, skip_assignment)

    # Who may do what: each raises the KafkaError that is the answer

    def check_member(self, member_id: str, group_instance_id: str | None) -> None:
        """Refuse a member that is not in it, or whose instance id another one holds by now."""
        if group_instance_id is not None:
            holder = self.static_members.get(group_instance_id)
            if holder is None:
                raise UnknownMemberIdError(
                    f"{self.group_id} has no member with group.instance.id {group_instance_id}; it has to join again."
                )
            if holder != member_id:
                raise FencedInstanceIdError(
                    f"In {self.group_id} the group.instance.id {group_instance_id} belongs to another member by now."
                )
        if member_id not in self.members:
            raise UnknownMemberIdError(f"{self.group_id} has no member {member_id or '(no id)'}; it has to join again.")

    def check_alive(self) -> None:
        """Refuse everything once the group is dead."""
        if self.state is DEAD:
            raise CoordinatorNotAvailableError

    def check_generation(self, generation: int) -> None:
        """Refuse a member that speaks of another generation."""
        if generation != self.generation:
            raise IllegalGenerationError(f"{self.group_id} is in generation {self.generation}, not {generation}.")

    def check_protocol(self, protocol_type: str | None, protocol_name: str | None) -> None:
        """Refuse a member that speaks of another protocol than was chosen (KIP-559); None says nothing of it."""
        chosen = self.protocol_type or None, self.protocol or None
        for said, one in zip((protocol_type, protocol_name), chosen, strict=True):
            if None not in (said, one) and said != one:
                raise InconsistentGroupProtocolError(f"{self.group_id} goes by {one}, not by {said}.")

    def check_commit(self, member_id: str, group_instance_id: str | None, generation: int) -> None:
        """Refuse a commit from outside while there are members, and from members out of turn."""
        self.check_alive()
        if generation < 0 and self.state is EMPTY:
            return
        if generation >= 0 or member_id or group_instance_id is not None:
            self.check_member(member_id, group_instance_id)
            self.check_generation(generation)
        elif self.state is not EMPTY:
            raise UnknownMemberIdError(
                f"{self.group_id} has members, so only they may commit; stop them first, or commit as one of them."
            )
        if self.state is COMPLETING:
            raise RebalanceInProgressError

    def check_transactional_commit(self, member_id: str, group_instance_id: str | None, generation: int) -> None:
        """Refuse who says to be a member and is none of this generation."""
        self.check_alive()
        says_who = generation >= 0 or bool(member_id) or group_instance_id is not None
        if says_who and not (generation < 0 and self.state is EMPTY):
            self.check_member(member_id, group_instance_id)
            self.check_generation(generation)

    def check_delete_offsets(self) -> None:
        """Refuse to forget offsets of a group whose subscriptions are not known."""
        if self.state is DEAD:
            raise GroupIdNotFoundError
        if self.state is not EMPTY and self.protocol_type != "consumer":
            raise NonEmptyGroupError(f"{self.group_id} has members that are no consumers; stop them first.")

    def check_delete(self) -> None:
        """Refuse to delete a group that has members."""
        if self.state is DEAD:
            raise GroupIdNotFoundError
        if self.state is not EMPTY:
            raise NonEmptyGroupError(f"{self.group_id} has members; stop them first.")

    # As a record

    def stored(self, assignments: dict[str, bytes]) -> GroupValue:
        """The group as it is written, each member with its share of `assignments`."""
        return GroupValue(
            self.protocol_type or "",
            self.generation,
            self.protocol,
            self.leader,
            self.state_timestamp,
            tuple(
                StoredMember(
                    member.member_id,
                    member.group_instance_id,
                    member.client.client_id,
                    member.client.host,
                    member.rebalance_timeout_ms,
                    member.session_timeout_ms,
                    member.metadata(self.protocol or ""),
                    assignments.get(member.member_id, b""),
                )
                for member in self.in_slot_order()
            ),
        )

    @classmethod
    def loaded(cls, group_id: str, value: GroupValue, now_ms: float) -> Group:
        """The group as a record left it: stable with its members, or empty."""
        group = cls(group_id, now_ms if value.state_timestamp < 0 else value.state_timestamp)
        group.state_timestamp = value.state_timestamp
        group.state = STABLE if value.members else EMPTY
        group.generation = value.generation
        group.protocol, group.leader = value.protocol, value.leader
        for stored in value.members:
            group.add(
                Member(
                    stored.member_id,
                    ClientInfo(stored.client_id, stored.client_host, ""),
                    stored.group_instance_id,
                    stored.session_timeout_ms,
                    stored.rebalance_timeout_ms,
                    value.protocol_type,
                    ((value.protocol or "", stored.subscription),),
                    stored.assignment,
                    heard_ms=now_ms,
                )
            )
        group.protocol_type = value.protocol_type or None
        group.subscribed = group.subscribed_topics()
        return group
