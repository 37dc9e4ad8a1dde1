"""The other end of a connection, byte by byte, with kio as an independent encoder and decoder."""

from __future__ import annotations

import asyncio
import dataclasses
import io
import struct
import sys
from datetime import timedelta
from typing import Any, Self, get_args, get_origin

from kio.index import load_request_schema, load_response_schema
from kio.serial import entity_reader, entity_writer

from engine.cluster import Cluster


class Peer:
    """A client that says exactly what it is told to."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.client_id = b"peer"
        self._correlation = 0

    @classmethod
    async def connect(cls, lab: Cluster, broker_id: int = 1) -> Self:
        listening = lab.snapshot().listening
        assert listening is not None
        address = next(address for address in listening.addresses if address.broker_id == broker_id)
        return cls(*await asyncio.open_connection(address.host, address.port))

    async def close(self) -> None:
        self.writer.close()
        await asyncio.gather(self.writer.wait_closed(), return_exceptions=True)

    async def ask(self, key: int, version: int, /, **fields: Any) -> Any:
        """The answer to a request."""
        self.say(key, version, **fields)
        return await self.answer(key, version)

    def say(self, key: int, version: int, /, **fields: Any) -> None:
        """Send a request."""
        entity = load_request_schema(key, version)
        body = io.BytesIO()
        entity_writer(entity)(body, entity(**fields))
        self.say_raw(key, version, (b"\0" if entity.__flexible__ else b"") + body.getvalue())

    def say_raw(self, key: int, version: int, rest: bytes) -> None:
        """Send a header and whatever follows it."""
        self._correlation += 1
        head = struct.pack(">hhih", key, version, self._correlation, len(self.client_id))
        self.frame(head + self.client_id + rest)

    def frame(self, data: bytes) -> None:
        """Send a frame."""
        self.writer.write(struct.pack(">i", len(data)) + data)

    async def answer(self, key: int, version: int) -> Any:
        """The next answer, which has to be of that API and version."""
        entity = load_response_schema(key, version)
        data = await self.answer_raw()
        at = 1 if entity.__flexible__ and key != 18 else 0
        answer, size = entity_reader(entity)(data, at)
        assert size == len(data) - at, f"{len(data) - at - size} bytes are left behind the answer"
        return answer

    async def answer_raw(self) -> bytes:
        """The bytes of the next answer behind its correlation id."""
        return (await self.frame_raw())[4:]

    async def frame_raw(self) -> bytes:
        """The bytes of the next answer."""
        (size,) = struct.unpack(">i", await self.reader.readexactly(4))
        return await self.reader.readexactly(size)

    @staticmethod
    def part(key: int, version: int, name: str, /, **fields: Any) -> Any:
        """A part of a request, by kio's name of it."""
        module = sys.modules[load_request_schema(key, version).__module__]
        return getattr(module, name)(**fields)

    @staticmethod
    def ms(ms: int) -> timedelta:
        """Times as kio has them."""
        return timedelta(milliseconds=ms)

    async def is_closed(self) -> bool:
        """Whether the other end has closed; waits for that."""
        try:
            return not await self.reader.read(1)
        except ConnectionError:
            return True


def entity_of(kind: Any, values: dict[str, Any]) -> Any:
    """An entity of kio's from plain values, of which it takes those that its version has."""
    given = {}
    for field in dataclasses.fields(kind):
        if field.name in values:
            given[field.name] = _value(field.type, values[field.name])
    return kind(**given)


def _value(annotation: Any, value: Any) -> Any:
    arms = [arm for arm in (get_args(annotation) or (annotation,)) if arm is not type(None) and arm is not Ellipsis]
    if isinstance(value, list):
        arm = next(arm for arm in [annotation, *arms] if get_origin(arm) is tuple)
        return tuple(_value(get_args(arm)[0], each) for each in value)
    if isinstance(value, dict):
        return entity_of(next(arm for arm in arms if dataclasses.is_dataclass(arm)), value)
    return value
