"""Compaction: of every key only the newest record stays, at its own offset (`kafka.log.LogCleaner`).

Kafka leaves the active segment alone; the lab has no segments and leaves the newest batch alone. Records of aborted
transactions go; a marker goes once nothing of its transaction is left, `delete.retention.ms` after that was first seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from engine.config import TopicConfig
from engine.records import BatchHeader, ConsumerRecord, read_records, rewrite
from engine.storage.log import PartitionLog
from engine.storage.rows import BatchInfo

MOST_KEYS = 1_000_000
"""Keys held in memory at a time; a log with more is cleaned in several goes, as with Kafka's dedupe buffer."""

WRITE_AT_ONCE = 100
"""Batches rewritten in one transaction."""


class CompactionResult(NamedTuple):
    """What went, and up to where the log is clean now; sizes in bytes."""

    records_removed: int = 0
    batches_removed: int = 0
    size_removed: int = 0
    tombstones_removed: int = 0
    cleaned_to: int = 0


class Decision(NamedTuple):
    """What becomes of one batch: other bytes, None to remove it, or the very bytes it has."""

    data: bytes | None
    records_removed: int
    tombstones_removed: int


Aborted = Callable[[int, int], bool]
"""Whether what a producer id wrote at an offset, in a transaction, was aborted."""


async def compact(
    log: PartitionLog,
    config: TopicConfig,
    now_ms: float,
    *,
    up_to: int | None = None,
    aborted: Aborted = lambda *_: False,
) -> CompactionResult:
    """Compact the log below `up_to` (the last stable offset), if enough is dirty by `min.cleanable.dirty.ratio`, or
    something for longer than `max.compaction.lag.ms`.

    Works batch by batch and lets others run in between; appends meanwhile are left for the next time, and if the log
    is truncated meanwhile it stops. Raises KafkaStorageError if it cannot be written.
    """
    nothing = CompactionResult(cleaned_to=log.cleaned_to)
    up_to = log.newest_base_offset if up_to is None else min(up_to, log.newest_base_offset)
    if not config.compacted or log.cleaned_to >= up_to:
        return nothing
    truncations = log.truncations  # what is read from here on holds only while nothing is cut off
    dirty_size = await log.rows.size(log.cleaned_to, log.flushed_offset)
    clean_size = max(0, log.size_bytes - dirty_size)
    ever_overdue = now_ms > config.max_compaction_lag_ms
    if not ever_overdue and not _enough(await log.rows.size(log.cleaned_to, up_to), clean_size, config):
        return nothing
    dirty, end = await _dirty(log, config, now_ms, up_to)
    oldest = min((batch.max_timestamp for batch in dirty if batch.max_timestamp >= 0), default=now_ms)
    if (
        not _enough(sum(batch.size for batch in dirty), clean_size, config)
        and now_ms - oldest <= config.max_compaction_lag_ms
    ):
        return nothing
    newest, end = await _newest_of_each_key(log, dirty, end, aborted)
    return await _Cleaning(log, newest, end, int(now_ms), config.delete_retention_ms, truncations, aborted).run()


def decide(
    batch: bytes,
    records: Sequence[ConsumerRecord],
    newest: dict[bytes, int],
    now_ms: int,
    delete_retention_ms: int,
    keep_empty: bool,
) -> Decision:
    """What becomes of a batch when `newest` says at which offset each key was last written.

    The first cleaning that meets a tombstone sets the time from which it may go, in the batch itself (KIP-534).
    With `keep_empty` the batch stays even without records, as the last of its producer or of this cleaning does.
    """
    horizon = BatchHeader.parse(batch).delete_horizon_ms
    kept = []
    tombstones = tombstones_removed = 0
    for record in records:
        if record.key is None or newest.get(record.key, -1) > record.offset:
            continue
        if record.value is None:
            if horizon is not None and now_ms >= horizon:
                tombstones_removed += 1
                continue
            tombstones += 1
        kept.append(record)
    removed = len(records) - len(kept)
    if not kept:
        return Decision(rewrite(batch, ()) if keep_empty else None, removed, tombstones_removed)
    if tombstones and horizon is None:
        return Decision(rewrite(batch, kept, now_ms + delete_retention_ms), removed, tombstones_removed)
    return Decision(rewrite(batch, kept) if removed else batch, removed, tombstones_removed)


async def _dirty(log: PartitionLog, config: TopicConfig, now_ms: float, up_to: int) -> tuple[list[BatchInfo], int]:
    """The batches that may be compacted and were not yet, and the offset behind them."""
    found: list[BatchInfo] = []
    at = log.cleaned_to
    while at < up_to:
        batches = [batch for batch in await log.batches(at) if batch.base_offset < up_to]
        if not batches:
            break
        for batch in batches:
            if config.min_compaction_lag_ms and batch.max_timestamp > now_ms - config.min_compaction_lag_ms:
                return found, at
            found.append(batch)
            at = batch.last_offset + 1
    return found, at


def _enough(dirty_size: int, clean_size: int, config: TopicConfig) -> bool:
    """Whether so many bytes are worth compacting."""
    return dirty_size > 0 and dirty_size / (clean_size + dirty_size) > config.min_cleanable_dirty_ratio


