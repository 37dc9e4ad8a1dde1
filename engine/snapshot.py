"""What is: the whole world at one instant, as a tree of frozen values that panels paint from.

Each owner in the engine builds its own branch and hands out the same object again while nothing in it has changed,
so `is` tells what must be painted anew. Times are lab ms, sizes bytes, rates per second of lab time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.types import TopicPartition


class GroupState(Enum):
    """The states of a group, of the classic protocol (`ClassicGroupState`) or the consumer's (`ConsumerGroupState`)."""

    EMPTY = "Empty"
    PREPARING_REBALANCE = "PreparingRebalance"
    COMPLETING_REBALANCE = "CompletingRebalance"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"
    DEAD = "Dead"


class GroupProtocol(Enum):
    """How a group's members agree on who reads what (`group.protocol`)."""

    CLASSIC = "classic"
    CONSUMER = "consumer"


class MemberState(Enum):
    """How far a member of the consumer protocol is on the way to its target (`modern.MemberState`)."""

    STABLE = "STABLE"
    UNREVOKED_PARTITIONS = "UNREVOKED_PARTITIONS"
    UNRELEASED_PARTITIONS = "UNRELEASED_PARTITIONS"


class TransactionState(Enum):
    """The states of a transactional id (`org.apache.kafka.coordinator.transaction.TransactionState`)."""

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"
    DEAD = "Dead"
    PREPARE_EPOCH_FENCE = "PrepareEpochFence"


class ClientState(Enum):
    """What a producer or consumer that lives in the lab is doing."""

    RUNNING = "running"
    PAUSED = "paused"
    HUNG = "hung"
    STOPPED = "stopped"
    CRASHED = "crashed"


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


