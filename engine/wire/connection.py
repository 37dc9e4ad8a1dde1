"""One connection from outside: frames in, requests served in their order, answers out.

Kafka serves the requests of a connection one after the other (`SocketServer`, `KafkaRequestHandler`). Whoever sends
what cannot be read is closed with one line in the log; a failure of one connection is nobody else's.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from typing import TYPE_CHECKING, Any

from engine.errors import KafkaError, NetworkError, UnknownServerError
from engine.types import ClientInfo
from engine.wire.context import Context
from engine.wire.frames import Frames
from engine.wire.headers import read_header
from engine.wire.primitives import INT32, Buffer, Malformed, Reader

if TYPE_CHECKING:
    from engine.wire.apis import Api
    from engine.wire.listener import Door, Listener

_HEAD = struct.Struct(">ii")
_MOST_WAITING = 16
_MOST_WAITING_BYTES = 4 << 20
_OUT_HIGH = 1 << 20


class Connection(asyncio.BufferedProtocol):
    """The server's end; lives as long as its transport."""

    def __init__(self, number: int, door: Door, listener: Listener) -> None:
        self.number = number
        self.client = ClientInfo("", "", "", "")
        self.broker_id = door.broker_id
        self.requests = self.bytes_in = self.bytes_out = 0
        self.last_request = ""
        self.peer = ""
        self.moved_at = 0.0
        """When a whole request or part of an answer last passed, by the event loop's time in s."""
        self._door = door
        self._listener = listener
        self._transport: asyncio.Transport | None = None
        self._frames = Frames(door.port.config.socket_request_max_bytes)
        self._waiting: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._paused = False
        self._idle = True
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None

    # The transport's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to serve, unless there are too many already."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.set_write_buffer_limits(high=_OUT_HIGH)
        peer = transport.get_extra_info("peername")
        host = peer[0] if peer else ""
        self.peer = f"{host}:{peer[1]}" if peer else ""
        self.client = ClientInfo("", host, "", "")
        loop = asyncio.get_running_loop()
        self.moved_at = loop.time()
        if not self._door.admit(self):
            transport.abort()
            return
        self._task = loop.create_task(self._serve(), name=f"connection {self.number}")

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
            self._waiting.extend(frames)
            self._waiting_bytes += sum(map(len, frames))
            self._news.set()
            self._balance()

    def eof_received(self) -> bool:
        """The client sends nothing more; it wants no answer either."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """What was being done for it goes on where it must, but nobody waits for it here."""
        self._transport = None
        self._door.forget(self)
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        """The client reads too slowly: nothing more is served before it has taken what there is."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It has."""
        self._moved()
        self._writable.set()

    # The door's side

    def close(self, why: str = "") -> None:
        """Drop the connection; with `why`, a clause, a line of the log says so."""
        if self._transport is None:
            return
        if why:
            self._listener.tell_closed(self, why)
        self._transport.abort()

    def close_if_idle(self, since: float) -> None:
        """Close it if nothing whole has passed since then and nothing is being served."""
        if self.moved_at < since and (self._idle or not self._writable.is_set()):
            self.close(
                "a request was not whole in time"
                if self._frames.begun
                else ""
                if self._writable.is_set()
                else "it does not read what it asked for"
            )

    def introduce(self, software: str, version: str) -> None:
        """The client has said what it is."""
        self._introduced(software=software, version=version)

    def _introduced(self, **said: str) -> None:
        self.client = self.client._replace(**said)
        self._listener.traffic.news = True

    def addresses(self) -> dict[int, tuple[str, int]]:
        """Where this client reaches each broker."""
        local = self._transport.get_extra_info("sockname") if self._transport is not None else None
        return self._listener.addresses(local[0] if local else None)

    # Serving

    def _balance(self) -> None:
        """Read on only while what waits is bounded."""
        if self._transport is None:
            return
        full = len(self._waiting) >= _MOST_WAITING or self._waiting_bytes >= _MOST_WAITING_BYTES
        if full and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        elif self._paused and not full:
            self._paused = False
            self._transport.resume_reading()

    def _moved(self) -> None:
        self.moved_at = asyncio.get_running_loop().time()

    async def _serve(self) -> None:
        while True:
            while not self._waiting:
                self._news.clear()
                self._idle = True
                await self._news.wait()
            self._idle = False
            frame = self._waiting.popleft()
            self._waiting_bytes -= len(frame)
            if self._paused:
                self._balance()
            self._moved()
            await self._writable.wait()
            try:
                await self._serve_one(frame)
            except Malformed as wrong:
                self.close(f"sent what cannot be read: {wrong}")
                return
            except NetworkError:
                self.close()  # the request or its answer was lost, or the broker died: to a client the line is broken
                return

    async def _serve_one(self, frame: memoryview) -> None:
        reader = Reader(frame)
        header = read_header(reader)
        api = self._door.port.apis.get(header.api_key)
        if api is None:
            raise Malformed(f"a request of kind {header.api_key}, which is not served")
        request = api.decode(reader, header.api_version)
        self.requests += 1
        self.last_request = api.name
        if header.client_id != self.client.client_id:
            self._introduced(client_id=header.client_id)
        traffic = self._listener.traffic
        watched = traffic.watched == self.number
        passing = traffic.begins(api.name, header.api_version, request, len(frame)) if watched else None
        answer = await self._answer(api, request, Context(self, self._door.port, header.api_version, self.client))
        body = None if answer is None else api.encode(answer, header.api_version)
        if passing is not None:
            passing.answered(answer, 0 if body is None else sum(map(len, body)))
        if body is not None:
            self._write(header.correlation_id, body)

    async def _answer(self, api: Api, request: Any, context: Context) -> Any:
        try:
            return await api.serve(request, context)
        except NetworkError:
            raise
        except KafkaError as error:
            return api.refused(request, error, context)
        except Exception as error:  # what Kafka does with a fault of its own: it says so, and serves on
            self._listener.tell_failure(self, api.name, error)
            return api.refused(request, UnknownServerError(str(error)), context)

    def _write(self, correlation_id: int, body: list[Buffer]) -> None:
        if self._transport is None:
            return
        size = INT32.size + sum(map(len, body))
        self.bytes_out += size + INT32.size
        self._moved()
        self._transport.writelines([_HEAD.pack(size, correlation_id), *body])
