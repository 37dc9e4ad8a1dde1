"""The lab's own file: which topics there are and who leads them, the workload, what happened, and lab time.

It plays the part of KRaft's `__cluster_metadata`. While it is open it holds SQLite's exclusive lock, which is what
keeps a second Kafkarium out.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from engine.messages import PartitionMetadata
from engine.storage.connection import Connection, connect
from engine.storage.writer import storage_error

_FIRST = (
    """CREATE TABLE topic (name TEXT PRIMARY KEY, topic_id BLOB NOT NULL, internal INTEGER NOT NULL,
       config TEXT NOT NULL)""",
    """CREATE TABLE partition (topic TEXT NOT NULL REFERENCES topic ON DELETE CASCADE, number INTEGER NOT NULL,
       leader INTEGER, leader_epoch INTEGER NOT NULL, replicas TEXT NOT NULL, isr TEXT NOT NULL,
       PRIMARY KEY (topic, number))""",
    "CREATE TABLE spec (kind TEXT NOT NULL, name TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (kind, name))",
    "CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL)",
)

_REASSIGNMENTS = (
    "ALTER TABLE partition ADD COLUMN partition_epoch INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE partition ADD COLUMN target TEXT NOT NULL DEFAULT '[]'",
    "ALTER TABLE partition ADD COLUMN adding TEXT NOT NULL DEFAULT '[]'",
)

_DIARY = (
    "CREATE TABLE diary (id INTEGER PRIMARY KEY, page TEXT NOT NULL, entry TEXT NOT NULL)",
    "CREATE INDEX diary_page ON diary (page, id)",
)

SCHEMA = (_FIRST, _REASSIGNMENTS, _DIARY)
"""The statements that lead from each version to the next; a new file gets all of them."""


class MetadataStore:
    """Topics, specs and settings; every `put` is committed as a whole when it returns, or raises KafkaStorageError."""

    def __init__(self, connection: Connection, name: str = "The lab's own file") -> None:
        self._connection = connection
        self._name = name
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path | None, *, inline: bool = False) -> Self:
        """Open or make the file, in memory for None; LabLockedError is the caller's to word: raises `sqlite3` busy as
        LabBusy, LabDamagedError, LabTooNewError."""
        connection = await connect(path, len(SCHEMA), SCHEMA, inline=inline, exclusive=True)
        return cls(connection, str(path) if path is not None else "The lab's own file")

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[None]:
        """All that is written inside becomes lasting together, apart from what others write, or not at all."""
        async with self._writing:
            try:
                yield
                await self._connection.commit()
            except BaseException as error:  # whoever was cancelled halfway leaves no half for the next to commit
                await self._connection.rollback()
                if isinstance(error, sqlite3.Error):
                    raise storage_error(self._name, error) from error
                raise

    async def copy_to(self, path: Path) -> None:
        """Write all that is kept to a new file at `path`; KafkaStorageError."""
        async with self._transaction():
            await self._connection.execute("VACUUM INTO ?", (str(path),))

    async def close(self) -> None:
        """Give up the file and its lock."""
        await self._connection.close()

    # Settings

    async def put_settings(self, values: Mapping[str, Any]) -> None:
        """Keep plain values by name."""
        rows = [(name, json.dumps(value)) for name, value in values.items()]
        async with self._transaction():
            await self._connection.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?)", rows)

    async def settings(self) -> dict[str, Any]:
        """Every value kept."""
        rows = await self._connection.execute_fetchall("SELECT name, value FROM setting")
        return {name: json.loads(value) for name, value in rows}

    # Topics

    async def put_topic(
        self,
        name: str,
        topic_id: bytes,
        internal: bool,
        config: Mapping[str, str],
        partitions: Iterable[PartitionMetadata],
    ) -> None:
        """Keep a topic, new or changed."""
        rows = [
            (
                name,
                state.partition,
                state.leader,
                state.leader_epoch,
                json.dumps(state.replicas),
                json.dumps(state.isr),
                state.partition_epoch,
                json.dumps(state.target),
                json.dumps(state.adding),
            )
            for state in partitions
        ]
        async with self._transaction():
            await self._connection.execute(
                "INSERT INTO topic VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET config = excluded.config",
                (name, topic_id, internal, json.dumps(dict(config))),
            )
            await self._connection.executemany(
                "INSERT OR REPLACE INTO partition VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows
            )

    async def delete_topic(self, name: str) -> None:
        """Forget a topic."""
        async with self._transaction():
            await self._connection.execute("DELETE FROM partition WHERE topic = ?", (name,))
            await self._connection.execute("DELETE FROM topic WHERE name = ?", (name,))

    async def topics(self) -> list[tuple[str, bytes, bool, dict[str, str], tuple[PartitionMetadata, ...]]]:
        """Every topic kept, in the order they were made."""
        partitions: dict[str, list[PartitionMetadata]] = {}
        for topic, number, leader, leader_epoch, partition_epoch, *lists in await self._connection.execute_fetchall(
            "SELECT topic, number, leader, leader_epoch, partition_epoch, replicas, isr, target, adding FROM partition "
            "ORDER BY topic, number"
        ):
            replicas, isr, target, adding = (tuple(json.loads(brokers)) for brokers in lists)
            state = PartitionMetadata(
                number, leader, leader_epoch, replicas, isr, partition_epoch, target=target, adding=adding
            )
            partitions.setdefault(topic, []).append(state)
        rows = await self._connection.execute_fetchall(
            "SELECT name, topic_id, internal, config FROM topic ORDER BY rowid"
        )
        return [
            (name, topic_id, bool(internal), json.loads(config), tuple(partitions[name]))
            for name, topic_id, internal, config in rows
        ]

    # Workload

    async def put(self, kind: str, name: str, data: dict[str, Any]) -> None:
        """Keep what a producer or consumer of the lab was asked to do and how far it came."""
        row = (kind, name, json.dumps(data))
        async with self._transaction():
            await self._connection.execute("INSERT OR REPLACE INTO spec VALUES (?, ?, ?)", row)

    async def delete(self, kind: str, name: str) -> None:
        """Forget it."""
        async with self._transaction():
            await self._connection.execute("DELETE FROM spec WHERE kind = ? AND name = ?", (kind, name))

    async def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """Everything of a kind, by name, in the order it was first kept."""
        rows = await self._connection.execute_fetchall(
            "SELECT name, data FROM spec WHERE kind = ? ORDER BY rowid", (kind,)
        )
        return {name: json.loads(data) for name, data in rows}

    # What happened

    async def write_diary(self, pages: Mapping[str, Sequence[Any]], keep: Mapping[str, int]) -> None:
        """Add entries, plain values, to the ends of pages, of which the newest `keep` stay; 0 tears a page out."""
        rows = [(page, json.dumps(entry)) for page, entries in pages.items() for entry in entries]
        oldest = "SELECT id FROM diary WHERE page = :page ORDER BY id DESC LIMIT 1 OFFSET :keep"
        async with self._transaction():
            await self._connection.executemany("INSERT INTO diary (page, entry) VALUES (?, ?)", rows)
            await self._connection.executemany(
                f"DELETE FROM diary WHERE page = :page AND id <= ({oldest})",
                [{"page": page, "keep": most} for page, most in keep.items()],
            )

    async def diary(self) -> dict[str, list[Any]]:
        """The entries of every page, oldest first."""
        pages: dict[str, list[Any]] = {}
        for page, entry in await self._connection.execute_fetchall("SELECT page, entry FROM diary ORDER BY id"):
            pages.setdefault(page, []).append(json.loads(entry))
        return pages
