"""Which brokers are alive, as far as their heartbeats tell (`BrokerHeartbeatManager`, KIP-631)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from engine.clock import Clock, Timer


class Sessions:
    """A session for each broker that was heard of; `ended` is told when one runs out."""

    def __init__(self, clock: Clock, timeout_ms: float, ended: Callable[[int], None]) -> None:
        self._clock = clock
        self._timeout_ms = timeout_ms
        self._ended = ended
        self._timers: dict[int, Timer] = {}

    @property
    def alive(self) -> frozenset[int]:
        """The brokers whose session has not run out."""
        return frozenset(self._timers)

    def expires_ms(self, broker_id: int) -> float | None:
        """When a broker's session runs out unless it is heard of (lab ms); None for one that has none."""
        timer = self._timers.get(broker_id)
        return timer.deadline if timer is not None else None

    def heard(self, broker_id: int) -> bool:
        """A heartbeat came; whether the broker was not alive before."""
        timer = self._timers.get(broker_id)
        if timer is not None:
            timer.cancel()
        self._timers[broker_id] = self._clock.call_later(self._timeout_ms, self._run_out, broker_id)
        return timer is None

    def begin(self, broker_ids: Iterable[int]) -> None:
        """Take these for alive."""
        for broker_id in broker_ids:
            self.heard(broker_id)

    def end(self, broker_id: int) -> None:
        """It said goodbye."""
        timer = self._timers.pop(broker_id, None)
        if timer is not None:
            timer.cancel()

    def _run_out(self, broker_id: int) -> None:
        del self._timers[broker_id]
        self._ended(broker_id)

    def close(self) -> None:
        """Watch nobody any more."""
        for broker_id in tuple(self._timers):
            self.end(broker_id)
