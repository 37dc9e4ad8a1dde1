"""The way between clients, brokers and the controller: every request of the lab passes here, and here it can be lost.

A request that has arrived is carried out even when its sender is gone by then, as on a real network; a node that dies
takes what it was doing along.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from engine.errors import NetworkError
from engine.messages import Request
from engine.types import ClientInfo

R = TypeVar("R")
Handler = Callable[[ClientInfo, Request[Any]], Awaitable[Any]]

CLIENT, CONTROLLER = -1, 0
"""Where requests come from or go to besides brokers, which count from 1."""


class Weather(Protocol):
    """What may befall a request on its way; see `engine.faults`."""

    async def going(self, client: ClientInfo, source: int, target: int, request: Request[Any]) -> None:
        """Before it arrives: delays it, or raises NetworkError."""

    async def returning(self, source: int, target: int, request: Request[Any]) -> None:
        """Before the answer arrives: delays it, or raises NetworkError though the request was carried out."""


class Escort(Protocol):
    """Who goes along with requests and may hold them; see `engine.cluster.tracing`."""

    async def going(self, client: ClientInfo, target: int, request: Request[Any]) -> None:
        """Before a request leaves; returns when it may."""

    async def returning(self, client: ClientInfo, target: int, request: Request[Any], answer: Any) -> None:
        """Before an answer leaves; returns when it may, or raises NetworkError if its sender died meanwhile."""


class Network:
    """Knows which nodes can be reached, and carries requests to them."""

    def __init__(self, weather: Weather | None = None) -> None:
        self._handlers: dict[int, Handler] = {}
        self._under_way: dict[int, set[asyncio.Task[Any]]] = {}
        self._weather = weather
        self._cuts: set[frozenset[int]] = set()
        self._watchers: list[Callable[[int, bool], None]] = []
        self.escort: Escort | None = None
        """Who goes along with every request, while there is somebody."""

    def attach(self, node: int, handler: Handler) -> None:
        """From now on `node` answers."""
        self._handlers[node] = handler
        self._tell(node, True)

    def detach(self, node: int) -> None:
        """From now on `node` cannot be reached; what it was doing ends, and whoever waits for it gets NetworkError."""
        if self._handlers.pop(node, None) is None:
            return
        for task in tuple(self._under_way.pop(node, ())):
            task.cancel()
        self._tell(node, False)

    def watch(self, told: Callable[[int, bool], None]) -> Callable[[], None]:
        """Call `told` with each node that begins (True) or ceases to answer; returns what stops that."""
        self._watchers.append(told)
        return lambda: self._watchers.remove(told)

    def _tell(self, node: int, answers: bool) -> None:
        for told in tuple(self._watchers):
            told(node, answers)

    def cut(self, one: int, other: int) -> None:
        """From now on these two nodes cannot reach each other; clients still reach both."""
        self._cuts.add(frozenset((one, other)))

    def heal(self, one: int, other: int) -> None:
        """They can again."""
        self._cuts.discard(frozenset((one, other)))

    @property
    def cuts(self) -> tuple[tuple[int, int], ...]:
        """The lines that are cut, by their two ends."""
        return tuple(sorted((min(line), max(line)) for line in self._cuts))

    def reachable(self) -> tuple[int, ...]:
        """The brokers that can be reached by clients, in order; any of them will do to bootstrap from."""
        return tuple(sorted(node for node in self._handlers if node != CONTROLLER))

    async def call(self, client: ClientInfo, node: int, request: Request[R], *, source: int = CLIENT) -> R:
        """The node's answer; its KafkaError, or NetworkError when it cannot be reached or dies meanwhile."""
        if self.escort is not None:
            await self.escort.going(client, node, request)
        if self._weather is not None:
            await self._weather.going(client, source, node, request)
        handler = self._handlers.get(node)
        if handler is None or frozenset((source, node)) in self._cuts:
            raise NetworkError(f"{_name(node)} cannot be reached.")
        task = asyncio.ensure_future(handler(client, request))
        under_way = self._under_way.setdefault(node, set())
        under_way.add(task)
        task.add_done_callback(under_way.discard)
        task.add_done_callback(_seen)
        try:
            result: R = await asyncio.shield(task)
        except asyncio.CancelledError:
            if task.cancelled() and not _being_cancelled():
                raise NetworkError(f"{_name(node)} died before it answered.") from None
            raise
        if self.escort is not None:
            await self.escort.returning(client, node, request, result)
        if frozenset((source, node)) in self._cuts:
            raise NetworkError(f"{_name(node)} was cut off before it answered.")
        if self._weather is not None:
            await self._weather.returning(source, node, request)
        return result

    async def close(self) -> None:
        """Give up what is under way; nodes stop answering first."""
        self._handlers.clear()
        tasks = [task for under_way in self._under_way.values() for task in under_way]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _seen(task: asyncio.Task[Any]) -> None:
    if not task.cancelled():
        task.exception()  # its sender may be gone; the error was the sender's to see


def _being_cancelled() -> bool:
    caller = asyncio.current_task()
    return caller is not None and caller.cancelling() > 0


def _name(node: int) -> str:
    return "The controller" if node == CONTROLLER else f"Broker {node}"
