"""What brokers ask of each other and of the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.messages.base import Request
from engine.messages.metadata import PartitionMetadata
from engine.messages.records import EpochEnd
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class OffsetForLeaderEpochResponse:
    """One answer a partition."""

    partitions: Mapping[TopicPartition, EpochEnd]


@dataclass(frozen=True, slots=True)
class OffsetForLeaderEpochRequest(Request[OffsetForLeaderEpochResponse]):
    """Where did this epoch end (KIP-101, KIP-320)? For each partition (current leader epoch, epoch)."""

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
