"""One partition's log on one broker: batches in the order of their offsets.

Rules from `org.apache.kafka.storage.internals.log.UnifiedLog`. Only what is committed to SQLite can be read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from engine.errors import (
    InvalidRecordError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
)
from engine.records import BatchHeader, stamp
from engine.storage.connection import Connection
from engine.storage.edits import Cut, Removed, cut_end, remove_below, repair_newest, replace_batches, shrink
from engine.storage.epochs import Entry, LeaderEpochs
from engine.storage.producers import KnownProducer, forget_all, keep
from engine.storage.rows import BatchInfo, Fetch, LogRows
from engine.storage.schema import READ, READ_BEFORE
from engine.storage.tail import Tail
from engine.storage.writer import StoredBatch, Writer
from engine.types import TopicPartition

Placing = Callable[[BatchHeader, bytes], None]


class AppendInfo(NamedTuple):
    """Where a batch went; `timestamp` is the broker's time (ms) under LogAppendTime, else -1."""

    base_offset: int
    last_offset: int
    timestamp: int
    max_timestamp: int
    size_bytes: int


class LogState(NamedTuple):
    """What a log is found to be when its file is opened."""

    log_id: int
    topic_id: bytes
    start_offset: int
    end_offset: int
    newest_base_offset: int
    cleaned_to: int
    max_timestamp: int
    size_bytes: int
    epochs: LeaderEpochs
    high_watermark: int = 0


