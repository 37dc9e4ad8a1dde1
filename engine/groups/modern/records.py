"""The records of a group of the consumer protocol in `__consumer_offsets`, in Kafka's bytes.

Keys begin with the int16 that tells their kind: 3 `ConsumerGroupMetadata`, 4 `ConsumerGroupPartitionMetadata`, 5
`ConsumerGroupMemberMetadata`, 6 `ConsumerGroupTargetAssignmentMetadata`, 7 `ConsumerGroupTargetAssignmentMember`, 8
`ConsumerGroupCurrentMemberAssignment`, 16 `ConsumerGroupRegularExpression`. Values are of version 0,
flexible: compact, with tagged fields at the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from engine.coordinators.primitives import (
    INT8,
    INT16,
    INT32,
    INT64,
    NO_TAGS,
    Reader,
    compact_blob,
    compact_length,
    compact_string,
    string,
    tagged,
)
from engine.errors import CorruptRecordError
from engine.snapshot import MemberState

WHAT = "A group record"
"""As a sentence about one begins."""

Parts = tuple[tuple[bytes, tuple[int, ...]], ...]
"""Partitions as records hold them: (topic id, numbers)."""

_CLASSIC = 0
"""The tag of what a classic member said."""

_STATES = (MemberState.STABLE, MemberState.UNREVOKED_PARTITIONS, MemberState.UNRELEASED_PARTITIONS)


@dataclass(frozen=True, slots=True)
class GroupEpochKey:
    """The group epoch of a group."""

    group_id: str


@dataclass(frozen=True, slots=True)
class GroupEpoch:
    """Grows when members, what they subscribe to, or those topics' partitions change."""

    epoch: int


@dataclass(frozen=True, slots=True)
class PartitionMetadataKey:
    """The topics of a group."""

    group_id: str


@dataclass(frozen=True, slots=True)
class SubscribedTopic:
    """A topic as the group knows it."""

    topic_id: bytes
    name: str
    partitions: int


