"""An SQLite file of the lab, opened and checked: through aiosqlite's thread, or inline where a run must be the same
each time. Both sides of the choice are used in the same way.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import aiosqlite

from engine.errors import LabDamagedError, LabError, LabNotWritableError, LabTooNewError

Rows = list[tuple[Any, ...]]
Parameters = Sequence[Any] | dict[str, Any]

_CHECK_WHOLE_BELOW = 64 << 20
_LARGEST_IDLE_WAL = 16 << 20
_PAGE_BYTES = 8 << 10
"""Larger pages suit blobs of 100 kB: measured, 8 kB is the best of 4 to 64 for those and single small records."""
_NOT_WRITABLE = {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM}
_DAMAGED = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


class Connection(Protocol):
    """What is asked of SQLite. A change is begun by the first statement that makes one and ends with `commit`."""

    async def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """Run one statement; raises `sqlite3.Error`."""

    async def executemany(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Run one statement for each row; raises `sqlite3.Error`."""

    async def execute_fetchall(self, sql: str, parameters: Parameters = ()) -> Rows:
        """Run a query and return all it finds; raises `sqlite3.Error`."""

    async def commit(self) -> None:
        """Make the changes since the last `commit` lasting, all or none; raises `sqlite3.Error`."""

    async def rollback(self) -> None:
        """Undo the changes since the last `commit`."""

    async def close(self) -> None:
        """Let go of the file. Harmless when done before."""


class InlineConnection:
    """Plain sqlite3, in the event loop itself."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """Run one statement; raises `sqlite3.Error`."""
        self._connection.execute(sql, parameters).fetchall()  # some PRAGMAs only go on while rows are asked for

    async def executemany(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Run one statement for each row; raises `sqlite3.Error`."""
        self._connection.executemany(sql, rows).close()

    async def execute_fetchall(self, sql: str, parameters: Parameters = ()) -> Rows:
        """Run a query and return all it finds; raises `sqlite3.Error`."""
        return self._connection.execute(sql, parameters).fetchall()

    async def commit(self) -> None:
        """Make the changes since the last `commit` lasting, all or none; raises `sqlite3.Error`."""
        self._connection.commit()

    async def rollback(self) -> None:
        """Undo the changes since the last `commit`."""
        self._connection.rollback()

    async def close(self) -> None:
        """Let go of the file. Harmless when done before."""
        self._connection.close()


