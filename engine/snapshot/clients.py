"""The lab's own producers and consumers, transactions, and how much flows."""

from __future__ import annotations

from dataclasses import dataclass

from engine.snapshot.frozen import view
from engine.snapshot.states import ClientState, GroupProtocol, TransactionState
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A transactional id as its coordinator has it."""

    transactional_id: str
    state: TransactionState
    producer_id: int
    producer_epoch: int
    timeout_ms: int
    began_ms: float | None
    """When the transaction was opened; None while there is none."""
    updated_ms: float
    partitions: tuple[TopicPartition, ...]
    """Those that are part of it, or still lack their marker."""
    coordinator: int

    @property
    def deadline_ms(self) -> float | None:
        """When its coordinator aborts it; None while nothing is open."""
        if self.state is not TransactionState.ONGOING or self.began_ms is None:
            return None
        return self.began_ms + self.timeout_ms


@view
class ProducerView:
    """A producer that lives in the lab."""

    name: str
    topic: str
    state: ClientState
    template: str
    keys: str
    """Its key rule in words: "no key", "100 keys, Zipf"."""
    rate: float
    """Records per second it is asked to send."""
    measured: float
    """Records per second acknowledged over the last seconds."""
    history: tuple[int, ...]
    """Acknowledged records in each of the last seconds, newest last."""
    acks: str
    partitioner: str
    compression: str
    sent: int
    acked: int
    failed: int
    buffered: int
    """Records waiting in its buffer."""
    last_error: str = ""
    transactional_id: str = ""
    transactions: str = ""
    """How it sends in transactions, in words: "50 records each, 1 of 4 aborted"; empty if it does not."""


@view
class ConsumerView:
    """A consumer that lives in the lab."""

    name: str
    group_id: str
    topics: tuple[str, ...]
    state: ClientState
    member_id: str
    """Empty until its group knows it."""
    generation: int
    assignment: tuple[TopicPartition, ...]
    positions: tuple[tuple[TopicPartition, int], ...]
    processed: int
    measured: float
    """Records per second processed over the last seconds."""
    history: tuple[int, ...]
    processing_ms: float
    jitter: float
    commit: str
    """Its commit rule: "auto", "after", "before"."""
    assignor: str
    heartbeating: bool
    group_instance_id: str | None = None
    protocol: GroupProtocol = GroupProtocol.CLASSIC
    activity: str = ""
    """What it is doing in words: "processing orders-3 @ 1204"."""
    last_error: str = ""
    isolation_level: str = "read_uncommitted"
    writes_to: str = ""
    """Where a processor writes what it makes of its records; empty for a mere consumer."""
    transactional: bool = False
    """Whether it does so in transactions, together with its offsets."""


@dataclass(frozen=True, slots=True)
class Throughput:
    """The lab's last two minutes, one figure a lab second, newest last."""

    produced: tuple[int, ...]
    consumed: tuple[int, ...]
    lag: tuple[int, ...]
