"""The records of `__consumer_offsets`, in Kafka's bytes, and a person's reading of them.

Kafka's `OffsetCommitKey` v1 and `OffsetCommitValue` v3, `GroupMetadataKey` v2 and `GroupMetadataValue` v3: an int16
version, then the fields, big-endian. Older versions of the values are read too.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.coordinators.primitives import INT16, INT32, INT64, Reader, blob, string
from engine.errors import CorruptRecordError, InvalidRequestError
from engine.groups.consumer_protocol import decode_assignment
from engine.groups.modern import records as modern
from engine.groups.modern.describing import describe as describe_modern
from engine.snapshot import label_of
from engine.types import TopicPartition

OFFSET_KEY_VERSION, GROUP_KEY_VERSION = 1, 2
OFFSET_VALUE_VERSION, GROUP_VALUE_VERSION = 3, 3


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
        return INT16.pack(GROUP_KEY_VERSION) + string(key.group_id)
    return b"".join(
        (INT16.pack(OFFSET_KEY_VERSION), string(key.group_id), string(key.topic), INT32.pack(key.partition))
    )


def decode_key(data: bytes) -> OffsetKey | GroupKey | None:
    """What the key names; None for kinds this coordinator does not keep. Raises CorruptRecordError."""
    reader = Reader(data, modern.WHAT)
    version = reader.int16()
    if version in (0, OFFSET_KEY_VERSION):
        return OffsetKey(reader.string(), reader.string(), reader.int32())
    return GroupKey(reader.string()) if version == GROUP_KEY_VERSION else None


def encode_offset(value: OffsetValue) -> bytes:
    """The record value of a commit: version 3, or version 1 where it carries an expiry of its own."""
    if value.expire_timestamp >= 0:
        head = INT16.pack(1) + INT64.pack(value.offset) + string(value.metadata)
        return head + INT64.pack(value.commit_timestamp) + INT64.pack(value.expire_timestamp)
    head = INT16.pack(OFFSET_VALUE_VERSION) + INT64.pack(value.offset) + INT32.pack(value.leader_epoch)
    return head + string(value.metadata) + INT64.pack(value.commit_timestamp)


def decode_offset(data: bytes) -> OffsetValue:
    """The committed offset in a record value of version 0 to 3. Raises CorruptRecordError."""
    reader = Reader(data, modern.WHAT)
    version = reader.version(OFFSET_VALUE_VERSION)
    offset = reader.int64()
    leader_epoch = reader.int32() if version >= 3 else -1
    metadata, committed = reader.string(), reader.int64()
    return OffsetValue(offset, metadata, committed, leader_epoch, reader.int64() if version == 1 else -1)


def encode_group(value: GroupValue) -> bytes:
    """The record value of a group, version 3. Raises InvalidRequestError for a name no record can hold."""
    parts = [
        INT16.pack(GROUP_VALUE_VERSION),
        string(value.protocol_type),
        INT32.pack(value.generation),
        string(value.protocol),
        string(value.leader),
        INT64.pack(value.state_timestamp),
        INT32.pack(len(value.members)),
    ]
    for member in value.members:
        parts += [
            string(member.member_id),
            string(member.group_instance_id),
            string(member.client_id),
            string(member.client_host),
            INT32.pack(member.rebalance_timeout_ms),
            INT32.pack(member.session_timeout_ms),
            blob(member.subscription),
            blob(member.assignment),
        ]
    return b"".join(parts)


def decode_group(data: bytes) -> GroupValue:
    """The group in a record value of version 0 to 3. Raises CorruptRecordError."""
    reader = Reader(data, modern.WHAT)
    version = reader.version(GROUP_VALUE_VERSION)
    protocol_type, generation = reader.string(), reader.int32()
    protocol, leader = reader.nullable_string(), reader.nullable_string()
    timestamp = reader.int64() if version >= 2 else -1
    members = tuple(_member(reader, version) for _ in range(reader.length()))
    return GroupValue(protocol_type, generation, protocol, leader, timestamp, members)


def _member(reader: Reader, version: int) -> StoredMember:
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
        other = modern.decode_key(key or b"")
        return "A record of a kind that groups here do not use." if other is None else describe_modern(other, value)
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
