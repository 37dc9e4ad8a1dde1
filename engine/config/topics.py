"""The settings of topics (`org.apache.kafka.common.config.TopicConfig`), and those of Kafka's own topics."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.setting import MAX_INT, MAX_LONG, Settings, inert, setting
from engine.errors import InvalidConfigError


@dataclass(frozen=True)
class TopicConfig(Settings):
    """A topic's settings."""

    cleanup_policy: tuple[str, ...] = setting(
        "cleanup.policy",
        ("delete",),
        "What happens to old records: deleted, compacted to the newest of each key, or both.",
        choices=("delete", "compact"),
        many=True,
    )
    retention_ms: int = setting(
        "retention.ms", 604_800_000, "How long records are kept; -1 keeps them for ever.", minimum=-1, maximum=MAX_LONG
    )
    retention_bytes: int = setting(
        "retention.bytes", -1, "How large a partition may grow; -1 sets no limit.", minimum=-1, maximum=MAX_LONG
    )
    delete_retention_ms: int = setting(
        "delete.retention.ms", 86_400_000, "How long a tombstone outlives compaction.", minimum=0, maximum=MAX_LONG
    )
    min_compaction_lag_ms: int = setting(
        "min.compaction.lag.ms", 0, "How long a record stays uncompacted at least.", minimum=0, maximum=MAX_LONG
    )
    max_compaction_lag_ms: int = setting(
        "max.compaction.lag.ms",
        MAX_LONG,
        "How long a record stays uncompacted at most, however little of a log is uncompacted.",
        minimum=1,
        maximum=MAX_LONG,
    )
    min_cleanable_dirty_ratio: float = setting(
        "min.cleanable.dirty.ratio",
        0.5,
        "How much of a log must be uncompacted before it is compacted.",
        minimum=0,
        maximum=1,
    )
    max_message_bytes: int = setting(
        "max.message.bytes", 1_048_588, "The largest batch accepted, as it arrives.", minimum=0, maximum=MAX_INT
    )
    message_timestamp_type: str = setting(
        "message.timestamp.type",
        "CreateTime",
        "Whose clock stamps records: the producer's or the broker's.",
        choices=("CreateTime", "LogAppendTime"),
    )
    message_timestamp_before_max_ms: int = setting(
        "message.timestamp.before.max.ms",
        MAX_LONG,
        "How far the timestamp of a record may lie behind the broker's clock.",
        minimum=0,
        maximum=MAX_LONG,
    )
    message_timestamp_after_max_ms: int = setting(
        "message.timestamp.after.max.ms",
        MAX_LONG,
        "How far the timestamp of a record may lie ahead of the broker's clock.",
        kafka=3_600_000,
        minimum=0,
        maximum=MAX_LONG,
        why="for lab time falls behind the clocks of clients from outside",
    )
    compression_type: str = setting(
        "compression.type",
        "producer",
        "The compression stored; `producer` keeps what came.",
        choices=("producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"),
    )
    min_insync_replicas: int = setting(
        "min.insync.replicas", 1, "How many replicas must be in sync for acks=all.", minimum=1, maximum=MAX_INT
    )
    unclean_leader_election_enable: bool = setting(
        "unclean.leader.election.enable",
        False,
        "Whether a replica out of sync may lead when no other can; what it lacks is lost.",
    )
    segment_bytes: int = inert(
        "segment.bytes", 1_073_741_824, "How large a segment may grow.", minimum=14, maximum=MAX_INT
    )
    segment_ms: int = inert("segment.ms", 604_800_000, "How old a segment may grow.", minimum=1, maximum=MAX_LONG)
    segment_jitter_ms: int = inert(
        "segment.jitter.ms", 0, "How much earlier at random a segment is rolled.", minimum=0, maximum=MAX_LONG
    )
    segment_index_bytes: int = inert(
        "segment.index.bytes", 10_485_760, "How large a segment's index may grow.", minimum=4, maximum=MAX_INT
    )
    index_interval_bytes: int = inert(
        "index.interval.bytes", 4_096, "After how many bytes an index entry follows.", minimum=0, maximum=MAX_INT
    )
    flush_messages: int = inert(
        "flush.messages", MAX_LONG, "After how many records a log is flushed.", minimum=1, maximum=MAX_LONG
    )
    flush_ms: int = inert("flush.ms", MAX_LONG, "After how long a log is flushed.", minimum=0, maximum=MAX_LONG)
    file_delete_delay_ms: int = inert(
        "file.delete.delay.ms", 60_000, "How long a deleted segment stays on disk.", minimum=0, maximum=MAX_LONG
    )
    preallocate: bool = inert("preallocate", False, "Whether a new segment takes its room at once.")
    leader_throttled_replicas: str = setting(
        "leader.replication.throttled.replicas",
        "",
        "Which leaders send slowly. Without effect here: there are no quotas.",
        inert=True,
    )
    follower_throttled_replicas: str = setting(
        "follower.replication.throttled.replicas",
        "",
        "Which followers copy slowly. Without effect here: there are no quotas.",
        inert=True,
    )

    def __post_init__(self) -> None:
        """InvalidConfigError for a value that is not accepted, or two that contradict each other."""
        super().__post_init__()
        if self.min_compaction_lag_ms > self.max_compaction_lag_ms:
            raise InvalidConfigError(
                f"min.compaction.lag.ms ({self.min_compaction_lag_ms}) cannot be above max.compaction.lag.ms "
                f"({self.max_compaction_lag_ms})."
            )

    @property
    def limits_times(self) -> bool:
        """Whether the timestamp of a record may lie too far from the broker's clock."""
        return min(self.message_timestamp_before_max_ms, self.message_timestamp_after_max_ms) < MAX_LONG

    @property
    def compacted(self) -> bool:
        """Whether the newest record of each key is what counts."""
        return "compact" in self.cleanup_policy

    @property
    def compacts_by_time(self) -> bool:
        """Whether what is to be compacted depends on how much time has passed."""
        return self.min_compaction_lag_ms > 0 or self.max_compaction_lag_ms < MAX_LONG

    @property
    def deletes(self) -> bool:
        """Whether retention removes old records."""
        return "delete" in self.cleanup_policy


INTERNAL_TOPIC = "__consumer_offsets"

INTERNAL_TOPIC_CONFIG = {"cleanup.policy": "compact", "compression.type": "producer"}

TRANSACTION_TOPIC = "__transaction_state"

TRANSACTION_TOPIC_CONFIG = {
    "cleanup.policy": "compact",
    "compression.type": "uncompressed",
    "unclean.leader.election.enable": "false",
}
