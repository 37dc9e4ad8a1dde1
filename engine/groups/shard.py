"""The groups of one partition of `__consumer_offsets` that this broker leads, and the way their records are written.

What is to be remembered is written first and takes effect when it is committed (`GroupCoordinatorShard`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.clock import Clock, Timer
from engine.config import BrokerConfig
from engine.errors import (
    CoordinatorLoadInProgressError,
    CorruptRecordError,
    ErrorCode,
    GroupIdNotFoundError,
    IllegalGenerationError,
    KafkaError,
    UnknownMemberIdError,
)
from engine.events import EventLog, Tone
from engine.groups.classic import ClassicGroup
from engine.groups.group import EMPTY, Group
from engine.groups.offsets import (
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
from engine.groups.writer import LogRecord, OffsetsLog, Writer, Written
from engine.messages import OffsetCommitRequest
from engine.types import OffsetAndMetadata, TopicPartition

_MINUTE_MS = 60_000


class Shard:
    """One partition's groups. Not usable before `load`, nor after `close`."""

    def __init__(
        self,
        partition: int,
        clock: Clock,
        config: BrokerConfig,
        log: OffsetsLog,
        events: EventLog,
        topics: Callable[[], Mapping[str, int]],
    ) -> None:
        self.partition = partition
        self.groups: dict[str, ClassicGroup] = {}
        self.loading = True
        self.closed = False
        self._clock = clock
        self._config = config
        self._events = events
        self._writer = Writer(partition, log)
        self._surroundings = Surroundings(clock, config, events, topics, self._writer.write)
        self._cleaning: Timer | None = None

    # Becoming and ceasing to be the coordinator

    def load(self, records: Sequence[tuple[bytes, bytes | None, int]]) -> None:
        """Rebuild the groups from the partition's records, oldest first, and take up their timers."""
        for key, value, _ in records:
            try:
                self._replay(key, value)
            except CorruptRecordError as error:
                told = f"A record of __consumer_offsets-{self.partition} was passed over. {error}"
                self._events.tell(self._clock.now_ms(), "", told, Tone.WARNING)
        self.loading = False
        for group in tuple(self.groups.values()):
            group.resume()
        self._clean_later()

    def _replay(self, key: bytes, value: bytes | None) -> None:
        named = decode_key(key)
        if isinstance(named, OffsetKey):
            self._replay_offset(named, None if value is None else decode_offset(value))
        elif isinstance(named, GroupKey):
            before = self.groups.pop(named.group_id, None)
            if value is not None:
                stored = Group.loaded(named.group_id, decode_group(value), self._clock.now_ms())
                self.groups[named.group_id] = group = ClassicGroup(stored, self._surroundings)
                if before is not None:
                    group.committed = before.committed

    def _replay_offset(self, key: OffsetKey, value: OffsetValue | None) -> None:
        if value is not None:
            self.group_or_new(key.group_id).committed.put(key.tp, value)
        elif (group := self.groups.get(key.group_id)) is not None:
            group.committed.forget(key.tp)

    def close(self) -> None:
        """Stop: what waits fails with NotCoordinatorError, and no timer fires any more."""
        self.closed = True
        if self._cleaning is not None:
            self._cleaning.cancel()
        for group in self.groups.values():
            group.phases.die()
        self._writer.close()

    def check_loaded(self) -> None:
        """Refuse while the partition is still being read."""
        if self.loading:
            raise CoordinatorLoadInProgressError

    # Groups

    def group(self, group_id: str) -> ClassicGroup | None:
        """The group of that id."""
        return self.groups.get(group_id)

    def known(self, group_id: str) -> ClassicGroup:
        """The group of that id; UnknownMemberIdError as a member is answered that speaks of no group."""
        group = self.groups.get(group_id)
        if group is None:
            raise UnknownMemberIdError(f"There is no group {group_id}; its members have to join again.")
        return group

    def group_or_new(self, group_id: str) -> ClassicGroup:
        """The group of that id, made if there is none."""
        group = self.groups.get(group_id)
        if group is None:
            group = ClassicGroup(Group(group_id, self._clock.now_ms()), self._surroundings)
            self.groups[group_id] = group
        return group

    def group_to_join(self, group_id: str, member_id: str) -> ClassicGroup:
        """The group to join; a new one is stored as an empty group, and undone should that fail."""
        if member_id or group_id in self.groups:
            return self.known(group_id)
        made = self.group_or_new(group_id)

        def written(error: KafkaError | None) -> None:
            if error is not None and self.groups.get(group_id) is made:
                del self.groups[group_id]
                made.phases.die()

        self._writer.write([(encode_key(GroupKey(group_id)), encode_group(made.group.stored({})))], written)
        return made

    async def delete(self, group_id: str) -> None:
        """Forget an empty group and its offsets; GroupIdNotFoundError or NonEmptyGroupError otherwise."""
        group = self.groups.get(group_id)
        if group is None:
            raise GroupIdNotFoundError(f"There is no group {group_id}.")
        group.group.check_delete()
        await self._remove({group_id: list(group.committed)}, group)

    def _removal(
        self, groups: Sequence[ClassicGroup], offsets: Mapping[str, Sequence[TopicPartition]]
    ) -> tuple[list[LogRecord], Written]:
        """Tombstones for `offsets` and for whole `groups`, which take no requests from now on, and what follows."""
        records: list[LogRecord] = [
            (encode_key(OffsetKey(group_id, *tp)), None) for group_id, tps in offsets.items() for tp in tps
        ]
        records += [(encode_key(GroupKey(group.group.group_id)), None) for group in groups]
        for group in groups:
            del self.groups[group.group.group_id]

        def written(error: KafkaError | None) -> None:
            if error is None:
                self._forgotten(offsets)
            for group in groups:
                if error is None:
                    group.phases.die()
                    self._discard_if_bare(group.group.group_id)
                else:
                    self.groups.setdefault(group.group.group_id, group)

        return records, written

    async def _remove(self, offsets: Mapping[str, Sequence[TopicPartition]], *groups: ClassicGroup) -> None:
        records, written = self._removal(groups, offsets)
        if records:
            await self._writer.write_and_wait(records, written)

    def _discard_if_bare(self, group_id: str) -> None:
        """Drop a group that exists in memory alone."""
        group = self.groups.get(group_id)
        if group is not None and group.bare:
            del self.groups[group_id]

    def _forgotten(self, offsets: Mapping[str, Sequence[TopicPartition]]) -> None:
        for group_id, tps in offsets.items():
            group = self.groups.get(group_id)
            if group is None:
                continue
            for tp in tps:
                group.committed.forget(tp)

    # Offsets

    def check_commit(self, request: OffsetCommitRequest) -> None:
        """Refuse a commit out of turn; one from outside any group makes a group of offsets alone."""
        group = self.groups.get(request.group_id)
        if group is not None:
            group.check_commit(request.member_id, request.group_instance_id, request.generation_id)
        elif request.generation_id >= 0:
            raise IllegalGenerationError(
                f"There is no group {request.group_id}, so there is no generation {request.generation_id} of it."
            )

    async def commit(self, group_id: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Store offsets that were checked; they are in force once they are committed to the log."""
        now = self._clock.now()
        values = {
            tp: OffsetValue(given.offset, given.metadata, now, given.leader_epoch) for tp, given in offsets.items()
        }
        records = [(encode_key(OffsetKey(group_id, *tp)), encode_offset(value)) for tp, value in values.items()]
        group = self.group_or_new(group_id)
        group.committed.writing(values)

        def written(error: KafkaError | None) -> None:
            group.committed.written(values)
            if error is None:
                for tp, value in values.items():
                    self._replay_offset(OffsetKey(group_id, *tp), value)
            else:
                self._discard_if_bare(group_id)

        await self._writer.write_and_wait(records, written)

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

    async def forget_topic(self, topic: str) -> None:
        """The topic was deleted: nothing is committed for it any more."""
        for group in self.groups.values():
            group.phases.history.drop_topic(topic)
        gone = {
            group_id: [tp for tp in group.committed if tp.topic == topic] for group_id, group in self.groups.items()
        }
        await self._remove({group_id: tps for group_id, tps in gone.items() if tps})

    # Expiry

    def _clean_later(self) -> None:
        self._cleaning = self._clock.call_later(self._config.offsets_retention_check_interval_ms, self._clean)

    def _clean(self) -> None:
        self._clean_later()
        now, retention_ms = self._clock.now(), self._config.offsets_retention_minutes * _MINUTE_MS
        offsets: dict[str, Sequence[TopicPartition]] = {}
        over: list[ClassicGroup] = []
        for group_id, group in self.groups.items():
            expired = group.committed.expired(group.group, now, retention_ms)
            if expired:
                offsets[group_id] = expired
            if len(expired) == len(group.committed) and group.group.state is EMPTY:
                over.append(group)
        records, written = self._removal(over, offsets)
        if records:
            self._writer.write(records, written)
            self._tell_of_expiry(offsets, over)

    def _tell_of_expiry(self, offsets: Mapping[str, Sequence[TopicPartition]], over: Sequence[ClassicGroup]) -> None:
        forgotten = {group.group.group_id for group in over}
        kept = f"{self._config.offsets_retention_minutes} minutes"
        for group_id, tps in offsets.items():
            what = "The group is forgotten." if group_id in forgotten else "Its other offsets are kept."
            plural = "s" if len(tps) != 1 else ""
            told = f"{group_id}: nobody needed {len(tps)} committed offset{plural} for {kept}, so they expired. {what}"
            self._events.tell(self._clock.now_ms(), group_id, told, Tone.WARNING)
