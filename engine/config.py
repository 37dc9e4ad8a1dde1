"""Every setting of topics, brokers and groups, with Kafka's name and default, checked where it is set.

A setting is a dataclass field whose metadata is its `Setting`. Where the lab's default differs from Kafka's, the
setting says so and why; the README lists those under Fidelity.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

from engine.errors import InvalidConfigError

MAX_LONG = 2**63 - 1
MAX_INT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Setting:
    """What may be set: Kafka's name and default, the lab's default, what it does, and which values are accepted."""

    name: str
    default: Any
    kafka_default: Any
    doc: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    many: bool = False
    why: str = ""
    """Why the lab's default is not Kafka's."""
    inert: bool = False
    """Taken, kept and shown, so that programs written for Kafka can set it; it changes nothing here."""

    def parse(self, text: str) -> Any:
        """The value `text` stands for; InvalidConfigError says what is accepted instead."""
        kind = type(self.default)
        text = text.strip()
        if self.many:
            parts = tuple(part.strip() for part in text.split(",") if part.strip())
            if not parts or any(part not in self.choices for part in parts):
                raise self._refuse(text, f"one or more of {', '.join(self.choices)}")
            return parts
        if kind is bool:
            if text.lower() not in ("true", "false"):
                raise self._refuse(text, "true or false")
            return text.lower() == "true"
        if kind is str:
            if self.choices and text not in self.choices:
                raise self._refuse(text, f"one of {', '.join(self.choices)}")
            return text
        try:
            value = kind(text)
        except ValueError:
            raise self._refuse(text, "a whole number" if kind is int else "a number") from None
        if (self.minimum is not None and value < self.minimum) or (self.maximum is not None and value > self.maximum):
            raise self._refuse(text, f"{self.minimum} to {self.maximum}" if self.maximum else f"{self.minimum} or more")
        return value

    def text(self, value: Any) -> str:
        """A value as `parse` reads it."""
        if isinstance(value, bool):
            return str(value).lower()
        return ",".join(value) if isinstance(value, tuple) else str(value)

    def _refuse(self, text: str, accepted: str) -> InvalidConfigError:
        return InvalidConfigError(f"{self.name} cannot be {text!r}; it takes {accepted}.")


def _setting(name: str, default: Any, doc: str, *, kafka: Any = None, **limits: Any) -> Any:
    setting = Setting(name, default, default if kafka is None else kafka, doc, **limits)
    return field(default=default, metadata={"setting": setting})


def _inert(name: str, default: Any, doc: str, **limits: Any) -> Any:
    return _setting(
        name, default, f"{doc} Without effect here: logs lie in SQLite, without segments.", inert=True, **limits
    )


class _Settings:
    """What the tables below share: reading overrides, and listing themselves."""

    @classmethod
    def settings(cls) -> dict[str, Setting]:
        """The table, by Kafka's name."""
        return {f.metadata["setting"].name: f.metadata["setting"] for f in fields(cls)}  # type: ignore[arg-type]

    @classmethod
    def of(cls, overrides: Mapping[str, str]) -> Self:
        """Defaults with `overrides` (name to text) applied; InvalidConfigError for an unknown name or bad value."""
        by_name = {f.metadata["setting"].name: f for f in fields(cls)}  # type: ignore[arg-type]
        values = {}
        for name, text in overrides.items():
            if name not in by_name:
                raise InvalidConfigError(f"{name!r} is no setting here; there are: {', '.join(sorted(by_name))}.")
            values[by_name[name].name] = by_name[name].metadata["setting"].parse(str(text))
        return cls(**values)

    def items(self) -> Iterable[tuple[Setting, Any]]:
        """Each setting with its value now."""
        return [(f.metadata["setting"], getattr(self, f.name)) for f in fields(self)]  # type: ignore[arg-type]


