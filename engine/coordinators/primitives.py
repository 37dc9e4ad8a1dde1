"""Kafka's primitive types, as coordinators' records and consumers' metadata hold them: big-endian, some compact.

A compact length is an unsigned varint of the length and one, 0 for null (KIP-482); tagged fields end each structure.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from engine.errors import CorruptRecordError, InvalidRequestError, KafkaError

INT8, INT16, INT32, INT64 = struct.Struct(">b"), struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q")

NO_TAGS = b"\x00"


def string(text: str | None) -> bytes:
    """A nullable string. Raises InvalidRequestError for one that cannot be one."""
    if text is None:
        return INT16.pack(-1)
    encoded = _encoded(text)
    return INT16.pack(len(encoded)) + encoded


def blob(data: bytes) -> bytes:
    """Bytes with their length."""
    return INT32.pack(len(data)) + data


def varint(number: int) -> bytes:
    """An unsigned varint."""
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)


def compact_length(length: int) -> bytes:
    """How many follow in a compact array."""
    return varint(length + 1)


def compact_string(text: str | None) -> bytes:
    """A nullable compact string. Raises InvalidRequestError for one that cannot be one."""
    if text is None:
        return varint(0)
    encoded = _encoded(text)
    return compact_length(len(encoded)) + encoded


def compact_blob(data: bytes) -> bytes:
    """Bytes with their compact length."""
    return compact_length(len(data)) + data


def tagged(fields: Mapping[int, bytes]) -> bytes:
    """The tagged fields that end a structure."""
    return varint(len(fields)) + b"".join(
        varint(tag) + varint(len(data)) + data for tag, data in sorted(fields.items())
    )


def _encoded(text: str) -> bytes:
    try:
        encoded = text.encode()
    except UnicodeEncodeError as error:
        raise _refuse(text) from error
    if len(encoded) > 0x7FFF:
        raise _refuse(text)
    return encoded


def _refuse(text: str) -> InvalidRequestError:
    return InvalidRequestError(f"Kafka cannot carry {text[:40]!r}: a string is UTF-8 of at most 32767 bytes.")


class Reader:
    """Reads Kafka's primitive types one after the other; CorruptRecordError where they do not fit.

    `what` is the kind of record, as a sentence begins with it.
    """

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._what = what
        self._at = 0

    def version(self, highest: int) -> int:
        """The int16 that begins a value, which must be 0 to `highest`."""
        version = self.int16()
        if not 0 <= version <= highest:
            raise CorruptRecordError(f"{self._what} of version {version} cannot be read; 0 to {highest} can.")
        return version

    def int8(self) -> int:
        """A signed byte."""
        return int(INT8.unpack(self._take(1))[0])

    def int16(self) -> int:
        """Two bytes."""
        return int(INT16.unpack(self._take(2))[0])

    def int32(self) -> int:
        """Four bytes."""
        return int(INT32.unpack(self._take(4))[0])

    def int64(self) -> int:
        """Eight bytes."""
        return int(INT64.unpack(self._take(8))[0])

    def uuid(self) -> bytes:
        """Sixteen bytes."""
        return self._take(16)

    def length(self) -> int:
        """How many follow in an array."""
        length = self.int32()
        if length < 0:
            raise self._malformed(f"an array of length {length}")
        return length

    def nullable_string(self) -> str | None:
        """A string or null."""
        length = self.int16()
        return None if length == -1 else self._text(length)

    def string(self) -> str:
        """A string."""
        return self._given(self.nullable_string())

    def blob(self) -> bytes:
        """Bytes with their length."""
        return self._take(self.int32())

    def varint(self) -> int:
        """An unsigned varint of at most 32 bits."""
        number = 0
        for shift in range(0, 35, 7):
            byte = self._take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
        raise self._malformed("a varint that does not end")

    def compact_length(self) -> int:
        """How many follow in a compact array."""
        return max(0, self.varint() - 1)

    def compact_nullable_string(self) -> str | None:
        """A compact string or null."""
        length = self.varint() - 1
        return None if length < 0 else self._text(length)

    def compact_string(self) -> str:
        """A compact string."""
        return self._given(self.compact_nullable_string())

    def compact_blob(self) -> bytes:
        """Bytes with their compact length."""
        return self._take(self.compact_length())

    def tags(self) -> dict[int, bytes]:
        """The tagged fields that end a structure."""
        return {self.varint(): self._take(self.varint()) for _ in range(self.varint())}

    def skip_tags(self) -> None:
        """The tagged fields that end a structure: none is needed here."""
        self.tags()

    def _given(self, text: str | None) -> str:
        if text is None:
            raise self._malformed("null where a string belongs")
        return text

    def _text(self, length: int) -> str:
        try:
            return self._take(length).decode()
        except UnicodeDecodeError as error:
            raise self._malformed("a string that is not UTF-8") from error

    def _take(self, size: int) -> bytes:
        if size < 0:
            raise self._malformed(f"a length of {size}")
        found = self._data[self._at : self._at + size]
        if len(found) != size:
            raise self._malformed(f"{size} bytes expected at byte {self._at} of {len(self._data)}")
        self._at += size
        return found

    def _malformed(self, found: str) -> KafkaError:
        """What is raised, naming what the bytes should have been."""
        return CorruptRecordError(f"{self._what} cannot be read: {found}.")
