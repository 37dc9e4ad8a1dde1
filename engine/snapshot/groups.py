"""Groups: members, offsets, and the history of their rebalances."""

from __future__ import annotations

from dataclasses import dataclass

from engine.snapshot.frozen import view
from engine.snapshot.states import GroupProtocol, GroupState, MemberState
from engine.types import TopicPartition


@view
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


@view
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


def label_of(client_id: str, member_id: str) -> str:
    """How a member is named to a person: its client id, which the lab keeps unique, or its member id."""
    return client_id or member_id
