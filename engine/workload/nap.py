"""A sleep of lab time that can be cut short, so that a change of rate or pace does not wait for the sleeper."""

from __future__ import annotations

import asyncio

from engine.clock import Clock


class Nap:
    """One sleeper at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._woken: asyncio.Future[None] | None = None

    async def sleep(self, ms: float | None) -> None:
        """Wait for `ms` of lab time, or for None without end, or until woken."""
        woken = self._woken = asyncio.get_running_loop().create_future()
        timer = self._clock.call_later(ms, self.wake) if ms is not None else None
        try:
            await woken
        finally:
            self._woken = None
            if timer is not None:
                timer.cancel()

    def wake(self) -> None:
        """End the sleep, if there is one."""
        if self._woken is not None and not self._woken.done():
            self._woken.set_result(None)