@dataclass(frozen=True)
class TopicConfig(_Settings):
    """A topic's settings (`org.apache.kafka.common.config.TopicConfig`)."""

    cleanup_policy: tuple[str, ...] = _setting(
        "cleanup.policy",
        ("delete",),
        "What happens to old records: deleted, compacted to the newest of each key, or both.",
        choices=("delete", "compact"),
        many=True,
    )
    retention_ms: int = _setting(
        "retention.ms", 604_800_000, "How long records are kept; -1 keeps them for ever.", minimum=-1, maximum=MAX_LONG
    )
    retention_bytes: int = _setting(
        "retention.bytes", -1, "How large a partition may grow; -1 sets no limit.", minimum=-1, maximum=MAX_LONG
    )
    delete_retention_ms: int = _setting(
        "delete.retention.ms", 86_400_000, "How long a tombstone outlives compaction.", minimum=0, maximum=MAX_LONG
    )
    min_compaction_lag_ms: int = _setting(
        "min.compaction.lag.ms", 0, "How long a record stays uncompacted at least.", minimum=0, maximum=MAX_LONG
    )
    min_cleanable_dirty_ratio: float = _setting(
        "min.cleanable.dirty.ratio",
        0.5,
        "How much of a log must be uncompacted before it is compacted.",
        minimum=0,
        maximum=1,
    )
    max_message_bytes: int = _setting(
        "max.message.bytes", 1_048_588, "The largest batch accepted, as it arrives.", minimum=0, maximum=MAX_INT
    )
    message_timestamp_type: str = _setting(
        "message.timestamp.type",
        "CreateTime",
        "Whose clock stamps records: the producer's or the broker's.",
        choices=("CreateTime", "LogAppendTime"),
    )
    compression_type: str = _setting(
        "compression.type",
        "producer",
        "The compression stored; `producer` keeps what came.",
        choices=("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"),
    )
    min_insync_replicas: int = _setting(
        "min.insync.replicas", 1, "How many replicas must be in sync for acks=all.", minimum=1, maximum=MAX_INT
    )
    unclean_leader_election_enable: bool = _setting(
        "unclean.leader.election.enable",
        False,
        "Whether a replica out of sync may lead when no other can; what it lacks is lost.",
    )
    segment_bytes: int = _inert(
        "segment.bytes", 1_073_741_824, "How large a segment may grow.", minimum=14, maximum=MAX_INT
    )
    segment_ms: int = _inert("segment.ms", 604_800_000, "How old a segment may grow.", minimum=1, maximum=MAX_LONG)
    segment_jitter_ms: int = _inert(
        "segment.jitter.ms", 0, "How much earlier at random a segment is rolled.", minimum=0, maximum=MAX_LONG
    )
    segment_index_bytes: int = _inert(
        "segment.index.bytes", 10_485_760, "How large a segment's index may grow.", minimum=4, maximum=MAX_INT
    )
    index_interval_bytes: int = _inert(
        "index.interval.bytes", 4_096, "After how many bytes an index entry follows.", minimum=0, maximum=MAX_INT
    )
    flush_messages: int = _inert(
        "flush.messages", MAX_LONG, "After how many records a log is flushed.", minimum=1, maximum=MAX_LONG
    )
    flush_ms: int = _inert("flush.ms", MAX_LONG, "After how long a log is flushed.", minimum=0, maximum=MAX_LONG)
    file_delete_delay_ms: int = _inert(
        "file.delete.delay.ms", 60_000, "How long a deleted segment stays on disk.", minimum=0, maximum=MAX_LONG
    )
    preallocate: bool = _inert("preallocate", False, "Whether a new segment takes its room at once.")
    max_compaction_lag_ms: int = _inert(
        "max.compaction.lag.ms", MAX_LONG, "How long a record stays uncompacted at most.", minimum=1, maximum=MAX_LONG
    )
    leader_throttled_replicas: str = _setting(
        "leader.replication.throttled.replicas",
        "",
        "Which leaders send slowly. Without effect here: there are no quotas.",
        inert=True,
    )
    follower_throttled_replicas: str = _setting(
        "follower.replication.throttled.replicas",
        "",
        "Which followers copy slowly. Without effect here: there are no quotas.",
        inert=True,
    )

    @property
    def compacted(self) -> bool:
        """Whether the newest record of each key is what counts."""
        return "compact" in self.cleanup_policy

    @property
    def deletes(self) -> bool:
        """Whether retention removes old records."""
        return "delete" in self.cleanup_policy


