"""What passes: figures of every connection, and the requests of the one that is watched."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from engine.snapshot import AddressView, ConnectionView, ListeningView, RequestView

if TYPE_CHECKING:
    from engine.wire.connection import Connection
    from engine.wire.listener import Listener

_LOOK_S = 1.0
"""Rates are those of stretches at least so long (real time)."""
_KEPT = 500


class _Seen(NamedTuple):
    requests: int
    bytes_in: int
    bytes_out: int


class Traffic:
    """Looks at the connections at most once a second, and keeps what it saw."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._looked_at = -_LOOK_S
        self._before: dict[int, _Seen] = {}
        self._connections: tuple[ConnectionView, ...] = ()
        self._requests: deque[RequestView] = deque(maxlen=_KEPT)
        self._changed = False
        self._view: ListeningView | None = None
        self.watched: int | None = None
        """The number of the connection whose requests are kept."""

    def watch(self, number: int | None) -> None:
        """Keep the requests of this connection from now on, or nobody's."""
        self.watched = number
        self._requests.clear()
        self._changed = True

    def passed(self, request: RequestView) -> None:
        """A request of the watched connection was answered."""
        self._requests.append(request)
        self._changed = True

    def view(self, addresses: tuple[AddressView, ...], *, beyond_loopback: bool) -> ListeningView:
        """How it stands; the same object again while nothing has changed."""
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_S or len(self._listener.connections()) != len(self._connections):
            self._look(now)
        view = self._view
        if view is None or self._changed or view.connections is not self._connections or view.addresses != addresses:
            self._changed = False
            requests = tuple(self._requests)
            view = ListeningView(addresses, self._connections, beyond_loopback, watched=self.watched, requests=requests)
            self._view = view
        return view

    def _look(self, now: float) -> None:
        elapsed = max(now - self._looked_at, 0.001)
        if elapsed < _LOOK_S:
            elapsed = _LOOK_S
        seen = {connection.number: _Seen(connection.requests, connection.bytes_in, connection.bytes_out)
                for connection in self._listener.connections()}  # fmt: skip
        views = tuple(self._look_at(connection, elapsed) for connection in self._listener.connections())
        self._before, self._looked_at = seen, now
        if views != self._connections:
            self._connections = views

    def _look_at(self, connection: Connection, elapsed: float) -> ConnectionView:
        before = self._before.get(connection.number, _Seen(0, 0, 0))
        client = connection.client
        return ConnectionView(
            connection.number,
            connection.broker_id,
            client.client_id,
            client.software,
            client.version,
            connection.peer,
            connection.requests,
            (connection.requests - before.requests) / elapsed,
            (connection.bytes_in - before.bytes_in) / elapsed,
            (connection.bytes_out - before.bytes_out) / elapsed,
            connection.last_request,
        )
