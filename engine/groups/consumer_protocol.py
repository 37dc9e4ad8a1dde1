"""The bytes consumers of one group exchange through the coordinator, which passes them on unread.

Kafka's `ConsumerProtocolSubscription` and `ConsumerProtocolAssignment`, versions 0 to 3 (`ConsumerProtocol`): an int16
version, then the fields, big-endian. A newer version only ever adds fields, so it is read as version 3, and bytes
past the known fields are left alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from engine.errors import InvalidRequestError
from engine.types import TopicPartition

LOWEST_VERSION, HIGHEST_VERSION = 0, 3

_INT16, _INT32 = struct.Struct(">h"), struct.Struct(">i")
_NULL_STRING, _NULL_BYTES = _INT16.pack(-1), _INT32.pack(-1)


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a member wants, and what it holds; generation_id -1 stands for none."""

    topics: tuple[str, ...]
    user_data: bytes = b""
    owned_partitions: tuple[TopicPartition, ...] = ()
    generation_id: int = -1
    rack_id: str | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What the group's leader gives to one member."""

    partitions: tuple[TopicPartition, ...]
    user_data: bytes = b""


def encode_subscription(subscription: Subscription, version: int = HIGHEST_VERSION) -> bytes:
    """Bytes for JoinGroup. Topics and owned partitions are sorted; what `version` does not know is left out.

    Empty user data is written as null, as Kafka's assignors without user data do. Raises InvalidRequestError.
    """
    version = _known_version(version, "subscription")
    topics = sorted(subscription.topics)
    parts = [_INT16.pack(version), _INT32.pack(len(topics))]
    parts += [_string(topic) for topic in topics]
    parts.append(_nullable_bytes(subscription.user_data))
    if version >= 1:
        parts.append(encode_partitions(sorted(subscription.owned_partitions)))
    if version >= 2:
        parts.append(_INT32.pack(subscription.generation_id))
    if version >= 3:
        parts.append(_NULL_STRING if subscription.rack_id is None else _string(subscription.rack_id))
    return b"".join(parts)


def decode_subscription(data: bytes) -> Subscription:
    """The subscription in `data`; fields its version lacks keep their defaults. Raises InvalidRequestError."""
    reader = ByteReader(data, "subscription")
    version = _known_version(reader.int16(), "subscription")
    return Subscription(
        topics=tuple(reader.string() for _ in range(reader.array_length())),
        user_data=reader.nullable_bytes() or b"",
        owned_partitions=reader.partitions() if version >= 1 else (),
        generation_id=reader.int32() if version >= 2 else -1,
        rack_id=(reader.nullable_string() or None) if version >= 3 else None,
    )


def encode_assignment(assignment: Assignment, version: int = HIGHEST_VERSION) -> bytes:
    """Bytes for SyncGroup; every version has the same fields. Raises InvalidRequestError."""
    version = _known_version(version, "assignment")
    return _INT16.pack(version) + encode_partitions(assignment.partitions) + _nullable_bytes(assignment.user_data)


def decode_assignment(data: bytes) -> Assignment:
    """The assignment in `data`; no bytes at all, what a member gets whom the leader left out, are no partitions.

    Raises InvalidRequestError.
    """
    if not data:
        return Assignment(())
    reader = ByteReader(data, "assignment")
    _known_version(reader.int16(), "assignment")
    return Assignment(reader.partitions(), reader.nullable_bytes() or b"")


def encode_partitions(partitions: Iterable[TopicPartition]) -> bytes:
    """An array of (topic, array of int32), the topics in the order they first appear."""
    by_topic: dict[str, list[int]] = {}
    for topic, partition in partitions:
        by_topic.setdefault(topic, []).append(partition)
    parts = [_INT32.pack(len(by_topic))]
    for topic, numbers in by_topic.items():
        parts += (_string(topic), struct.pack(f">i{len(numbers)}i", len(numbers), *numbers))
    return b"".join(parts)


class ByteReader:
    """Reads Kafka's primitive types one after the other; InvalidRequestError names what the bytes should have been."""

    __slots__ = ("_data", "_position", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._position = 0
        self._what = what

    def int16(self) -> int:
        """The next two bytes."""
        return int(_INT16.unpack_from(self._data, self._advance(2))[0])

    def int32(self) -> int:
        """The next four bytes."""
        return int(_INT32.unpack_from(self._data, self._advance(4))[0])

    def array_length(self) -> int:
        """The number of elements that follow; null is refused."""
        length = self.int32()
        if length < 0:
            raise self._malformed(f"an array of length {length}")
        return length

    def string(self) -> str:
        """A string that must not be null."""
        text = self.nullable_string()
        if text is None:
            raise self._malformed("null where a string belongs")
        return text

    def nullable_string(self) -> str | None:
        """A string, or None for length -1."""
        length = self.int16()
        if length == -1:
            return None
        start = self._advance(length)
        try:
            return self._data[start : start + length].decode()
        except UnicodeDecodeError as error:
            raise self._malformed("a string that is not UTF-8") from error

    def nullable_bytes(self) -> bytes | None:
        """Bytes, or None for length -1."""
        length = self.int32()
        if length == -1:
            return None
        start = self._advance(length)
        return bytes(self._data[start : start + length])

    def partitions(self) -> tuple[TopicPartition, ...]:
        """What `encode_partitions` wrote."""
        found: list[TopicPartition] = []
        for _ in range(self.array_length()):
            topic = self.string()
            count = self.array_length()
            numbers = struct.unpack_from(f">{count}i", self._data, self._advance(4 * count))
            found += [TopicPartition(topic, number) for number in numbers]
        return tuple(found)

    def _advance(self, size: int) -> int:
        start, end = self._position, self._position + size
        if size < 0:
            raise self._malformed(f"a length of {size}")
        if end > len(self._data):
            raise self._malformed(f"{size} bytes expected at byte {start} of {len(self._data)}")
        self._position = end
        return start

    def _malformed(self, found: str) -> InvalidRequestError:
        return InvalidRequestError(f"The consumer protocol {self._what} cannot be read: {found}.")


def _known_version(version: int, what: str) -> int:
    if version < LOWEST_VERSION:
        raise InvalidRequestError(
            f"The consumer protocol {what} has version {version}; {LOWEST_VERSION} to {HIGHEST_VERSION} are known."
        )
    return min(version, HIGHEST_VERSION)


def _string(text: str) -> bytes:
    try:
        encoded = text.encode()
        return _INT16.pack(len(encoded)) + encoded
    except (UnicodeEncodeError, struct.error) as error:
        raise InvalidRequestError(
            f"The consumer protocol cannot carry {text[:40]!r}: a string is UTF-8 of at most 32767 bytes."
        ) from error


def _nullable_bytes(data: bytes) -> bytes:
    return _INT32.pack(len(data)) + data if data else _NULL_BYTES
