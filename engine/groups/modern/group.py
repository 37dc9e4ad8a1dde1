"""What a group of the consumer protocol is, and the rules of who may be in it (`ConsumerGroup`). Nothing here waits.

It is what its records say: `put` takes one in, whether it is being decided, or read from the log.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from engine.errors import (
    FencedInstanceIdError,
    FencedMemberEpochError,
    GroupIdNotFoundError,
    IllegalGenerationError,
    NonEmptyGroupError,
    StaleMemberEpochError,
    UnknownMemberIdError,
    UnreleasedInstanceIdError,
    UnsupportedVersionError,
)
from engine.groups.modern.member import NOTHING, Member
from engine.groups.modern.records import (
    Current,
    CurrentKey,
    GroupEpoch,
    GroupEpochKey,
    Key,
    MemberKey,
    MemberMetadata,
    PartitionMetadata,
    PartitionMetadataKey,
    Parts,
    PatternKey,
    Resolved,
    SubscribedTopic,
    Target,
    TargetEpoch,
    TargetEpochKey,
    TargetKey,
    Value,
)
from engine.messages import JOIN_EPOCH
from engine.snapshot import GroupState
from engine.types import TopicPartition

Names = Callable[[bytes], str | None]
"""The name of the topic with that id."""


class ModernGroup:
    """One group: its epochs, members and their targets."""

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.epoch = 0
        self.assignment_epoch = 0
        self.topics: dict[str, SubscribedTopic] = {}
        """The subscribed topics that exist, as they were at the last look."""
        self.ids: dict[str, bytes] = {}
        """The ids of all topics it has subscribed to, those that are gone among them."""
        self.members: dict[str, Member] = {}
        """In the order they came."""
        self.patterns: dict[str, Resolved] = {}
        """What each regular expression that members subscribe by has been found to match."""
        self.targets: dict[str, frozenset[TopicPartition]] = {}
        self.owners: dict[TopicPartition, str] = {}
        self.static_members: dict[str, str] = {}
        """Instance id to member id."""
        self.dead = False

    def copy(self) -> ModernGroup:
        """Another one like it, to be changed apart from it."""
        other = ModernGroup(self.group_id)
        other.epoch, other.assignment_epoch, other.dead = self.epoch, self.assignment_epoch, self.dead
        other.topics, other.members, other.targets = dict(self.topics), dict(self.members), dict(self.targets)
        other.owners, other.static_members, other.ids = dict(self.owners), dict(self.static_members), dict(self.ids)
        other.patterns = dict(self.patterns)
        return other

    @property
    def state(self) -> GroupState:
        """What it is doing."""
        if self.dead:
            return GroupState.DEAD
        if not self.members:
            return GroupState.EMPTY
        if self.epoch > self.assignment_epoch:
            return GroupState.ASSIGNING
        reached = all(member.has_reached(self.assignment_epoch) for member in self.members.values())
        return GroupState.STABLE if reached else GroupState.RECONCILING

    @property
    def subscribed(self) -> frozenset[str]:
        """The topics its members want, as far as they exist."""
        return frozenset(self.topics)

    def wanted_by(self, member: Member) -> frozenset[str]:
        """The topics a member subscribes to, by name or because its pattern was found to match."""
        found = self.patterns.get(member.said.pattern or "")
        return frozenset((*member.said.topics, *(found.topics if found is not None else ())))

    def subscribers(self, pattern: str) -> int:
        """How many members subscribe by it."""
        return sum(member.said.pattern == pattern for member in self.members.values())

    def target_of(self, member_id: str) -> frozenset[TopicPartition]:
        """What a member is to have in the end."""
        return self.targets.get(member_id, NOTHING)

    def static_member(self, instance_id: str) -> Member | None:
        """The member with that `group.instance.id`."""
        return self.members.get(self.static_members.get(instance_id, ""))

    def assignor(self, among: Collection[str], default: str) -> str:
        """The server-side assignor most members ask for, or the default."""
        counts = Counter(m.said.assignor for m in self.members.values() if m.said.assignor in among)
        return (counts.most_common(1)[0][0] if counts else None) or default

    # As records

    def put(self, key: Key, value: Value | None, names: Names) -> None:
        """Take a record in; no value is a tombstone. Partitions of topics without a name are left out."""
        match key, value:
            case GroupEpochKey(), GroupEpoch(epoch):
                self.epoch = epoch
            case TargetEpochKey(), TargetEpoch(epoch):
                self.assignment_epoch = epoch
            case PartitionMetadataKey(), PartitionMetadata(topics):
                self.topics = {topic.name: topic for topic in topics}
                self.ids.update({topic.name: topic.topic_id for topic in topics})
            case PartitionMetadataKey(), None:
                self.topics = {}
            case MemberKey(_, member_id), MemberMetadata() as said:
                self._keep(replace(self.members.get(member_id) or Member(member_id), said=said))
            case MemberKey(_, member_id), None:
                self._drop(member_id)
            case TargetKey(_, member_id), Target(parts):
                self.targets[member_id] = of_parts(parts, names)
            case TargetKey(_, member_id), None:
                self.targets.pop(member_id, None)
            case CurrentKey(_, member_id), Current() as current:
                member = self.members.get(member_id) or Member(member_id)
                assigned, revoking = of_parts(current.assigned, names), of_parts(current.revoking, names)
                self._keep(
                    replace(
                        member,
                        epoch=current.epoch,
                        previous_epoch=current.previous_epoch,
                        state=current.state,
                        assigned=assigned,
                        revoking=revoking,
                    )
                )
            case PatternKey(_, pattern), Resolved() as found:
                self.patterns[pattern] = found
            case PatternKey(_, pattern), None:
                self.patterns.pop(pattern, None)
            case CurrentKey(_, member_id), None:
                if member_id in self.members:
                    self._keep(Member(member_id, self.members[member_id].said))

    def _keep(self, member: Member) -> None:
        before = self.members.get(member.member_id)
        for tp in (before.owned - member.owned) if before is not None else ():
            if self.owners.get(tp) == member.member_id:
                del self.owners[tp]
        self.owners.update(dict.fromkeys(member.owned, member.member_id))
        self.members[member.member_id] = member
        if member.said.instance_id is not None:
            self.static_members[member.said.instance_id] = member.member_id

    def _drop(self, member_id: str) -> None:
        member = self.members.pop(member_id, None)
        if member is None:
            return
        for tp in member.owned:
            if self.owners.get(tp) == member_id:
                del self.owners[tp]
        instance_id = member.said.instance_id
        if instance_id is not None and self.static_members.get(instance_id) == member_id:
            del self.static_members[instance_id]

    def tombstones(self) -> list[Key]:
        """The keys of all its records."""
        ids = list(self.members)
        return [
            *(CurrentKey(self.group_id, member_id) for member_id in ids),
            *(TargetKey(self.group_id, member_id) for member_id in self.targets),
            TargetEpochKey(self.group_id),
            *(MemberKey(self.group_id, member_id) for member_id in ids),
            PartitionMetadataKey(self.group_id),
            *(PatternKey(self.group_id, pattern) for pattern in self.patterns),
            GroupEpochKey(self.group_id),
        ]

    # Who may do what: each raises the KafkaError that is the answer

    def check_alive(self) -> None:
        """Refuse everything once the group is dead."""
        if self.dead:
            raise GroupIdNotFoundError(f"There is no group {self.group_id}.")

    def member(self, member_id: str) -> Member:
        """The member of that id; UnknownMemberIdError."""
        member = self.members.get(member_id)
        if member is None:
            raise UnknownMemberIdError(f"{self.group_id} has no member {member_id or '(no id)'}; it has to join again.")
        return member

    def holder(self, instance_id: str, member_id: str) -> Member:
        """The static member of that name, which must be `member_id`; UnknownMemberIdError, FencedInstanceIdError."""
        member = self.static_member(instance_id)
        if member is None:
            raise UnknownMemberIdError(
                f"{self.group_id} has no member with group.instance.id {instance_id}; it has to join again."
            )
        if member.member_id != member_id:
            raise FencedInstanceIdError(
                f"In {self.group_id} the group.instance.id {instance_id} belongs to another member by now."
            )
        return member

    def named(self, member_id: str, instance_id: str | None) -> Member:
        """The member that is meant; a static one may be named by its `group.instance.id` alone.

        UnknownMemberIdError, FencedInstanceIdError.
        """
        if instance_id is None:
            return self.member(member_id)
        static = self.static_members.get(instance_id, "")
        return self.holder(instance_id, member_id or static)

    def check_released(self, instance_id: str, member_id: str) -> None:
        """Refuse one who wants the place of a static member that has not left it."""
        holder = self.static_member(instance_id)
        if holder is not None and holder.member_id != member_id and not holder.away and holder.classic is None:
            raise UnreleasedInstanceIdError(
                f"In {self.group_id} the group.instance.id {instance_id} still belongs to another member. "
                "Stop that one, or wait until its session has run out."
            )

    def check_epoch(self, member: Member, epoch: int, owned: Iterable[TopicPartition] | None) -> None:
        """Refuse a member that speaks of another epoch than its own, or the one before with its present partitions.

        One that joins again is let in whatever its epoch was.
        """
        if epoch in (member.epoch, JOIN_EPOCH):
            return
        lost_answer = epoch == member.previous_epoch and owned is not None and member.assigned.issuperset(owned)
        if not lost_answer:
            raise FencedMemberEpochError(
                f"{member.label} is in epoch {member.epoch} of {self.group_id}, not {epoch}; "
                "it has to give up its partitions and join again."
            )

    def check_commit(self, member_id: str, epoch: int, *, knows_epochs: bool) -> None:
        """Refuse a commit from outside while there are members, and from members of another epoch or that know none."""
        if epoch < 0 and not self.members:
            return
        if epoch < 0 and not member_id:
            raise UnknownMemberIdError(
                f"{self.group_id} has members, so only they may commit; stop them first, or commit as one of them."
            )
        member = self.member(member_id)
        if not knows_epochs and member.classic is None:
            raise UnsupportedVersionError(
                f"{member.label} uses the consumer protocol: it commits with OffsetCommit version 9 or later."
            )
        self._check_member_epoch(member_id, epoch)

    def check_transactional_commit(self, member_id: str, group_instance_id: str | None, epoch: int) -> None:
        """Refuse who says to be a member and is none, or one of another epoch, in words that producers know."""
        self.check_alive()
        says_who = epoch >= 0 or bool(member_id) or group_instance_id is not None
        if says_who and (epoch >= 0 or self.members):
            try:
                self._check_member_epoch(member_id, epoch)
            except StaleMemberEpochError as error:
                raise IllegalGenerationError(str(error)) from None

    def check_fetch(self, member_id: str | None, epoch: int) -> None:
        """Refuse to tell offsets to a member of another epoch; anybody may ask who names no member."""
        if member_id is not None or epoch >= 0:
            self._check_member_epoch(member_id or "", epoch)

    def _check_member_epoch(self, member_id: str, epoch: int) -> None:
        member = self.member(member_id)
        if epoch != member.epoch:
            kind = StaleMemberEpochError if member.classic is None else IllegalGenerationError
            raise kind(f"{member.label} is in epoch {member.epoch} of {self.group_id}, not {epoch}.")

    def check_delete(self) -> None:
        """Refuse to delete a group that has members."""
        self.check_alive()
        if self.members:
            raise NonEmptyGroupError(f"{self.group_id} has members; stop them first.")


def of_parts(parts: Parts, names: Names) -> frozenset[TopicPartition]:
    """Partitions by their topics' names."""
    found = []
    for topic_id, numbers in parts:
        name = names(topic_id)
        if name is not None:
            found += [TopicPartition(name, number) for number in numbers]
    return frozenset(found)


def to_parts(partitions: Iterable[TopicPartition], ids: Mapping[str, bytes]) -> Parts:
    """Partitions by their topics' ids, sorted by name and number."""
    by_topic: dict[str, list[int]] = {}
    for topic, number in sorted(partitions):
        by_topic.setdefault(topic, []).append(number)
    return tuple((ids[topic], tuple(numbers)) for topic, numbers in by_topic.items())
