"""Removing what is too old or too much, from the start of a log, as `UnifiedLog.deleteOldSegments` does.

Kafka removes whole segments; the lab has none and removes whole batches, so it comes closer to the settings.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from engine.config import TopicConfig
from engine.storage.log import PartitionLog
from engine.storage.rows import BatchInfo


class RetentionResult(NamedTuple):
    """What went, and where the log starts now; sizes in bytes."""

    records: int = 0
    batches: int = 0
    size: int = 0
    log_start_offset: int = 0
    by_time: int = 0
    """How many of the records were too old; the others were too much."""


async def apply_retention(
    log: PartitionLog, config: TopicConfig, now_ms: float, *, up_to: int | None = None
) -> RetentionResult:
    """Remove what `retention.ms` and `retention.bytes` no longer keep, below `up_to` (offset; None: all committed).

    Nothing happens unless `cleanup.policy` has `delete`. KafkaStorageError if it cannot be written.
    """
    limit = log.flushed_offset if up_to is None else min(up_to, log.flushed_offset)
    total = RetentionResult(log_start_offset=log.log_start_offset)
    size, at, start = log.size_bytes, 0, log.log_start_offset
    more = config.deletes
    while more:
        batches = [_left(batch, log.log_start_offset) for batch in await log.batches(at)]
        found = expired((batch for batch in batches if batch.last_offset < limit), size, config, now_ms)
        more = 0 < found.batches == len(batches)
        size -= found.size
        start = max(start, found.log_start_offset)
        at = found.log_start_offset
        total = RetentionResult(*(a + b for a, b in zip(total, found, strict=True)))
    if start > log.log_start_offset:
        await log.delete_records(start)
    return total._replace(log_start_offset=log.log_start_offset)


def expired(batches: Iterable[BatchInfo], size: int, config: TopicConfig, now_ms: float) -> RetentionResult:
    """How many of a log's first batches are to go, if the log has `size` bytes; `log_start_offset` is then its start.

    By size only as much goes as leaves at least `retention.bytes`. A batch goes by time when its newest record is
    older than `retention.ms`, and what comes later stays even if it is older still.
    """
    records = removed = gone = by_time = start = 0
    for batch in batches:
        too_much = 0 <= config.retention_bytes <= size - batch.size
        too_old = config.retention_ms >= 0 and (
            not batch.count or 0 <= batch.max_timestamp < now_ms - config.retention_ms
        )
        if not (too_much or too_old):
            break
        records += batch.count
        by_time += 0 if too_much else batch.count
        removed += 1
        gone += batch.size
        size -= batch.size
        start = batch.last_offset + 1
    return RetentionResult(records, removed, gone, start, by_time)


def _left(batch: BatchInfo, start: int) -> BatchInfo:
    """The batch with only those records counted that the log start has left."""
    if batch.base_offset >= start:
        return batch
    return batch._replace(count=max(0, min(batch.count, batch.last_offset + 1 - start)))
