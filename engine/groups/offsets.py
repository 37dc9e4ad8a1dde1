"""The records of `__consumer_offsets`, in Kafka's bytes, and a person's reading of them.

Kafka's `OffsetCommitKey` v1 and `OffsetCommitValue` v3, `GroupMetadataKey` v2 and `GroupMetadataValue` v3: an int16
version, then the fields, big-endian. Older versions of the values are read too.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from engine.errors import CorruptRecordError, InvalidRequestError
from engine.groups.consumer_protocol import decode_assignment
from engine.snapshot import label_of
from engine.types import TopicPartition

OFFSET_KEY_VERSION, GROUP_KEY_VERSION = 1, 2
OFFSET_VALUE_VERSION, GROUP_VALUE_VERSION = 3, 3

_INT16, _INT32, _INT64 = struct.Struct(">h"), struct.Struct(">i"), struct.Struct(">q")


@dataclass(frozen=True, slots=True)
class OffsetKey:
    """Whose offset, of which partition."""

    group_id: str
    topic: str
    partition: int

    @property
    def tp(self) -> TopicPartition:
        """The partition's name."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class GroupKey:
    """Which group."""

    group_id: str


@dataclass(frozen=True, slots=True)
class OffsetValue:
    """A committed offset; times are ms, -1 for none, and leader_epoch is -1 where the client did not say it."""

    offset: int
    metadata: str
    commit_timestamp: int
    leader_epoch: int = -1
    expire_timestamp: int = -1
    """Set by clients of long ago alone; it then counts instead of `offsets.retention.minutes`."""


