"""One partition of `__consumer_offsets` that this broker leads: its groups, their offsets, and the log of both.

What is to be remembered is written first and takes effect when it is committed (`GroupCoordinatorShard`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.clock import Clock, Timer
from engine.config import BrokerConfig
from engine.coordinators.shards import Shard
from engine.coordinators.writer import LogEntry, LogRecord, StateLog, Written
from engine.errors import CorruptRecordError, ErrorCode, InvalidGroupIdError, KafkaError
from engine.events import EventLog, Tone
from engine.groups.coordinated import Coordinated
from engine.groups.modern import records as modern
from engine.groups.offsets import Offsets
from engine.groups.records import GroupKey, OffsetKey, decode_group, decode_key, decode_offset, encode_key
from engine.groups.registry import Groups
from engine.groups.roster import Metadata, Surroundings
from engine.types import TopicPartition
from engine.wording import plural

_MINUTE_MS = 60_000
_RETRY_MS = 500
"""How soon the tombstones of a deleted topic's offsets are tried again."""

Partitions = Mapping[str, Sequence[TopicPartition]]
"""By group id."""


class GroupShard(Shard):
    """Its groups, and what is committed in them."""

    def __init__(
        self,
        partition: int,
        clock: Clock,
        config: BrokerConfig,
        log: StateLog,
        events: EventLog,
        metadata: Metadata,
    ) -> None:
        super().__init__(partition, log)
        self._clock = clock
        self._config = config
        self._events = events
        self._surroundings = Surroundings(clock, config, events, metadata, self._writer.write)
        self.groups = Groups(self._surroundings)
        self.offsets = Offsets(self.groups, self._writer, clock)
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
        for group in self.groups.values():
            group.resume()
        self._clean_later()

    def _names(self, records: Sequence[LogEntry]) -> Mapping[bytes, str]:
        """Topics by id, as the brokers know them now and as the records here name them."""
        found = {topic_id: name for name, topic_id in self._surroundings.metadata.ids.items()}
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
            self.offsets.replay_marker(within)
            return
        named = decode_key(key)
        if isinstance(named, OffsetKey):
            self.offsets.replay(named, None if value is None else decode_offset(value), within)
        elif isinstance(named, GroupKey):
            self.groups.replay_classic(named.group_id, None if value is None else decode_group(value))
        elif (other := modern.decode_key(key)) is not None:
            self.groups.replay_modern(other, None if value is None else modern.decode_value(other, value), names.get)

    def close(self) -> None:
        """Stop: what waits fails with NotCoordinatorError, and no timer fires any more."""
        self.closed = True
        if self._cleaning is not None:
            self._cleaning.cancel()
        for group in self.groups.values():
            group.die()
        super().close()

    # Deleting

    async def delete(self, group_id: str) -> None:
        """Forget an empty group and its offsets; GroupIdNotFoundError or NonEmptyGroupError otherwise."""
        group = self.groups.existing(group_id)
        group.check_delete()
        await self._remove({group_id: list(group.committed)}, group)

    async def delete_offsets(
        self, group_id: str, partitions: Sequence[TopicPartition]
    ) -> dict[TopicPartition, ErrorCode]:
        """Forget offsets of topics that nobody in the group subscribes to; an error for each partition."""
        group = self.groups.existing(group_id)
        group.check_delete_offsets()
        wanted = {tp for tp in partitions if group.is_subscribed_to(tp.topic)}
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
        if not self.closed and topic not in self._surroundings.metadata.counts:
            self.forget_topic(topic)

    def _removal(self, groups: Sequence[Coordinated], offsets: Partitions) -> tuple[list[LogRecord], Written]:
        """Tombstones for `offsets` and for whole `groups`, which take no requests from now on, and what follows."""
        records: list[LogRecord] = [
            (encode_key(OffsetKey(group_id, *tp)), None) for group_id, tps in offsets.items() for tp in tps
        ]
        records += [tombstone for group in groups for tombstone in group.tombstones()]
        for group in groups:
            self.groups.remove(group)

        def written(error: KafkaError | None) -> None:
            if error is None:
                for group_id, tps in offsets.items():
                    for tp in tps:
                        self.offsets.forget(OffsetKey(group_id, *tp))
            for group in groups:
                (self.groups.removed if error is None else self.groups.restore)(group)

        return records, written

    async def _remove(self, offsets: Partitions, *groups: Coordinated) -> None:
        records, written = self._removal(groups, offsets)
        if records:
            await self._writer.write_and_wait(records, written)

    # Expiry

    def _clean_later(self) -> None:
        self._cleaning = self._clock.call_later(self._config.offsets_retention_check_interval_ms, self._clean)

    def _clean(self) -> None:
        self._clean_later()
        now, retention_ms = self._clock.now(), self._config.offsets_retention_minutes * _MINUTE_MS
        offsets: dict[str, Sequence[TopicPartition]] = {}
        over: list[Coordinated] = []
        for group_id, group in self.groups.items():
            expired = group.expired(now, retention_ms)
            if expired:
                offsets[group_id] = expired
            if len(expired) == len(group.committed) and group.empty:
                over.append(group)
        records, written = self._removal(over, offsets)
        if records:
            self._writer.write(records, written)
            self._tell_of_expiry(offsets, over)

    def _tell_of_expiry(self, offsets: Partitions, over: Sequence[Coordinated]) -> None:
        forgotten = {group.group_id for group in over}
        kept = f"{self._config.offsets_retention_minutes} minutes"
        for group_id, tps in offsets.items():
            what = "The group is forgotten." if group_id in forgotten else "Its other offsets are kept."
            told = (
                f"{group_id}: nobody needed {plural(len(tps), 'committed offset')} for {kept}, so they expired. {what}"
            )
            self._events.tell(self._clock.now_ms(), group_id, told, Tone.WARNING)


def check_group_id(group_id: str) -> None:
    """InvalidGroupIdError for an empty one."""
    if not group_id:
        raise InvalidGroupIdError
