"""A member of a group as its coordinator knows it (`ClassicGroupMember`), and the way an answer takes to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.clock import Timer
from engine.errors import InvalidRequestError, KafkaError
from engine.groups.consumer_protocol import Subscription, decode_assignment, decode_subscription
from engine.messages import JoinGroupResponse, SyncGroupResponse
from engine.snapshot import label_of
from engine.types import ClientInfo, TopicPartition

R = TypeVar("R")

Protocols = tuple[tuple[str, bytes], ...]


class Reply(Generic[R]):
    """Where the answer to one request goes, now or later; only the first counts."""

    __slots__ = ("_done",)

    def __init__(self, done: Callable[[R | KafkaError], None]) -> None:
        self._done: Callable[[R | KafkaError], None] | None = done

    def answer(self, answer: R | KafkaError) -> None:
        """Give the response, or the error that takes its place."""
        done, self._done = self._done, None
        if done is not None:
            done(answer)


@dataclass(slots=True, eq=False)
class Member:
    """One member: what it asked for, what it was given, and which of its requests wait for an answer."""

    member_id: str
    client: ClientInfo
    group_instance_id: str | None
    session_timeout_ms: int
    rebalance_timeout_ms: int
    protocol_type: str
    protocols: Protocols
    """(assignor, subscription bytes), the one it likes best first."""
    assignment: bytes = b""
    slot: int = 0
    new: bool = False
    """It has not seen a generation yet: until then its session runs even while it waits to join."""
    heard_ms: float = 0.0
    """When it last sent anything."""
    session: Timer | None = None
    session_ends_ms: float = 0.0
    joining: Reply[JoinGroupResponse] | None = None
    syncing: Reply[SyncGroupResponse] | None = None
    subscription: Subscription | None = None
    """What its first protocol says, where that is the consumer protocol."""

    def __post_init__(self) -> None:
        self.subscribe(self.protocols)

    @property
    def label(self) -> str:
        """How it is named to a person."""
        return label_of(self.client.client_id, self.member_id)

    @property
    def static(self) -> bool:
        """Whether it has a `group.instance.id` (KIP-345)."""
        return self.group_instance_id is not None

    @property
    def waits(self) -> bool:
        """Whether a request of its own is parked here, so that no heartbeat can be asked of it."""
        return not self.new and (self.joining is not None or self.syncing is not None)

    @property
    def assignors(self) -> tuple[str, ...]:
        """The assignors it offers, the one it likes best first."""
        return tuple(name for name, _ in self.protocols)

    @property
    def topics(self) -> tuple[str, ...]:
        """What it subscribes to, as far as that can be read."""
        return self.subscription.topics if self.subscription else ()

    def subscribe(self, protocols: Protocols) -> None:
        """Take over what a JoinGroup offers."""
        self.protocols = protocols
        self.subscription = read_subscription(self.protocol_type, protocols[0][1]) if protocols else None

    def metadata(self, protocol: str) -> bytes:
        """Its subscription in the chosen protocol."""
        return dict(self.protocols)[protocol]

    def vote(self, candidates: Iterable[str]) -> str:
        """The candidate it likes best."""
        wanted = set(candidates)
        return next(name for name, _ in self.protocols if name in wanted)

    def answer_join(self, answer: JoinGroupResponse | KafkaError) -> None:
        """Answer its waiting JoinGroup, if there is one."""
        reply, self.joining = self.joining, None
        if reply is not None:
            reply.answer(answer)

    def answer_sync(self, answer: SyncGroupResponse | KafkaError) -> bool:
        """Answer its waiting SyncGroup; whether there was one."""
        reply, self.syncing = self.syncing, None
        if reply is not None:
            reply.answer(answer)
        return reply is not None

    def stop_session(self) -> None:
        """Its heartbeats are no longer asked for."""
        if self.session is not None:
            self.session.cancel()
            self.session = None


def read_subscription(protocol_type: str, data: bytes) -> Subscription | None:
    """What a consumer's JoinGroup says; None for other protocols and bytes that cannot be read."""
    if protocol_type != "consumer":
        return None
    try:
        return decode_subscription(data)
    except InvalidRequestError:
        return None


def read_assignment(protocol_type: str, data: bytes) -> frozenset[TopicPartition]:
    """The partitions a consumer is given; none for other protocols and bytes that cannot be read."""
    if protocol_type != "consumer":
        return frozenset()
    try:
        return frozenset(decode_assignment(data).partitions)
    except InvalidRequestError:
        return frozenset()