@dataclass(frozen=True, slots=True)
class StoredMember:
    """A member of a stable generation, with its subscription and assignment as it sent and was sent them."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    rebalance_timeout_ms: int
    session_timeout_ms: int
    subscription: bytes
    assignment: bytes


@dataclass(frozen=True, slots=True)
class GroupValue:
    """A group as its last generation left it; without members it is empty."""

    protocol_type: str
    generation: int
    protocol: str | None
    leader: str | None
    state_timestamp: int
    members: tuple[StoredMember, ...] = ()


def encode_key(key: OffsetKey | GroupKey) -> bytes:
    """The record key. Raises InvalidRequestError for a name no record can hold."""
    if isinstance(key, GroupKey):
        return _INT16.pack(GROUP_KEY_VERSION) + _string(key.group_id)
    return b"".join(
        (_INT16.pack(OFFSET_KEY_VERSION), _string(key.group_id), _string(key.topic), _INT32.pack(key.partition))
    )


def decode_key(data: bytes) -> OffsetKey | GroupKey | None:
    """What the key names; None for kinds this coordinator does not keep. Raises CorruptRecordError."""
    reader = _Reader(data)
    version = reader.int16()
    if version in (0, OFFSET_KEY_VERSION):
        return OffsetKey(reader.string(), reader.string(), reader.int32())
    return GroupKey(reader.string()) if version == GROUP_KEY_VERSION else None


def encode_offset(value: OffsetValue) -> bytes:
    """The record value of a commit: version 3, or version 1 where it carries an expiry of its own."""
    if value.expire_timestamp >= 0:
        head = _INT16.pack(1) + _INT64.pack(value.offset) + _string(value.metadata)
        return head + _INT64.pack(value.commit_timestamp) + _INT64.pack(value.expire_timestamp)
    head = _INT16.pack(OFFSET_VALUE_VERSION) + _INT64.pack(value.offset) + _INT32.pack(value.leader_epoch)
    return head + _string(value.metadata) + _INT64.pack(value.commit_timestamp)


def decode_offset(data: bytes) -> OffsetValue:
    """The committed offset in a record value of version 0 to 3. Raises CorruptRecordError."""
    reader = _Reader(data)
    version = reader.version(OFFSET_VALUE_VERSION)
    offset = reader.int64()
    leader_epoch = reader.int32() if version >= 3 else -1
    metadata, committed = reader.string(), reader.int64()
    return OffsetValue(offset, metadata, committed, leader_epoch, reader.int64() if version == 1 else -1)


def encode_group(value: GroupValue) -> bytes:
    """The record value of a group, version 3. Raises InvalidRequestError for a name no record can hold."""
    parts = [
        _INT16.pack(GROUP_VALUE_VERSION),
        _string(value.protocol_type),
        _INT32.pack(value.generation),
        _string(value.protocol),
        _string(value.leader),
        _INT64.pack(value.state_timestamp),
        _INT32.pack(len(value.members)),
    ]
    for member in value.members:
        parts += [
            _string(member.member_id),
            _string(member.group_instance_id),
            _string(member.client_id),
            _string(member.client_host),
            _INT32.pack(member.rebalance_timeout_ms),
            _INT32.pack(member.session_timeout_ms),
            _bytes(member.subscription),
            _bytes(member.assignment),
        ]
    return b"".join(parts)


def decode_group(data: bytes) -> GroupValue:
    """The group in a record value of version 0 to 3. Raises CorruptRecordError."""
    reader = _Reader(data)
    version = reader.version(GROUP_VALUE_VERSION)
    protocol_type, generation = reader.string(), reader.int32()
    protocol, leader = reader.nullable_string(), reader.nullable_string()
    timestamp = reader.int64() if version >= 2 else -1
    members = tuple(_member(reader, version) for _ in range(reader.length()))
    return GroupValue(protocol_type, generation, protocol, leader, timestamp, members)


def _member(reader: _Reader, version: int) -> StoredMember:
    member_id = reader.string()
    instance_id = reader.nullable_string() if version >= 3 else None
    client_id, host = reader.string(), reader.string()
    rebalance_timeout_ms = reader.int32() if version >= 1 else -1
    session_timeout_ms = reader.int32()
    if rebalance_timeout_ms == -1:  # version 0 knew one timeout for both
        rebalance_timeout_ms = session_timeout_ms
    return StoredMember(
        member_id,
        instance_id,
        client_id,
        host,
        rebalance_timeout_ms,
        session_timeout_ms,
        reader.blob(),
        reader.blob(),
    )


def describe(key: bytes | None, value: bytes | None) -> str:
    """What a record of `__consumer_offsets` says, in a sentence; bytes that cannot be read are said to be so."""
    try:
        named = decode_key(key or b"")
        if isinstance(named, OffsetKey):
            return _describe_offset(named, value)
        if isinstance(named, GroupKey):
            return _describe_group(named, value)
        return "A record of a kind that classic groups do not use."
    except CorruptRecordError as error:
        return str(error)


def _describe_offset(key: OffsetKey, value: bytes | None) -> str:
    if value is None:
        return f"{key.group_id} forgets its offset of {key.tp} (tombstone)."
    commit = decode_offset(value)
    said = f", saying {commit.metadata!r}" if commit.metadata else ""
    return f"{key.group_id} commits offset {commit.offset} of {key.tp}{said}."


def _describe_group(key: GroupKey, value: bytes | None) -> str:
    if value is None:
        return f"The group {key.group_id} is forgotten (tombstone)."
    group = decode_group(value)
    if not group.members:
        return f"{key.group_id}, generation {group.generation}: empty."
    shares = "; ".join(f"{label_of(m.client_id, m.member_id)}: {_share(m.assignment)}" for m in group.members)
    return f"{key.group_id}, generation {group.generation}, shared out by {group.protocol}: {shares}."


def _share(assignment: bytes) -> str:
    try:
        partitions = decode_assignment(assignment).partitions
    except InvalidRequestError:
        return f"{len(assignment)} bytes of another protocol"
    return " ".join(map(str, partitions)) or "nothing"


def _string(text: str | None) -> bytes:
    if text is None:
        return _INT16.pack(-1)
    try:
        encoded = text.encode()
        return _INT16.pack(len(encoded)) + encoded
    except (UnicodeEncodeError, struct.error) as error:
        raise InvalidRequestError(
            f"A record cannot carry {text[:40]!r}: a string is UTF-8 of at most 32767 bytes."
        ) from error


def _bytes(data: bytes) -> bytes:
    return _INT32.pack(len(data)) + data


class _Reader:
    """Reads Kafka's primitive types one after the other; CorruptRecordError where they do not fit."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def version(self, highest: int) -> int:
        version = self.int16()
        if not 0 <= version <= highest:
            raise CorruptRecordError(f"A group record of version {version} cannot be read; 0 to {highest} can.")
        return version

    def int16(self) -> int:
        return int(_INT16.unpack(self._take(2))[0])

    def int32(self) -> int:
        return int(_INT32.unpack(self._take(4))[0])

    def int64(self) -> int:
        return int(_INT64.unpack(self._take(8))[0])

    def length(self) -> int:
        length = self.int32()
        if length < 0:
            raise CorruptRecordError(f"A group record cannot be read: an array of length {length}.")
        return length

    def nullable_string(self) -> str | None:
        length = self.int16()
        if length == -1:
            return None
        try:
            return self._take(length).decode()
        except UnicodeDecodeError as error:
            raise CorruptRecordError("A group record cannot be read: a string that is not UTF-8.") from error

    def string(self) -> str:
        text = self.nullable_string()
        if text is None:
            raise CorruptRecordError("A group record cannot be read: null where a string belongs.")
        return text

    def blob(self) -> bytes:
        return self._take(self.int32())

    def _take(self, size: int) -> bytes:
        found = self._data[self._at : self._at + size] if size >= 0 else b""
        if size < 0 or len(found) != size:
            raise CorruptRecordError(
                f"A group record cannot be read: {size} bytes expected at byte {self._at} of {len(self._data)}."
            )
        self._at += size
        return found