@dataclass(frozen=True)
class BrokerConfig(_Settings):
    """The brokers' settings, one value for the whole lab (`KafkaConfig`, `GroupCoordinatorConfig`)."""

    num_partitions: int = _setting("num.partitions", 1, "Partitions of a topic made without a number.", minimum=1)
    default_replication_factor: int = _setting(
        "default.replication.factor", 1, "Copies of a topic made without a number.", minimum=1
    )
    auto_create_topics_enable: bool = _setting(
        "auto.create.topics.enable", True, "Whether asking for an unknown topic makes it."
    )
    delete_topic_enable: bool = _setting("delete.topic.enable", True, "Whether topics can be deleted.")
    group_initial_rebalance_delay_ms: int = _setting(
        "group.initial.rebalance.delay.ms",
        500,
        "How long an empty group waits for more members before its first assignment.",
        kafka=3_000,
        minimum=0,
        why="so that a first group is at work within a second",
    )
    group_min_session_timeout_ms: int = _setting(
        "group.min.session.timeout.ms",
        1_000,
        "The shortest session a member may ask for.",
        kafka=6_000,
        minimum=1,
        why="so that a crash can be shown quickly",
    )
    group_max_session_timeout_ms: int = _setting(
        "group.max.session.timeout.ms", 1_800_000, "The longest session a member may ask for.", minimum=1
    )
    group_max_size: int = _setting("group.max.size", MAX_INT, "How many members a group may have.", minimum=1)
    group_consumer_assignors: tuple[str, ...] = _setting(
        "group.consumer.assignors",
        ("uniform", "range"),
        "The assignors of the consumer protocol; the first one is used where members name none.",
        choices=("uniform", "range"),
        many=True,
    )
    group_consumer_session_timeout_ms: int = _setting(
        "group.consumer.session.timeout.ms",
        10_000,
        "How long a silent member of the consumer protocol stays in its group.",
        kafka=45_000,
        minimum=1,
        why="so that a crash can be watched",
    )
    group_consumer_heartbeat_interval_ms: int = _setting(
        "group.consumer.heartbeat.interval.ms",
        1_000,
        "How often members of the consumer protocol are asked for a heartbeat.",
        kafka=5_000,
        minimum=1,
        why="so that partitions change hands while one looks on",
    )
    group_consumer_regex_refresh_interval_ms: int = _setting(
        "group.consumer.regex.refresh.interval.ms",
        600_000,
        "How long what a regular expression of the consumer protocol matches is taken for granted.",
        minimum=10_000,
    )
    group_consumer_max_size: int = _setting(
        "group.consumer.max.size", MAX_INT, "How many members a group of the consumer protocol may have.", minimum=1
    )
    offset_metadata_max_bytes: int = _setting(
        "offset.metadata.max.bytes", 4_096, "The longest metadata string that may be committed.", minimum=0
    )
    offsets_topic_num_partitions: int = _setting(
        "offsets.topic.num.partitions", 50, "Partitions of __consumer_offsets.", minimum=1
    )
    offsets_topic_replication_factor: int = _setting(
        "offsets.topic.replication.factor", 3, "Copies of __consumer_offsets, as far as there are brokers.", minimum=1
    )
    offsets_retention_minutes: int = _setting(
        "offsets.retention.minutes", 10_080, "How long an empty group's offsets are kept.", minimum=1
    )
    offsets_retention_check_interval_ms: int = _setting(
        "offsets.retention.check.interval.ms", 600_000, "How often expired offsets are looked for.", minimum=1
    )
    replica_lag_time_max_ms: int = _setting(
        "replica.lag.time.max.ms",
        10_000,
        "How long a follower may lag before it leaves the ISR.",
        kafka=30_000,
        minimum=1,
        why="so that an ISR can be watched shrinking",
    )
    replica_fetch_wait_max_ms: int = _setting(
        "replica.fetch.wait.max.ms", 500, "How long a follower's fetch waits for news.", minimum=0
    )
    replica_fetch_backoff_ms: int = _setting(
        "replica.fetch.backoff.ms", 1_000, "How long a follower waits after a fetch that failed.", minimum=0
    )
    replica_fetch_max_bytes: int = _setting(
        "replica.fetch.max.bytes", 1_048_576, "How much of one partition a follower asks for at once.", minimum=0
    )
    replica_fetch_response_max_bytes: int = _setting(
        "replica.fetch.response.max.bytes", 10_485_760, "How much a follower asks for at once.", minimum=0
    )
    broker_heartbeat_interval_ms: int = _setting(
        "broker.heartbeat.interval.ms", 2_000, "How often a broker tells the controller that it is alive.", minimum=1
    )
    broker_session_timeout_ms: int = _setting(
        "broker.session.timeout.ms", 9_000, "How long a silent broker counts as alive.", minimum=1
    )
    auto_leader_rebalance_enable: bool = _setting(
        "auto.leader.rebalance.enable", True, "Whether leadership goes back to the preferred replica by itself."
    )
    leader_imbalance_check_interval_seconds: int = _setting(
        "leader.imbalance.check.interval.seconds",
        300,
        "How often leaders are put back to their preferred replica.",
        minimum=1,
    )
    unclean_leader_election_interval_ms: int = _setting(
        "unclean.leader.election.interval.ms",
        10_000,
        "How often partitions that nobody leads get an unclean leader, where their topic allows it.",
        kafka=300_000,
        minimum=1,
        why="so that what it costs can be seen soon after it was allowed",
    )
    socket_request_max_bytes: int = _setting(
        "socket.request.max.bytes", 104_857_600, "The largest request a client from outside may send.", minimum=1
    )
    connections_max_idle_ms: int = _setting(
        "connections.max.idle.ms",
        600_000,
        "How long (real time) a connection from outside may be silent before it is closed.",
        minimum=1,
    )
    max_connections: int = _setting(
        "max.connections",
        2_000,
        "How many connections from outside a broker has at once.",
        kafka=MAX_INT,
        minimum=0,
        why="so that a crowd of clients cannot take the memory of the screen",
    )
    max_incremental_fetch_session_cache_slots: int = _setting(
        "max.incremental.fetch.session.cache.slots",
        1_000,
        "How many incremental fetch sessions of clients from outside a broker keeps.",
        minimum=0,
    )
    producer_id_expiration_ms: int = _setting(
        "producer.id.expiration.ms", 86_400_000, "How long a partition remembers a silent producer.", minimum=1
    )
    producer_id_expiration_check_interval_ms: int = _setting(
        "producer.id.expiration.check.interval.ms", 600_000, "How often silent producers are looked for.", minimum=1
    )
    transaction_state_log_num_partitions: int = _setting(
        "transaction.state.log.num.partitions", 50, "Partitions of __transaction_state.", minimum=1
    )
    transaction_state_log_replication_factor: int = _setting(
        "transaction.state.log.replication.factor",
        3,
        "Copies of __transaction_state, as far as there are brokers.",
        minimum=1,
    )
    transaction_state_log_min_isr: int = _setting(
        "transaction.state.log.min.isr",
        2,
        "How many of those copies must be in sync for a transaction to go on.",
        minimum=1,
    )
    transaction_max_timeout_ms: int = _setting(
        "transaction.max.timeout.ms", 900_000, "The longest transaction a producer may ask for.", minimum=1
    )
    transactional_id_expiration_ms: int = _setting(
        "transactional.id.expiration.ms", 604_800_000, "How long an idle transactional id is remembered.", minimum=1
    )
    transaction_abort_timed_out_transaction_cleanup_interval_ms: int = _setting(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        1_000,
        "How often transactions are looked for whose time has run out.",
        kafka=10_000,
        minimum=1,
        why="so that a transaction is aborted soon after its time is over",
    )
    transaction_remove_expired_transaction_cleanup_interval_ms: int = _setting(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        3_600_000,
        "How often transactional ids are looked for that nobody uses any more.",
        minimum=1,
    )
    log_retention_check_interval_ms: int = _setting(
        "log.retention.check.interval.ms",
        5_000,
        "How often retention is applied.",
        kafka=300_000,
        minimum=1,
        why="so that retention can be watched",
    )
    log_cleaner_backoff_ms: int = _setting(
        "log.cleaner.backoff.ms",
        5_000,
        "How often compaction looks for work.",
        kafka=15_000,
        minimum=0,
        why="so that compaction can be watched",
    )


INTERNAL_TOPIC = "__consumer_offsets"

INTERNAL_TOPIC_CONFIG = {"cleanup.policy": "compact", "compression.type": "producer"}

TRANSACTION_TOPIC = "__transaction_state"

TRANSACTION_TOPIC_CONFIG = {
    "cleanup.policy": "compact",
    "compression.type": "uncompressed",
    "unclean.leader.election.enable": "false",
}