@dataclass(frozen=True, slots=True)
class PartitionMetadata:
    """The topics that the group's members subscribe to, by name."""

    topics: tuple[SubscribedTopic, ...]


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A member of a group."""

    group_id: str
    member_id: str


@dataclass(frozen=True, slots=True)
class ClassicMember:
    """What a member that speaks the classic protocol said when it joined: its session (ms), and (assignor, bytes)."""

    session_timeout_ms: int
    protocols: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class MemberMetadata:
    """What a member said of itself."""

    instance_id: str | None
    rack_id: str | None
    client_id: str
    client_host: str
    topics: tuple[str, ...]
    pattern: str | None
    rebalance_timeout_ms: int
    assignor: str | None
    classic: ClassicMember | None = None
    """None where it speaks the consumer protocol."""


@dataclass(frozen=True, slots=True)
class TargetEpochKey:
    """The assignment epoch of a group."""

    group_id: str


@dataclass(frozen=True, slots=True)
class TargetEpoch:
    """The group epoch that the target assignment is for."""

    epoch: int


@dataclass(frozen=True, slots=True)
class TargetKey:
    """The target of a member."""

    group_id: str
    member_id: str


@dataclass(frozen=True, slots=True)
class Target:
    """What a member is to have in the end."""

    partitions: Parts


@dataclass(frozen=True, slots=True)
class CurrentKey:
    """The present assignment of a member."""

    group_id: str
    member_id: str


@dataclass(frozen=True, slots=True)
class Current:
    """How far a member is: its epochs, what it has, and what of it it still has to give up."""

    epoch: int
    previous_epoch: int
    state: MemberState
    assigned: Parts
    revoking: Parts


@dataclass(frozen=True, slots=True)
class PatternKey:
    """A regular expression that members of a group subscribe by."""

    group_id: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Resolved:
    """The topics that a regular expression matched, as of a version of the metadata, at a time (ms)."""

    topics: tuple[str, ...]
    version: int
    timestamp: int


Key = GroupEpochKey | PartitionMetadataKey | MemberKey | TargetEpochKey | TargetKey | CurrentKey | PatternKey
Value = GroupEpoch | PartitionMetadata | MemberMetadata | TargetEpoch | Target | Current | Resolved

_KINDS: dict[type[Key], int] = {
    GroupEpochKey: 3,
    PartitionMetadataKey: 4,
    MemberKey: 5,
    TargetEpochKey: 6,
    TargetKey: 7,
    CurrentKey: 8,
    PatternKey: 16,
}


def encode_key(key: Key) -> bytes:
    """The record key. Raises InvalidRequestError for a name no record can hold."""
    match key:
        case MemberKey(_, part) | TargetKey(_, part) | CurrentKey(_, part) | PatternKey(_, part):
            which = string(part)
        case _:
            which = b""
    return INT16.pack(_KINDS[type(key)]) + string(key.group_id) + which


def decode_key(data: bytes) -> Key | None:
    """What the key names; None for other kinds. Raises CorruptRecordError."""
    reader = Reader(data, WHAT)
    match reader.int16():
        case 3:
            return GroupEpochKey(reader.string())
        case 4:
            return PartitionMetadataKey(reader.string())
        case 5:
            return MemberKey(reader.string(), reader.string())
        case 6:
            return TargetEpochKey(reader.string())
        case 7:
            return TargetKey(reader.string(), reader.string())
        case 8:
            return CurrentKey(reader.string(), reader.string())
        case 16:
            return PatternKey(reader.string(), reader.string())
    return None


def encode_value(value: Value) -> bytes:
    """The record value, version 0. Raises InvalidRequestError for a name no record can hold."""
    classic = value.classic if isinstance(value, MemberMetadata) else None
    tags = NO_TAGS if classic is None else tagged({_CLASSIC: b"\x01" + _classic(classic)})
    return INT16.pack(0) + b"".join(_fields(value)) + tags


def _classic(said: ClassicMember) -> bytes:
    protocols = (compact_string(name) + compact_blob(metadata) + NO_TAGS for name, metadata in said.protocols)
    return INT32.pack(said.session_timeout_ms) + compact_length(len(said.protocols)) + b"".join(protocols) + NO_TAGS


def _fields(value: Value) -> Iterable[bytes]:
    match value:
        case GroupEpoch(epoch) | TargetEpoch(epoch):
            yield INT32.pack(epoch)
        case PartitionMetadata(topics):
            yield compact_length(len(topics))
            for topic in topics:
                yield topic.topic_id + compact_string(topic.name) + INT32.pack(topic.partitions)
                yield compact_length(0) + NO_TAGS  # racks: the lab's brokers stand in none
        case MemberMetadata():
            yield compact_string(value.instance_id) + compact_string(value.rack_id)
            yield compact_string(value.client_id) + compact_string(value.client_host)
            yield compact_length(len(value.topics))
            yield from map(compact_string, value.topics)
            yield compact_string(value.pattern) + INT32.pack(value.rebalance_timeout_ms)
            yield compact_string(value.assignor)
        case Target(partitions):
            yield _parts(partitions)
        case Current():
            yield INT32.pack(value.epoch) + INT32.pack(value.previous_epoch)
            yield INT8.pack(_STATES.index(value.state))
            yield _parts(value.assigned) + _parts(value.revoking)
        case Resolved():
            yield compact_length(len(value.topics))
            yield from map(compact_string, value.topics)
            yield INT64.pack(value.version) + INT64.pack(value.timestamp)


def decode_value(key: Key, data: bytes) -> Value:
    """The record value that belongs to `key`. Raises CorruptRecordError."""
    reader = Reader(data, WHAT)
    reader.version(0)
    match key:
        case GroupEpochKey():
            return GroupEpoch(reader.int32())
        case TargetEpochKey():
            return TargetEpoch(reader.int32())
        case PartitionMetadataKey():
            return PartitionMetadata(tuple(_read_topic(reader) for _ in range(reader.compact_length())))
        case MemberKey():
            instance_id, rack_id = reader.compact_nullable_string(), reader.compact_nullable_string()
            client_id, host = reader.compact_string(), reader.compact_string()
            topics = tuple(reader.compact_string() for _ in range(reader.compact_length()))
            pattern, timeout_ms = reader.compact_nullable_string(), reader.int32()
            assignor = reader.compact_nullable_string()
            classic = _read_classic(reader.tags().get(_CLASSIC))
            return MemberMetadata(instance_id, rack_id, client_id, host, topics, pattern, timeout_ms, assignor, classic)
        case TargetKey():
            return Target(_read_parts(reader))
        case CurrentKey():
            epoch, previous, state = reader.int32(), reader.int32(), reader.int8()
            if not 0 <= state < len(_STATES):
                raise CorruptRecordError(f"A group record cannot be read: {state} is no state of a member.")
            return Current(epoch, previous, _STATES[state], _read_parts(reader), _read_parts(reader))
        case PatternKey():
            topics = tuple(reader.compact_string() for _ in range(reader.compact_length()))
            return Resolved(topics, reader.int64(), reader.int64())


def _read_classic(data: bytes | None) -> ClassicMember | None:
    if data is None:
        return None
    reader = Reader(data, WHAT)
    if reader.int8() < 0:
        return None
    session_timeout_ms, protocols = reader.int32(), []
    for _ in range(reader.compact_length()):
        protocols.append((reader.compact_string(), reader.compact_blob()))
        reader.skip_tags()
    return ClassicMember(session_timeout_ms, tuple(protocols))


def _parts(parts: Parts) -> bytes:
    found = [compact_length(len(parts))]
    for topic_id, numbers in parts:
        found += [topic_id, compact_length(len(numbers)), *map(INT32.pack, numbers), NO_TAGS]
    return b"".join(found)


def _read_parts(reader: Reader) -> Parts:
    parts = []
    for _ in range(reader.compact_length()):
        topic_id = reader.uuid()
        numbers = tuple(reader.int32() for _ in range(reader.compact_length()))
        reader.skip_tags()
        parts.append((topic_id, numbers))
    return tuple(parts)


def _read_topic(reader: Reader) -> SubscribedTopic:
    topic = SubscribedTopic(reader.uuid(), reader.compact_string(), reader.int32())
    for _ in range(reader.compact_length()):
        reader.int32()
        for _ in range(reader.compact_length()):
            reader.compact_string()
        reader.skip_tags()
    reader.skip_tags()
    return topic
