"""What the cluster looks like: brokers, topics, who leads and copies each partition."""

from __future__ import annotations

from dataclasses import dataclass

from engine.errors import ErrorCode
from engine.messages.base import Request


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
    adding: tuple[int, ...] = ()
    """Those of the target that held no copy before."""


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
    allow_auto_topic_creation: bool = True
