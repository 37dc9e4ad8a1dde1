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

    async def writing(self) -> None:
        """Wait as long as a write takes; KafkaStorageError while the disk is full. Writes keep their order."""
        if self.full:
            raise KafkaStorageError("The disk is full: nothing can be appended until some space is freed.")
        if self.delay_ms > 0:
            await self._clock.sleep(self.delay_ms)
