"""One client's way to the brokers: every request bears the client's name and is given up after a while."""

from __future__ import annotations

import itertools
from typing import TypeVar

from engine.clock import Clock
from engine.errors import NetworkError, RequestTimedOutError
from engine.messages import Request
from engine.network import Network
from engine.types import ClientInfo

R = TypeVar("R")


class Connection:
    """Calls brokers on behalf of `client`, waiting at most `request_timeout_ms` for each answer."""

    def __init__(self, network: Network, clock: Clock, client: ClientInfo, request_timeout_ms: float) -> None:
        self._network = network
        self._clock = clock
        self.client = client
        self.request_timeout_ms = request_timeout_ms
        self._turns = itertools.count()

    async def call(self, broker_id: int, request: Request[R], timeout_ms: float | None = None) -> R:
        """The broker's answer; its KafkaError, NetworkError, or RequestTimedOutError after `timeout_ms`."""
        within = self.request_timeout_ms if timeout_ms is None else timeout_ms
        try:
            return await self._clock.wait_for(self._network.call(self.client, broker_id, request), within)
        except TimeoutError:
            raise RequestTimedOutError(f"Broker {broker_id} did not answer within {within:.0f} ms.") from None

    async def call_any(self, request: Request[R]) -> R:
        """The answer of the first broker that can be reached, a different one each time."""
        brokers = self._network.reachable()
        start = next(self._turns)
        for step in range(len(brokers)):
            try:
                return await self.call(brokers[(start + step) % len(brokers)], request)
            except NetworkError:
                continue
        raise NetworkError("No broker can be reached. Start one.")