class ThreadedConnection:
    """aiosqlite: each call runs in a thread of the connection's own."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._open = True

    async def execute(self, sql: str, parameters: Parameters = ()) -> None:
        """Run one statement; raises `sqlite3.Error`."""
        await self._connection.execute_fetchall(sql, parameters)  # one trip to the thread, where a cursor takes two

    async def executemany(self, sql: str, rows: Iterable[Parameters]) -> None:
        """Run one statement for each row; raises `sqlite3.Error`."""
        await self._connection.executemany(sql, rows)

    async def execute_fetchall(self, sql: str, parameters: Parameters = ()) -> Rows:
        """Run a query and return all it finds; raises `sqlite3.Error`."""
        return await self._connection.execute_fetchall(sql, parameters)  # type: ignore[return-value]

    async def commit(self) -> None:
        """Make the changes since the last `commit` lasting, all or none; raises `sqlite3.Error`."""
        await self._connection.commit()

    async def rollback(self) -> None:
        """Undo the changes since the last `commit`."""
        await self._connection.rollback()

    async def close(self) -> None:
        """Let go of the file. Harmless when done before."""
        if self._open:
            self._open = False
            await self._connection.close()


async def connect(
    path: Path | None,
    schema_version: int,
    schema: Sequence[Sequence[str]],
    *,
    inline: bool = False,
    exclusive: bool = False,
    check: bool = True,
    largest_wal_bytes: int | None = None,
) -> Connection:
    """Open the file at `path` (None: in memory, always inline), or make it with the statements of `schema`.

    `schema` holds the statements for each version; a file of an older one gets those that came later.
    With `exclusive` nobody else can open it meanwhile; with `check` damage is looked for, as far as that is quick.
    From `largest_wal_bytes` on (None: SQLite's choice) a commit moves the write-ahead log into the file.
    Raises LabTooNewError, LabDamagedError and LabNotWritableError, each naming the file; a file that somebody else
    holds raises `sqlite3.OperationalError` ("database is locked").
    """
    name = ":memory:" if path is None else str(path)
    timeout_s = 0.0 if exclusive else 5.0
    connection: Connection | None = None
    try:
        if inline or path is None:
            connection = InlineConnection(sqlite3.connect(name, timeout=timeout_s))
        else:
            connection = ThreadedConnection(await aiosqlite.connect(name, timeout=timeout_s))
        await _prepare(connection, name, schema_version, exclusive, check)
        await _bring_up(connection, schema_version, schema)
        if largest_wal_bytes is not None:
            await connection.execute(f"PRAGMA wal_autocheckpoint = {largest_wal_bytes // _PAGE_BYTES}")
    except BaseException as error:
        if connection is not None:
            await connection.close()
        if isinstance(error, sqlite3.Error):
            raise _in_words(error, name) from error
        raise
    return connection


async def _prepare(connection: Connection, name: str, version: int, exclusive: bool, check: bool) -> None:
    if exclusive:
        await connection.execute("PRAGMA locking_mode = EXCLUSIVE")
    [(pages,)] = await connection.execute_fetchall("PRAGMA page_count")
    if pages == 0:
        await connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
        await connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    elif check:
        await _check(connection, name, version, pages)
    await connection.execute("PRAGMA journal_mode = WAL")
    await connection.execute("PRAGMA synchronous = NORMAL")
    await connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_IDLE_WAL}")
    if exclusive:
        await connection.execute("BEGIN EXCLUSIVE")
        await connection.commit()


async def _check(connection: Connection, name: str, version: int, pages: int) -> None:
    """See that the file is the lab's own and whole, before anything in it is changed."""
    [(found,)] = await connection.execute_fetchall("PRAGMA user_version")
    if found > version:
        raise LabTooNewError(
            f"{name} was made by a newer Kafkarium (its format is {found}; this one reads up to {version}). "
            "Open it with that one, or name another folder."
        )
    if found == 0 and await connection.execute_fetchall("SELECT 1 FROM sqlite_schema LIMIT 1"):
        raise damaged(name, "it holds tables of something else than Kafkarium")
    [(page_size,)] = await connection.execute_fetchall("PRAGMA page_size")
    if pages * page_size < _CHECK_WHOLE_BELOW:
        [(verdict,)] = await connection.execute_fetchall("PRAGMA quick_check(1)")
        if verdict != "ok":
            raise damaged(name, " ".join(verdict.split()))


async def _bring_up(connection: Connection, version: int, schema: Sequence[Sequence[str]]) -> None:
    [(found,)] = await connection.execute_fetchall("PRAGMA user_version")
    if found == version:
        return
    await connection.execute("BEGIN")
    for statement in chain.from_iterable(schema[found:]):
        await connection.execute(statement)
    await connection.execute(f"PRAGMA user_version = {version}")
    await connection.commit()


def damaged(name: str, why: str) -> LabDamagedError:
    """The error for a file SQLite cannot make sense of."""
    return LabDamagedError(
        f"{name} is damaged and cannot be read: {why}. Put back a copy of it, or name another folder for a new lab."
    )


def _in_words(error: sqlite3.Error, name: str) -> LabError | sqlite3.Error:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _DAMAGED:
        return damaged(name, str(error))
    if code == sqlite3.SQLITE_FULL:
        return LabNotWritableError(
            f"The disk is full: {name} cannot be opened for writing. Free some space, or name another folder."
        )
    if code in _NOT_WRITABLE:
        return LabNotWritableError(
            f"{name} cannot be opened for writing: {error}. Make its folder writable, or name another folder."
        )
    return error
