"""A broker's disk, as far as it can be made slow or full for a demonstration."""

from __future__ import annotations

from engine.clock import Clock
from engine.errors import KafkaStorageError


class Disk:
    """What every write of a broker passes before it reaches SQLite."""

    def __init__(self, clock: Clock) -> None:
        self.delay_ms = 0.0
        """How long each write waits first."""
        self.full = False
        self._clock = clock
        self._waiting = 0
        self._last_ms = 0.0
        """When (lab ms) the last of those that wait is done."""

    async def writing(self) -> None:
        """Wait as long as a write takes; KafkaStorageError while the disk is full. Writes keep their order."""
        if self.full:
            raise KafkaStorageError("The disk is full: nothing can be appended until some space is freed.")
        if self.delay_ms > 0 or self._waiting:
            now = self._clock.now_ms()
            at = self._last_ms = max(now + self.delay_ms, self._last_ms if self._waiting else now)
            self._waiting += 1
            try:
                await self._clock.sleep(at - now)
            finally:
                self._waiting -= 1
