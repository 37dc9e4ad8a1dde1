"""One connection from outside: bytes in and out, bounded in both directions, and the end of it.

Whoever sends what cannot be read is closed with one line in the log; a failure of one connection is nobody else's.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

from engine.types import ClientInfo
from engine.wire.frames import Frames
from engine.wire.hosts import reached_at
from engine.wire.primitives import INT32, Buffer, Malformed
from engine.wire.sasl import Authentication, Unproven
from engine.wire.security import tls_failure
from engine.wire.serving import Serving

if TYPE_CHECKING:
    from engine.wire.door import Door

_OUT_HIGH = 1 << 20
"""More than this waits to be read by the client: nothing more is served to it meanwhile."""
_SMALL = 64 << 10
"""What is no larger is copied together, and sent in one go."""
_MOST_UNPROVEN = 524_288
"""Kafka's `sasl.server.max.receive.size`: how large a request of somebody unknown may be."""


class Connection(asyncio.BufferedProtocol):
    """The server's end; lives as long as its transport."""

    def __init__(self, number: int, door: Door) -> None:
        self.number = number
        self.door = door
        self.client = ClientInfo("", "", "", "")
        self.broker_id = door.broker_id
        self.requests = self.bytes_in = self.bytes_out = 0
        self.last_request = ""
        self.peer = ""
        self._transport: asyncio.Transport | None = None
        self._encrypting: asyncio.Task[None] | None = None
        self.authentication = Authentication(door.listener.security.users)
        largest = door.port.config.socket_request_max_bytes
        self._frames = Frames(largest if self.authentication.done else min(largest, _MOST_UNPROVEN))
        self._over = ""
        self._serving = Serving(self)
        self._moved_at = 0.0
        """When a whole request or part of an answer last passed, by the event loop's time in s."""
        self._writable = asyncio.Event()
        self._writable.set()

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve, unless there are too many already."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        peer = transport.get_extra_info("peername")
        host = peer[0] if peer else ""
        self.peer = reached_at(host, peer[1]) if peer else ""
        self.client = ClientInfo("", host, "", "")
        self.moved()
        if not self.door.admit(self):
            transport.abort()
        elif self.door.tls is None:
            self._begin(transport)
        else:
            transport.pause_reading()  # what comes first is for TLS
            self._encrypting = asyncio.get_running_loop().create_task(self._encrypt(transport, self.door.tls))

    async def _encrypt(self, transport: asyncio.Transport, tls: ssl.SSLContext) -> None:
        """Agree on a key, then begin; who does not come that far leaves a line, as does whoever cannot be read."""
        encrypted: asyncio.Transport | None = None
        try:
            encrypted = await asyncio.get_running_loop().start_tls(transport, self, tls, server_side=True)
        except OSError as error:
            self.door.listener.tell_closed(self, tls_failure(error, self.door.listener.security.protocol))
        self._encrypting = None
        if encrypted is None:
            self.connection_lost(None)
        else:
            self._begin(encrypted)

    def _begin(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        transport.set_write_buffer_limits(high=_OUT_HIGH)
        self._serving.start()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes belong."""
        return self._frames.buffer()

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self.bytes_in += nbytes
        try:
            frames = self._frames.filled(nbytes)
        except Malformed as wrong:
            self.close(str(wrong))
            return
        if frames:
            self.moved()
            self._serving.take(frames)

    def eof_received(self) -> bool:
        """The client sends nothing more; it wants no answer either."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """What was being done for it goes on where it must, but nobody waits for it here."""
        self._transport = None
        self.door.forget(self)
        self._serving.stop()

    def pause_writing(self) -> None:
        """The client reads too slowly."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has taken what there was."""
        self.moved()
        self._writable.set()

    # The serving side

    def hold(self) -> None:
        """Take no more bytes for now."""
        if self._transport is not None and self._encrypting is None:
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Take bytes again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    async def writable(self) -> None:
        """Return when the client has taken most of what it was sent."""
        await self._writable.wait()

    def write(self, parts: list[Buffer]) -> None:
        """Send an answer."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        size = sum(map(len, parts))
        self.bytes_out += size
        self.moved()
        if size <= _SMALL:
            transport.write(b"".join(parts))
        else:  # by `writelines` alone, Python 3.12.0 to 3.13.1 never say that too much waits (CVE-2024-12254)
            transport.writelines(parts[:-1])
            transport.write(parts[-1])

    def introduced(self, **said: str) -> None:
        """The client has said who it is: fields of its ClientInfo."""
        self.client = self.client._replace(**said)
        self.door.listener.traffic.news = True

    def take_bare_token(self, token: bytes) -> None:
        """A token after SaslHandshake 0: the answer is as bare, so who fails is disconnected without a word."""
        try:
            answer = self.authentication.answer(token)
        except Unproven:
            self.close("it did not prove who it is")
            return
        if self.authentication.done:
            self.proven()
        self.write([INT32.pack(len(answer)), answer])

    def proven(self) -> None:
        """The client has proven who it is."""
        self._frames.max_bytes = self.door.port.config.socket_request_max_bytes
        self.door.listener.traffic.news = True

    def addresses(self) -> dict[int, tuple[str, int]]:
        """Where this client reaches each broker."""
        local = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return self.door.listener.addresses(local[0] if local else None)

    # The end

    def moved(self) -> None:
        """It is not idle."""
        self._moved_at = asyncio.get_running_loop().time()

    def close(self, why: str = "") -> None:
        """Drop the connection; with `why`, a clause, a line of the log says so."""
        if self._transport is None:
            return
        if why and not self._transport.is_closing():
            self.door.listener.tell_closed(self, why)
        self._transport.abort()  # what was to be sent before it closes is sent no more

    def close_after_answer(self, why: str) -> None:
        """Drop the connection as soon as the client was told why."""
        self._over = why

    def close_if_over(self) -> None:
        """Drop it if that is what it came to; what was written is sent first."""
        if self._over and self._transport is not None and not self._transport.is_closing():
            self.door.listener.tell_closed(self, self._over)
            self._transport.close()

    def close_if_idle(self, since: float) -> None:
        """Close it if nothing whole has passed since then, and nothing is being served that it waits for."""
        if self._moved_at >= since:
            return
        if not self._writable.is_set():
            self.close("it does not read what it asked for")
        elif self._serving.idle:
            self.close("a request of its did not become whole in time" if self._frames.begun else "")
