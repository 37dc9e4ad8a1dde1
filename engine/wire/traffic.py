"""What passes: figures of every connection, and the requests of the client that is watched."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.snapshot import AddressView, ConnectionView, ListeningView, RequestView, WatchedView
from engine.wire import summary

if TYPE_CHECKING:
    from engine.wire.connection import Connection
    from engine.wire.listener import Listener

_STRETCH_S = 1.0
"""Rates are those of stretches so long (real time), or a little longer."""
_KEPT = 500


class _Figures(NamedTuple):
    requests: float
    bytes_in: float
    bytes_out: float

    @classmethod
    def of(cls, connection: Connection) -> _Figures:
        return cls(connection.requests, connection.bytes_in, connection.bytes_out)


_NOTHING = _Figures(0, 0, 0)


class _Watched(NamedTuple):
    """Who is watched: a client by its id and host, or of that one connection. One without an id has just the one."""

    client_id: str
    host: str
    number: int
    alone: bool

    @classmethod
    def of(cls, connection: Connection, alone: bool) -> _Watched:
        client = connection.client
        return cls(client.client_id, client.host, connection.number, alone or not client.client_id)

    def has(self, connection: Connection) -> bool:
        client = connection.client
        whole = not self.alone and (client.client_id, client.host) == (self.client_id, self.host)
        return whole or connection.number == self.number


class Passing:
    """A request of the watched client, from its coming to its answer."""

    def __init__(self, view: RequestView, names: summary.Names, traffic: Traffic) -> None:
        self.view = view
        self._names = names
        self._traffic = traffic
        self._began = time.perf_counter()

    def answered(self, answer: Any, size: int) -> None:
        """This was said, in so many bytes; None where nothing is to be said."""
        self.view = replace(
            self.view,
            answer="" if answer is None else summary.line(answer, self._names),
            bytes_out=size,
            latency_ms=(time.perf_counter() - self._began) * 1000,
        )
        self._traffic.answered()


class Traffic:
    """Measures the connections once a second, and says who they are whenever that changes."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._measured_at = time.monotonic()
        self._seen: dict[int, _Figures] = {}
        self._rates: dict[int, _Figures] = {}
        self._connections: tuple[ConnectionView, ...] = ()
        self._requests: deque[Passing] = deque(maxlen=_KEPT)
        self._changed = False
        self._view: ListeningView | None = None
        self.news = False
        """Whether somebody came, went or said who it is since it was looked."""
        self._watched: _Watched | None = None

    def watch(self, number: int | None, *, alone: bool) -> None:
        """Keep the requests of the client that has this connection from now on, or of it `alone`; or nobody's."""
        chosen = next((each for each in self._listener.connections() if each.number == number), None)
        self._watched = _Watched.of(chosen, alone) if chosen is not None else None
        self._requests.clear()
        self._changed = True

    def watches(self, connection: Connection) -> bool:
        """Whether its requests are kept."""
        return self._watched is not None and self._watched.has(connection)

    def begins(self, connection: Connection, name: str, api_version: int, request: Any, size: int) -> Passing:
        """A request of the watched client has come; what it is told of its answer is seen too."""
        names = connection.door.port.image.names
        said = summary.line(request, names)
        view = RequestView(connection.broker_id, self._listener.now_ms(), name, api_version, said, "", size, 0, None)
        passing = Passing(view, names, self)
        self._requests.append(passing)
        self._changed = True
        return passing

    def answered(self) -> None:
        """One of them was answered."""
        self._changed = True

    def view(self, addresses: tuple[AddressView, ...], *, beyond_loopback: bool) -> ListeningView:
        """How it stands; the same object again while nothing has changed."""
        now = time.monotonic()
        connections = self._listener.connections()
        due = now - self._measured_at >= _STRETCH_S
        if due:
            self._measure(connections, now)
        if due or self.news:
            self.news = False
            views = tuple(self._look_at(connection) for connection in connections)
            self._connections = self._connections if views == self._connections else views
        view = self._view
        if view is None or self._changed or view.connections is not self._connections or view.addresses != addresses:
            self._changed = False
            view = ListeningView(
                addresses,
                self._connections,
                beyond_loopback,
                self._listener.security.protocol,
                self._look_at_watched(connections),
                tuple(passing.view for passing in self._requests),
            )
            self._view = view
        return view

    def _look_at_watched(self, connections: list[Connection]) -> WatchedView | None:
        if self._watched is None:
            return None
        numbers = tuple(each.number for each in connections if self._watched.has(each))
        return WatchedView(self._watched.client_id, self._watched.alone, numbers)

    def _measure(self, connections: list[Connection], now: float) -> None:
        elapsed = now - self._measured_at
        before, self._seen = self._seen, {each.number: _Figures.of(each) for each in connections}
        self._rates = {
            number: _Figures(
                *((new - old) / elapsed for new, old in zip(seen, before.get(number, _NOTHING), strict=True))
            )
            for number, seen in self._seen.items()
        }
        self._measured_at = now

    def _look_at(self, connection: Connection) -> ConnectionView:
        client, rates = connection.client, self._rates.get(connection.number, _NOTHING)
        return ConnectionView(
            connection.number,
            connection.broker_id,
            client.client_id,
            client.software,
            client.version,
            connection.peer,
            connection.requests,
            rates.requests,
            rates.bytes_in,
            rates.bytes_out,
            connection.last_request,
            connection.authentication.principal,
        )
