"""Who waits at a replica: for an append to be acknowledged, or for more to read (`DelayedOperations`)."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable

from engine.clock import Clock
from engine.errors import KafkaError, RequestTimedOutError


class Waiting:
    """Those of one replica. Appends wait for the high watermark, by the offset each needs it to come to."""

    def __init__(self, clock: Clock, name: str) -> None:
        self._clock = clock
        self._name = name
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._watchers: set[Callable[[], None]] = set()

    async def acknowledged(self, offset: int, timeout_ms: float) -> None:
        """Return when the high watermark has come to `offset`; RequestTimedOutError, or what `fail` was given."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (offset, next(self._order), kept))
        try:
            await self._clock.wait_for(kept, timeout_ms)
        except TimeoutError:
            raise RequestTimedOutError(
                f"{self._name}: the in-sync replicas have not all copied offset {offset - 1}."
            ) from None

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

    def watch(self, woken: Callable[[], None]) -> Callable[[], None]:
        """Call `woken` whenever there is more to read; returns what stops that."""
        self._watchers.add(woken)
        return lambda: self._watchers.discard(woken)

    def wake(self) -> None:
        """There may be more to read, or somebody else to ask."""
        for woken in tuple(self._watchers):
            woken()
