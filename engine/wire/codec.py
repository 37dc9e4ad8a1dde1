"""Requests from bytes, responses to bytes, by what `schema` says of their version.

A request becomes a `Message`, whose attributes are its fields; a field that its version lacks and the newest one has
is there with its default. A response is a dict: each version takes the fields it has and leaves the others, so
request files write one answer for all versions.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from engine.wire import primitives as wire
from engine.wire import schema
from engine.wire.primitives import Buffer, Malformed, Reader
from engine.wire.schema import FIXED, REQUIRED, Field, Struct

Read = Callable[[Reader], Any]
Write = Callable[[Any], Buffer]


class Message:
    """A request, or a part of one."""

    def __init__(self, name: str, values: dict[str, Any]) -> None:
        self.__dict__ = values
        values["_name"] = name

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"{self._name} has no field {name}")

    def __repr__(self) -> str:
        return f"{self._name}({', '.join(f'{k}={v!r}' for k, v in vars(self).items() if k != '_name')})"


# Reading -------------------------------------------------------------------------------------------------


@cache
def decoder(key: int, version: int, newest: int) -> Read:
    """What reads the request of an API in a version; `newest` is the version whose defaults fill up what is missing."""
    return _reads(schema.request(key, version), schema.request(key, newest))


def _reads(plan: Struct, newest: Struct | None) -> Read:
    newer = {field.name: field for field in newest.fields} if newest else {}
    missing = {name: field.implicit for name, field in newer.items()}
    missing |= {field.name: field.implicit for field in plan.fields if field.tag is not None}
    steps: list[Callable[[Reader, dict[str, Any]], None]] = []
    run: list[Field] = []

    def end_run() -> None:
        if run:
            form = struct.Struct(">" + "".join(FIXED[field.kind] for field in run))
            steps.append(partial(_read_run, form, tuple(field.name for field in run)))
            run.clear()

    for field in plan.fields:
        if field.tag is not None:
            continue
        if _is_fixed(field):
            run.append(field)
            continue
        end_run()
        steps.append(partial(_read_one, field.name, _reader(field, plan.flexible, newer.get(field.name))))
    end_run()
    tags = {field.tag: (field.name, _reader(field, True, newer.get(field.name)))
            for field in plan.fields if field.tag is not None}  # fmt: skip

    def read(reader: Reader) -> Message:
        values = dict(missing)
        for step in steps:
            step(reader, values)
        if plan.flexible:
            _read_tags(reader, values, tags)
        return Message(plan.name, values)

    return read


def _is_fixed(field: Field) -> bool:
    return field.kind in FIXED and not field.array


def _read_run(form: struct.Struct, names: tuple[str, ...], reader: Reader, values: dict[str, Any]) -> None:
    values.update(zip(names, reader.fixed(form), strict=True))


def _read_one(name: str, read: Read, reader: Reader, values: dict[str, Any]) -> None:
    values[name] = read(reader)


def _read_tags(reader: Reader, values: dict[str, Any], known: Mapping[int, tuple[str, Read]]) -> None:
    """Tagged fields; those of a newer Kafka are passed over."""
    for _ in range(reader.varint()):
        tag = reader.varint()
        size = reader.varint()
        content = Reader(reader.take(size))
        if tag in known:
            name, read = known[tag]
            values[name] = read(content)


def _reader(field: Field, flexible: bool, newest: Field | None) -> Read:
    if field.of is not None:
        one = _reads(field.of, newest.of if newest else None)
        nullable = field.nullable and not field.array
        read = (lambda reader: one(reader) if reader.int8() >= 0 else None) if nullable else one
    elif field.kind in FIXED:
        form = struct.Struct(">" + FIXED[field.kind])
        read = lambda reader: reader.fixed(form)[0]  # noqa: E731
    else:
        text = field.kind == "string"
        long = Reader.compact_string if text else Reader.compact_blob
        short = Reader.string if text else Reader.blob
        plain: Read = long if flexible else short
        if field.kind == "bytes":
            plain = partial(_owned, plain)
        read = plain if field.nullable and not field.array else partial(_never_null, field.name, plain)
    if not field.array:
        return read
    return partial(_read_array, field.name, field.nullable, flexible, read)


def _never_null(name: str, read: Read, reader: Reader) -> Any:
    value = read(reader)
    if value is None:
        raise Malformed(f"{name} is null")
    return value


def _owned(read: Read, reader: Reader) -> bytes | None:
    """Bytes that outlive the frame they came in."""
    value = read(reader)
    return None if value is None else bytes(value)


def _read_array(name: str, nullable: bool, flexible: bool, read: Read, reader: Reader) -> list[Any] | None:
    count = reader.compact_array() if flexible else reader.array()
    if count is None:
        if not nullable:
            raise Malformed(f"{name} is null")
        return None
    return [read(reader) for _ in range(count)]


# Writing -------------------------------------------------------------------------------------------------


@cache
def encoder(key: int, version: int) -> Write:
    """What writes the response of an API in a version, from a dict."""
    return _writes(schema.response(key, version))


def _writes(plan: Struct) -> Write:
    steps = [(field.name, field.default, _writer(field, plan.flexible)) for field in plan.fields if field.tag is None]
    tags = sorted((field.tag, field.name, field.default, _writer(field, True))
                  for field in plan.fields if field.tag is not None)  # fmt: skip

    def write(message: Mapping[str, Any]) -> bytes:
        out = bytearray()
        for name, default, one in steps:
            value = message.get(name, default)
            if value is REQUIRED:
                raise TypeError(f"{plan.name} needs {name}")
            out += one(value)
        if plan.flexible:
            given = [(tag, one(message[name])) for tag, name, default, one in tags
                     if name in message and message[name] != default]  # fmt: skip
            out += wire.varint(len(given))
            for tag, data in given:
                out += wire.varint(tag) + wire.varint(len(data)) + data
        return bytes(out)

    return write


def _writer(field: Field, flexible: bool) -> Write:
    if field.of is not None:
        one = _writes(field.of)
        nullable = field.nullable and not field.array
        write = (lambda value: b"\xff" if value is None else b"\x01" + one(value)) if nullable else one
    elif field.kind in FIXED:
        write = struct.Struct(">" + FIXED[field.kind]).pack
    elif field.kind == "string":
        write = wire.compact_string if flexible else wire.string
    else:
        write = wire.compact_blob if flexible else wire.blob
    if not field.array:
        return write
    size = wire.compact_array if flexible else wire.array

    def write_array(values: Any) -> bytes:
        if values is None:
            return size(None)
        return size(len(values)) + b"".join([write(value) for value in values])

    return write_array
