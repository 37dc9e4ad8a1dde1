"""Group commit: everything that changes a broker's file goes through one queue, and appends that arrive together share
one transaction. A commit costs about the same for one batch as for a hundred.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from engine.clock import Clock
from engine.errors import KafkaStorageError
from engine.records import BatchHeader
from engine.storage.connection import Connection
from engine.storage.epochs import Entry, LeaderEpochs
from engine.storage.schema import ADD_BATCH

T = TypeVar("T")

GROUP_BYTES = 16 << 20


@dataclass(slots=True)
class StoredBatch:
    """A batch at its place: the columns of its row, but for what only the writer knows."""

    base_offset: int
    last_offset: int
    leader_epoch: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    attributes: int
    count: int
    data: bytes

    @classmethod
    def of(cls, header: BatchHeader, data: bytes) -> Self:
        """These bytes, whose header is this."""
        return cls(
            header.base_offset,
            header.last_offset,
            header.leader_epoch,
            header.max_timestamp if header.count else -1,
            header.producer_id,
            header.producer_epoch,
            header.base_sequence,
            header.attributes,
            header.count,
            data,
        )

    def row(self, log_id: int, newest_so_far: int) -> tuple[Any, ...]:
        """The row it is stored as."""
        return (
            log_id,
            self.base_offset,
            self.last_offset,
            self.leader_epoch,
            self.max_timestamp,
            newest_so_far,
            self.producer_id,
            self.producer_epoch,
            self.base_sequence,
            self.attributes,
            self.count,
            len(self.data),
            self.data,
        )


class Written(Protocol):
    """A log, as the writer sees it."""

    log_id: int
    max_timestamp: int
    stored_epochs: LeaderEpochs

    @property
    def deleted(self) -> bool:
        """Whether it is gone, so that nothing may be added any more."""
        ...

    def committed(self, batches: list[StoredBatch]) -> None:
        """These are on disk now."""

    def give_back(self) -> None:
        """Nothing that waited came to disk: the next append gets the offset after the last that did."""


@dataclass(slots=True)
class _Append:
    log: Written
    batches: list[StoredBatch]
    done: asyncio.Future[None]


@dataclass(slots=True)
class _Change:
    run: Callable[[Connection], Awaitable[Any]]
    applied: Callable[[Any], None]
    done: asyncio.Future[Any]


class Writer:
    """The one who writes a broker's file. `name` is what the file is called when something fails."""

    def __init__(
        self, connection: Connection, clock: Clock, name: str, committed: Callable[[int], None] | None = None
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._name = name
        self._committed = committed or (lambda size: None)
        self._queue: deque[_Append | _Change] = deque()
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def append(self, log: Written, batches: list[StoredBatch]) -> asyncio.Future[None]:
        """Queue batches behind what the log has; the future ends when they are committed, or with KafkaStorageError."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._enqueue(_Append(log, batches, done))
        return done

    def change(
        self, run: Callable[[Connection], Awaitable[T]], applied: Callable[[T], None] = lambda _: None
    ) -> asyncio.Future[T]:
        """Queue any other change, a transaction of its own. `applied` is called with its result once it is committed,
        before anything queued behind it is begun."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._enqueue(_Change(run, applied, done))
        return done

    async def repeat(self, run: Callable[[Connection], Awaitable[bool]]) -> None:
        """Do a long change bit by bit, each a transaction of its own, until `run` answers True."""
        while not await self.change(run):
            pass

    async def close(self) -> None:
        """Take nothing more, and wait until all that was taken is written."""
        self._closed = True
        if self._task is not None:
            await asyncio.wait({self._task})

    def abandon(self) -> None:
        """Forget what waits, as the death of the process would; what is being written now still may come to disk."""
        waiting, self._queue = self._queue, deque()
        for job in waiting:
            if isinstance(job, _Append):
                job.log.give_back()
            _fail(job.done, KafkaStorageError(f"{self._name} was abandoned."))

    def _enqueue(self, job: _Append | _Change) -> None:
        if self._closed:
            raise KafkaStorageError(f"{self._name} is closed.")
        self._queue.append(job)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._drain(), name=f"writer of {self._name}")

    async def _drain(self) -> None:
        with self._clock.working():
            try:
                while self._queue:
                    if isinstance(job := self._queue[0], _Change):
                        self._queue.popleft()
                        await self._write_change(job)
                    else:
                        await self._write_appends(*self._take_group())
            finally:
                # Only a cancelled task leaves jobs behind.
                for job in self._queue:
                    job.done.cancel()
                self._queue.clear()

    def _take_group(self) -> tuple[list[_Append], int]:
        """Appends that go together, and the bytes of their batches."""
        group: list[_Append] = []
        size = 0
        while self._queue and size < GROUP_BYTES and isinstance(job := self._queue[0], _Append):
            self._queue.popleft()
            if job.log.deleted:
                _fail(job.done, KafkaStorageError("The log was deleted before the batch could be written."))
                continue
            group.append(job)
            size += sum(len(batch.data) for batch in job.batches)
        return group, size

    async def _write_appends(self, group: list[_Append], size: int) -> None:
        if not group:
            return
        newest: dict[int, int] = {}
        rows: list[tuple[Any, ...]] = []
        epochs: dict[int, LeaderEpochs] = {}
        begun: list[tuple[int, Entry]] = []
        for job in group:
            log = job.log
            for batch in job.batches:
                so_far = newest[log.log_id] = max(newest.get(log.log_id, log.max_timestamp), batch.max_timestamp)
                rows.append(batch.row(log.log_id, so_far))
                known = epochs.get(log.log_id, log.stored_epochs)
                after = known.started(batch.leader_epoch, batch.base_offset)
                if after is not known:
                    epochs[log.log_id] = after
                    begun.append((log.log_id, after.entries[-1]))
        try:
            await self._connection.executemany(ADD_BATCH, rows)
            if begun:
                # What contradicts the new epoch stands at or behind it, and only in a log cut back and begun again.
                await self._connection.executemany(
                    "DELETE FROM leader_epoch WHERE log = ? AND (epoch >= ? OR start_offset >= ?)",
                    [(log_id, *entry) for log_id, entry in begun],
                )
                await self._connection.executemany(
                    "INSERT INTO leader_epoch VALUES (?, ?, ?)", [(log_id, *entry) for log_id, entry in begun]
                )
            await self._connection.commit()
        except sqlite3.Error as error:
            await self._connection.rollback()
            self._fail_appends(group, error)
            return
        except BaseException:
            for job in group:
                job.done.cancel()
            raise
        self._committed(size)
        for job in group:
            job.log.stored_epochs = epochs.get(job.log.log_id, job.log.stored_epochs)
            job.log.committed(job.batches)
            if not job.done.done():
                job.done.set_result(None)

    def _fail_appends(self, group: list[_Append], error: sqlite3.Error) -> None:
        """These failed, so whatever stands behind them in the same logs has to fail too, or there would be a gap."""
        logs = {job.log.log_id for job in group}
        behind = [job for job in self._queue if isinstance(job, _Append) and job.log.log_id in logs]
        self._queue = deque(job for job in self._queue if not (isinstance(job, _Append) and job.log.log_id in logs))
        for job in (*group, *behind):
            job.log.give_back()
            _fail(job.done, self._in_words(error))

    async def _write_change(self, job: _Change) -> None:
        try:
            result = await job.run(self._connection)
            await self._connection.commit()
        except Exception as error:
            await self._connection.rollback()
            _fail(job.done, self._in_words(error) if isinstance(error, sqlite3.Error) else error)
            return
        except BaseException:
            job.done.cancel()
            raise
        self._committed(0)
        job.applied(result)
        if not job.done.done():
            job.done.set_result(result)

    def _in_words(self, error: sqlite3.Error) -> KafkaStorageError:
        return storage_error(self._name, error)


def storage_error(name: str, error: sqlite3.Error) -> KafkaStorageError:
    """What SQLite said of the file `name`, with what to do about it where that is known."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_FULL:
        return KafkaStorageError(f"The disk is full: {name} cannot grow. Free some space; nothing written is lost.")
    if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return KafkaStorageError(f"{name} is damaged: {error}. Put back a copy of it.")
    return KafkaStorageError(f"{name} could not be used: {error}.")


def _fail(future: asyncio.Future[Any], error: Exception) -> None:
    if not future.done():
        future.set_exception(error)
        future.exception()  # whoever stopped waiting has not ignored it
