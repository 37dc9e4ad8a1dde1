"""A group as its coordinator keeps it, whichever protocol its members speak (`Group`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from engine.coordinators.writer import LogRecord
from engine.groups.committed import Committed
from engine.groups.member import Reply
from engine.groups.rebalance import History
from engine.groups.records import OffsetValue
from engine.messages import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    LeaveGroupResponse,
    ListedGroup,
    OffsetCommitRequest,
    OffsetFetchRequest,
    SyncGroupRequest,
    SyncGroupResponse,
    TxnOffsetCommitRequest,
)
from engine.snapshot import GroupState
from engine.types import ClientInfo, TopicPartition


class Coordinated(ABC):
    """One group with its members, its committed offsets and its history."""

    kind: ClassVar[str]
    """What a list of groups calls it."""

    def __init__(self, group_id: str, history: History) -> None:
        self.group_id = group_id
        self.history = history
        self.committed = Committed()

    @property
    @abstractmethod
    def state(self) -> GroupState:
        """What it is doing."""

    @property
    @abstractmethod
    def protocol_type(self) -> str:
        """What its members are, "consumer" mostly; "" where there never was any."""

    @property
    @abstractmethod
    def bare(self) -> bool:
        """Whether there is nothing to it: no offsets, and never any member."""

    @property
    @abstractmethod
    def empty(self) -> bool:
        """Whether it has no members, and none that is about to be."""

    @abstractmethod
    def resume(self) -> None:
        """Go on after loading: every session starts anew."""

    @abstractmethod
    def die(self) -> None:
        """Stop: the group is deleted, or another broker's. What waits is sent to look for the coordinator."""

    @abstractmethod
    def anew(self) -> Coordinated:
        """The same group as its log has it, to be resumed: nothing is under way."""

    @abstractmethod
    def tombstones(self) -> list[LogRecord]:
        """What makes the log forget the group."""

    def drop_topic(self, topic: str) -> None:
        """The topic is gone, and nobody misses its partitions."""
        self.history.drop_topic(topic)

    def listed(self) -> ListedGroup:
        """The group in a list (`asListedGroup`)."""
        return ListedGroup(self.group_id, self.protocol_type, self.state.value, self.kind)

    # What members of the classic protocol ask: answered now or later, where it is not refused by a KafkaError

    @abstractmethod
    def join(self, client: ClientInfo, request: JoinGroupRequest, reply: Reply[JoinGroupResponse]) -> None:
        """Join or rejoin."""

    @abstractmethod
    def sync(self, request: SyncGroupRequest, reply: Reply[SyncGroupResponse]) -> None:
        """Ask for an assignment."""

    @abstractmethod
    def heartbeat(self, request: HeartbeatRequest) -> None:
        """The member is alive; it is told to rejoin by REBALANCE_IN_PROGRESS."""

    @abstractmethod
    def leave(self, request: LeaveGroupRequest, reply: Reply[LeaveGroupResponse]) -> None:
        """Members go, of their own will or by an administrator's; answered with an error for each, in order."""

    # Its offsets

    @abstractmethod
    def is_subscribed_to(self, topic: str) -> bool:
        """Whether a member wants `topic`."""

    @abstractmethod
    def ages_since(self, value: OffsetValue) -> int | None:
        """Since when (ms) a committed offset has been ageing; None while it does not (`offsetExpirationCondition`)."""

    def expired(self, now_ms: int, retention_ms: int) -> list[TopicPartition]:
        """Whose committed offsets nobody has needed for `retention_ms` (`OffsetExpirationConditionImpl`)."""
        found = []
        for tp, value in self.committed.in_force.items():
            since = self.ages_since(value)
            if since is None or self.is_subscribed_to(tp.topic) or self.committed.is_under_way(tp):
                continue
            over = now_ms >= value.expire_timestamp if value.expire_timestamp >= 0 else now_ms - since >= retention_ms
            if over:
                found.append(tp)
        return found

    # Who may do what: each raises the KafkaError that is the answer

    @abstractmethod
    def check_commit(self, request: OffsetCommitRequest) -> None:
        """Refuse a commit out of turn."""

    @abstractmethod
    def check_transactional_commit(self, request: TxnOffsetCommitRequest) -> None:
        """Refuse a member out of turn; who names no member is asked nothing (KIP-447)."""

    @abstractmethod
    def check_fetch(self, request: OffsetFetchRequest) -> None:
        """Refuse to tell offsets to a member out of turn; anybody else may ask."""

    @abstractmethod
    def check_delete_offsets(self) -> None:
        """Refuse to forget offsets while nobody can tell whether they are needed."""

    @abstractmethod
    def check_delete(self) -> None:
        """Refuse to delete a group that has members."""
