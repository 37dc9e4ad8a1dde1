"""The way between clients and brokers: every request of the lab's own clients passes here.

A request that has been sent is carried out by the broker even when its sender is gone by then, as on a real network.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from engine.errors import NetworkError
from engine.messages import Request
from engine.types import ClientInfo

R = TypeVar("R")
Handler = Callable[[ClientInfo, Request[Any]], Awaitable[Any]]


class Network:
    """Knows which brokers can be reached, and carries requests to them."""

    def __init__(self) -> None:
        self._handlers: dict[int, Handler] = {}
        self._under_way: set[asyncio.Task[Any]] = set()

    def attach(self, broker_id: int, handler: Handler) -> None:
        """From now on `broker_id` answers."""
        self._handlers[broker_id] = handler

    def detach(self, broker_id: int) -> None:
        """From now on `broker_id` cannot be reached."""
        self._handlers.pop(broker_id, None)

    def reachable(self) -> tuple[int, ...]:
        """The brokers that can be reached, in order of their ids; any of them will do to bootstrap from."""
        return tuple(sorted(self._handlers))

    async def call(self, client: ClientInfo, broker_id: int, request: Request[R]) -> R:
        """The broker's answer; its KafkaError, or NetworkError when it cannot be reached."""
        handler = self._handlers.get(broker_id)
        if handler is None:
            raise NetworkError(f"Broker {broker_id} cannot be reached.")
        task = asyncio.ensure_future(handler(client, request))
        self._under_way.add(task)
        task.add_done_callback(self._finished)
        result: R = await asyncio.shield(task)
        return result

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            task.exception()  # its sender may be gone; the error was the sender's to see

    async def close(self) -> None:
        """Give up what is under way; brokers stop answering first."""
        self._handlers.clear()
        for task in tuple(self._under_way):
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
