"""Who waits until the in-sync replicas have copied an offset (`DelayedProduce` in its purgatory)."""

from __future__ import annotations

import asyncio
import heapq
import itertools

from engine.clock import Clock
from engine.errors import KafkaError


class Acknowledgements:
    """The appends of one leader that are not acknowledged yet, by the offset each waits for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    async def wait(self, offset: int, timeout_ms: float) -> None:
        """Return when the high watermark has come to `offset`; TimeoutError, or what `fail` was given."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (offset, next(self._order), kept))
        await self._clock.wait_for(kept, timeout_ms)

    def reached(self, high_watermark: int) -> None:
        """Release whoever waits for an offset up to there."""
        while self._waiting and self._waiting[0][0] <= high_watermark:
            _, _, kept = heapq.heappop(self._waiting)
            if not kept.done():
                kept.set_result(None)

    def fail(self, error: KafkaError) -> None:
        """Tell everybody who waits that it will not come to that."""
        waiting, self._waiting = self._waiting, []
        for _, _, kept in waiting:
            if not kept.done():
                kept.set_exception(error)
