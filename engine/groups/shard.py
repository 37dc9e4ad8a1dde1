"""The groups of one partition of `__consumer_offsets` that this broker leads, and the way their records are written.

What is to be remembered is written first and takes effect when it is committed (`GroupCoordinatorShard`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

from engine.clock import Clock, Timer
from engine.config import BrokerConfig
from engine.coordinators.writer import LogEntry, LogRecord, StateLog, Within, Writer, Written
from engine.errors import (
    CoordinatorLoadInProgressError,
    CorruptRecordError,
    ErrorCode,
    GroupIdNotFoundError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    KafkaError,
    UnknownMemberIdError,
)
from engine.events import EventLog, Tone
from engine.groups.classic import ClassicGroup
from engine.groups.group import Group
from engine.groups.modern import records as modern
from engine.groups.modern.consumer_group import ConsumerGroup
from engine.groups.modern.group import ModernGroup
from engine.groups.pending import Pending, PendingOffsets
from engine.groups.records import (
    GroupKey,
    OffsetKey,
    OffsetValue,
    decode_group,
    decode_key,
    decode_offset,
    encode_group,
    encode_key,
    encode_offset,
)
from engine.groups.roster import Surroundings
from engine.messages import OffsetCommitRequest, TxnOffsetCommitRequest
from engine.types import OffsetAndMetadata, TopicPartition

_MINUTE_MS = 60_000
_RETRY_MS = 500
"""How soon the tombstones of a deleted topic's offsets are tried again."""

AnyGroup = ClassicGroup | ConsumerGroup


