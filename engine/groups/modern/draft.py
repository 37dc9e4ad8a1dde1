"""A group as it is about to be, and the records that make it so (`GroupMetadataManager.consumerGroupHeartbeat`).

What is decided here is written first and takes effect when it is committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from engine.coordinators.patterns import matching
from engine.errors import GroupMaxSizeReachedError
from engine.groups.assignors import SERVER_ASSIGNORS, MemberSubscription
from engine.groups.consumer_protocol import Subscription
from engine.groups.modern.classic_members import check_protocols, only_classic
from engine.groups.modern.group import ModernGroup, to_parts
from engine.groups.modern.member import NOTHING, Member
from engine.groups.modern.reconciling import next_step
from engine.groups.modern.records import (
    Current,
    CurrentKey,
    GroupEpoch,
    GroupEpochKey,
    Key,
    MemberKey,
    PartitionMetadata,
    PartitionMetadataKey,
    PatternKey,
    Resolved,
    SubscribedTopic,
    Target,
    TargetEpoch,
    TargetEpochKey,
    TargetKey,
    Value,
)
from engine.groups.modern.resolving import patterns_of
from engine.groups.reasons import grown, names, resubscribed
from engine.messages import JOIN_EPOCH, LEAVE_STATIC_EPOCH, ConsumerGroupHeartbeatRequest, JoinGroupRequest
from engine.snapshot import MemberState
from engine.types import ClientInfo, TopicPartition


@dataclass(frozen=True, slots=True)
class Known:
    """What a coordinator knows of the world when it decides."""

    counts: Mapping[str, int]
    """The topics there are, with their numbers of partitions."""
    ids: Mapping[str, bytes]
    assignors: tuple[str, ...]
    """Those that members may ask for; the first is the default."""
    max_size: int
    may_downgrade: bool
    """Whether a group whose members all speak the classic protocol becomes a classic one."""
    version: int
    """Of the metadata."""
    now: int


class Draft:
    """Changes to one group. `causes` say in words why its epoch grows."""

    def __init__(self, group: ModernGroup, known: Known) -> None:
        self.group = group.copy()
        self.records: list[tuple[Key, Value | None]] = []
        self.causes: list[str] = []
        self.renamed: tuple[str, str] | None = None
        """A static member that is back under another id: the old one and the new."""
        self.resolved_among: frozenset[str] | None = None
        """The topics there were when patterns were resolved here."""
        self._known = known

    def put(self, key: Key, value: Value | None) -> None:
        """One more record."""
        self.records.append((key, value))
        self.group.put(key, value, self._names.get)

    @cached_property
    def _ids(self) -> Mapping[str, bytes]:
        return {**self.group.ids, **self._known.ids}

    @cached_property
    def _names(self) -> Mapping[bytes, str]:
        ids = (*self.group.ids.items(), *self._known.ids.items())
        return {topic_id: name for name, topic_id in ids}

    # A heartbeat

    def hear(self, client: ClientInfo, request: ConsumerGroupHeartbeatRequest) -> tuple[Member, Member]:
        """The member that sent it, before and after the step it may take; raises the KafkaError that is the answer."""
        self._check_room(request.member_id)
        before = self._who(request)
        return before, self._take_in(before, before.saying(client, request), request.partitions)

    def join(self, client: ClientInfo, request: JoinGroupRequest, member_id: str, subscription: Subscription) -> Member:
        """The member that sent a JoinGroup of the classic protocol, after the step it may take; raises KafkaError.

        Whoever says who it is has its partitions in its subscription: none, where it has given up everything.
        """
        self._check_room(member_id)
        check_protocols(self.group, request.protocol_type, request.protocols)
        before = self._who_joins(request, member_id)
        return self._take_in(before, before.joining(client, request, subscription), subscription.owned_partitions)

    def _check_room(self, member_id: str) -> None:
        limit = self._known.max_size
        if member_id not in self.group.members and len(self.group.members) >= limit:
            raise GroupMaxSizeReachedError(f"{self.group.group_id} is full: group.consumer.max.size is {limit}.")

    def _take_in(self, before: Member, heard: Member, owned: Iterable[TopicPartition] | None) -> Member:
        """What a member says from now on, what follows for its group, and the step it can take."""
        group, member_id = self.group, heard.member_id
        new = member_id not in group.members
        if self._change_pattern(before, heard) or before.said.topics != heard.said.topics or not group.epoch:
            self.causes.append(f"{heard.label} joined" if new else self._how_changed(before, heard))
        if new or heard.said != before.said:
            self.put(MemberKey(group.group_id, member_id), heard.said)
        self._look_at_topics()
        self._bump_if_needed()
        self._assign_if_needed()
        after = next_step(
            group.members[member_id],
            group.assignment_epoch,
            group.target_of(member_id),
            owned,
            group.owners.get,
        )
        if after != group.members[member_id]:
            self._put_current(after)
        return after

    def _change_pattern(self, before: Member, heard: Member) -> bool:
        """Whether the member has another pattern and it is known what that matches; if not, it will be found out."""
        old, new = before.said.pattern, heard.said.pattern
        if old == new:
            return False
        self._let_go_pattern(old)
        return new is None or new in self.group.patterns

    def _let_go_pattern(self, pattern: str | None) -> None:
        """Forget what it matches if the member that goes or wants something else was the last to subscribe by it."""
        if pattern is not None and self.group.subscribers(pattern) == 1:
            self.put(PatternKey(self.group.group_id, pattern), None)

    def _how_changed(self, before: Member, heard: Member) -> str:
        wanted = self.group.wanted_by(before), self.group.wanted_by(heard)
        return resubscribed(heard.label, *wanted) or f"{heard.label} changed its subscription"

    def resolve(self) -> None:
        """Find out anew what the members' patterns match; other topics than before lead to another epoch."""
        group, known = self.group, self._known
        self.resolved_among = frozenset(known.counts)
        for pattern in sorted(patterns_of(group)):
            found = tuple(sorted(matching(pattern, known.counts)))
            before = group.patterns.get(pattern)
            if found != (before.topics if before is not None else ()):
                self.causes.append(f"{pattern} matches {names(found) if found else 'no topic'}")
            self.put(PatternKey(group.group_id, pattern), Resolved(found, known.version, known.now))
        self._look_at_topics()
        self._bump_if_needed()

    def _who(self, request: ConsumerGroupHeartbeatRequest) -> Member:
        group, member_id, instance_id = self.group, request.member_id, request.group_instance_id
        joins = request.member_epoch == JOIN_EPOCH
        if instance_id is not None and joins:
            group.check_released(instance_id, member_id)
            holder = group.static_member(instance_id)
            if holder is not None and (holder.away or holder.member_id != member_id):
                return self._replace(holder, member_id)
        elif instance_id is not None:
            group.holder(instance_id, member_id)
        member = group.members.get(member_id, Member(member_id)) if joins else group.member(member_id)
        group.check_epoch(member, request.member_epoch, request.partitions)
        return member

    def _who_joins(self, request: JoinGroupRequest, member_id: str) -> Member:
        group, instance_id = self.group, request.group_instance_id
        if instance_id is None:
            return group.members.get(member_id, Member(member_id))
        if request.member_id:
            return group.holder(instance_id, member_id)
        holder = group.static_member(instance_id)
        return Member(member_id) if holder is None else self._replace(holder, member_id)

    def _replace(self, holder: Member, member_id: str) -> Member:
        """A static member is back: what was its former self's is its own, and nobody else is concerned."""
        group_id, target = self.group.group_id, self.group.target_of(holder.member_id)
        if holder.member_id != member_id:
            self._put_tombstones(holder.member_id)
            self.put(MemberKey(group_id, member_id), holder.said)
            self.put(TargetKey(group_id, member_id), Target(to_parts(target, self._ids)))
        back = replace(holder, member_id=member_id, epoch=0, previous_epoch=0)
        self._put_current(back)
        self.renamed = (holder.member_id, member_id)
        return back

    # Leaving

    def step_away(self, member: Member) -> None:
        """A static member leaves for a while: its partitions stay its own until its session has run out."""
        self._put_current(
            replace(
                member,
                epoch=LEAVE_STATIC_EPOCH,
                previous_epoch=member.epoch,
                state=MemberState.STABLE,
                revoking=NOTHING,
            )
        )

    def remove(self, members: Iterable[Member], cause: str) -> None:
        """Members go; the others are told of what that leaves them with their next heartbeats."""
        for member in members:
            self._let_go_pattern(member.said.pattern)
            self._put_tombstones(member.member_id)
        self.causes.append(cause)
        if not (self._known.may_downgrade and only_classic(self.group)):  # a classic group shares out anew by itself
            self._look_at_topics()
            self._bump_if_needed()

    def _put_tombstones(self, member_id: str) -> None:
        group_id = self.group.group_id
        self.put(CurrentKey(group_id, member_id), None)
        self.put(TargetKey(group_id, member_id), None)
        self.put(MemberKey(group_id, member_id), None)

    # What a change leads to

    def _look_at_topics(self) -> None:
        """Take in what has become of the topics that the members subscribe to."""
        group, counts, ids = self.group, self._known.counts, self._known.ids
        wanted = {topic for member in group.members.values() for topic in group.wanted_by(member)}
        topics = tuple(SubscribedTopic(ids[name], name, counts[name]) for name in sorted(wanted) if name in counts)
        if topics == tuple(group.topics[name] for name in sorted(group.topics)):
            return
        if not self.causes:
            before = {name: topic.partitions for name, topic in group.topics.items()}
            after = {topic.name: topic.partitions for topic in topics}
            self.causes.append(grown(before, after) or "a topic was made anew")
        self.put(PartitionMetadataKey(group.group_id), PartitionMetadata(topics))

    def _bump_if_needed(self) -> None:
        if self.causes:
            self.put(GroupEpochKey(self.group.group_id), GroupEpoch(self.group.epoch + 1))

    def _assign_if_needed(self) -> None:
        """Compute the target of the group's epoch, and write what of it differs from the one before."""
        group = self.group
        if group.epoch <= group.assignment_epoch:
            return
        members = {
            member_id: MemberSubscription(
                Subscription(
                    tuple(group.wanted_by(member)),
                    owned_partitions=tuple(sorted(group.target_of(member_id))),
                    generation_id=group.assignment_epoch,
                ),
                member.said.instance_id,
            )
            for member_id, member in group.members.items()
        }
        assignor = SERVER_ASSIGNORS[group.assignor(self._known.assignors, self._known.assignors[0])]
        counts = {name: topic.partitions for name, topic in group.topics.items()}
        for member_id, share in assignor.assign(counts, members).items():
            target = frozenset(share)
            if member_id not in group.targets or target != group.targets[member_id]:
                self.put(TargetKey(group.group_id, member_id), Target(to_parts(target, self._ids)))
        self.put(TargetEpochKey(group.group_id), TargetEpoch(group.epoch))

    def _put_current(self, member: Member) -> None:
        ids = self._ids
        self.put(
            CurrentKey(self.group.group_id, member.member_id),
            Current(
                member.epoch,
                member.previous_epoch,
                member.state,
                to_parts(member.assigned, ids),
                to_parts(member.revoking, ids),
            ),
        )