@dataclass(frozen=True, slots=True)
class ReplicaView:
    """One copy of a partition; offsets are -1 where the broker is down and was never seen up."""

    broker_id: int
    alive: bool
    log_end_offset: int
    high_watermark: int
    epoch: int
    """The newest leader epoch in its log."""


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class GroupOffsetView:
    """A group's standing in one partition; None where nothing is committed or nobody owns it.

    `position` is the next offset its owner will hand to its application, known for consumers that live in the lab.
    """

    topic: str
    partition: int
    committed: int | None
    position: int | None
    lag: int | None
    owner: str | None
    """Member id of the owner."""
    metadata: str = ""

    @property
    def tp(self) -> TopicPartition:
        """The partition's name."""
        return TopicPartition(self.topic, self.partition)


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as its coordinator sees it. `slot` (0, 1, ...) stays its own while it is in the group."""

    member_id: str
    client_id: str
    host: str
    software: str
    group_instance_id: str | None
    slot: int
    leader: bool
    assignors: tuple[str, ...]
    topics: tuple[str, ...]
    assignment: tuple[TopicPartition, ...]
    last_heartbeat_ms: float
    session_timeout_ms: int
    session_expires_ms: float
    rebalance_timeout_ms: int
    rejoined: bool
    """In PreparingRebalance: it has sent JoinGroup. In CompletingRebalance: it has sent SyncGroup."""
    epoch: int = -1
    """Consumer protocol: the epoch it has reached; -2 while a static member is away."""
    state: MemberState | None = None
    """Consumer protocol: how far it is on the way to its target."""
    target: tuple[TopicPartition, ...] = ()
    """Consumer protocol: what it is to have in the end."""
    revoking: tuple[TopicPartition, ...] = ()
    """Consumer protocol: the part of its assignment that it was told to give up and has not yet."""
    pattern: str = ""
    """Consumer protocol: the regular expression it subscribes by."""


@dataclass(frozen=True, slots=True)
class Move:
    """Where one partition went in a rebalance, and for how long nobody served it (ms; 0 when it never stopped).

    `from_` and `to` are client ids with member ids, or None for nobody.
    """

    tp: TopicPartition
    from_: str | None
    to: str | None
    unserved_ms: float


@dataclass(frozen=True, slots=True)
class Phase:
    """A stretch of a rebalance: what the group was doing, and when (lab ms; `ended_ms` None while it goes on)."""

    name: str
    sentence: str
    began_ms: float
    ended_ms: float | None


@dataclass(frozen=True, slots=True)
class Rebalance:
    """One rebalance from its cause to its last partition being served again.

    Members are named by `label_of(client_id, member_id)`. `moves` covers every partition of the group, also those
    that stayed (`from_ == to`). `ended_ms` is None while it goes on.
    """

    group_id: str
    from_generation: int
    to_generation: int
    cause: str
    """A sentence: "billing-3 joined"."""
    assignor: str
    cooperative: bool
    began_ms: float
    ended_ms: float | None
    phases: tuple[Phase, ...]
    joined: tuple[str, ...]
    left: tuple[str, ...]
    dropped: tuple[str, ...]
    """Members that did not come back in time."""
    leader: str | None
    moves: tuple[Move, ...]
    protocol: GroupProtocol = GroupProtocol.CLASSIC
    """With the consumer protocol the generations are group epochs."""

    @property
    def moved(self) -> tuple[Move, ...]:
        """The partitions that changed hands."""
        return tuple(move for move in self.moves if move.from_ != move.to)

    @property
    def unserved_ms(self) -> float:
        """The longest time a partition stood unserved."""
        return max((move.unserved_ms for move in self.moves), default=0.0)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group: its state, since when and until when, its members in slot order, its offsets, its rebalances."""

    group_id: str
    state: GroupState
    state_since_ms: float
    deadline_ms: float | None
    """When the present wait ends by itself: the join phase, or waiting for SyncGroup."""
    waiting_for: tuple[str, ...]
    """Labels of members the present phase waits for."""
    generation: int
    protocol_type: str
    assignor: str
    leader: str | None
    coordinator: int | None
    pending_members: int
    members: tuple[MemberView, ...]
    offsets: tuple[GroupOffsetView, ...]
    rebalances: tuple[Rebalance, ...]
    """Newest last."""
    protocol: GroupProtocol = GroupProtocol.CLASSIC
    """With the consumer protocol `generation` is the group epoch."""
    assignment_epoch: int = -1
    """Consumer protocol: the group epoch that the target assignment is for."""

    @property
    def lag(self) -> int:
        """Records of its partitions that it has not committed."""
        return sum(offset.lag or 0 for offset in self.offsets)

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics it has a standing in."""
        return tuple(dict.fromkeys(offset.topic for offset in self.offsets))


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


@dataclass(frozen=True, slots=True)
class ProducerView:
    """A producer that lives in the lab."""

    name: str
    topic: str
    state: ClientState
    template: str
    keys: str
    """Its key rule in words: "no key", "Zipf over 100"."""
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


@dataclass(frozen=True, slots=True)
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
    activity: str = ""
    """What it is doing in words: "processing orders-3 @ 1204"."""
    last_error: str = ""


@dataclass(frozen=True, slots=True)
class Throughput:
    """The lab's last two minutes, one figure a lab second, newest last."""

    produced: tuple[int, ...]
    consumed: tuple[int, ...]
    lag: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProducerLedger:
    """What became of a producer's records on the way into the log."""

    name: str
    acks: str
    sent: int
    acked: int
    """With acks=0 there is nothing to count."""
    lost_acked: int
    """Acknowledged, and gone though nothing was to remove them."""
    lost_unacked: int
    """Never acknowledged, and in no log."""
    since: int = 0
    """Records from this sequence on can be named."""


