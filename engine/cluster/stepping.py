"""The world in small steps: time passes for a moment, or until something happens, and stands still again."""

from __future__ import annotations

from engine.clock import STEP_MS, Clock, Timer
from engine.events import Event, EventLog

LONGEST_MS = 60_000.0


class Stepping:
    """Steps of one lab. Whoever lets time go on or stops it meanwhile has the last word."""

    def __init__(self, clock: Clock, events: EventLog) -> None:
        self._clock = clock
        self._stop: Timer | None = None
        events.listen(self._happened)

    def step(self, ms: float = STEP_MS) -> None:
        """Let `ms` of lab time pass, then stand still."""
        self._stop = None
        self._clock.run_for(ms)

    def to_next_event(self, within_ms: float = LONGEST_MS) -> None:
        """Let time pass until something happens (an event is told), for `within_ms` of lab time at most."""
        self._stop = self._clock.run_for(within_ms)

    def _happened(self, event: Event) -> None:
        stop, self._stop = self._stop, None
        if stop is not None and not stop.cancelled:
            self._clock.pause()
