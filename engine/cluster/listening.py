"""Letting Kafka clients in from outside: a port for each broker, and a word about who can reach it."""

from __future__ import annotations

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from engine.clock import Clock
from engine.cluster.nodes import Nodes
from engine.config import BrokerConfig
from engine.errors import RefusedError
from engine.events import EventLog, Tone
from engine.network import Network
from engine.snapshot import ListeningView
from engine.wire.hosts import reached_at

if TYPE_CHECKING:
    from engine.wire.listener import Listener
    from engine.wire.security import Security


class Listening:
    """Whether a lab listens, from its opening to its end."""

    def __init__(self, nodes: Nodes, network: Network, clock: Clock, config: BrokerConfig, events: EventLog) -> None:
        self.where: tuple[str, int, Security | None] | None = None
        """As it could be opened again: host, first port, security; None while it does not listen."""
        self._nodes = nodes
        self._network = network
        self._clock = clock
        self._config = config
        self._events = events
        self._listener: Listener | None = None
        self._opening = asyncio.Lock()
        self._over = False

    async def open(self, host: str, port: int, security: Security | None) -> None:
        """Open the ports, counted up from `port` (0: any); RefusedError."""
        async with self._opening:
            if self._listener is not None:
                raise RefusedError("The lab listens already; stop that first.")
            # Kafka's message definitions take a while to read, and the first frame must not wait for them.
            wire = await asyncio.to_thread(import_module, "engine.wire.listener")
            listener: Listener = wire.Listener(
                self._nodes.alive,
                self._nodes.ids,
                self._network,
                self._clock,
                self._config,
                self._events,
                security or wire.Security(),
            )
            await listener.open(host, port)
            if self._over:
                listener.close()
                raise RefusedError("The lab was closed meanwhile.")
            self._listener = listener
            self.where = host, listener.view().addresses[0].port, security
        self._tell_of(listener.view(), host)

    async def stop(self) -> None:
        """Close the ports and drop who is connected; harmless while it does not listen."""
        async with self._opening:
            listened = self._listener is not None
            self._let_go()
        if listened:
            self._tell("Kafka clients can connect no more; who was connected was dropped.", Tone.CHANGE)

    def close(self) -> None:
        """The world ends, without a word."""
        self._over = True
        self._let_go()

    def watch(self, number: int | None, *, alone: bool) -> None:
        """Keep the requests of the client that has this connection for `view`, or of it alone; or nobody's."""
        if self._listener is not None:
            self._listener.traffic.watch(number, alone=alone)

    def view(self) -> ListeningView | None:
        """Who is connected where, and what passes; None while it does not listen."""
        return self._listener.view() if self._listener is not None else None

    def _let_go(self) -> None:
        listener, self._listener, self.where = self._listener, None, None
        if listener is not None:
            listener.close()

    def _tell_of(self, view: ListeningView, host: str) -> None:
        where = ", ".join(reached_at(each.host, each.port) for each in view.addresses)
        self._tell(f"Kafka clients can connect to the brokers at {where}.", Tone.GOOD)
        if view.beyond_loopback:
            self._tell(
                f"{host} is not this machine alone: whoever reaches it over the network can read, write and delete "
                f"everything in this lab, {_who(view.security)}.",
                Tone.WARNING,
            )

    def _tell(self, text: str, how: Tone) -> None:
        self._events.tell(self._clock.now_ms(), "listener", text, how)


def _who(security: str) -> str:
    """What a listener asks of those who come in, by Kafka's name of it."""
    known = "as one of its users" if security.startswith("SASL") else "without a password"
    return known if security.endswith("SSL") else f"{known} and in plain sight"
