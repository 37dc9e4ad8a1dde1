"""When a partition last grew, and how fast it does."""

from __future__ import annotations

from engine.types import TopicPartition
from tui.selection import SelectedPartition

ARRIVED_MS = 220.0
MEASURE_MS = 1_000.0


class Arrivals:
    """When a partition last grew, and how fast it does."""

    __slots__ = ("end", "grew_ms", "measured_end", "measured_ms", "per_s", "selected")

    def __init__(self, tp: TopicPartition, end: int, now_ms: float) -> None:
        self.selected = SelectedPartition(tp)
        self.end = self.measured_end = end
        self.grew_ms = -ARRIVED_MS
        self.measured_ms = now_ms
        self.per_s = 0.0

    def see(self, end: int, now_ms: float) -> None:
        """The log ends at `end` at lab time `now_ms`."""
        if end != self.end:
            self.end, self.grew_ms = end, now_ms
        past = now_ms - self.measured_ms
        if past >= MEASURE_MS:
            self.per_s = round(max(0, end - self.measured_end) * 1000 / past, 1)
            self.measured_end, self.measured_ms = end, now_ms

    def fresh(self, now_ms: float, speed: float) -> bool:
        """Whether a record came in a moment ago; at another speed a moment of real time is meant."""
        return now_ms - self.grew_ms < ARRIVED_MS * speed
