"""How a driven consumer spends its processing time: in slices of a turn, and hung for as long as it is told to be."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.clock import Clock
from engine.workload.nap import Nap
from engine.workload.spec import ConsumerSpec

RECORDS_A_TURN = 500
"""How many records that take no time are processed before others get a turn."""


def slice_of(spec: ConsumerSpec, left: int, turn_ms: float, random: Callable[[], float]) -> tuple[int, float]:
    """How many of the `left` records fit into a turn, at least one, and how long (lab ms) they take."""
    ms, spread, cost, count = spec.processing_ms, spec.jitter, 0.0, 0
    while count < left and cost < turn_ms and count < RECORDS_A_TURN:
        cost += ms * (1.0 + spread * (2.0 * random() - 1.0))
        count += 1
    return count, cost


class Effort:
    """Of one consumer. `hung()` says whether it is stuck in the record at hand."""

    def __init__(self, clock: Clock, nap: Nap, hung: Callable[[], bool]) -> None:
        self._clock = clock
        self._nap = nap
        self._hung = hung
        self._busy_until = 0.0

    def rested(self) -> None:
        """It has nothing to make up for: it begins, waited for records, or works at another pace."""
        self._busy_until = self._clock.now_ms()

    async def spend(self, cost_ms: float, turn_ms: float) -> None:
        """Let `cost_ms` pass, making up for having slept a little too long before; then hang as long as it is asked."""
        now = self._clock.now_ms()
        self._busy_until = max(self._busy_until, now - turn_ms) + cost_ms
        if self._busy_until > now:
            await self._nap.sleep(self._busy_until - now)
        else:
            await asyncio.sleep(0)
        await self._clock.running()
        while self._hung():
            await self._nap.sleep(None)
            self.rested()
