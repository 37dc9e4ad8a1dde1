"""One replica of a partition on one broker: what it appends and answers while it leads.

Rules from `kafka.cluster.Partition` and `UnifiedLog`: who may append, how far consumers see (the high watermark), and
who is woken when there is news.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.clock import Clock
from engine.config import TopicConfig
from engine.errors import (
    ErrorCode,
    FencedLeaderEpochError,
    NotLeaderOrFollowerError,
    OffsetOutOfRangeError,
    UnknownLeaderEpochError,
)
from engine.messages import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    MAX_TIMESTAMP,
    FetchedPartition,
    FetchPosition,
    ListedOffset,
    PartitionMetadata,
    ProducedPartition,
)
from engine.records import codec_of, recompress, require_keys, validate
from engine.snapshot import PartitionView
from engine.storage.log import PartitionLog
from engine.types import TopicPartition


class Partition:
    """A log and the right to serve it. `state` is what the controller last said; the log is the broker's store's."""

    def __init__(self, broker_id: int, log: PartitionLog, clock: Clock, config: TopicConfig) -> None:
        self.broker_id = broker_id
        self.log = log
        self.config = config
        self.state = PartitionMetadata(log.tp.partition, None, -1, (), ())
        self._clock = clock
        self._watchers: set[Callable[[], None]] = set()
        self._view: PartitionView | None = None

    @property
    def tp(self) -> TopicPartition:
        """Its name."""
        return self.log.tp

    @property
    def leads(self) -> bool:
        """Whether this broker's replica is the one that serves."""
        return self.state.leader == self.broker_id

    @property
    def high_watermark(self) -> int:
        """The offset up to which every in-sync replica has the log; alone in sync, what this replica has stored."""
        return self.log.flushed_offset

    def check_leader(self, current_leader_epoch: int = -1) -> None:
        """Raise unless this replica leads, and in the epoch the client believes in (KIP-320)."""
        if not self.leads:
            raise NotLeaderOrFollowerError(f"Broker {self.broker_id} does not lead {self.tp}.")
        if current_leader_epoch >= 0:
            if current_leader_epoch < self.state.leader_epoch:
                raise FencedLeaderEpochError
            if current_leader_epoch > self.state.leader_epoch:
                raise UnknownLeaderEpochError

    async def append(self, batch: bytes) -> ProducedPartition:
        """Check a batch by the topic's rules, store it and say where it went; raises KafkaError."""
        self.check_leader()
        validate(batch, self.config.max_message_bytes)
        if self.config.compacted:
            require_keys(batch)
        if self.config.compression_type != "producer":
            wanted = self.config.compression_type
            batch = recompress(batch, codec_of("none" if wanted == "uncompressed" else wanted))
        append_time = self._clock.now() if self.config.message_timestamp_type == "LogAppendTime" else None
        stored = await self.log.append(batch, leader_epoch=self.state.leader_epoch, log_append_time=append_time)
        self._wake()
        return ProducedPartition(
            base_offset=stored.base_offset,
            log_append_time=-1 if append_time is None else append_time,
            log_start_offset=self.log.log_start_offset,
        )

    async def fetch(self, position: FetchPosition, max_bytes: int) -> FetchedPartition:
        """Batches from `position` up to the high watermark; raises KafkaError."""
        self.check_leader(position.current_leader_epoch)
        start, end = self.log.log_start_offset, self.high_watermark
        if not start <= position.fetch_offset <= self.log.log_end_offset:
            raise OffsetOutOfRangeError(f"{self.tp} holds offsets {start} to {end}, not {position.fetch_offset}.")
        batches: tuple[bytes, ...] = ()
        if position.fetch_offset < end and max_bytes > 0:
            batches = await self.log.read(position.fetch_offset, min(max_bytes, position.max_bytes), up_to=end)
        return FetchedPartition(
            high_watermark=end,
            last_stable_offset=end,
            log_start_offset=self.log.log_start_offset,
            batches=batches,
        )

    def failed_fetch(self, error: ErrorCode) -> FetchedPartition:
        """The answer to a fetch that failed, with what the client needs to find its way."""
        return FetchedPartition(error, self.high_watermark, self.high_watermark, self.log.log_start_offset)

    async def list_offset(self, timestamp: int) -> ListedOffset:
        """The first offset at or after `timestamp` (ms), or at one of the special times; raises KafkaError."""
        self.check_leader()
        epoch, end = self.state.leader_epoch, self.high_watermark
        if timestamp == EARLIEST_TIMESTAMP:
            return ListedOffset(offset=self.log.log_start_offset, leader_epoch=epoch)
        if timestamp == LATEST_TIMESTAMP:
            return ListedOffset(offset=end, leader_epoch=epoch)
        if timestamp == MAX_TIMESTAMP:
            found = await self.log.offset_of_max_timestamp()
        else:
            found = await self.log.offset_for_timestamp(timestamp)
        if found is None or found.offset >= end:
            return ListedOffset()
        return ListedOffset(offset=found.offset, timestamp=found.timestamp, leader_epoch=epoch)

    async def delete_records(self, before_offset: int) -> int:
        """Move the log start offset up to `before_offset` (-1: the high watermark) and return it (KIP-107)."""
        self.check_leader()
        end = self.high_watermark
        before = end if before_offset == -1 else before_offset
        if not 0 <= before <= end:
            raise OffsetOutOfRangeError(
                f"{self.tp} can be deleted up to {end}, its high watermark, not {before_offset}."
            )
        return await self.log.delete_records(before)

    def watch(self, woken: Callable[[], None]) -> Callable[[], None]:
        """Call `woken` whenever there is more to read; returns what stops that."""
        self._watchers.add(woken)
        return lambda: self._watchers.discard(woken)

    def _wake(self) -> None:
        for woken in tuple(self._watchers):
            woken()

    def become(self, state: PartitionMetadata) -> None:
        """Take up what the controller decided; whoever waits here looks again."""
        self.state = state
        self._wake()

    def view(self) -> PartitionView:
        """How it stands; the same object again while nothing has changed."""
        log, state, old = self.log, self.state, self._view
        if (
            old is not None
            and old.log_end_offset == log.log_end_offset
            and old.high_watermark == self.high_watermark
            and old.log_start_offset == log.log_start_offset
            and old.size_bytes == log.size_bytes
            and old.leader_epoch == state.leader_epoch
            and old.isr == state.isr
            and old.replicas == state.replicas
            and old.compacted == self.config.compacted
        ):
            return old
        self._view = PartitionView(
            topic=log.tp.topic,
            partition=log.tp.partition,
            leader=state.leader,
            leader_epoch=state.leader_epoch,
            replicas=state.replicas,
            isr=state.isr,
            log_start_offset=log.log_start_offset,
            high_watermark=self.high_watermark,
            log_end_offset=log.log_end_offset,
            size_bytes=log.size_bytes,
            max_timestamp=log.max_timestamp,
            compacted=self.config.compacted,
        )
        return self._view
