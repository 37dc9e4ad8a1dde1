"""What one broker keeps: the logs of its replicas, in one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

from engine.clock import Clock
from engine.errors import KafkaStorageError
from engine.storage.checkpoints import LARGEST_WAL_BYTES, Checkpoints
from engine.storage.connection import Connection, Parameters, Rows, connect, damaged
from engine.storage.edits import REMOVE_AT_ONCE, shrink
from engine.storage.epochs import LeaderEpochs
from engine.storage.log import LogState, PartitionLog
from engine.storage.producers import KnownProducer, forget_all
from engine.storage.schema import SCHEMA, SCHEMA_VERSION
from engine.storage.tail import TailCache
from engine.storage.writer import Writer, storage_error
from engine.types import TopicPartition

TAIL_BYTES = 8 << 20


class Standing(NamedTuple):
    """What is to be kept of a log's producers, as they are when it ends at `end`, and of transactions aborted since."""

    log: PartitionLog
    end: int
    producers: Sequence[KnownProducer]
    aborted: Sequence[tuple[int, ...]]
    version: int = 0
    """For whoever keeps it: which state of the producers this is."""


class BrokerStore:
    """One broker's file and the logs in it. One connection writes, another reads what is committed."""

    def __init__(
        self,
        path: Path | None,
        clock: Clock,
        writing: Connection,
        reading: Connection,
        checkpoints: Checkpoints | None = None,
    ) -> None:
        self._path = path
        self._clock = clock
        self._writing = writing
        self._reading = reading
        self._name = "the broker's store" if path is None else str(path)
        self._checkpoints = checkpoints
        self._writer = Writer(writing, clock, self._name, checkpoints.committed if checkpoints else None)
        self._tails = TailCache(TAIL_BYTES)
        self._logs: dict[TopicPartition, PartitionLog] = {}
        self._closed = False
        self._checkpointed: dict[int, int] = {}

    @classmethod
    async def open(cls, path: Path | None, clock: Clock, *, inline: bool = False) -> Self:
        """Open or make the file at `path`, or a store in memory for None; `inline` keeps SQLite in the event loop.

        Every batch whose append returned is there again. Raises LabTooNewError, LabDamagedError or
        LabNotWritableError, naming the file.
        """
        alone = path is None or inline
        largest = None if alone else LARGEST_WAL_BYTES
        writing = await connect(path, SCHEMA_VERSION, SCHEMA, inline=inline, largest_wal_bytes=largest)
        reading, checkpoints = writing, None
        try:
            if not alone:
                another = partial(connect, path, SCHEMA_VERSION, SCHEMA, check=False)
                reading, checkpoints = await another(), Checkpoints(another, clock)
            store = cls(path, clock, writing, reading, checkpoints)
            await store._load()
        except BaseException:
            if reading is not writing:
                await reading.close()
            await writing.close()
            raise
        return store

    def log(self, tp: TopicPartition) -> PartitionLog:
        """The log of a partition; KeyError if this broker has none."""
        return self._logs[tp]

    def logs(self) -> Mapping[TopicPartition, PartitionLog]:
        """Every log of this broker; stays up to date."""
        return MappingProxyType(self._logs)

    async def create_log(self, tp: TopicPartition, topic_id: bytes) -> PartitionLog:
        """As `create_logs`, for one partition."""
        [log] = await self.create_logs([tp], topic_id)
        return log

    async def create_logs(self, partitions: Sequence[TopicPartition], topic_id: bytes) -> list[PartitionLog]:
        """Empty logs for partitions of a topic, made together, or those there are for this very topic.

        KafkaStorageError if there is one of an earlier topic of that name.
        """
        missing = [tp for tp in partitions if tp not in self._logs]
        if missing:
            made = await self._writer.change(lambda db: _create(db, missing, topic_id))
            for tp in missing:
                if tp not in self._logs:  # else somebody else waited for the same one
                    self._add(tp, LogState(made[tp], topic_id, 0, 0, -1, 0, -1, 0, LeaderEpochs()))
        logs = [self._logs[tp] for tp in partitions]
        for log in logs:
            if log.topic_id != topic_id:
                raise KafkaStorageError(
                    f"{self._name} holds {log.tp} of another topic of that name; delete that one first."
                )
        return logs

    async def delete_log(self, tp: TopicPartition) -> None:
        """Remove a log and its batches. Appends that wait for it fail. KeyError if there is none.

        After a KafkaStorageError it takes nothing more and is still there, to be removed another time.
        """
        log = self._logs.pop(tp)
        log.delete()
        try:
            await self._writer.change(
                lambda db: db.execute("UPDATE log SET topic = NULL WHERE id = ?", (log.log_id,)),
            )
        except KafkaStorageError:
            self._logs.setdefault(tp, log)
            raise
        await self._sweep(log.log_id)

    async def checkpoint(self, standings: Sequence[Standing] = ()) -> list[PartitionLog]:
        """Keep each log's high watermark, as Kafka's `replication-offset-checkpoint` does, and what `standings` say of
        producers; the logs for which that could be kept. KafkaStorageError.
        """
        moved = {log.log_id: log.high_watermark for log in self._logs.values()}
        rows = [(mark, log_id) for log_id, mark in moved.items() if self._checkpointed.get(log_id) != mark]
        if not rows and not standings:
            return []

        async def keep(db: Connection) -> list[PartitionLog]:
            await db.executemany("UPDATE log SET high_watermark = ? WHERE id = ?", rows)
            return [it.log for it in standings if await it.log.keep_producers(db, it.end, it.producers, it.aborted)]

        kept = await self._writer.change(keep)  # queued at once: behind what the standings speak of, before all else
        self._checkpointed.update(moved)
        return kept

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Nothing is written inside: what comes meanwhile waits. KafkaStorageError."""
        reached, release = asyncio.Event(), asyncio.Event()

        async def hold(db: Connection) -> None:
            reached.set()
            await release.wait()

        holding = self._writer.change(hold)
        holding.add_done_callback(lambda _: reached.set())
        await reached.wait()
        try:
            yield
        finally:
            release.set()
            await holding

    async def copy_to(self, path: Path) -> None:
        """Write all that is committed to a new file at `path`; KafkaStorageError."""
        await self._fetch("VACUUM INTO ?", (str(path),))

    def abandon(self) -> None:
        """What waits to be written never is, as when the broker's process is killed."""
        self._writer.abandon()

    @property
    def path(self) -> Path | None:
        """The broker's file; None for a store in memory."""
        return self._path

    @property
    def size_bytes(self) -> int:
        """Bytes of the broker's files as they are on disk, or of its batches for a store in memory."""
        if self._path is None:
            return sum(log.size_bytes for log in self._logs.values())
        return sum(_file_size(Path(f"{self._path}{end}")) for end in ("", "-wal"))

    async def close(self) -> None:
        """Write what waits, then let go of the file. Harmless when done before."""
        if self._closed:
            return
        self._closed = True
        async with AsyncExitStack() as last:
            last.push_async_callback(self._let_go)
            await self._writer.close()

    async def _let_go(self) -> None:
        async with AsyncExitStack() as last:
            last.enter_context(self._clock.working())
            last.push_async_callback(self._writing.close)
            last.push_async_callback(self._reading.close)
            if self._checkpoints is not None:
                await self._checkpoints.close()

    async def _fetch(self, sql: str, parameters: Parameters) -> Rows:
        if self._closed:
            raise KafkaStorageError(f"{self._name} is closed.")
        try:
            with self._clock.working():
                return await self._reading.execute_fetchall(sql, parameters)
        except sqlite3.Error as error:
            raise storage_error(self._name, error) from error

    async def _load(self) -> None:
        try:
            await self._read_logs()
        except sqlite3.Error as error:
            raise damaged(self._name, str(error)) from error

    async def _read_logs(self) -> None:
        fetch = self._writing.execute_fetchall
        sizes: dict[int, int] = dict(await fetch("SELECT log, sum(size) FROM batch GROUP BY log"))
        epochs: dict[int, list[tuple[int, int]]] = {}
        for log_id, epoch, start in await fetch("SELECT * FROM leader_epoch ORDER BY log, epoch"):
            epochs.setdefault(log_id, []).append((epoch, start))
        newest = {
            row[0]: row[1:]
            for row in await fetch(
                "SELECT log.id, base_offset, last_offset, newest_so_far FROM log JOIN batch ON batch.log = log.id "
                "AND base_offset = (SELECT max(base_offset) FROM batch WHERE log = log.id)"
            )
        }
        for log_id, topic, partition, topic_id, start, cleaned_to, watermark in await fetch(
            "SELECT id, topic, partition, topic_id, start_offset, cleaned_to, high_watermark FROM log ORDER BY id"
        ):
            if topic is None:
                await self._sweep(log_id)
                continue
            base, last, timestamp = newest.get(log_id, (-1, -1, -1))
            state = LogState(
                log_id,
                topic_id,
                start,
                max(start, last + 1),
                base,
                cleaned_to,
                timestamp,
                sizes.get(log_id, 0),
                LeaderEpochs(epochs.get(log_id, ())),
                watermark,
            )
            self._add(TopicPartition(topic, partition), state)

    def _add(self, tp: TopicPartition, state: LogState) -> PartitionLog:
        log = self._logs[tp] = PartitionLog(tp, state, self._writer, self._fetch, self._tails.tail())
        return log

    async def _sweep(self, log_id: int) -> None:
        """Remove what a deleted log left, some at a time, so that others can write in between."""
        await self._writer.repeat(lambda db: _sweep_some(db, log_id))
        await self._writer.repeat(shrink)


