"""The settings of brokers (`KafkaConfig`, `GroupCoordinatorConfig`)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.config.setting import MAX_INT, Settings, setting


@dataclass(frozen=True)
class BrokerConfig(Settings):
    """The brokers' settings, one value for the whole lab."""

    num_partitions: int = setting("num.partitions", 1, "Partitions of a topic made without a number.", minimum=1)
    default_replication_factor: int = setting(
        "default.replication.factor", 1, "Copies of a topic made without a number.", minimum=1
    )
    auto_create_topics_enable: bool = setting(
        "auto.create.topics.enable", True, "Whether asking for an unknown topic makes it."
    )
    delete_topic_enable: bool = setting("delete.topic.enable", True, "Whether topics can be deleted.")
    group_initial_rebalance_delay_ms: int = setting(
        "group.initial.rebalance.delay.ms",
        500,
        "How long an empty group waits for more members before its first assignment.",
        kafka=3_000,
        minimum=0,
        why="so that a first group is at work within a second",
    )
    group_min_session_timeout_ms: int = setting(
        "group.min.session.timeout.ms",
        1_000,
        "The shortest session a member may ask for.",
        kafka=6_000,
        minimum=1,
        why="so that a crash can be shown quickly",
    )
    group_max_session_timeout_ms: int = setting(
        "group.max.session.timeout.ms", 1_800_000, "The longest session a member may ask for.", minimum=1
    )
    group_max_size: int = setting("group.max.size", MAX_INT, "How many members a group may have.", minimum=1)
    group_consumer_assignors: tuple[str, ...] = setting(
        "group.consumer.assignors",
        ("uniform", "range"),
        "The assignors of the consumer protocol; the first one is used where members name none.",
        choices=("uniform", "range"),
        many=True,
    )
    group_consumer_migration_policy: str = setting(
        "group.consumer.migration.policy",
        "bidirectional",
        "Whether a group with members goes over to the other protocol: when the first member of the consumer protocol "
        "joins (upgrade), when the last one leaves (downgrade).",
        choices=("disabled", "downgrade", "upgrade", "bidirectional"),
    )
    group_consumer_session_timeout_ms: int = setting(
        "group.consumer.session.timeout.ms",
        10_000,
        "How long a silent member of the consumer protocol stays in its group.",
        kafka=45_000,
        minimum=1,
        why="so that a crash can be watched",
    )
    group_consumer_heartbeat_interval_ms: int = setting(
        "group.consumer.heartbeat.interval.ms",
        1_000,
        "How often members of the consumer protocol are asked for a heartbeat.",
        kafka=5_000,
        minimum=1,
        why="so that partitions change hands while one looks on",
    )
    group_consumer_regex_refresh_interval_ms: int = setting(
        "group.consumer.regex.refresh.interval.ms",
        600_000,
        "How long what a regular expression of the consumer protocol matches is taken for granted.",
        minimum=10_000,
    )
    group_consumer_max_size: int = setting(
        "group.consumer.max.size", MAX_INT, "How many members a group of the consumer protocol may have.", minimum=1
    )
    offset_metadata_max_bytes: int = setting(
        "offset.metadata.max.bytes", 4_096, "The longest metadata string that may be committed.", minimum=0
    )
    offsets_topic_num_partitions: int = setting(
        "offsets.topic.num.partitions", 50, "Partitions of __consumer_offsets.", minimum=1
    )
    offsets_topic_replication_factor: int = setting(
        "offsets.topic.replication.factor", 3, "Copies of __consumer_offsets, as far as there are brokers.", minimum=1
    )
    offsets_retention_minutes: int = setting(
        "offsets.retention.minutes", 10_080, "How long an empty group's offsets are kept.", minimum=1
    )
    offsets_retention_check_interval_ms: int = setting(
        "offsets.retention.check.interval.ms", 600_000, "How often expired offsets are looked for.", minimum=1
    )
    replica_lag_time_max_ms: int = setting(
        "replica.lag.time.max.ms",
        10_000,
        "How long a follower may lag before it leaves the ISR.",
        kafka=30_000,
        minimum=1,
        why="so that an ISR can be watched shrinking",
    )
    replica_fetch_wait_max_ms: int = setting(
        "replica.fetch.wait.max.ms", 500, "How long a follower's fetch waits for news.", minimum=0
    )
    replica_fetch_backoff_ms: int = setting(
        "replica.fetch.backoff.ms", 1_000, "How long a follower waits after a fetch that failed.", minimum=0
    )
    replica_fetch_max_bytes: int = setting(
        "replica.fetch.max.bytes", 1_048_576, "How much of one partition a follower asks for at once.", minimum=0
    )
    replica_fetch_response_max_bytes: int = setting(
        "replica.fetch.response.max.bytes", 10_485_760, "How much a follower asks for at once.", minimum=0
    )
    broker_heartbeat_interval_ms: int = setting(
        "broker.heartbeat.interval.ms", 2_000, "How often a broker tells the controller that it is alive.", minimum=1
    )
    broker_session_timeout_ms: int = setting(
        "broker.session.timeout.ms", 9_000, "How long a silent broker counts as alive.", minimum=1
    )
    auto_leader_rebalance_enable: bool = setting(
        "auto.leader.rebalance.enable", True, "Whether leadership goes back to the preferred replica by itself."
    )
    leader_imbalance_check_interval_seconds: int = setting(
        "leader.imbalance.check.interval.seconds",
        300,
        "How often leaders are put back to their preferred replica.",
        minimum=1,
    )
    unclean_leader_election_interval_ms: int = setting(
        "unclean.leader.election.interval.ms",
        10_000,
        "How often partitions that nobody leads get an unclean leader, where their topic allows it.",
        kafka=300_000,
        minimum=1,
        why="so that what it costs can be seen soon after it was allowed",
    )
    socket_request_max_bytes: int = setting(
        "socket.request.max.bytes", 104_857_600, "The largest request a client from outside may send.", minimum=1
    )
    connections_max_idle_ms: int = setting(
        "connections.max.idle.ms",
        600_000,
        "How long (real time) a connection from outside may be silent before it is closed.",
        minimum=1,
    )
    max_connections: int = setting(
        "max.connections",
        2_000,
        "How many connections from outside a broker has at once.",
        kafka=MAX_INT,
        minimum=0,
        why="so that a crowd of clients cannot take the memory of the screen",
    )
    max_incremental_fetch_session_cache_slots: int = setting(
        "max.incremental.fetch.session.cache.slots",
        1_000,
        "How many incremental fetch sessions of clients from outside a broker keeps.",
        minimum=0,
    )
    producer_id_expiration_ms: int = setting(
        "producer.id.expiration.ms", 86_400_000, "How long a partition remembers a silent producer.", minimum=1
    )
    producer_id_expiration_check_interval_ms: int = setting(
        "producer.id.expiration.check.interval.ms", 600_000, "How often silent producers are looked for.", minimum=1
    )
    transaction_state_log_num_partitions: int = setting(
        "transaction.state.log.num.partitions", 50, "Partitions of __transaction_state.", minimum=1
    )
    transaction_state_log_replication_factor: int = setting(
        "transaction.state.log.replication.factor",
        3,
        "Copies of __transaction_state, as far as there are brokers.",
        minimum=1,
    )
    transaction_state_log_min_isr: int = setting(
        "transaction.state.log.min.isr",
        2,
        "How many of those copies must be in sync for a transaction to go on.",
        minimum=1,
    )
    transaction_max_timeout_ms: int = setting(
        "transaction.max.timeout.ms", 900_000, "The longest transaction a producer may ask for.", minimum=1
    )
    transactional_id_expiration_ms: int = setting(
        "transactional.id.expiration.ms", 604_800_000, "How long an idle transactional id is remembered.", minimum=1
    )
    transaction_abort_timed_out_transaction_cleanup_interval_ms: int = setting(
        "transaction.abort.timed.out.transaction.cleanup.interval.ms",
        1_000,
        "How often transactions are looked for whose time has run out.",
        kafka=10_000,
        minimum=1,
        why="so that a transaction is aborted soon after its time is over",
    )
    transaction_remove_expired_transaction_cleanup_interval_ms: int = setting(
        "transaction.remove.expired.transaction.cleanup.interval.ms",
        3_600_000,
        "How often transactional ids are looked for that nobody uses any more.",
        minimum=1,
    )
    log_retention_check_interval_ms: int = setting(
        "log.retention.check.interval.ms",
        5_000,
        "How often retention is applied.",
        kafka=300_000,
        minimum=1,
        why="so that retention can be watched",
    )
    log_cleaner_backoff_ms: int = setting(
        "log.cleaner.backoff.ms",
        5_000,
        "How often compaction looks for work.",
        kafka=15_000,
        minimum=0,
        why="so that compaction can be watched",
    )
