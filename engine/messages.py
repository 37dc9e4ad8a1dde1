"""What clients ask of brokers and what they are answered, free of any wire version.

One frozen dataclass for each request and response, with Kafka's field names. `Request[R]` names its response `R`.
A request that fails as a whole is answered by raising a `KafkaError`; where it covers several partitions, each
carries its own `ErrorCode`. Times are ms, sizes bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, TypeVar

from engine.errors import ErrorCode
from engine.types import OffsetAndMetadata, TopicPartition

R_co = TypeVar("R_co", covariant=True)

EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, MAX_TIMESTAMP = -2, -1, -3


class Request(Generic[R_co]):
    """Something a broker answers with an `R_co`."""

    __slots__ = ()


class IsolationLevel(IntEnum):
    """How far a consumer reads: to the high watermark, or to the last stable offset without aborted records."""

    READ_UNCOMMITTED = 0
    READ_COMMITTED = 1


# Metadata ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A live broker, as clients learn of it."""

    broker_id: int
    host: str = "lab"
    port: int = 0


@dataclass(frozen=True, slots=True)
class PartitionMetadata:
    """Who leads a partition and who copies it; leader None while there is none."""

    partition: int
    leader: int | None
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    partition_epoch: int = 0
    """Grows with every change the controller makes to it (KIP-497)."""
    target: tuple[int, ...] = ()
    """The replicas it is being moved to (KIP-455); empty when it is not. Meanwhile `replicas` holds old and new."""


@dataclass(frozen=True, slots=True)
class TopicMetadata:
    """A topic and its partitions in order; `error` says why a topic asked for by name has none."""

    name: str
    partitions: tuple[PartitionMetadata, ...] = ()
    internal: bool = False
    topic_id: bytes = bytes(16)
    error: ErrorCode = ErrorCode.NONE


@dataclass(frozen=True, slots=True)
class MetadataResponse:
    """The cluster as a broker knows it."""

    cluster_id: str
    controller_id: int | None
    brokers: tuple[BrokerAddress, ...]
    topics: tuple[TopicMetadata, ...]


@dataclass(frozen=True, slots=True)
class MetadataRequest(Request[MetadataResponse]):
    """Describe the topics named, or all for None."""

    topics: tuple[str, ...] | None = None


# Records -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ProducedPartition:
    """What became of the batches sent to one partition; base_offset and log_append_time are -1 where unknown."""

    error: ErrorCode = ErrorCode.NONE
    base_offset: int = -1
    log_append_time: int = -1
    log_start_offset: int = -1
    message: str = ""


@dataclass(frozen=True, slots=True)
class ProduceResponse:
    """One answer a partition; empty for acks=0."""

    partitions: Mapping[TopicPartition, ProducedPartition]


@dataclass(frozen=True, slots=True)
class ProduceRequest(Request[ProduceResponse]):
    """Append batches (RecordBatch v2 bytes) to partitions this broker leads; acks is 0, 1 or -1 for all."""

    acks: int
    timeout_ms: int
    batches: Mapping[TopicPartition, bytes]
    transactional_id: str | None = None


@dataclass(frozen=True, slots=True)
class FetchPosition:
    """From where one partition is wanted, and how much of it at most."""

    fetch_offset: int
    max_bytes: int = 1_048_576
    current_leader_epoch: int = -1


@dataclass(frozen=True, slots=True)
class FetchedPartition:
    """Whole batches as stored; the first may begin before the offset asked for, and the reader skips that part."""

    error: ErrorCode = ErrorCode.NONE
    high_watermark: int = -1
    last_stable_offset: int = -1
    log_start_offset: int = -1
    batches: tuple[bytes, ...] = ()
    aborted: tuple[tuple[int, int], ...] = ()
    """(producer id, first offset) of aborted transactions, for `read_committed`."""


@dataclass(frozen=True, slots=True)
class FetchResponse:
    """One answer a partition; those without news may be left out."""

    partitions: Mapping[TopicPartition, FetchedPartition]


