"""Where clients from outside come in: a port for each broker, counted up from the first, open while the broker runs.

A broker that crashes or stops takes its port and its connections along (`SocketServer`); it opens the same port again.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Mapping

from engine.broker import Broker
from engine.clock import Clock
from engine.config import BrokerConfig
from engine.controller.image import MetadataImage
from engine.errors import RefusedError
from engine.events import EventLog, Tone
from engine.network import CONTROLLER, Network
from engine.snapshot import AddressView, ListeningView
from engine.wire.apis import APIS
from engine.wire.complaints import Complaints
from engine.wire.connection import Connection
from engine.wire.context import Port
from engine.wire.door import Door
from engine.wire.hosts import is_loopback, is_wildcard
from engine.wire.security import Security
from engine.wire.sessions import FetchSessions
from engine.wire.traffic import Traffic

_SWEEP_S = 1.0


class Listener:
    """Opens and closes the doors as brokers come and go, and says how it stands."""

    def __init__(
        self,
        brokers: Mapping[int, Broker],
        broker_ids: tuple[int, ...],
        network: Network,
        clock: Clock,
        config: BrokerConfig,
        events: EventLog,
        security: Security,
    ) -> None:
        self.security = security
        self._brokers = brokers
        self._broker_ids = broker_ids
        self._network = network
        self._clock = clock
        self._config = config
        self._events = events
        self._doors: dict[int, Door] = {}
        self._numbers = 0
        self._stop_watching: Callable[[], None] = _nothing
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._sweeping: asyncio.TimerHandle | None = None
        self._complaints = Complaints(lambda text: self._tell(text, Tone.WARNING))
        self.traffic = Traffic(self)

    # Verbs

    async def open(self, host: str, port: int) -> None:
        """Open a port for each broker; RefusedError where one cannot be had, and then none is open."""
        if port and not 1 <= port <= 65_536 - len(self._broker_ids):
            raise RefusedError(
                f"Port {port} cannot be listened on: it takes 1 to {65_536 - len(self._broker_ids)}, for each of the "
                f"{len(self._broker_ids)} brokers has a port of its own, counted up from it."
            )
        try:
            for place, broker_id in enumerate(self._broker_ids):
                door = Door(broker_id, host, port + place if port else 0, self)
                self._doors[broker_id] = door
                await self._open(door)
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise RefusedError(
                    f"The lab cannot listen on {host} port {port + place}: {_in_words(error)}. Name another address "
                    "or port."
                ) from None
            raise
        self._stop_watching = self._network.watch(self._node_changed)
        for broker_id in self._broker_ids:  # one may have come or gone meanwhile
            self._node_changed(broker_id, broker_id in self._network.reachable())
        self._sweep()

    def close(self) -> None:
        """Close every door and drop every connection."""
        self._stop_watching()
        self._stop_watching = _nothing
        if self._sweeping is not None:
            self._sweeping.cancel()
        for task in self._opening.values():
            task.cancel()
        for door in self._doors.values():
            door.close()

    async def _open(self, door: Door) -> None:
        """Open a door, unless its broker is down by then; OSError where the port cannot be had."""
        await door.open(self._port)
        if door.broker_id not in self._network.reachable():
            door.close()

    def _port(self, broker_id: int) -> Port:
        broker = self._brokers.get(broker_id)
        image = broker.image if broker is not None else MetadataImage()
        sessions = FetchSessions(self._config.max_incremental_fetch_session_cache_slots, time.monotonic)
        return Port(broker_id, self._network, self._config, image, APIS, sessions)

    def _node_changed(self, node: int, answers: bool) -> None:
        if node == CONTROLLER:
            return
        door = self._doors[node]
        if not answers:
            door.close()
        elif not door.is_open and node not in self._opening:
            self._opening[node] = task = asyncio.get_running_loop().create_task(self._reopen(door))
            task.add_done_callback(lambda _: self._opening.pop(node))

    async def _reopen(self, door: Door) -> None:
        try:
            await self._open(door)
        except OSError as error:
            self._tell(
                f"Broker {door.broker_id} runs, but clients from outside cannot reach it: {door.host} port "
                f"{door.number} cannot be had any more ({_in_words(error)}). Stop listening and listen anew.",
                Tone.WARNING,
            )

    # What connections need

    def now_ms(self) -> float:
        """Lab time."""
        return self._clock.now_ms()

    def next_number(self) -> int:
        """The number of a new connection."""
        self._numbers += 1
        return self._numbers

    def addresses(self, local: str | None) -> dict[int, tuple[str, int]]:
        """Where each broker is reached by a client that came in at the address `local`."""
        return {
            broker_id: (local if local and is_wildcard(door.host) else door.host, door.number)
            for broker_id, door in self._doors.items()
        }

    def connections(self) -> list[Connection]:
        """Every connection there is, in the order they came."""
        found = [connection for door in self._doors.values() for connection in door.connections]
        return sorted(found, key=lambda connection: connection.number)

    # What is said

    def view(self) -> ListeningView:
        """How it stands; the same object again while nothing has changed."""
        addresses = tuple(
            AddressView(door.broker_id, door.host, door.number, door.is_open) for door in self._doors.values()
        )
        return self.traffic.view(
            addresses, beyond_loopback=any(not is_loopback(door.host) for door in self._doors.values())
        )

    def tell_closed(self, connection: Connection, why: str) -> None:
        """A connection was dropped for what it did."""
        who = connection.client.client_id or "A client"
        self._complaints.add(f"{who} at {connection.peer} was disconnected from broker {connection.broker_id}: {why}.")

    def tell_full(self, door: Door, limit: int) -> None:
        """A connection was not taken in."""
        self._complaints.add(
            f"Broker {door.broker_id} turned a client away: it has {limit:,} connections, as many as max.connections "
            "allows."
        )

    def tell_failure(self, connection: Connection, api: str, error: Exception) -> None:
        """A request failed by a fault of the lab's own."""
        self._complaints.add(
            f"{api} of {connection.client.client_id or connection.peer} failed by a fault of the lab: "
            f"{type(error).__name__}: {error}."
        )

    def _tell(self, text: str, how: Tone) -> None:
        self._events.tell(self._clock.now_ms(), "listener", text, how)

    # Idle connections

    def _sweep(self) -> None:
        """Close what has been silent for too long, in real time (`connections.max.idle.ms`)."""
        loop = asyncio.get_running_loop()
        limit_s = self._config.connections_max_idle_ms / 1000
        for connection in self.connections():
            connection.close_if_idle(loop.time() - limit_s)
        self._complaints.breathe()
        self._sweeping = loop.call_later(min(_SWEEP_S, limit_s), self._sweep)


def _nothing() -> None:
    """There is nothing to stop."""


def _in_words(error: OSError) -> str:
    """Why the system refused, without asyncio's own account of it."""
    if error.errno is None or isinstance(error, socket.gaierror):
        return str(error.strerror or error).lower()
    return os.strerror(error.errno).lower()
