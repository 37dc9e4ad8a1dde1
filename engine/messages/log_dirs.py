"""Where a broker keeps its logs, and how large they are (KIP-113, KIP-827)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.messages.base import Request
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class ReplicaSize:
    """One replica: its bytes, and how many offsets its log end is behind its high watermark."""

    size_bytes: int
    offset_lag: int


@dataclass(frozen=True, slots=True)
class DescribeLogDirsResponse:
    """The broker's only place for logs; bytes are -1 where the system does not tell."""

    path: str
    replicas: Mapping[TopicPartition, ReplicaSize]
    total_bytes: int = -1
    usable_bytes: int = -1


@dataclass(frozen=True, slots=True)
class DescribeLogDirsRequest(Request[DescribeLogDirsResponse]):
    """How much these partitions take on this broker, or all it holds for None."""

    partitions: tuple[TopicPartition, ...] | None = None
