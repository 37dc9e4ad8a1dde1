"""One broker's port: open while the broker runs, and who came through it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.wire.connection import Connection
from engine.wire.context import Port

if TYPE_CHECKING:
    from engine.wire.listener import Listener

_BACKLOG = 1_024


class Door:
    """Opens at most one port, and the same one again. `port` is the broker behind it, as it runs now."""

    port: Port

    def __init__(self, broker_id: int, host: str, number: int, listener: Listener) -> None:
        self.broker_id = broker_id
        self.host = host
        self.number = number
        """The port's number; 0 before it is first opened where any will do."""
        self.listener = listener
        self.connections: set[Connection] = set()
        self.tls = listener.security.tls()
        """What encrypts what passes; None for nothing."""
        self._server: asyncio.Server | None = None

    @property
    def is_open(self) -> bool:
        """Whether clients can connect."""
        return self._server is not None

    async def open(self, port_of: Callable[[int], Port]) -> None:
        """Let clients in to the broker that runs when the port is there; OSError where it cannot be had."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: Connection(self.listener.next_number(), self),
            self.host,
            self.number,
            backlog=_BACKLOG,
            reuse_address=True,
            start_serving=False,
        )
        self.number = server.sockets[0].getsockname()[1]
        self._server = server
        self.port = port_of(self.broker_id)
        await server.start_serving()

    def close(self) -> None:
        """Let nobody in, and drop who is in."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for connection in tuple(self.connections):
            connection.close()

    def admit(self, connection: Connection) -> bool:
        """Take a connection in, if there is room (`max.connections`)."""
        if self._server is None:
            return False
        limit = self.port.config.max_connections
        if len(self.connections) >= limit:
            self.listener.tell_full(self, limit)
            return False
        self.connections.add(connection)
        self.listener.traffic.news = True
        return True

    def forget(self, connection: Connection) -> None:
        """It is gone."""
        self.connections.discard(connection)
        self.listener.traffic.news = True
