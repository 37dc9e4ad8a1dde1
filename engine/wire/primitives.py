"""Kafka's primitive types on the wire, read from bytes that may lie, and written.

From Apache Kafka's protocol guide and `org.apache.kafka.common.protocol.types.Type`. Whatever cannot be read raises
`Malformed`, and nothing is allocated because a length says so.
"""

from __future__ import annotations

import struct

INT16, INT32, INT64, UINT32 = struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q"), struct.Struct(">I")
ZERO_UUID = bytes(16)
MOST_ELEMENTS = 100_000
"""How many elements the arrays of one request may have together: more would hold up everybody else."""

Buffer = bytes | bytearray | memoryview


class Malformed(Exception):
    """The bytes are not what they say they are."""


class Reader:
    """Reads on from `at`, never beyond the end."""

    __slots__ = ("_elements", "at", "data")

    def __init__(self, data: Buffer, at: int = 0) -> None:
        self.data = data
        self.at = at
        self._elements = 0

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.data) - self.at

    def fixed(self, form: struct.Struct) -> tuple[object, ...]:
        """Fields of fixed width, one behind the other."""
        try:
            found = form.unpack_from(self.data, self.at)
        except struct.error:
            raise Malformed(f"it ends after {len(self.data)} bytes, in the middle of a field") from None
        self.at += form.size
        return found

    def int8(self) -> int:
        """One byte, signed."""
        value = self.take(1)[0]
        return value - 256 if value > 127 else value

    def int16(self) -> int:
        """Two bytes, signed."""
        return self.fixed(INT16)[0]  # type: ignore[return-value]

    def int32(self) -> int:
        """Four bytes, signed."""
        return self.fixed(INT32)[0]  # type: ignore[return-value]

    def varint(self) -> int:
        """An unsigned number of 32 bits, seven a byte."""
        value = shift = 0
        data, at = self.data, self.at
        while shift < 35:
            if at >= len(data):
                raise Malformed(f"it ends after {len(data)} bytes, in the middle of a number")
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                self.at = at
                return value
            shift += 7
        raise Malformed("a number has more than 32 bits")

    def take(self, size: int) -> Buffer:
        """The next `size` bytes, as a view where the data is one."""
        end = self.at + size
        if size < 0 or end > len(self.data):
            raise Malformed(f"a field says it has {size} bytes; {self.left} are left")
        found = self.data[self.at : end]
        self.at = end
        return found

    def text(self, size: int) -> str:
        """A string of `size` bytes."""
        try:
            return str(self.take(size), "utf-8")
        except UnicodeDecodeError:
            raise Malformed("a string is not UTF-8") from None

    def string(self) -> str | None:
        """A string behind a length of two bytes; None for -1."""
        size = self.int16()
        return None if size == -1 else self.text(size)

    def compact_string(self) -> str | None:
        """A string behind a varint; None for 0."""
        size = self.varint()
        return None if size == 0 else self.text(size - 1)

    def blob(self) -> Buffer | None:
        """Bytes behind a length of four bytes; None for -1."""
        size = self.int32()
        return None if size == -1 else self.take(size)

    def compact_blob(self) -> Buffer | None:
        """Bytes behind a varint; None for 0."""
        size = self.varint()
        return None if size == 0 else self.take(size - 1)

    def array(self) -> int | None:
        """How many elements follow; None for a null array."""
        return self._count(self.int32())

    def compact_array(self) -> int | None:
        """How many elements follow, by a varint; None for a null array."""
        return self._count(self.varint() - 1)

    def _count(self, count: int) -> int | None:
        if count == -1:
            return None
        self._elements += count
        if not 0 <= count <= self.left or self._elements > MOST_ELEMENTS:
            raise Malformed(f"an array says it has {count} elements; {self.left} bytes are left")
        return count

    def skip_tags(self) -> None:
        """Pass over tagged fields, none of which is known (KIP-482)."""
        for _ in range(self.varint()):
            self.varint()
            self.take(self.varint())


def varint(value: int) -> bytes:
    """An unsigned number, seven bits a byte."""
    if value < 0x80:
        return bytes((value,))
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def string(value: str | None) -> bytes:
    """A string behind a length of two bytes."""
    if value is None:
        return b"\xff\xff"
    data = value.encode("utf-8", "surrogatepass")
    if len(data) > 0x7FFF:
        data = data[:0x7FFF].decode("utf-8", "ignore").encode()
    return INT16.pack(len(data)) + data


def compact_string(value: str | None) -> bytes:
    """A string behind a varint."""
    if value is None:
        return b"\0"
    data = value.encode("utf-8", "surrogatepass")
    return varint(len(data) + 1) + data


def blob(value: Buffer | None) -> bytes:
    """Bytes behind a length of four bytes."""
    return b"\xff\xff\xff\xff" if value is None else INT32.pack(len(value)) + value


def compact_blob(value: Buffer | None) -> bytes:
    """Bytes behind a varint."""
    return b"\0" if value is None else varint(len(value) + 1) + value


def array(count: int | None) -> bytes:
    """The length of an array."""
    return INT32.pack(-1 if count is None else count)


def compact_array(count: int | None) -> bytes:
    """The length of an array, by a varint."""
    return varint(0 if count is None else count + 1)
