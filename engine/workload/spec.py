"""What a spawned producer or consumer is asked to do, as plain values that are stored with the lab and shown.

`check` refuses what cannot work, saying what is accepted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

from engine.errors import RefusedError

TEMPLATES = ("orders", "payments", "clicks", "sensors", "chat", "logs")
PARTITIONERS = ("default", "roundrobin", "random")
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
ACKS = ("0", "1", "all")
PROTOCOLS = ("classic", "consumer")
ASSIGNORS = ("range", "roundrobin", "sticky", "cooperative-sticky")
REMOTE_ASSIGNORS = ("uniform", "range")
COMMIT_RULES = ("auto", "after", "before")
ISOLATION_LEVELS = ("read_uncommitted", "read_committed")
KEY_KINDS = ("none", "one", "uniform", "zipf", "field")
MAX_RATE = 200_000.0


@dataclass(frozen=True, slots=True)
class KeyRule:
    """How keys are chosen: none, one key, `n` keys evenly or by Zipf's law, or a field of the template."""

    kind: str = "none"
    n: int = 100
    name: str = ""
    """The one key, or the template's field."""

    def words(self) -> str:
        """The rule as a person reads it."""
        return {
            "none": "no key",
            "one": f"one key: {self.name}",
            "uniform": f"{self.n:,} keys",
            "zipf": f"{self.n:,} keys, Zipf",
            "field": f"key {self.name}",
        }[self.kind]


@dataclass(frozen=True, slots=True)
class ProducerSpec:
    """A producer's workload: `rate` in records/s; None for `name` or `seed` lets the lab choose."""

    topic: str
    name: str | None = None
    template: str = "orders"
    keys: KeyRule = field(default_factory=KeyRule)
    rate: float = 20.0
    acks: str = "all"
    partitioner: str = "default"
    compression: str = "none"
    linger_ms: int = 5
    idempotence: bool = True
    """Whether a batch that is sent again is stored once; it needs acks all, and is without effect otherwise."""
    transactional_id: str = ""
    """With one it sends in transactions; whoever sent with the same id before is fenced."""
    records_per_transaction: int = 50
    abort_every: int = 0
    """Every so manieth transaction is aborted; none with 0."""
    transaction_timeout_ms: int = 60_000
    paused: bool = False
    seed: int | None = None

    def check(self) -> Self:
        """Itself; RefusedError when it cannot work."""
        _one_of("template", self.template, TEMPLATES)
        _one_of("key rule", self.keys.kind, KEY_KINDS)
        _one_of("acks", self.acks, ACKS)
        _one_of("partitioner", self.partitioner, PARTITIONERS)
        _one_of("compression", self.compression, COMPRESSIONS)
        if not 0 <= self.rate <= MAX_RATE:
            raise RefusedError(f"A rate of {self.rate:g} records/s cannot be had; choose 0 to {MAX_RATE:,.0f}.")
        if self.keys.n < 1:
            raise RefusedError("Keys need a number of at least 1.")
        if self.linger_ms < 0:
            raise RefusedError("linger.ms must be 0 or more.")
        if self.transactional_id:
            self._check_transactions()
        return self

    def _check_transactions(self) -> None:
        if self.acks != "all" or not self.idempotence:
            raise RefusedError(
                "Transactions need acks all and idempotence: choose those, or send without a transactional.id."
            )
        if self.records_per_transaction < 1 or self.abort_every < 0:
            raise RefusedError(
                "A transaction has 1 record or more; every first, second ... is aborted, or none with 0."
            )
        if self.transaction_timeout_ms < 1:
            raise RefusedError("transaction.timeout.ms must be 1 or more.")

    def transactions(self) -> str:
        """How it sends in transactions, as a person reads it; empty if it does not."""
        if not self.transactional_id:
            return ""
        each = (
            "1 record each" if self.records_per_transaction == 1 else f"{self.records_per_transaction:,} records each"
        )
        aborted = {0: "all committed", 1: "all aborted"}.get(self.abort_every, f"1 of {self.abort_every:,} aborted")
        return f"{each}, {aborted}"

    def to_json(self) -> dict[str, Any]:
        """Plain values for storage."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(**{**data, "keys": KeyRule(**data["keys"])})

    def with_rate(self, rate: float) -> Self:
        """The same at another rate."""
        return replace(self, rate=rate).check()


@dataclass(frozen=True, slots=True)
class ConsumerSpec:
    """A consumer's workload: `processing_ms` a record, spread by `jitter` (0 to 1) around it.

    `commit`: auto (every `auto_commit_interval_ms`), after processing a poll, or before it. Kafka's default session is
    45 s; the lab's is 10 s so that a crash can be watched. With the consumer protocol the coordinator sets session and
    heartbeats, and `assignor` is one of its own. With `writes_to` it is a processor: it writes what it makes of each
    record there, if `transactional` in one transaction with its offsets.
    """

    group_id: str
    topics: tuple[str, ...]
    name: str | None = None
    assignor: str = "range"
    processing_ms: float = 2.0
    jitter: float = 0.3
    commit: str = "auto"
    auto_commit_interval_ms: int = 5_000
    auto_offset_reset: str = "earliest"
    session_timeout_ms: int = 10_000
    heartbeat_interval_ms: int = 3_000
    max_poll_records: int = 500
    max_poll_interval_ms: int = 300_000
    group_instance_id: str | None = None
    protocol: str = "classic"
    isolation_level: str = "read_uncommitted"
    writes_to: str = ""
    transactional: bool = True
    transaction_timeout_ms: int = 10_000
    paused: bool = False
    seed: int | None = None

    def check(self) -> Self:
        """Itself; RefusedError when it cannot work."""
        _one_of("group protocol", self.protocol, PROTOCOLS)
        _one_of("assignor", self.assignor, REMOTE_ASSIGNORS if self.protocol == "consumer" else ASSIGNORS)
        _one_of("isolation.level", self.isolation_level, ISOLATION_LEVELS)
        if self.writes_to in self.topics:
            raise RefusedError(f"A processor that reads {self.writes_to} and writes to it would never come to an end.")
        if self.transaction_timeout_ms < 1:
            raise RefusedError("transaction.timeout.ms must be 1 or more.")
        _one_of("commit rule", self.commit, COMMIT_RULES)
        _one_of("auto.offset.reset", self.auto_offset_reset, ("earliest", "latest", "none"))
        if not self.group_id:
            raise RefusedError("A consumer needs a group; give it a group id that is not empty.")
        if not self.topics:
            raise RefusedError("A consumer needs at least one topic to subscribe to.")
        if not self.processing_ms >= 0 or not 0 <= self.jitter <= 1:
            raise RefusedError("Processing time must be 0 ms or more, and its jitter between 0 and 1.")
        if self.heartbeat_interval_ms >= self.session_timeout_ms:
            raise RefusedError(
                f"heartbeat.interval.ms ({self.heartbeat_interval_ms}) must be below "
                f"session.timeout.ms ({self.session_timeout_ms}); a third of it is usual."
            )
        return self

    def to_json(self) -> dict[str, Any]:
        """Plain values for storage."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        return cls(**{**data, "topics": tuple(data["topics"])})


def _one_of(what: str, value: str, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise RefusedError(f"{value!r} is no {what}; there are: {', '.join(accepted)}.")
