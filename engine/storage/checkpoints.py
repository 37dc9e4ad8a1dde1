"""Checkpoints of a broker's file, made beside its writer.

What is committed stands in SQLite's write-ahead log, where it outlives the process; a checkpoint moves it into the file
and waits for the disk. SQLite makes its own within a commit: a burst of appends would wait for the disk every few MB.
Kafka leaves that to the operating system (`log.flush.interval.messages`). Here it is done when the writer rests, by a
connection of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.clock import Clock, Timer
from engine.storage.connection import Connection

LARGEST_WAL_BYTES = 512 << 20
"""So far the log grows under a writer that never rests; then SQLite's own checkpoint cuts in."""
_AT_ONCE_BYTES = 192 << 20
_WORTH_IT_BYTES = 4 << 20
_COMMIT_BYTES = 32 << 10
"""What a commit adds beside the batches in it: a small batch was seen to take two pages of 8 kB; several share one."""
_LOOK_MS = 1_000.0
_REST_BYTES = 8 << 20
"""Who writes no more than this between two looks is at rest."""


class Checkpoints:
    """Those of one file. `connect` opens the connection that makes them, the first time that one is due."""

    def __init__(self, connect: Callable[[], Awaitable[Connection]], clock: Clock) -> None:
        self._connect = connect
        self._clock = clock
        self._connection: Connection | None = None
        self._task: asyncio.Task[None] | None = None
        self._waiting_bytes = 0
        self._moment_bytes = 0
        self._watch: Timer | None = None

    def committed(self, size: int) -> None:
        """A transaction with batches of so many bytes more stands in the write-ahead log."""
        self._waiting_bytes += size + _COMMIT_BYTES
        self._moment_bytes += size + _COMMIT_BYTES
        if self._waiting_bytes >= _AT_ONCE_BYTES:
            self._begin()
        if self._watch is None:
            self._look_again()

    async def close(self) -> None:
        """Make an end. `sqlite3.Error` if the last checkpoint failed; what it left is still in the write-ahead log."""
        if self._watch is not None:
            self._watch.cancel()
        try:
            if self._task is not None:
                await self._task
        finally:
            if self._connection is not None:
                await self._connection.close()

    def _look_again(self) -> None:
        self._moment_bytes = 0
        self._watch = self._clock.call_later(_LOOK_MS, self._look)

    def _look(self) -> None:
        self._watch = None
        if self._moment_bytes <= _REST_BYTES and self._waiting_bytes >= _WORTH_IT_BYTES:
            self._begin()
        elif self._moment_bytes:
            self._look_again()

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._waiting_bytes = 0
            self._task = asyncio.get_running_loop().create_task(self._move(), name="checkpoint")

    async def _move(self) -> None:
        with self._clock.working():
            if self._connection is None:
                self._connection = await self._connect()
            await self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