@dataclass(frozen=True, slots=True)
class GroupLedger:
    """What became of the workload's records in a group: each figure counts records, not deliveries."""

    group_id: str
    once: int
    again: int
    """Processed more than once."""
    never: int
    """Acknowledged, below the committed offset, and not processed."""
    late: int
    """Processed for the first time after a later record of the same producer and key."""


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Every producer and group of the workload, and what became of its records."""

    producers: tuple[ProducerLedger, ...] = ()
    groups: tuple[GroupLedger, ...] = ()


@dataclass(frozen=True, slots=True)
class LedgerFigure:
    """One figure of the ledger: of which producer or group, and in which column (the field's name)."""

    of_group: bool
    name: str
    column: str


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """A record that a figure counts; where it lay, if that is known (`offset` -1 and no `tp` otherwise)."""

    producer: str
    sequence: int
    tp: TopicPartition | None
    offset: int


@dataclass(frozen=True, slots=True)
class AddressView:
    """Where one broker is reached from outside; its port is closed while the broker is down."""

    broker_id: int
    host: str
    port: int
    open: bool


@dataclass(frozen=True, slots=True)
class ConnectionView:
    """A connection from outside. Rates are per second of real time, `number` is its own as long as the lab listens."""

    number: int
    broker_id: int
    client_id: str
    """Empty until its first request."""
    software: str
    """As the client calls itself (ApiVersions 3 and later): "librdkafka"; empty where it does not say."""
    version: str
    address: str
    """Host and port it comes from."""
    requests: int
    requests_per_s: float
    bytes_in_per_s: float
    bytes_out_per_s: float
    last_request: str = ""
    """The name of the newest: "Fetch"."""
    principal: str = ""
    """Who it authenticated as, where the listener asks for that."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """One request that passed on the connection that is watched."""

    at_ms: float
    name: str
    api_version: int
    summary: str
    """What was asked, decoded, on one line."""
    answer: str
    """What was answered; empty while it waits, or when nothing is to be answered."""
    bytes_in: int
    bytes_out: int
    latency_ms: float | None
    """From the last byte of the request to the first of the answer, in real ms; None while it waits."""


@dataclass(frozen=True, slots=True)
class ListeningView:
    """The lab speaks Kafka's protocol: where, to whom, and what passes on the connection that is watched."""

    addresses: tuple[AddressView, ...]
    connections: tuple[ConnectionView, ...] = ()
    beyond_loopback: bool = False
    """Whether other machines may reach it."""
    security: str = "PLAINTEXT"
    """Kafka's word: PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL."""
    watched: int | None = None
    """The number of the connection whose requests are kept."""
    requests: tuple[RequestView, ...] = ()
    """Its last requests, newest last."""


@dataclass(frozen=True, slots=True)
class World:
    """Everything at one instant."""

    lab: str
    now_ms: float
    began_ms: float
    """When this lab was made, so `now_ms - began_ms` is its age."""
    speed: float
    paused: bool
    brokers: tuple[BrokerView, ...]
    topics: tuple[TopicView, ...]
    groups: tuple[GroupView, ...]
    producers: tuple[ProducerView, ...]
    consumers: tuple[ConsumerView, ...]
    throughput: Throughput
    undo: str = ""
    """What `undo` would take back, in words; empty when there is nothing."""
    ledger: LedgerView = LedgerView()
    listening: ListeningView | None = None
    """None while clients from outside cannot connect."""
    transactions: tuple[TransactionView, ...] = ()
    """By transactional id."""

    def topic(self, name: str) -> TopicView | None:
        """The topic of that name."""
        return next((topic for topic in self.topics if topic.name == name), None)

    def group(self, group_id: str) -> GroupView | None:
        """The group of that id."""
        return next((group for group in self.groups if group.group_id == group_id), None)

    def partition(self, tp: TopicPartition) -> PartitionView | None:
        """The partition of that name."""
        topic = self.topic(tp.topic)
        return topic.partitions[tp.partition] if topic and 0 <= tp.partition < len(topic.partitions) else None

    def groups_of(self, topic: str) -> tuple[GroupView, ...]:
        """The groups that have a standing in a topic or a member subscribed to it."""
        return tuple(
            group
            for group in self.groups
            if topic in group.topics or any(topic in member.topics for member in group.members)
        )


def label_of(client_id: str, member_id: str) -> str:
    """How a member is named to a person: its client id, which the lab keeps unique, or its member id."""
    return client_id or member_id
