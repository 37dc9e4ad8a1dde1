"""What brokers ask of each other and of the controller."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.errors import ErrorCode
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
class AlteredPartition:
    """The partition as the controller has it after the request, or why nothing was changed."""

    error: ErrorCode = ErrorCode.NONE
    state: PartitionMetadata | None = None


@dataclass(frozen=True, slots=True)
class AlterPartitionResponse:
    """One answer a partition."""

    partitions: Mapping[TopicPartition, AlteredPartition]


@dataclass(frozen=True, slots=True)
class NewIsr:
    """The ISR a leader wants: broker ids, each with the broker epoch in which it was seen to fetch (KIP-903)."""

    leader_epoch: int
    partition_epoch: int
    isr: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AlterPartitionRequest(Request[AlterPartitionResponse]):
    """A broker asks for other ISRs of partitions it leads (KIP-497); refused where its epochs are not the newest."""

    broker_id: int
    broker_epoch: int
    partitions: Mapping[TopicPartition, NewIsr]


@dataclass(frozen=True, slots=True)
class BrokerRegistrationResponse:
    """The epoch that tells this life of the broker from those before."""

    broker_epoch: int


@dataclass(frozen=True, slots=True)
class BrokerRegistrationRequest(Request[BrokerRegistrationResponse]):
    """A broker has started (KIP-631); refused while the session of its life before has not run out."""

    broker_id: int
    incarnation_id: bytes


@dataclass(frozen=True, slots=True)
class BrokerHeartbeatResponse:
    """Whether the broker may serve, and whether it may stop now that it leads nothing."""

    fenced: bool
    may_stop: bool = False


@dataclass(frozen=True, slots=True)
class BrokerHeartbeatRequest(Request[BrokerHeartbeatResponse]):
    """A broker is alive, has read the metadata log up to `metadata_offset`, and may want to stop (KIP-631)."""

    broker_id: int
    broker_epoch: int
    metadata_offset: int
    want_stop: bool = False


@dataclass(frozen=True, slots=True)
class ReadMetadataResponse:
    """Changes of the metadata log, in order, and the offset after the last."""

    changes: tuple[object, ...]
    end_offset: int


@dataclass(frozen=True, slots=True)
class ReadMetadataRequest(Request[ReadMetadataResponse]):
    """Read the metadata log from an offset; waits for news. Every broker follows it so."""

    broker_id: int
    offset: int
