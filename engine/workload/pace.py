"""When a producer's records are due: evenly, with mild jitter, and in small bursts where a turn covers several."""

from __future__ import annotations

from random import Random

JITTER = 0.5
"""How wide a record may lie around its even place, in parts of the gap between two."""
_FIRST_WITHIN_MS = 500.0
_ARREARS_MS = 250.0


class Pace:
    """Counts out records at `rate` a second of lab time; arrears that cannot be made up are let go."""

    def __init__(self, rate: float, now_ms: float, random: Random) -> None:
        self._random = random.random
        self._gap = 1000.0 / rate
        self._even = now_ms + min(self._gap, _FIRST_WITHIN_MS) * self._random()
        self._next = self._even

    def due(self, now_ms: float, turn_ms: float) -> int:
        """How many are due; `turn_ms` is how long a turn takes, and a few turns may be made up for."""
        if now_ms < self._next:
            return 0
        if now_ms - self._even > max(_ARREARS_MS, 4 * turn_ms, self._gap):
            self._even = now_ms
        return max(1, int((now_ms - self._even) / self._gap) + 1)

    def took(self, number: int) -> None:
        """So many were sent."""
        self._even += number * self._gap
        self._next = self._even + JITTER * self._gap * (self._random() - 0.5)

    def wait_ms(self, now_ms: float, turn_ms: float) -> float:
        """How long to wait for the next; at high rates a turn, in which several come due."""
        return max(self._next - now_ms, turn_ms if self._gap < turn_ms else 0.0)
