"""Rates over lab time: how many of something happened in each of the last seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class Meter:
    """Counts in bins of one lab second, the last `keep` of them; a call costs well under a microsecond."""

    __slots__ = ("_bins", "_first", "_keep", "_newest", "_past", "_past_of", "total")

    def __init__(self, keep: int = 121) -> None:
        self._keep = keep
        self._bins = [0] * keep
        self._newest = -1
        self._first: float | None = None
        self._past: tuple[int, ...] = ()
        self._past_of = (-1, -1)
        self.total = 0
        """How many there have ever been."""

    def add(self, now_ms: float, n: int = 1) -> None:
        """`n` of them happened just now."""
        second = int(now_ms // 1000)
        if second != self._newest:
            self._roll(second)
        if self._first is None:
            self._first = now_ms
        self._bins[second % self._keep] += n
        self.total += n

    def rate(self, now_ms: float, over_s: int = 3) -> float:
        """How many per second over the running second and the `over_s - 1` before it, or since the first was counted.

        Less than a second is taken for a whole one, so that the first few do not look like a flood.
        """
        second = int(now_ms // 1000)
        if self._first is None or self._newest <= second - over_s:
            return 0.0
        began_ms = max((second - over_s + 1) * 1000.0, self._first)
        return sum(self._at(second - back) for back in range(over_s)) / max(1.0, (now_ms - began_ms) / 1000.0)

    def history(self, now_ms: float, seconds: int) -> tuple[int, ...]:
        """The count of each of the last `seconds` seconds, the running one last; 0 where nothing is known."""
        second = int(now_ms // 1000)
        return tuple(self._at(second - back) for back in range(seconds - 1, -1, -1))

    def past(self, now_ms: float, seconds: int) -> tuple[int, ...]:
        """`history` without the running second: the same object until the second is over."""
        of = int(now_ms // 1000), seconds
        if of != self._past_of:
            self._past_of, self._past = of, self.history(now_ms, seconds + 1)[:-1]
        return self._past

    def kept(self) -> list[int | float | None]:
        """All it knows as plain values."""
        return [self.total, self._first, self._newest, *self._bins]

    def recall(self, kept: Sequence[Any]) -> None:
        """Go on from what was kept by another that keeps as many seconds."""
        self.total, self._first, self._newest, *self._bins = kept

    def _at(self, second: int) -> int:
        return self._bins[second % self._keep] if self._newest - self._keep < second <= self._newest else 0

    def _roll(self, second: int) -> None:
        if self._newest < 0 or not 0 < second - self._newest < self._keep:
            self._bins = [0] * self._keep
        else:
            for skipped in range(self._newest + 1, second + 1):
                self._bins[skipped % self._keep] = 0
        self._newest = second