async def _newest_of_each_key(
    log: PartitionLog, dirty: Sequence[BatchInfo], end: int, aborted: Aborted
) -> tuple[dict[bytes, int], int]:
    """Where each key was last written, and up to which offset that is known."""
    newest: dict[bytes, int] = {}
    for info in dirty:
        if len(newest) >= MOST_KEYS:
            return newest, info.base_offset
        for record in await _records(log, info, aborted):
            if record.key is not None:
                newest[record.key] = record.offset
        await asyncio.sleep(0)
    return newest, end


async def _read(log: PartitionLog, info: BatchInfo) -> bytes | None:
    """The batch, unless it was removed meanwhile."""
    if not log.log_start_offset <= info.last_offset < log.flushed_offset:
        return None
    found = await log.read(max(info.base_offset, log.log_start_offset), 0)
    return found[0] if found and BatchHeader.parse(found[0]).base_offset == info.base_offset else None


async def _records(log: PartitionLog, info: BatchInfo, aborted: Aborted) -> list[ConsumerRecord]:
    """Its records; none if it is gone, was aborted, or is a marker."""
    batch = await _read(log, info)
    if batch is None or _is_aborted(BatchHeader.parse(batch), aborted):
        return []
    return read_records(batch, *log.tp, log.log_start_offset)


def _is_aborted(header: BatchHeader, aborted: Aborted) -> bool:
    return header.is_transactional and not header.is_control and aborted(header.producer_id, header.base_offset)


class _Cleaning:
    """One go over a log, from its start to `end`."""

    def __init__(
        self,
        log: PartitionLog,
        newest: dict[bytes, int],
        end: int,
        now_ms: int,
        delete_retention_ms: int,
        truncations: int,
        aborted: Aborted,
    ) -> None:
        self._log = log
        self._newest = newest
        self._end = end
        self._now_ms = now_ms
        self._delete_retention_ms = delete_retention_ms
        self._truncations = truncations
        self._aborted = aborted
        self._amid: set[int] = set()
        """Producers of which something was met since their last marker."""
        self._result = CompactionResult(cleaned_to=log.cleaned_to)
        self._pending: list[tuple[BatchInfo, bytes | None]] = []
        self._pending_result = CompactionResult()

    async def run(self) -> CompactionResult:
        keep = await self._log.rows.last_of_producers()
        at = 0
        while batches := [b for b in await self._log.batches(at) if b.base_offset < self._end]:
            for info in batches:
                at = info.last_offset + 1
                if not await self._clean(info, keep_empty=info.base_offset in keep or at >= self._end):
                    return self._result
        await self._write(self._end)
        return self._result

    async def _clean(self, info: BatchInfo, *, keep_empty: bool) -> bool:
        """Decide on one batch; False if the log was cut meanwhile."""
        batch = await _read(self._log, info) if info.count or not keep_empty else None
        if batch is not None:
            decision = self._decide(batch, keep_empty=keep_empty)
            if decision.data is not batch:
                self._pending.append((info, decision.data))
                size = len(batch) - (0 if decision.data is None else len(decision.data))
                gone = (decision.records_removed, int(decision.data is None), size, decision.tombstones_removed, 0)
                self._pending_result = CompactionResult(
                    *(a + b for a, b in zip(self._pending_result, gone, strict=True))
                )
        await asyncio.sleep(0)
        return len(self._pending) < WRITE_AT_ONCE or await self._write(None)

    def _decide(self, batch: bytes, *, keep_empty: bool) -> Decision:
        header = BatchHeader.parse(batch)
        if header.is_control:
            return self._decide_marker(batch, header, keep=keep_empty)
        if header.is_transactional:
            self._amid.add(header.producer_id)
        if _is_aborted(header, self._aborted):
            return Decision(rewrite(batch, ()) if keep_empty else None, header.count, 0)
        records = read_records(batch, *self._log.tp, self._log.log_start_offset)
        return decide(batch, records, self._newest, self._now_ms, self._delete_retention_ms, keep_empty)

    def _decide_marker(self, batch: bytes, header: BatchHeader, *, keep: bool) -> Decision:
        needed = keep or header.producer_id in self._amid
        self._amid.discard(header.producer_id)
        horizon = header.delete_horizon_ms
        if needed or (horizon is not None and self._now_ms < horizon):
            return Decision(batch, 0, 0)
        if horizon is not None:
            return Decision(None, 0, 0)
        records = read_records(batch, *self._log.tp, control=True)
        return Decision(rewrite(batch, records, self._now_ms + self._delete_retention_ms), 0, 0)

    async def _write(self, cleaned_to: int | None) -> bool:
        done = await self._log.replace(self._pending, cleaned_to, truncations=self._truncations)
        if done:
            total = CompactionResult(*(a + b for a, b in zip(self._result, self._pending_result, strict=True)))
            self._result = total._replace(cleaned_to=self._log.cleaned_to)
        self._pending, self._pending_result = [], CompactionResult()
        return done
