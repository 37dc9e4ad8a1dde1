"""What a leader finds in its log for who asks: offsets by their times, and where another log has parted from it.

Rules from `kafka.cluster.Partition` (`fetchOffsetForTimestamp`, `lastOffsetForLeaderEpoch`).
"""

from __future__ import annotations

from engine.errors import OffsetNotAvailableError, OffsetOutOfRangeError
from engine.messages import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    MAX_TIMESTAMP,
    EpochEnd,
    FetchPosition,
    ListedOffset,
)
from engine.replicas.leadership import Leadership
from engine.storage.log import PartitionLog
from engine.storage.times import offset_for_timestamp, offset_of_max_timestamp


async def listed_offset(log: PartitionLog, leading: Leadership, end: int, timestamp: int) -> ListedOffset:
    """The first offset at or after `timestamp` (ms), or at one of the special times; raises KafkaError.

    Nothing from `end` on is found, and that is where the latest lies. OffsetNotAvailableError while a new leader's high
    watermark is behind the start of its epoch (KIP-207).
    """
    if timestamp == EARLIEST_TIMESTAMP:
        start = log.log_start_offset
        return ListedOffset(offset=start, leader_epoch=log.epochs.epoch_at(start))
    if leading.high_watermark < leading.epoch_start_offset:
        raise OffsetNotAvailableError
    if timestamp == LATEST_TIMESTAMP:
        return ListedOffset(offset=end, leader_epoch=leading.epoch)
    if timestamp == MAX_TIMESTAMP:
        found = await offset_of_max_timestamp(log)
    else:
        found = await offset_for_timestamp(log, timestamp)
    if found is None or found.offset >= end:
        return ListedOffset()
    return ListedOffset(offset=found.offset, timestamp=found.timestamp, leader_epoch=log.epochs.epoch_at(found.offset))


def parted(log: PartitionLog, position: FetchPosition) -> EpochEnd | None:
    """Where the log of whoever asks and this one part (KIP-595), or None if they do not."""
    epoch, ended = log.end_offset_for_epoch(position.last_fetched_epoch)
    if epoch < 0:
        raise OffsetOutOfRangeError(f"{log.tp} has not come to leader epoch {position.last_fetched_epoch} here.")
    if epoch == position.last_fetched_epoch and ended >= position.fetch_offset:
        return None
    return EpochEnd(leader_epoch=epoch, end_offset=ended)
