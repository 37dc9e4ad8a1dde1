"""Whether the application comes back for records within `max_poll_interval_ms` (KIP-62)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.clock import Clock


class PollWatch:
    """Knows when the application polled last; who waits in a poll is there all the while."""

    def __init__(self, clock: Clock, longest_ms: float, look_again_ms: float) -> None:
        self._clock = clock
        self._longest_ms = longest_ms
        self._look_again_ms = look_again_ms
        self._inside = 0
        self._last_ms = clock.now_ms()
        self._next = asyncio.Event()

    def began(self) -> None:
        """The application asks for records."""
        self._inside += 1
        self._next.set()

    def ended(self) -> None:
        """It has them, and its time to come back begins."""
        self._inside -= 1
        self._last_ms = self._clock.now_ms()

    async def next(self) -> None:
        """Return when the application polls again."""
        self._next.clear()
        await self._next.wait()

    async def watch(self, too_late: Callable[[], Awaitable[None]]) -> None:
        """Call `too_late` when the time is over, and again while it stays away; runs until cancelled."""
        self._last_ms = self._clock.now_ms()
        pause_ms = self._longest_ms
        while True:
            await self._clock.sleep(pause_ms)
            idle_ms = 0.0 if self._inside else self._clock.now_ms() - self._last_ms
            if idle_ms < self._longest_ms:
                pause_ms = self._longest_ms - idle_ms
            else:
                pause_ms = self._look_again_ms
                await too_late()
