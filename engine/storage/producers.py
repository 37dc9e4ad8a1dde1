"""What is kept of a log's producers and its aborted transactions, so that they outlive restarts and retention.

In place of Kafka's producer snapshot files and transaction indexes: rows written at each checkpoint, valid up to an
offset. What was appended later is learned again from the log.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from engine.storage.connection import Connection, Rows

REMEMBERED = 5
"""Batches of each producer that are told from new ones (`ProducerStateEntry.NUM_BATCHES_TO_RETAIN`)."""

_BATCH = struct.Struct(">iiqqq")

ENTRIES = """SELECT producer_id, epoch, coordinator_epoch, last_timestamp, last_offset, transaction_start, batches
  FROM producer WHERE log = ?"""
ABORTED = """SELECT producer_id, first_offset, last_offset, last_stable_offset
  FROM aborted WHERE log = ? ORDER BY last_offset"""


class KnownBatch(NamedTuple):
    """A batch that was appended, by its sequence numbers and offsets."""

    base_sequence: int
    last_sequence: int
    base_offset: int
    last_offset: int
    timestamp: int


class KnownProducer(NamedTuple):
    """One producer of one log; `transaction_start` is -1 while no transaction of its is open."""

    producer_id: int
    epoch: int
    coordinator_epoch: int
    last_timestamp: int
    last_offset: int
    transaction_start: int
    batches: tuple[KnownBatch, ...]


class Kept(NamedTuple):
    """What was kept of a log. `complete_to`: all that lies below is in it; -1 where the log was cut since, and what it
    says of a producer is true only if the log itself says nothing."""

    complete_to: int
    producers: tuple[KnownProducer, ...]
    aborted: tuple[tuple[int, int, int, int], ...]
    """Producer id, first and last offset, and the last stable offset once the marker was written."""


def kept(complete_to: int, entries: Rows, aborted: Rows) -> Kept:
    """Rows as they were read."""
    producers = tuple(
        KnownProducer._make((*row[:-1], tuple(map(KnownBatch._make, _BATCH.iter_unpack(row[-1]))))) for row in entries
    )
    return Kept(complete_to, producers, tuple(aborted))


async def keep(
    db: Connection, log: int, complete_to: int, producers: Sequence[KnownProducer], aborted: Sequence[tuple[int, ...]]
) -> None:
    """Put these in the place of what was kept before; `aborted` are those that came since."""
    await db.execute("DELETE FROM producer WHERE log = ?", (log,))
    await db.executemany(
        "INSERT INTO producer VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [(log, *each[:-1], b"".join(_BATCH.pack(*batch) for batch in each.batches)) for each in producers],
    )
    await db.executemany("INSERT OR REPLACE INTO aborted VALUES (?, ?, ?, ?, ?)", [(log, *each) for each in aborted])
    await db.execute("UPDATE log SET producers_to = ? WHERE id = ?", (complete_to, log))


async def forget_cut(db: Connection, log: int, end: int) -> None:
    """The log was cut back to `end`: what lay beyond was never there."""
    await db.execute("DELETE FROM producer WHERE log = ? AND last_offset >= ?", (log, end))
    await db.execute("DELETE FROM aborted WHERE log = ? AND last_offset >= ?", (log, end))
    await db.execute("UPDATE log SET producers_to = -1 WHERE id = ? AND producers_to > ?", (log, end))


async def forget_all(db: Connection, log: int) -> None:
    """The log begins anew elsewhere, or is gone."""
    await db.execute("DELETE FROM producer WHERE log = ?", (log,))
    await db.execute("DELETE FROM aborted WHERE log = ?", (log,))


async def forget_start(db: Connection, log: int, start: int) -> None:
    """The log starts at `start` now: aborted transactions before it matter to nobody, producers stay known."""
    await db.execute("DELETE FROM aborted WHERE log = ? AND last_offset < ?", (log, start))