async def _create(db: Connection, partitions: Sequence[TopicPartition], topic_id: bytes) -> dict[TopicPartition, int]:
    """Their ids."""
    await db.executemany(
        "INSERT INTO log (topic, partition, topic_id, start_offset, cleaned_to) VALUES (?, ?, ?, 0, 0) "
        "ON CONFLICT DO NOTHING",
        [(*tp, topic_id) for tp in partitions],
    )
    made: dict[TopicPartition, int] = {}
    for topic in {tp.topic for tp in partitions}:
        rows = await db.execute_fetchall("SELECT partition, id FROM log WHERE topic = ?", (topic,))
        made.update((TopicPartition(topic, partition), log_id) for partition, log_id in rows)
    return made


async def _sweep_some(db: Connection, log_id: int) -> bool:
    some = (log_id, REMOVE_AT_ONCE)
    await db.execute("DELETE FROM batch WHERE id IN (SELECT id FROM batch WHERE log = ? LIMIT ?)", some)
    if await db.execute_fetchall("SELECT 1 FROM batch WHERE log = ? LIMIT 1", (log_id,)):
        return False
    await db.execute("DELETE FROM leader_epoch WHERE log = ?", (log_id,))
    await forget_all(db, log_id)
    await db.execute("DELETE FROM log WHERE id = ?", (log_id,))
    return True


def _file_size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
