"""Serves the requests of one connection: answers go out in the order the requests came in.

Kafka serves them one after the other (`SocketServer`, `KafkaRequestHandler`). Here a Produce request need not wait for
the disk to be done with the one before: their batches are placed in order all the same, and share commits.
"""

from __future__ import annotations

import asyncio
import struct
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.errors import KafkaError, NetworkError, UnknownServerError
from engine.wire.apis import Api, unserved
from engine.wire.context import Context, Port
from engine.wire.headers import read_header
from engine.wire.primitives import INT32, Buffer, Malformed, Reader

if TYPE_CHECKING:
    from engine.wire.connection import Connection
    from engine.wire.traffic import Passing

_HEAD = struct.Struct(">ii")
_MOST_WAITING = 16
_MOST_WAITING_BYTES = 4 << 20
_MOST_UNDER_WAY = 16
_MOST_UNDER_WAY_BYTES = 16 << 20


@dataclass(slots=True)
class _Request:
    """A request that is being served."""

    api: Api
    said: Any
    context: Context
    correlation_id: int
    size: int
    passing: Passing | None
    """Set while somebody watches."""
    answer: asyncio.Task[Any] | None = None


class Serving:
    """What came and is not answered yet."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: deque[memoryview] = deque()
        self._waiting_bytes = 0
        self._holding = False
        self._news = asyncio.Event()
        self._under_way: deque[_Request] = deque()
        self._under_way_bytes = 0
        self._answered = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._waits = True

    @property
    def idle(self) -> bool:
        """Whether it waits for the client, and the client for nothing."""
        return self._waits and not self._under_way

    def start(self) -> None:
        """Begin."""
        loop = asyncio.get_running_loop()
        self._task = loop.create_task(self._serve(), name=f"connection {self._connection.number}")

    def stop(self) -> None:
        """Nobody is there to be answered any more."""
        for task in (self._task, *(request.answer for request in self._under_way)):
            if task is not None:
                task.cancel()
        self._waiting.clear()

    def take(self, frames: list[memoryview]) -> None:
        """Serve these too, when their turn comes."""
        self._waiting.extend(frames)
        self._waiting_bytes += sum(map(len, frames))
        self._news.set()
        if not self._holding and self._is_full():
            self._holding = True
            self._connection.hold()

    def _is_full(self) -> bool:
        return len(self._waiting) >= _MOST_WAITING or self._waiting_bytes >= _MOST_WAITING_BYTES

    async def _next(self) -> memoryview:
        while not self._waiting:
            self._news.clear()
            self._waits = True
            await self._news.wait()
        self._waits = False
        frame = self._waiting.popleft()
        self._waiting_bytes -= len(frame)
        if self._holding and not self._is_full():
            self._holding = False
            self._connection.go_on()
        return frame

    async def _serve(self) -> None:
        try:
            while True:
                frame = await self._next()
                await self._connection.writable()
                if self._connection.authentication.takes_bare_tokens:
                    self._connection.take_bare_token(bytes(frame))
                else:
                    await self._begin(self._read(frame))
        except Malformed as wrong:
            self._connection.close(f"it sent what cannot be read: {wrong}")
        except Exception as error:
            self._lost(error)

    def _read(self, frame: memoryview) -> _Request:
        connection, reader = self._connection, Reader(frame)
        header = read_header(reader)
        port = connection.door.port
        api = _api(port, header.api_key, header.api_version)
        if not (connection.authentication.done or api.before_authentication):
            raise Malformed(f"{api.name} before it proved who it is")
        said = api.decode(reader, header.api_version)
        connection.requests += 1
        connection.last_request = api.name
        if header.client_id != connection.client.client_id:
            connection.introduced(client_id=header.client_id)
        traffic = connection.door.listener.traffic
        watched = traffic.watches(connection)
        passing = traffic.begins(connection, api.name, header.api_version, said, len(frame)) if watched else None
        context = Context(connection, port, header.api_version, connection.client)
        return _Request(api, said, context, header.correlation_id, len(frame), passing)

    async def _begin(self, request: _Request) -> None:
        if request.api.side_by_side(request.said):
            await self._room(_MOST_UNDER_WAY, _MOST_UNDER_WAY_BYTES)
            self._under_way.append(request)
            self._under_way_bytes += request.size
            request.answer = asyncio.get_running_loop().create_task(self._answer(request))
            request.answer.add_done_callback(self._flush)
        else:
            await self._room(1, 0)
            self._write(request, await self._answer(request))

    async def _room(self, requests: int, size: int) -> None:
        """Wait until fewer than `requests` are under way, and `size` bytes at most."""
        while self._under_way and (len(self._under_way) >= requests or self._under_way_bytes > size):
            self._answered.clear()
            await self._answered.wait()

    def _flush(self, _: object) -> None:
        """Send the answers that are there, up to the first that is not."""
        while self._under_way and (answer := self._under_way[0].answer) is not None and answer.done():
            request = self._under_way.popleft()
            self._under_way_bytes -= request.size
            self._answered.set()
            if answer.cancelled():
                continue
            error = answer.exception()
            if error is None:
                self._write(request, answer.result())
            elif isinstance(error, Exception):
                self._lost(error)

    async def _answer(self, request: _Request) -> Any:
        api, said, context = request.api, request.said, request.context
        try:
            return await api.serve(said, context)
        except NetworkError:
            raise
        except KafkaError as error:
            return api.refused(said, error, context)
        except Exception as error:  # what Kafka does with a fault of its own: it says so, and serves on
            self._connection.door.listener.tell_failure(self._connection, api.name, error)
            return api.refused(said, UnknownServerError(str(error)), context)

    def _write(self, request: _Request, answer: Any) -> None:
        body: list[Buffer] = [] if answer is None else request.api.encode(answer, request.context.version)
        size = sum(map(len, body))
        if request.passing is not None:
            request.passing.answered(answer, size)
        if answer is not None:
            self._connection.write([_HEAD.pack(INT32.size + size, request.correlation_id), *body])
        self._connection.close_if_over()

    def _lost(self, error: Exception) -> None:
        """The request or its answer was lost, or the broker died: to a client the line is broken."""
        if not isinstance(error, NetworkError):
            self._connection.door.listener.tell_failure(self._connection, self._connection.last_request, error)
        self._connection.close()


def _api(port: Port, key: int, version: int) -> Api:
    """What answers such a request; Malformed where nothing can be said but by closing."""
    api = port.apis.get(key)
    if api is not None and api.serves(version):
        return api
    if (refusing := unserved(key, version)) is not None:
        return refusing
    if api is None:
        raise Malformed(f"a request of kind {key}, which is not served")
    raise Malformed(f"{api.name} v{version}; versions {api.first} to {api.last} are served")
