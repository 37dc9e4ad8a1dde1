"""What is done to a log's stored batches other than adding to them; each function is one transaction of the writer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from engine.records import BatchHeader
from engine.storage.connection import Connection
from engine.storage.epochs import LeaderEpochs
from engine.storage.producers import forget_cut, forget_start

REMOVE_AT_ONCE = 500
"""Batches removed in one transaction, so that appends need not wait long behind it."""

_WORTH_SHRINKING = 512
"""Pages given back in one transaction, and the fewest worth it."""


class Removed(NamedTuple):
    """Bytes removed from the start of a log, whether that was all, and how the log stands after it."""

    size: int
    finished: bool
    max_timestamp: int
    epochs: LeaderEpochs


class Cut(NamedTuple):
    """How a log stands after its end was cut off."""

    size: int
    start_offset: int
    end_offset: int
    newest_base_offset: int
    max_timestamp: int
    cleaned_to: int
    epochs: LeaderEpochs


async def remove_below(db: Connection, log: int, before: int, epochs: LeaderEpochs) -> Removed:
    """Let the log start at `before` and remove some of the batches wholly below."""
    rows = await db.execute_fetchall(
        "SELECT base_offset, size FROM batch WHERE log = ? AND base_offset < ? AND last_offset < ? "
        "ORDER BY base_offset LIMIT ?",
        (log, before, before, REMOVE_AT_ONCE),
    )
    if rows:
        await db.execute("DELETE FROM batch WHERE log = ? AND base_offset <= ?", (log, rows[-1][0]))
    await db.execute("UPDATE log SET start_offset = max(start_offset, ?) WHERE id = ?", (before, log))
    after = epochs.cut_start(before)
    await _keep_epochs(db, log, epochs, after)
    await forget_start(db, log, before)
    finished = len(rows) < REMOVE_AT_ONCE
    newest = await repair_newest(db, log, 0)
    return Removed(sum(size for _, size in rows), finished, newest, after)


async def cut_end(
    db: Connection, log: int, offset: int, start_offset: int, cleaned_to: int, epochs: LeaderEpochs
) -> Cut:
    """Remove the batch that holds `offset` and all behind it; all there are if the log starts behind `offset`."""
    if offset < start_offset:
        first = 0
    else:
        [(first,)] = await db.execute_fetchall(
            "SELECT base_offset FROM batch WHERE log = :log AND last_offset >= :offset AND base_offset >= coalesce("
            "(SELECT max(base_offset) FROM batch WHERE log = :log AND base_offset <= :offset), 0) "
            "ORDER BY base_offset LIMIT 1",
            {"log": log, "offset": offset},
        ) or [(offset,)]
    behind = (log, first)
    [(size,)] = await db.execute_fetchall(
        "SELECT coalesce(sum(size), 0) FROM batch WHERE log = ? AND base_offset >= ?", behind
    )
    await db.execute("DELETE FROM batch WHERE log = ? AND base_offset >= ?", behind)
    last = await db.execute_fetchall(
        "SELECT base_offset, last_offset, newest_so_far FROM batch WHERE log = ? ORDER BY base_offset DESC LIMIT 1",
        (log,),
    )
    if last and last[0][1] >= start_offset:
        newest_base_offset, last_offset, max_timestamp = last[0]
        end_offset = last_offset + 1
    else:
        newest_base_offset, max_timestamp = -1, -1
        # Nothing is left to tell where the log ended but where it starts.
        start_offset = end_offset = offset if offset < start_offset else max(start_offset, first)
    after = epochs.cut_end(end_offset)
    await _keep_epochs(db, log, epochs, after)
    await forget_cut(db, log, end_offset)
    cleaned_to = min(cleaned_to, end_offset)
    await db.execute("UPDATE log SET start_offset = ?, cleaned_to = ? WHERE id = ?", (start_offset, cleaned_to, log))
    return Cut(size, start_offset, end_offset, newest_base_offset, max_timestamp, cleaned_to, after)


async def replace_batches(db: Connection, log: int, changed: Sequence[tuple[int, bytes | None]]) -> int:
    """Put other bytes in the place of batches (by base offset, ascending), or remove them for None.

    Batches that are no longer there stay away. Returns by how many bytes the log grew, which is mostly negative.
    """
    rows = await db.execute_fetchall(
        "SELECT base_offset, size FROM batch WHERE log = ? AND base_offset BETWEEN ? AND ?",
        (log, changed[0][0], changed[-1][0]),
    )
    sizes: dict[int, int] = dict(rows)
    there = [(at, data) for at, data in changed if at in sizes]
    await db.executemany(
        "DELETE FROM batch WHERE log = ? AND base_offset = ?", [(log, at) for at, data in there if data is None]
    )
    updates = []
    for at, data in there:
        if data is not None:
            header = BatchHeader.parse(data)
            newest = header.max_timestamp if header.count else -1
            updates.append((newest, header.attributes, header.count, len(data), data, log, at))
    await db.executemany(
        "UPDATE batch SET max_timestamp = ?, attributes = ?, count = ?, size = ?, bytes = ? "
        "WHERE log = ? AND base_offset = ?",
        updates,
    )
    return sum((0 if data is None else len(data)) - sizes[at] for at, data in there)


async def shrink(db: Connection) -> bool:
    """Give some of the file back to the disk if much of it stands empty; True when there is nothing more to do.

    What stays empty is used again by the next appends.
    """
    [(empty,)] = await db.execute_fetchall("PRAGMA freelist_count")
    [(pages,)] = await db.execute_fetchall("PRAGMA page_count")
    if empty < _WORTH_SHRINKING or empty * 2 < pages:
        return True
    await db.execute(f"PRAGMA incremental_vacuum({_WORTH_SHRINKING})")
    return False


async def repair_newest(db: Connection, log: int, changed_to: int) -> int:
    """Make `newest_so_far` true again after batches below `changed_to`, or any at the start, went or changed.

    Behind that it stops at the first row that is right, which is at once unless timestamps run far out of order.
    Returns the largest timestamp of the log, -1 if it is empty.
    """
    at, newest, right = -1, -1, False
    while not right:
        rows = await db.execute_fetchall(
            "SELECT base_offset, max_timestamp, newest_so_far FROM batch WHERE log = ? AND base_offset > ? "
            "ORDER BY base_offset LIMIT ?",
            (log, at, 1000 if changed_to or at >= 0 else 10),
        )
        if not rows:
            break
        wrong = []
        for base_offset, max_timestamp, stored in rows:
            at, newest = base_offset, max(newest, max_timestamp)
            if stored != newest:
                wrong.append((newest, log, base_offset))
            elif base_offset >= changed_to:
                right = True
                break
        await db.executemany("UPDATE batch SET newest_so_far = ? WHERE log = ? AND base_offset = ?", wrong)
    last = await db.execute_fetchall(
        "SELECT newest_so_far FROM batch WHERE log = ? ORDER BY base_offset DESC LIMIT 1", (log,)
    )
    return last[0][0] if last else -1


async def _keep_epochs(db: Connection, log: int, before: LeaderEpochs, after: LeaderEpochs) -> None:
    if before != after:
        await db.execute("DELETE FROM leader_epoch WHERE log = ?", (log,))
        await db.executemany("INSERT INTO leader_epoch VALUES (?, ?, ?)", [(log, *entry) for entry in after.entries])
