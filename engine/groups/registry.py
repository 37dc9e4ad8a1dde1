"""The groups of one partition of `__consumer_offsets`: found, made, and put in each other's place.

The part of Kafka's `GroupMetadataManager` that says which group a request is for. A group of one protocol takes the
place of an empty one of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from engine.coordinators.writer import LogRecord
from engine.errors import GroupIdNotFoundError, KafkaError, UnknownMemberIdError
from engine.groups.classic import ClassicGroup
from engine.groups.coordinated import Coordinated
from engine.groups.migrating import downgraded, upgraded
from engine.groups.modern import records as modern
from engine.groups.modern.consumer_group import ConsumerGroup
from engine.groups.modern.group import ModernGroup, Names
from engine.groups.records import GroupKey, GroupValue, encode_group, encode_key
from engine.groups.roster import Surroundings


class Groups(Mapping[str, Coordinated]):
    """They, by id."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._around = surroundings
        self._groups: dict[str, Coordinated] = {}

    def __getitem__(self, group_id: str) -> Coordinated:
        return self._groups[group_id]

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._groups))

    def __len__(self) -> int:
        return len(self._groups)

    # What a request is for

    def known(self, group_id: str) -> Coordinated:
        """The group of that id; UnknownMemberIdError as a member is answered that speaks of no such group."""
        group = self._groups.get(group_id)
        if group is None:
            raise UnknownMemberIdError(f"There is no group {group_id}; its members have to join again.")
        return group

    def existing(self, group_id: str) -> Coordinated:
        """The group of that id; GroupIdNotFoundError."""
        group = self._groups.get(group_id)
        if group is None:
            raise GroupIdNotFoundError(f"There is no group {group_id}.")
        return group

    def get_or_new(self, group_id: str) -> Coordinated:
        """The group of that id, made as a classic one if there is none."""
        group = self._groups.get(group_id)
        if group is None:
            group = self._groups[group_id] = self._classic(group_id)
        return group

    def to_join(self, group_id: str, member_id: str) -> Coordinated:
        """The group to join; a new one is stored as an empty classic group, and undone should that fail.

        It takes the place of a group of the consumer protocol that is empty; one that is not takes members of the
        classic protocol in.
        """
        before = self._groups.get(group_id)
        if before is not None and not (isinstance(before, ConsumerGroup) and before.empty):
            return before
        if member_id:
            raise UnknownMemberIdError(f"There is no group {group_id}; its members have to join again.")
        made = self._classic(group_id)
        record = (encode_key(GroupKey(group_id)), encode_group(made.group.stored({})))
        self._put_in_place(made, before, [record])
        return made

    def to_consume(self, group_id: str, *, joins: bool) -> ConsumerGroup:
        """The group of the consumer protocol of that id, made for the first to join; GroupIdNotFoundError otherwise.

        It takes the place of a classic group that is empty, or takes its members over.
        """
        before = self._groups.get(group_id)
        if isinstance(before, ConsumerGroup):
            return before
        if before is None and not joins:
            raise GroupIdNotFoundError(f"There is no group {group_id}.")
        if joins and isinstance(before, ClassicGroup) and not before.empty and self._may_upgrade(before):
            return self._upgrade(before)
        if before is not None and not (joins and before.empty):
            raise GroupIdNotFoundError(
                f"The members of {group_id} use the classic protocol; join with group.protocol=classic, "
                "or stop them first."
            )
        made = self._consumer(group_id)
        self._put_in_place(made, before, [])
        return made

    # Going over to the other protocol with members (KIP-848)

    def _may_upgrade(self, group: ClassicGroup) -> bool:
        config = self._around.config
        allowed = config.group_consumer_migration_policy in ("upgrade", "bidirectional")
        fits = len(group.group.members) <= config.group_consumer_max_size
        return allowed and group.protocol_type == "consumer" and fits

    def _upgrade(self, before: ClassicGroup) -> ConsumerGroup:
        """Its members go on as members of the classic protocol in a group of the consumer protocol."""
        made = self._consumer(before.group_id)
        records = upgraded(before.group, self._around.metadata.ids)
        clients = {member.member_id: (member.client, member.slot) for member in before.group.in_slot_order()}
        made.take_over(records, clients)
        before.phases.send_back()
        self._convert(before, made, [(modern.encode_key(key), modern.encode_value(value)) for key, value in records])
        return made

    def _downgrade(self, before: ConsumerGroup, cause: str) -> None:
        """Only members of the classic protocol are left: they are a classic group again, and rebalance for a cause."""
        group = downgraded(before.group, before.presences, self._around.clock.now_ms())
        made = ClassicGroup(group, self._around)
        made.resume()
        shares = {member.member_id: member.assignment for member in group.members.values()}
        value = made.phases.in_log = group.stored(shares)
        self._convert(before, made, [(encode_key(GroupKey(group.group_id)), encode_group(value))])
        if cause:
            made.phases.prepare(f"{cause}; with members of the classic protocol alone the group is a classic one again")

    def _convert(self, before: Coordinated, made: Coordinated, records: Sequence[LogRecord]) -> None:
        """Have `made` in the place of a group with members; should it not be stored, go on as the log has it."""
        changes = [*before.tombstones(), *records]
        anew = before.anew()
        before.die()
        self._take_over(made, before)

        def written(error: KafkaError | None) -> None:
            if error is not None and self._groups.get(made.group_id) is made:
                made.die()
                self._take_over(anew, made)
                anew.resume()

        self._around.write(changes, written)

    def _consumer(self, group_id: str) -> ConsumerGroup:
        return ConsumerGroup(ModernGroup(group_id), self._around, self._downgrade)

    def _classic(self, group_id: str) -> ClassicGroup:
        return ClassicGroup.loaded(group_id, None, self._around)

    def _put_in_place(self, made: Coordinated, before: Coordinated | None, records: Sequence[LogRecord]) -> None:
        """Have `made`, with the offsets of the group before it, which is undone should it not be stored."""
        group_id = made.group_id
        self._groups[group_id] = made
        if before is not None:
            made.committed = before.committed

        def written(error: KafkaError | None) -> None:
            if error is None:
                if before is not None:
                    before.die()
            elif self._groups.get(group_id) is made:
                del self._groups[group_id]
                if before is not None:
                    self._groups[group_id] = before
                made.die()

        changes = [*(before.tombstones() if before is not None else ()), *records]
        if changes:
            self._around.write(changes, written)

    # Those that go

    def discard_if_bare(self, group_id: str) -> None:
        """Drop a group that exists in memory alone."""
        group = self._groups.get(group_id)
        if group is not None and group.bare:
            del self._groups[group_id]

    def remove(self, group: Coordinated) -> None:
        """It takes no requests from now on, for its tombstones are about to be written."""
        del self._groups[group.group_id]

    def removed(self, group: Coordinated) -> None:
        """Its tombstones are there."""
        group.die()
        self._around.events.rebalances.pop(group.group_id, None)
        self.discard_if_bare(group.group_id)

    def restore(self, group: Coordinated) -> None:
        """They could not be written: it is there again, or its offsets are those of the group that came meanwhile."""
        other = self._groups.setdefault(group.group_id, group)
        if other is not group:
            group.committed.take_in(other.committed)
            other.committed = group.committed
            group.die()

    # As records say

    def replay_classic(self, group_id: str, value: GroupValue | None) -> None:
        """A classic group as its record has it; no value is a tombstone."""
        before = self._groups.get(group_id)
        if value is None:
            if isinstance(before, ClassicGroup):
                self._forget(before)
            return
        self._take_over(ClassicGroup.loaded(group_id, value, self._around), before)

    def replay_modern(self, key: modern.Key, value: modern.Value | None, names: Names) -> None:
        """Each record of a group of the consumer protocol may come first: compaction keeps the last of each key."""
        group = self._groups.get(key.group_id)
        if value is None:
            if isinstance(group, ConsumerGroup):
                group.group.put(key, None, names)
                if isinstance(key, modern.GroupEpochKey):
                    self._forget(group)
            return
        if not isinstance(group, ConsumerGroup):
            before, group = group, self._consumer(key.group_id)
            self._take_over(group, before)
        group.group.put(key, value, names)

    def _take_over(self, group: Coordinated, before: Coordinated | None) -> None:
        self._groups[group.group_id] = group
        if before is not None:
            group.committed = before.committed

    def _forget(self, group: Coordinated) -> None:
        """The group is no more; offsets it has left wait for the one of the other protocol that takes its place."""
        del self._groups[group.group_id]
        if len(group.committed):
            self.get_or_new(group.group_id).committed = group.committed