class Shard:
    """One partition's groups. Not usable before `load`, nor after `close`."""

    def __init__(
        self,
        partition: int,
        clock: Clock,
        config: BrokerConfig,
        log: StateLog,
        events: EventLog,
        topics: Callable[[], Mapping[str, int]],
        topic_ids: Callable[[], Mapping[str, bytes]],
    ) -> None:
        self.partition = partition
        self.groups: dict[str, AnyGroup] = {}
        self.loading = True
        self.closed = False
        self._clock = clock
        self._config = config
        self._events = events
        self._writer = Writer(partition, log)
        self._pending = PendingOffsets()
        self._order = itertools.count()
        """Which of two offsets is the later, as they are written and read."""
        self._surroundings = Surroundings(clock, config, events, topics, topic_ids, self._writer.write)
        self._cleaning: Timer | None = None

    # Becoming and ceasing to be the coordinator

    def load(self, records: Sequence[LogEntry]) -> None:
        """Rebuild the groups from the partition's records, oldest first, and take up their timers."""
        names = self._names(records)
        for entry in records:
            try:
                self._replay(entry, names)
            except CorruptRecordError as error:
                told = f"A record of __consumer_offsets-{self.partition} was passed over. {error}"
                self._events.tell(self._clock.now_ms(), "", told, Tone.WARNING)
        self.loading = False
        for group in tuple(self.groups.values()):
            group.resume()
        self._clean_later()

    def _names(self, records: Sequence[LogEntry]) -> Mapping[bytes, str]:
        """Topics by id, as the brokers know them now and as the records here name them."""
        found = {topic_id: name for name, topic_id in self._surroundings.topic_ids().items()}
        for key, value, *_ in records:
            try:
                named = modern.decode_key(key)
                if isinstance(named, modern.PartitionMetadataKey) and value is not None:
                    metadata = modern.decode_value(named, value)
                    assert isinstance(metadata, modern.PartitionMetadata)
                    found.update({topic.topic_id: topic.name for topic in metadata.topics})
            except CorruptRecordError:
                continue  # told of when it is replayed
        return found

    def _replay(self, entry: LogEntry, names: Mapping[bytes, str]) -> None:
        key, value, _, within = entry
        if within is not None and within.marker is not None:
            self._ended(within.producer_id, within.marker.committed)
            return
        named = decode_key(key)
        if isinstance(named, OffsetKey):
            self._replay_offset(named, None if value is None else decode_offset(value), within)
        elif isinstance(named, GroupKey):
            self._replay_classic(named.group_id, value)
        elif (other := modern.decode_key(key)) is not None:
            self._replay_modern(other, None if value is None else modern.decode_value(other, value), names)

    def _replay_classic(self, group_id: str, value: bytes | None) -> None:
        before = self.groups.get(group_id)
        if value is None:
            if isinstance(before, ClassicGroup):
                self._forget(group_id, before)
            return
        stored = Group.loaded(group_id, decode_group(value), self._clock.now_ms())
        self.groups[group_id] = group = ClassicGroup(stored, self._surroundings)
        if before is not None:
            group.committed = before.committed

    def _replay_modern(self, key: modern.Key, value: modern.Value | None, names: Mapping[bytes, str]) -> None:
        """Each record of a group may come first: compaction keeps the last of each key."""
        group = self.groups.get(key.group_id)
        if value is None:
            if isinstance(group, ConsumerGroup):
                group.group.put(key, None, names.get)
                if isinstance(key, modern.GroupEpochKey):
                    self._forget(key.group_id, group)
            return
        if not isinstance(group, ConsumerGroup):
            before, group = group, ConsumerGroup(ModernGroup(key.group_id), self._surroundings)
            if before is not None:
                group.committed = before.committed
            self.groups[key.group_id] = group
        group.group.put(key, value, names.get)

    def _forget(self, group_id: str, group: AnyGroup) -> None:
        """The group is no more; offsets it has left wait for the one of the other protocol that takes its place."""
        del self.groups[group_id]
        if len(group.committed):
            self.group_or_new(group_id).committed = group.committed

    def _replay_offset(self, key: OffsetKey, value: OffsetValue | None, within: Within | None = None) -> None:
        order = next(self._order)
        if value is None:
            self._forget_offset(key)
        elif within is None:
            self.group_or_new(key.group_id).committed.put(key.tp, value, order)
        elif self._pending.put(within.producer_id, Pending(key, value, order)):
            self.group_or_new(key.group_id).committed.writing((key.tp,))

    def _forget_offset(self, key: OffsetKey) -> None:
        group = self.groups.get(key.group_id)
        pending = self._pending.forget(key)
        if group is not None:
            group.committed.forget(key.tp)
            group.committed.written((key.tp,) * pending)

    def _ended(self, producer_id: int, committed: bool) -> None:
        """A marker says how a producer's transaction ended: its offsets count from now on, or never."""
        for key, value, order in self._pending.end(producer_id):
            group = self.group_or_new(key.group_id)
            group.committed.written((key.tp,))
            if committed:
                group.committed.put(key.tp, value, order)
            self.discard_if_bare(key.group_id)

    def close(self) -> None:
        """Stop: what waits fails with NotCoordinatorError, and no timer fires any more."""
        self.closed = True
        if self._cleaning is not None:
            self._cleaning.cancel()
        for group in self.groups.values():
            group.die()
        self._writer.close()

    def check_loaded(self) -> None:
        """Refuse while the partition is still being read."""
        if self.loading:
            raise CoordinatorLoadInProgressError

    # Groups

    def group(self, group_id: str) -> AnyGroup | None:
        """The group of that id."""
        return self.groups.get(group_id)

    def known(self, group_id: str) -> ClassicGroup:
        """The classic group of that id; UnknownMemberIdError as a member is answered that speaks of no such group."""
        group = self.groups.get(group_id)
        if group is None:
            raise UnknownMemberIdError(f"There is no group {group_id}; its members have to join again.")
        if isinstance(group, ConsumerGroup):
            raise UnknownMemberIdError(f"{group_id} is a group of the consumer protocol; nobody in it joins or syncs.")
        return group

    def group_or_new(self, group_id: str) -> AnyGroup:
        """The group of that id, made as a classic one if there is none."""
        group = self.groups.get(group_id)
        if group is None:
            group = ClassicGroup(Group(group_id, self._clock.now_ms()), self._surroundings)
            self.groups[group_id] = group
        return group

    def group_to_join(self, group_id: str, member_id: str) -> ClassicGroup:
        """The classic group to join; a new one is stored as an empty group, and undone should that fail.

        It takes the place of a group of the consumer protocol that is empty; one that is not turns it away.
        """
        before = self.groups.get(group_id)
        if isinstance(before, ConsumerGroup) and not before.empty:
            raise InconsistentGroupProtocolError(
                f"The members of {group_id} use the consumer protocol; join with group.protocol=consumer, "
                "or stop them first."
            )
        if member_id or isinstance(before, ClassicGroup):
            return self.known(group_id)
        made = ClassicGroup(Group(group_id, self._clock.now_ms()), self._surroundings)
        record = (encode_key(GroupKey(group_id)), encode_group(made.group.stored({})))
        self._put_in_place(group_id, made, before, [record])
        return made

    def group_to_consume(self, group_id: str, *, joins: bool) -> ConsumerGroup:
        """The group of the consumer protocol of that id, made for the first to join; GroupIdNotFoundError otherwise.

        It takes the place of a classic group that is empty.
        """
        before = self.groups.get(group_id)
        if isinstance(before, ConsumerGroup):
            return before
        if before is None and not joins:
            raise GroupIdNotFoundError(f"There is no group {group_id}.")
        if before is not None and not (joins and before.empty):
            raise GroupIdNotFoundError(
                f"The members of {group_id} use the classic protocol; join with group.protocol=classic, "
                "or stop them first."
            )
        made = ConsumerGroup(ModernGroup(group_id), self._surroundings)
        self._put_in_place(group_id, made, before, [])
        return made

    def _put_in_place(
        self, group_id: str, made: AnyGroup, before: AnyGroup | None, records: Sequence[LogRecord]
    ) -> None:
        """Have `made`, with the offsets of the group before it, which is undone should it not be stored."""
        self.groups[group_id] = made
        if before is not None:
            made.committed = before.committed

        def written(error: KafkaError | None) -> None:
            if error is None:
                if before is not None:
                    before.die()
            elif self.groups.get(group_id) is made:
                del self.groups[group_id]
                if before is not None:
                    self.groups[group_id] = before
                made.die()

        changes = [*(before.tombstones() if before is not None else ()), *records]
        if changes:
            self._writer.write(changes, written)

    def discard_if_bare(self, group_id: str) -> None:
        """Drop a group that exists in memory alone."""
        group = self.groups.get(group_id)
        if group is not None and group.bare:
            del self.groups[group_id]

    async def delete(self, group_id: str) -> None:
        """Forget an empty group and its offsets; GroupIdNotFoundError or NonEmptyGroupError otherwise."""
        group = self.groups.get(group_id)
        if group is None:
            raise GroupIdNotFoundError(f"There is no group {group_id}.")
        group.check_delete()
        await self._remove({group_id: list(group.committed)}, group)

    def _removal(
        self, groups: Sequence[AnyGroup], offsets: Mapping[str, Sequence[TopicPartition]]
    ) -> tuple[list[LogRecord], Written]:
        """Tombstones for `offsets` and for whole `groups`, which take no requests from now on, and what follows."""
        records: list[LogRecord] = [
            (encode_key(OffsetKey(group_id, *tp)), None) for group_id, tps in offsets.items() for tp in tps
        ]
        records += [tombstone for group in groups for tombstone in group.tombstones()]
        for group in groups:
            del self.groups[group.group.group_id]

        def written(error: KafkaError | None) -> None:
            if error is None:
                self._forgotten(offsets)
            for group in groups:
                if error is None:
                    group.die()
                    self._events.rebalances.pop(group.group.group_id, None)
                    self.discard_if_bare(group.group.group_id)
                elif (other := self.groups.setdefault(group.group.group_id, group)) is not group:
                    group.committed.take_in(other.committed)
                    other.committed = group.committed
                    group.die()

        return records, written

    async def _remove(self, offsets: Mapping[str, Sequence[TopicPartition]], *groups: AnyGroup) -> None:
        records, written = self._removal(groups, offsets)
        if records:
            await self._writer.write_and_wait(records, written)

    def _forgotten(self, offsets: Mapping[str, Sequence[TopicPartition]]) -> None:
        for group_id, tps in offsets.items():
            for tp in tps:
                self._forget_offset(OffsetKey(group_id, *tp))

    # Offsets

    def check_commit(self, request: OffsetCommitRequest) -> None:
        """Refuse a commit out of turn; one from outside any group makes a group of offsets alone."""
        group = self.groups.get(request.group_id)
        if group is not None:
            group.check_commit(request)
        elif request.generation_id >= 0:
            kind = GroupIdNotFoundError if request.knows_epochs else IllegalGenerationError
            raise kind(
                f"There is no group {request.group_id}, so there is no generation {request.generation_id} of it."
            )

    async def commit(self, group_id: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Store offsets that were checked; they are in force once they are committed to the log."""
        values = self._values(offsets)
        records = _records(group_id, values)
        group = self.group_or_new(group_id)
        group.committed.writing(values)

        def written(error: KafkaError | None) -> None:
            group.committed.written(values)
            if error is None:
                for tp, value in values.items():
                    self._replay_offset(OffsetKey(group_id, *tp), value)
            else:
                self.discard_if_bare(group_id)

        await self._writer.write_and_wait(records, written)

    def check_transactional_commit(self, request: TxnOffsetCommitRequest) -> None:
        """Refuse a member out of turn; who names no member is asked nothing (KIP-447)."""
        group = self.groups.get(request.group_id)
        if group is not None:
            group.check_transactional_commit(request)
        elif request.generation_id >= 0:
            raise IllegalGenerationError(
                f"There is no group {request.group_id}, so there is no generation {request.generation_id} of it."
            )

    async def commit_in_transaction(
        self, request: TxnOffsetCommitRequest, offsets: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> None:
        """Store offsets that were checked, to be in force once their producer's commit marker is there."""
        group_id, within = request.group_id, Within(request.producer_id, request.producer_epoch)
        values = self._values(offsets)
        records = _records(group_id, values)
        group = self.group_or_new(group_id)
        group.committed.writing(values)

        def written(error: KafkaError | None) -> None:
            if error is None:
                for tp, value in values.items():
                    self._replay_offset(OffsetKey(group_id, *tp), value, within)
            group.committed.written(values)
            self.discard_if_bare(group_id)

        await self._writer.write_and_wait(records, written, within)

    async def end_transaction(self, within: Within) -> None:
        """Write a transaction's marker; its offsets count, or are dropped, when that is committed."""
        marker = within.marker
        assert marker is not None

        def written(error: KafkaError | None) -> None:
            if error is None:
                self._ended(within.producer_id, marker.committed)

        await self._writer.write_and_wait((), written, within)

    def unstable(self, group_id: str) -> frozenset[TopicPartition]:
        """Partitions over whose offset in this group a transaction is open."""
        return frozenset(self._pending.of(group_id))

    def _values(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> dict[TopicPartition, OffsetValue]:
        now = self._clock.now()
        return {tp: OffsetValue(given.offset, given.metadata, now, given.leader_epoch) for tp, given in offsets.items()}

    async def delete_offsets(
        self, group_id: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, ErrorCode]:
        """Forget offsets of topics that nobody in the group subscribes to; an error for each partition."""
        group = self.groups.get(group_id)
        if group is None:
            raise GroupIdNotFoundError(f"There is no group {group_id}.")
        group.group.check_delete_offsets()
        wanted = {tp for tp in partitions if group.group.is_subscribed_to(tp.topic)}
        there = set(group.committed)
        await self._remove({group_id: [tp for tp in partitions if tp in there and tp not in wanted]})
        return {tp: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC if tp in wanted else ErrorCode.NONE for tp in partitions}

    def forget_topic(self, topic: str) -> None:
        """The topic was deleted: nothing is committed for it any more."""
        for group in self.groups.values():
            group.drop_topic(topic)
        gone = {
            group_id: [tp for tp in group.committed if tp.topic == topic] for group_id, group in self.groups.items()
        }
        records, forgotten = self._removal((), {group_id: tps for group_id, tps in gone.items() if tps})

        def written(error: KafkaError | None) -> None:
            forgotten(error)
            if error is not None and error.retriable and not self.closed:
                self._clock.call_later(_RETRY_MS, self._forget_topic_again, topic)

        if records:
            self._writer.write(records, written)

    def _forget_topic_again(self, topic: str) -> None:
        if not self.closed and topic not in self._surroundings.topics():
            self.forget_topic(topic)

    # Expiry

    def _clean_later(self) -> None:
        self._cleaning = self._clock.call_later(self._config.offsets_retention_check_interval_ms, self._clean)

    def _clean(self) -> None:
        self._clean_later()
        now, retention_ms = self._clock.now(), self._config.offsets_retention_minutes * _MINUTE_MS
        offsets: dict[str, Sequence[TopicPartition]] = {}
        over: list[AnyGroup] = []
        for group_id, group in self.groups.items():
            expired = group.committed.expired(group.group, now, retention_ms)
            if expired:
                offsets[group_id] = expired
            if len(expired) == len(group.committed) and group.empty:
                over.append(group)
        records, written = self._removal(over, offsets)
        if records:
            self._writer.write(records, written)
            self._tell_of_expiry(offsets, over)

    def _tell_of_expiry(self, offsets: Mapping[str, Sequence[TopicPartition]], over: Sequence[AnyGroup]) -> None:
        forgotten = {group.group.group_id for group in over}
        kept = f"{self._config.offsets_retention_minutes} minutes"
        for group_id, tps in offsets.items():
            what = "The group is forgotten." if group_id in forgotten else "Its other offsets are kept."
            plural = "s" if len(tps) != 1 else ""
            told = f"{group_id}: nobody needed {len(tps)} committed offset{plural} for {kept}, so they expired. {what}"
            self._events.tell(self._clock.now_ms(), group_id, told, Tone.WARNING)


def _records(group_id: str, values: Mapping[TopicPartition, OffsetValue]) -> list[LogRecord]:
    return [(encode_key(OffsetKey(group_id, *tp)), encode_offset(value)) for tp, value in values.items()]


def check_group_id(group_id: str) -> None:
    """InvalidGroupIdError for an empty one."""
    if not group_id:
        raise InvalidGroupIdError
