"""Brokers, and the topics they hold."""

from __future__ import annotations

from dataclasses import dataclass

from engine.snapshot.frozen import view
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class BrokerView:
    """One broker: whether it is up, what it leads, and how large its SQLite file is."""

    broker_id: int
    alive: bool
    controller: bool
    leads: int
    replicas: int
    size_bytes: int
    registered: bool = True
    """Whether the controller takes it for alive; a crashed broker stays so until its session has run out."""
    session_expires_ms: float | None = None
    """When a silent broker's session runs out (lab ms); None when it has none."""
    slow_ms: float = 0.0
    """How much longer each of its writes takes on purpose."""
    full: bool = False
    """Whether its disk takes nothing more."""
    cut_from: tuple[int, ...] = ()
    """Nodes it cannot reach; 0 is the controller."""
    lost_answers: float = 0.0
    """Which share of its answers to producers is lost on purpose."""


@view
class ReplicaView:
    """One copy of a partition; offsets are -1 where the broker is down and was never seen up."""

    broker_id: int
    alive: bool
    log_end_offset: int
    high_watermark: int
    epoch: int
    """The newest leader epoch in its log."""


@view
class PartitionView:
    """One partition, as its leader has it. `leader` is None while nobody leads."""

    topic: str
    partition: int
    leader: int | None
    leader_epoch: int
    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    log_start_offset: int
    high_watermark: int
    log_end_offset: int
    size_bytes: int
    max_timestamp: int
    """The newest record's timestamp, -1 while empty."""
    compacted: bool = False
    copies: tuple[ReplicaView, ...] = ()
    """Its replicas, in the order they are assigned: the first is the preferred leader."""
    target: tuple[int, ...] = ()
    """The brokers it is being moved to (KIP-455); empty when it is not. Meanwhile `replicas` holds old and new."""

    last_stable_offset: int = -1
    """Up to where `read_committed` reads; -1 where that was never seen."""
    open_transactions: tuple[tuple[int, int], ...] = ()
    """(producer id, first offset) of each transaction that is open here, in the order of their offsets."""

    @property
    def tp(self) -> TopicPartition:
        """Its name."""
        return TopicPartition(self.topic, self.partition)

    @property
    def span(self) -> int:
        """How many offsets the log spans; more than its records once it was compacted."""
        return self.log_end_offset - self.log_start_offset


@dataclass(frozen=True, slots=True)
class TopicView:
    """A topic and its partitions, in order; `config` holds what was set, by Kafka's names."""

    name: str
    internal: bool
    replication_factor: int
    config: tuple[tuple[str, str], ...]
    partitions: tuple[PartitionView, ...]
