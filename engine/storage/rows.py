"""One log as it lies in the file: whole batches, what stands about them in their rows, what is kept of producers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from engine.records import CONTROL_FLAG, HEADER_SIZE
from engine.storage.connection import Parameters, Rows
from engine.storage.producers import ABORTED, ENTRIES, Kept, kept
from engine.storage.schema import FIRST_SINCE

Fetch = Callable[[str, Parameters], Awaitable[Rows]]


class BatchInfo(NamedTuple):
    """A stored batch without its bytes. `max_timestamp` is ms, -1 if it holds no record any more."""

    base_offset: int
    last_offset: int
    max_timestamp: int
    count: int  # type: ignore[assignment]  # Kafka's own word, though tuples have a method of that name
    size: int


class LogRows:
    """Reads what is committed; what of that lies within the log, whoever asks has to know."""

    def __init__(self, log_id: int, fetch: Fetch) -> None:
        self._log_id = log_id
        self._fetch = fetch
        self._usual_size = 16_384

    async def read(self, sql: str, offset: int, max_bytes: int, **limit: int) -> tuple[bytes, ...]:
        """Batches by one of the schema's queries, together at most `max_bytes`."""
        # How many batches `max_bytes` might hold is guessed from those read last; if too few, another read follows.
        most = min(16 + 2 * max(0, max_bytes) // self._usual_size, 10_000)
        asked = {"log": self._log_id, "offset": offset, "max_bytes": max_bytes, "most": most, **limit}
        found = tuple(row[0] for row in await self._fetch(sql, asked))
        if found:
            self._usual_size = max(1, sum(map(len, found)) // len(found))
        return found

    async def batches(self, from_offset: int, end_offset: int, limit: int) -> list[BatchInfo]:
        """Up to `limit` batches that begin from `from_offset` up to `end_offset`, without their bytes."""
        rows = await self._fetch(
            "SELECT base_offset, last_offset, max_timestamp, count, size FROM batch "
            "WHERE log = ? AND base_offset >= ? AND base_offset < ? ORDER BY base_offset LIMIT ?",
            (self._log_id, from_offset, end_offset, limit),
        )
        return [BatchInfo(*row) for row in rows]

    async def size(self, from_offset: int, end_offset: int) -> int:
        """Bytes of the batches that begin from `from_offset` up to `end_offset`."""
        [(size,)] = await self._fetch(
            "SELECT coalesce(sum(size), 0) FROM batch WHERE log = ? AND base_offset >= ? AND base_offset < ?",
            (self._log_id, from_offset, end_offset),
        )
        return int(size)

    # Times

    async def first_since(self, timestamp: int, from_offset: int, end_offset: int) -> bytes | None:
        """The first batch with a record at `timestamp` (ms) or later; None if there is none."""
        asked = {"log": self._log_id, "from_": from_offset, "to_": end_offset, "timestamp": timestamp}
        rows = await self._fetch(FIRST_SINCE, asked)
        return rows[0][0] if rows else None

    async def newest_behind(self, offset: int) -> int:
        """The largest timestamp of the batches that begin after `offset`; -1 if there are none."""
        [(newest,)] = await self._fetch(
            "SELECT max(max_timestamp) FROM batch WHERE log = ? AND base_offset > ?", (self._log_id, offset)
        )
        return -1 if newest is None else int(newest)

    # Producers

    async def producer_batches(self, from_offset: int, limit: int = 5_000) -> list[bytes]:
        """Batches from `from_offset` on that have a producer id: markers whole, of others the header."""
        rows = await self._fetch(
            "SELECT CASE WHEN attributes & ? THEN bytes ELSE substr(bytes, 1, ?) END FROM batch "
            "WHERE log = ? AND base_offset >= ? AND producer_id >= 0 ORDER BY base_offset LIMIT ?",
            (CONTROL_FLAG, HEADER_SIZE, self._log_id, from_offset, limit),
        )
        return [data for (data,) in rows]

    async def kept_producers(self) -> Kept:
        """What was last kept of its producers and aborted transactions."""
        [(complete_to,)] = await self._fetch("SELECT producers_to FROM log WHERE id = ?", (self._log_id,))
        entries, aborted = await self._fetch(ENTRIES, (self._log_id,)), await self._fetch(ABORTED, (self._log_id,))
        return kept(complete_to, entries, aborted)

    async def last_of_producers(self) -> set[int]:
        """Where the last batch of each producer with an id begins; its sequence number has to outlive compaction."""
        rows = await self._fetch(
            "SELECT max(base_offset) FROM batch WHERE log = ? AND producer_id >= 0 GROUP BY producer_id",
            (self._log_id,),
        )
        return {base_offset for (base_offset,) in rows}