@dataclass(frozen=True, slots=True)
class FetchRequest(Request[FetchResponse]):
    """Read from partitions this broker leads; waits up to max_wait_ms until min_bytes are there."""

    positions: Mapping[TopicPartition, FetchPosition]
    max_wait_ms: int = 500
    min_bytes: int = 1
    max_bytes: int = 52_428_800
    isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    replica_id: int = -1


@dataclass(frozen=True, slots=True)
class ListedOffset:
    """What was found for one partition; offset and timestamp -1 when nothing is that late."""

    error: ErrorCode = ErrorCode.NONE
    offset: int = -1
    timestamp: int = -1
    leader_epoch: int = -1


@dataclass(frozen=True, slots=True)
class ListOffsetsResponse:
    """One answer a partition."""

    partitions: Mapping[TopicPartition, ListedOffset]


@dataclass(frozen=True, slots=True)
class ListOffsetsRequest(Request[ListOffsetsResponse]):
    """Find the first offset at or after a timestamp, or at EARLIEST_, LATEST_ or MAX_TIMESTAMP."""

    timestamps: Mapping[TopicPartition, int]
    isolation_level: IsolationLevel = IsolationLevel.READ_UNCOMMITTED


@dataclass(frozen=True, slots=True)
class InitProducerIdResponse:
    """The producer's id and epoch."""

    producer_id: int
    producer_epoch: int


@dataclass(frozen=True, slots=True)
class InitProducerIdRequest(Request[InitProducerIdResponse]):
    """A producer wants an id, so that leaders can tell its repeated batches from new ones (KIP-98)."""


# Groups --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FindCoordinatorResponse:
    """The broker that coordinates the group."""

    broker_id: int


@dataclass(frozen=True, slots=True)
class FindCoordinatorRequest(Request[FindCoordinatorResponse]):
    """Which broker coordinates this group; creates `__consumer_offsets` on first use."""

    group_id: str


@dataclass(frozen=True, slots=True)
class JoinedMember:
    """A member as its group's leader sees it: `metadata` is the subscription in the chosen protocol."""

    member_id: str
    group_instance_id: str | None
    metadata: bytes


@dataclass(frozen=True, slots=True)
class JoinGroupResponse:
    """The new generation; only the leader is told the members."""

    generation_id: int
    protocol_name: str
    leader: str
    member_id: str
    members: tuple[JoinedMember, ...] = ()
    skip_assignment: bool = False


@dataclass(frozen=True, slots=True)
class JoinGroupRequest(Request[JoinGroupResponse]):
    """Join or rejoin; answered when the generation is complete. `protocols` are (assignor, subscription bytes)."""

    group_id: str
    member_id: str
    protocols: tuple[tuple[str, bytes], ...]
    session_timeout_ms: int
    rebalance_timeout_ms: int
    group_instance_id: str | None = None
    protocol_type: str = "consumer"
    requires_known_member_id: bool = True
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SyncGroupResponse:
    """The member's own assignment, in the consumer protocol's bytes."""

    assignment: bytes
    protocol_name: str | None = None


@dataclass(frozen=True, slots=True)
class SyncGroupRequest(Request[SyncGroupResponse]):
    """Ask for the assignment of a generation; the leader brings it for all, by member id."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None
    assignments: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HeartbeatResponse:
    """The member is alive and its generation is the group's."""


