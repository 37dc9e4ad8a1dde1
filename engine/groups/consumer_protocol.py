"""The bytes consumers of one group exchange through the coordinator, which passes them on unread.

Kafka's `ConsumerProtocolSubscription` and `ConsumerProtocolAssignment`, versions 0 to 3 (`ConsumerProtocol`): an int16
version, then the fields, big-endian. A newer version only ever adds fields, so it is read as version 3, and bytes
past the known fields are left alone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass

from engine.coordinators.primitives import INT16, INT32, Reader, string
from engine.errors import InvalidRequestError, KafkaError
from engine.types import TopicPartition

LOWEST_VERSION, HIGHEST_VERSION = 0, 3

_NULL_BYTES = INT32.pack(-1)


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
    parts = [INT16.pack(version), INT32.pack(len(topics))]
    parts += [string(topic) for topic in topics]
    parts.append(_nullable_bytes(subscription.user_data))
    if version >= 1:
        parts.append(encode_partitions(sorted(subscription.owned_partitions)))
    if version >= 2:
        parts.append(INT32.pack(subscription.generation_id))
    if version >= 3:
        parts.append(string(subscription.rack_id))
    return b"".join(parts)


def decode_subscription(data: bytes) -> Subscription:
    """The subscription in `data`; fields its version lacks keep their defaults. Raises InvalidRequestError."""
    reader = ByteReader(data, "subscription")
    version = _known_version(reader.int16(), "subscription")
    return Subscription(
        topics=tuple(reader.string() for _ in range(reader.length())),
        user_data=reader.nullable_bytes() or b"",
        owned_partitions=reader.partitions() if version >= 1 else (),
        generation_id=reader.int32() if version >= 2 else -1,
        rack_id=(reader.nullable_string() or None) if version >= 3 else None,
    )


def encode_assignment(assignment: Assignment, version: int = HIGHEST_VERSION) -> bytes:
    """Bytes for SyncGroup; every version has the same fields. Raises InvalidRequestError."""
    version = _known_version(version, "assignment")
    return INT16.pack(version) + encode_partitions(assignment.partitions) + _nullable_bytes(assignment.user_data)


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
    parts = [INT32.pack(len(by_topic))]
    for topic, numbers in by_topic.items():
        parts += (string(topic), struct.pack(f">i{len(numbers)}i", len(numbers), *numbers))
    return b"".join(parts)


class ByteReader(Reader):
    """Reads what a client sent; InvalidRequestError names what the bytes should have been."""

    def nullable_bytes(self) -> bytes | None:
        """Bytes, or None for length -1."""
        length = self.int32()
        return None if length == -1 else self._take(length)

    def partitions(self) -> tuple[TopicPartition, ...]:
        """What `encode_partitions` wrote."""
        found: list[TopicPartition] = []
        for _ in range(self.length()):
            topic = self.string()
            count = self.length()
            found += [TopicPartition(topic, number) for number in struct.unpack(f">{count}i", self._take(4 * count))]
        return tuple(found)

    def _malformed(self, found: str) -> KafkaError:
        return InvalidRequestError(f"The consumer protocol {self._what} cannot be read: {found}.")


def _known_version(version: int, what: str) -> int:
    if version < LOWEST_VERSION:
        raise InvalidRequestError(
            f"The consumer protocol {what} has version {version}; {LOWEST_VERSION} to {HIGHEST_VERSION} are known."
        )
    return min(version, HIGHEST_VERSION)


def _nullable_bytes(data: bytes) -> bytes:
    return INT32.pack(len(data)) + data if data else _NULL_BYTES