class PartitionLog:
    """One partition's batches, held by the broker's store."""

    def __init__(self, tp: TopicPartition, state: LogState, writer: Writer, fetch: Fetch, tail: Tail) -> None:
        self.tp = tp
        self.log_id = state.log_id
        self.topic_id = state.topic_id
        self.log_start_offset = state.start_offset
        """The first offset that can be read."""
        self.log_end_offset = state.end_offset
        """The next offset to assign."""
        self.flushed_offset = state.end_offset
        """Everything below is committed to SQLite."""
        self.newest_base_offset = state.newest_base_offset
        """Where the newest batch begins, -1 while there is none. The cleaner leaves that one alone."""
        self.cleaned_to = state.cleaned_to
        """Everything below has been compacted; kept by the cleaner."""
        self.max_timestamp = state.max_timestamp
        """The largest timestamp in the log (ms), -1 while it is empty."""
        self.size_bytes = state.size_bytes
        """Bytes of its batches."""
        self.epochs = self.stored_epochs = state.epochs
        """Its leader epochs and where they began, and as much of that as is committed."""
        self.high_watermark = min(state.high_watermark, state.end_offset)
        """What its replica last knew of the high watermark; the store checkpoints it."""
        self.deleted = False
        self.truncations = 0
        """How often its end was cut off, or what waited was given up: what was read or placed before may be no more."""
        self.rows = LogRows(state.log_id, fetch)
        """What is read of it as it lies in the file."""
        self._writer = writer
        self._tail = tail
        self._cutting: asyncio.Future[Any] | None = None
        self._writing: asyncio.Future[None] | None = None

    # Writing

    async def append(
        self,
        batch: bytes,
        *,
        leader_epoch: int,
        log_append_time: int | None = None,
        placing: Placing = lambda *_: None,
    ) -> AppendInfo:
        """Give a checked batch the next offsets and store it; returns when it is committed.

        `placing` is shown header and batch with the offsets at the moment they are given; if it raises, they are not.
        Offsets are given in the order of the calls. KafkaStorageError if it cannot be written; then everything queued
        behind it in this log fails as well, and the offsets are given to the next that comes.
        """
        await self._settled()
        data = stamp(batch, self.log_end_offset, leader_epoch, log_append_time)
        header = BatchHeader.parse(data)
        placing(header, data)
        self.epochs = self.epochs.started(leader_epoch, header.base_offset)
        stored = StoredBatch.of(header, data)
        await self._begin([stored])
        return AppendInfo(
            stored.base_offset,
            stored.last_offset,
            -1 if log_append_time is None else log_append_time,
            stored.max_timestamp,
            len(data),
        )

    def begin_epoch(self, epoch: int) -> None:
        """A leader begins here: whatever comes next is of its epoch, and all before is of those before (KIP-101)."""
        self.epochs = self.epochs.started(epoch, self.log_end_offset)

    async def append_stored(self, batches: Sequence[bytes], placing: Placing = lambda *_: None) -> None:
        """Store a leader's batches unchanged, as a follower does; returns when they are committed.

        They have to go on at or behind the log's end (the leader may have compacted some away), or
        InvalidRecordError is raised and nothing is stored. `placing` is as for `append`.
        """
        await self._settled()
        end = self.log_end_offset
        headers = [BatchHeader.parse(batch) for batch in batches]
        for header in headers:
            if header.base_offset < end:
                raise InvalidRecordError(
                    f"{self.tp} ends at {end} here; the leader's batch begins at {header.base_offset}. "
                    "Truncate this replica to where the two agree first."
                )
            end = header.last_offset + 1
        for header, batch in zip(headers, batches, strict=True):
            placing(header, batch)
            self.epochs = self.epochs.started(header.leader_epoch, header.base_offset)
        if headers:
            # A follower may be stopped amidst this; what it began goes on, and whoever asks has to wait for its end.
            stored = [StoredBatch.of(header, batch) for header, batch in zip(headers, batches, strict=True)]
            await asyncio.shield(self._begin(stored))

    async def delete_records(self, before: int) -> int:
        """Move the log start offset up to `before` and return it; batches wholly below are removed (KIP-107).

        It never moves back. OffsetOutOfRangeError beyond what is committed.
        """
        await self._settled()
        if not 0 <= before <= self.flushed_offset:
            raise OffsetOutOfRangeError(f"{self.tp} can be deleted up to {self.flushed_offset}, not {before}.")

        def applied(removed: Removed) -> None:
            self.log_start_offset = max(self.log_start_offset, before)
            self.size_bytes -= removed.size
            self.max_timestamp = removed.max_timestamp
            self.epochs, self.stored_epochs = self.epochs.cut_start(before), removed.epochs
            self._tail.forget_below(before)

        if before > self.log_start_offset:

            async def remove(db: Connection) -> Removed:
                return await remove_below(db, self.log_id, before, self.stored_epochs)

            while not (await self._writer.change(remove, applied)).finished:
                pass
            await self._writer.repeat(shrink)
        return self.log_start_offset

    async def truncate_to(self, offset: int) -> None:
        """Drop everything at and after `offset`, by whole batches: the log may end a little before it.

        At the log's end or beyond, only an epoch goes that has begun and has no records; before its start the log is
        left empty, beginning at `offset`.
        """
        await self._settled()
        if offset >= self.log_end_offset:
            self.epochs = self.epochs.cut_end(self.log_end_offset)
            return

        async def cut(db: Connection) -> Cut | None:
            at = max(0, offset)
            if at >= self.flushed_offset:
                return None
            return await cut_end(db, self.log_id, at, self.log_start_offset, self.cleaned_to, self.stored_epochs)

        self._cutting = self._writer.change(cut, self._was_cut)
        await asyncio.shield(self._cutting)

    async def start_at(self, offset: int) -> None:
        """Empty the log and let it begin at `offset`: what its leader has begins there."""
        await self.truncate_to(self.log_start_offset)

        def applied(_: None) -> None:
            self.log_start_offset = self.log_end_offset = self.flushed_offset = offset
            self.truncations += 1

        async def run(db: Connection) -> None:
            await db.execute("UPDATE log SET start_offset = ?, producers_to = 0 WHERE id = ?", (offset, self.log_id))
            await forget_all(db, self.log_id)

        self._cutting = self._writer.change(run, applied)
        await asyncio.shield(self._cutting)

    async def flushed(self) -> None:
        """Return when all that was given offsets so far has come to disk or failed."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait({self._writing})

    async def settled(self) -> None:
        """Return at once, but for a log whose end is just being cut off."""
        while self._cutting is not None and not self._cutting.done():
            await asyncio.wait({self._cutting})

    # Reading

    async def read(
        self, offset: int, max_bytes: int, *, up_to: int | None = None, at_least_one: bool = True
    ) -> tuple[bytes, ...]:
        """Whole batches from the one that holds `offset`, together at most `max_bytes`, but `at_least_one`.

        Those that begin at `up_to` or later are left out. Empty at the end of what is committed. A batch may begin
        before `offset`: whoever reads skips that part. OffsetOutOfRangeError outside the log.
        """
        if not self.log_start_offset <= offset <= self.log_end_offset:
            raise OffsetOutOfRangeError(
                f"{self.tp} holds offsets {self.log_start_offset} to {self.log_end_offset}, not {offset}."
            )
        limit = self.flushed_offset if up_to is None else min(up_to, self.flushed_offset)
        if offset >= limit or (max_bytes <= 0 and not at_least_one):
            return ()
        found = self._tail.read(offset, max_bytes, limit)
        if found is None:
            found = await self.rows.read(READ, offset, max_bytes, up_to=limit)
        return found if at_least_one or (found and len(found[0]) <= max_bytes) else ()

    async def read_before(self, offset: int, max_bytes: int) -> tuple[bytes, ...]:
        """Whole batches that end with the one that holds `offset - 1`, in ascending order, at most `max_bytes`."""
        at = min(offset, self.flushed_offset)
        return await self.rows.read(READ_BEFORE, at, max_bytes, start=self.log_start_offset)

    def end_offset_for_epoch(self, epoch: int) -> Entry:
        """The largest leader epoch not above `epoch` and the offset after its last record (KIP-101), or (-1, -1)."""
        return self.epochs.end_offset(epoch, self.log_end_offset)

    async def batches(self, from_offset: int, limit: int = 1000) -> list[BatchInfo]:
        """Up to `limit` committed batches that begin at `from_offset` or later, without their bytes."""
        return await self.rows.batches(from_offset, self.flushed_offset, limit)

    # Producers

    async def keep_producers(
        self, db: Connection, complete_to: int, producers: Sequence[KnownProducer], aborted: Sequence[tuple[int, ...]]
    ) -> bool:
        """Keep these within a change of the writer's; False if the log does not end at `complete_to` any more."""
        if self.deleted or self.flushed_offset != complete_to:
            return False
        await keep(db, self.log_id, complete_to, producers, aborted)
        return True

    def delete(self) -> None:
        """Take no more; for the store, which removes the log."""
        self.deleted = True
        self._tail.clear()

    # For the writer

    def committed(self, batches: list[StoredBatch]) -> None:
        """These are on disk now."""
        for batch in batches:
            self._tail.add(batch.base_offset, batch.last_offset, batch.data)
            self.max_timestamp = max(self.max_timestamp, batch.max_timestamp)
            self.size_bytes += len(batch.data)
        self.newest_base_offset = batches[-1].base_offset
        self.flushed_offset = batches[-1].last_offset + 1

    def give_back(self) -> None:
        """Nothing that waited came to disk: the next append gets the offset after the last that did."""
        self.log_end_offset = self.flushed_offset
        self.epochs = self.epochs.cut_end(self.flushed_offset + 1)
        self.truncations += 1

    # For the cleaner

    async def replace(
        self, changed: Sequence[tuple[BatchInfo, bytes | None]], cleaned_to: int | None, *, truncations: int
    ) -> bool:
        """Put rewritten batches in the place of old ones, or nothing for None, and keep `cleaned_to` if given.

        Batches removed meanwhile stay removed. False, and nothing done, if the log was deleted, or cut since
        `truncations` was read from it.
        """

        async def run(db: Connection) -> tuple[int, int, int] | None:
            if self.truncations != truncations or self.deleted:
                return None
            places = [(info.base_offset, data) for info, data in changed]
            grown = await replace_batches(db, self.log_id, places) if places else 0
            if cleaned_to is None:
                return self.cleaned_to, grown, self.max_timestamp
            await db.execute("UPDATE log SET cleaned_to = ? WHERE id = ?", (cleaned_to, self.log_id))
            return cleaned_to, grown, await repair_newest(db, self.log_id, cleaned_to)

        def applied(outcome: tuple[int, int, int] | None) -> None:
            if outcome is not None:
                self.cleaned_to, self.max_timestamp = outcome[0], outcome[2]
                self.size_bytes += outcome[1]
                if changed:
                    self._tail.forget_below(changed[-1][0].last_offset + 1)

        return await self._writer.change(run, applied) is not None

    # Inside

    async def _settled(self) -> None:
        """As `settled`; UnknownTopicOrPartitionError once deleted."""
        await self.settled()
        if self.deleted:
            raise UnknownTopicOrPartitionError(f"{self.tp} was deleted.")

    def _begin(self, stored: list[StoredBatch]) -> asyncio.Future[None]:
        """Give them to the writer; the future ends when they are committed."""
        done = self._writing = self._writer.append(self, stored)
        self.log_end_offset = stored[-1].last_offset + 1
        return done

    def _was_cut(self, cut: Cut | None) -> None:
        if cut is None:
            return
        self.truncations += 1
        self._tail.clear()
        self.size_bytes -= cut.size
        self.log_start_offset = cut.start_offset
        self.log_end_offset = self.flushed_offset = cut.end_offset
        self.newest_base_offset = cut.newest_base_offset
        self.max_timestamp = cut.max_timestamp
        self.cleaned_to = cut.cleaned_to
        self.epochs, self.stored_epochs = self.epochs.cut_end(cut.end_offset), cut.epochs