@dataclass(frozen=True, slots=True)
class HeartbeatRequest(Request[HeartbeatResponse]):
    """The member is alive."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class LeavingMember:
    """Who leaves; a static member may be named by its instance id alone."""

    member_id: str = ""
    group_instance_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LeaveGroupResponse:
    """An error for each leaving member, in order."""

    errors: tuple[ErrorCode, ...]


@dataclass(frozen=True, slots=True)
class LeaveGroupRequest(Request[LeaveGroupResponse]):
    """Members go, of their own will or removed by an administrator."""

    group_id: str
    members: tuple[LeavingMember, ...]


@dataclass(frozen=True, slots=True)
class OffsetCommitResponse:
    """An error for each partition."""

    errors: Mapping[TopicPartition, ErrorCode]


@dataclass(frozen=True, slots=True)
class OffsetCommitRequest(Request[OffsetCommitResponse]):
    """Commit the next offsets to read. Without a member: generation -1, accepted while the group is empty."""

    group_id: str
    offsets: Mapping[TopicPartition, OffsetAndMetadata]
    generation_id: int = -1
    member_id: str = ""
    group_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class OffsetFetchResponse:
    """What is committed; partitions without a commit are left out."""

    offsets: Mapping[TopicPartition, OffsetAndMetadata]


@dataclass(frozen=True, slots=True)
class OffsetFetchRequest(Request[OffsetFetchResponse]):
    """The committed offsets of a group, for the partitions named or all for None."""

    group_id: str
    partitions: tuple[TopicPartition, ...] | None = None
    require_stable: bool = False


@dataclass(frozen=True, slots=True)
class OffsetDeleteResponse:
    """An error for each partition."""

    errors: Mapping[TopicPartition, ErrorCode]


@dataclass(frozen=True, slots=True)
class OffsetDeleteRequest(Request[OffsetDeleteResponse]):
    """Forget committed offsets of partitions the group is not subscribed to (KIP-496)."""

    group_id: str
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class DeleteGroupsResponse:
    """An error for each group."""

    errors: Mapping[str, ErrorCode]


@dataclass(frozen=True, slots=True)
class DeleteGroupsRequest(Request[DeleteGroupsResponse]):
    """Delete empty groups with all their offsets."""

    group_ids: tuple[str, ...]


# Between brokers and the controller ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EpochEnd:
    """The largest epoch not above the one asked for, and where it ended at the leader; -1, -1 if it has none."""

    error: ErrorCode = ErrorCode.NONE
    leader_epoch: int = -1
    end_offset: int = -1


@dataclass(frozen=True, slots=True)
class OffsetForLeaderEpochResponse:
    """One answer a partition."""

    partitions: Mapping[TopicPartition, EpochEnd]


@dataclass(frozen=True, slots=True)
class OffsetForLeaderEpochRequest(Request[OffsetForLeaderEpochResponse]):
    """Where did this epoch end? Asked by a follower before it fetches (KIP-101): (current leader epoch, epoch)."""

    epochs: Mapping[TopicPartition, tuple[int, int]]
    replica_id: int = -1


@dataclass(frozen=True, slots=True)
class AlterPartitionResponse:
    """The partition as the controller has it after the request."""

    state: PartitionMetadata


@dataclass(frozen=True, slots=True)
class AlterPartitionRequest(Request[AlterPartitionResponse]):
    """A leader asks for another ISR (KIP-497); refused when its epoch is not the controller's."""

    broker_id: int
    topic_partition: TopicPartition
    leader_epoch: int
    partition_epoch: int
    isr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class BrokerHeartbeatResponse:
    """Whether the broker may serve, and whether it may stop now that it leads nothing."""

    fenced: bool
    may_stop: bool = False


@dataclass(frozen=True, slots=True)
class BrokerHeartbeatRequest(Request[BrokerHeartbeatResponse]):
    """A broker is alive, has read the metadata log up to `metadata_offset`, and may want to stop (KIP-631)."""

    broker_id: int
    metadata_offset: int
    want_stop: bool = False


@dataclass(frozen=True, slots=True)
class ReadMetadataResponse:
    """Changes of the metadata log, in order, and the offset after the last."""

    changes: tuple[object, ...]
    end_offset: int


@dataclass(frozen=True, slots=True)
class ReadMetadataRequest(Request[ReadMetadataResponse]):
    """Read the metadata log from an offset; waits up to max_wait_ms for news. Every broker follows it so."""

    broker_id: int
    offset: int
    max_wait_ms: int = 500
