"""Offsets by their times, as ListOffsets looks them up in a log (`UnifiedLog.fetchOffsetByTimestamp`)."""

from __future__ import annotations

from engine.records import BatchHeader, read_records
from engine.storage.log import PartitionLog
from engine.types import OffsetAndTimestamp


async def offset_for_timestamp(log: PartitionLog, timestamp: int) -> OffsetAndTimestamp | None:
    """The first record at `timestamp` (ms) or later; None if there is none."""
    start = log.log_start_offset
    while timestamp <= log.max_timestamp and start < log.flushed_offset:
        batch = await log.rows.first_since(timestamp, start, log.flushed_offset)
        if batch is None:
            return None
        for record in read_records(batch, *log.tp, start, control=True):
            if record.timestamp >= timestamp:
                return OffsetAndTimestamp(record.offset, record.timestamp)
        # Its newest records lie below the log start.
        start = BatchHeader.parse(batch).last_offset + 1
    return None


async def offset_of_max_timestamp(log: PartitionLog) -> OffsetAndTimestamp | None:
    """The first of the newest records by timestamp (KIP-734); None while the log is empty."""
    found = await offset_for_timestamp(log, max(log.max_timestamp, 0))
    if found is not None or log.log_start_offset >= log.flushed_offset:
        return found
    # What was newest lies below the log start, in a batch that holds later records too.
    newest = await log.rows.newest_behind(log.log_start_offset)
    [first, *_] = await log.read(log.log_start_offset, 0)
    there = [record.timestamp for record in read_records(first, *log.tp, log.log_start_offset, control=True)]
    return await offset_for_timestamp(log, max([*there, newest]))
