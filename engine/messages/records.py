"""Producing and fetching records, and looking offsets up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import ErrorCode
from engine.messages.base import IsolationLevel, Request
from engine.types import TopicPartition

EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, MAX_TIMESTAMP = -2, -1, -3
"""What ListOffsets takes for a timestamp besides times (KIP-734)."""


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
class EpochEnd:
    """The largest epoch not above the one asked for, and where it ended at the leader; -1, -1 if it has none."""

    error: ErrorCode = ErrorCode.NONE
    leader_epoch: int = -1
    end_offset: int = -1


@dataclass(frozen=True, slots=True)
class FetchPosition:
    """From where one partition is wanted, and how much of it at most."""

    fetch_offset: int
    max_bytes: int = 1_048_576
    current_leader_epoch: int = -1
    last_fetched_epoch: int = -1
    """The epoch of the record before `fetch_offset`, as a follower has it (KIP-595)."""


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
    diverging: EpochEnd | None = None
    """Where the follower's log and the leader's part, when they do: it has to cut its own back (KIP-595)."""


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
    replica_epoch: int = -1
    """The broker epoch of the follower that asks (KIP-903)."""


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
    current_leader_epochs: Mapping[TopicPartition, int] = field(default_factory=dict)
    """The leader epochs the client believes in, where it says so (KIP-320)."""
