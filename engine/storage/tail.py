"""The newest batches of every log of a broker, in memory, so that whoever reads at the end does not touch the disk."""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict

_OVERHEAD = 300
"""Bytes of memory an entry takes besides its batch, about; it is what counts where batches are single records."""


class TailCache:
    """Shares `max_bytes` among the tails of a broker's logs: what was added first goes first."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._order: OrderedDict[int, Tail] = OrderedDict()
        self._next = 0
        self.size_bytes = 0

    def tail(self) -> Tail:
        """An empty tail, for one log."""
        return Tail(self)

    def _added(self, tail: Tail, size: int) -> int:
        self._next += 1
        self._order[self._next] = tail
        self.size_bytes += size + _OVERHEAD
        return self._next

    def _removed(self, number: int, size: int) -> None:
        del self._order[number]
        self.size_bytes -= size + _OVERHEAD

    def _shrink(self) -> None:
        while self.size_bytes > self._max_bytes:
            next(iter(self._order.values()))._drop_first()


class Tail:
    """The last batches of one log, without a gap up to its newest."""

    __slots__ = ("_batches", "_cache", "_first", "_last_offsets", "_numbers")

    def __init__(self, cache: TailCache) -> None:
        self._cache = cache
        self._first = 0
        self._last_offsets: list[int] = []
        self._batches: list[tuple[int, bytes]] = []
        self._numbers: list[int] = []

    def add(self, base_offset: int, last_offset: int, batch: bytes) -> None:
        """Put the log's newest batch behind the others."""
        self._last_offsets.append(last_offset)
        self._batches.append((base_offset, batch))
        self._numbers.append(self._cache._added(self, len(batch)))
        self._cache._shrink()

    def read(self, offset: int, max_bytes: int, up_to: int) -> tuple[bytes, ...] | None:
        """Batches from the one that holds `offset`, of `max_bytes` together but at least one; None if not all here."""
        if self._first >= len(self._batches) or offset < self._batches[self._first][0]:
            return None
        at = bisect_left(self._last_offsets, offset, lo=self._first)
        found: list[bytes] = []
        size = 0
        while at < len(self._batches):
            base_offset, batch = self._batches[at]
            size += len(batch)
            if base_offset >= up_to or (found and size > max_bytes):
                break
            found.append(batch)
            at += 1
        return tuple(found)

    def clear(self) -> None:
        """Forget them all, because the log was changed otherwise than by adding to it."""
        while self._first < len(self._batches):
            self._drop_first()

    def forget_below(self, offset: int) -> None:
        """Forget every batch that ends before `offset`."""
        while self._first < len(self._batches) and self._last_offsets[self._first] < offset:
            self._drop_first()

    def _drop_first(self) -> None:
        at = self._first
        self._cache._removed(self._numbers[at], len(self._batches[at][1]))
        self._batches[at] = (-1, b"")
        self._first = at + 1
        if self._first == len(self._batches) or self._first >= 1024:
            for column in (self._last_offsets, self._batches, self._numbers):
                del column[: self._first]
            self._first = 0
