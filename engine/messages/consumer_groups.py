"""Membership of the consumer protocol (KIP-848): one heartbeat to join, stay, take over, give up and leave."""

from __future__ import annotations

from dataclasses import dataclass

from engine.messages.base import Request
from engine.types import TopicPartition

JOIN_EPOCH, LEAVE_EPOCH, LEAVE_STATIC_EPOCH = 0, -1, -2
"""Member epochs that ask for something: to join, to leave for good, to be away for a while as a static member."""


@dataclass(frozen=True, slots=True)
class ConsumerGroupHeartbeatResponse:
    """The epoch the member is in; `assignment` is what it may have from now on, None where nothing has changed."""

    member_id: str
    member_epoch: int
    heartbeat_interval_ms: int
    assignment: tuple[TopicPartition, ...] | None = None


@dataclass(frozen=True, slots=True)
class ConsumerGroupHeartbeatRequest(Request[ConsumerGroupHeartbeatResponse]):
    """The member is alive. What has not changed since the last heartbeat is None, or -1; joining tells everything.

    `partitions` are those it owns; one that it was told to give up is given up when it is no longer among them.
    """

    group_id: str
    member_id: str
    member_epoch: int
    group_instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    topics: tuple[str, ...] | None = None
    pattern: str | None = None
    """A regular expression of RE2 that topic names have to match as a whole; empty for none."""
    server_assignor: str | None = None
    partitions: tuple[TopicPartition, ...] | None = None


@dataclass(frozen=True, slots=True)
class DescribedConsumer:
    """A member as its coordinator knows it; `target` is what it is to have in the end."""

    member_id: str
    group_instance_id: str | None
    rack_id: str | None
    member_epoch: int
    client_id: str
    client_host: str
    topics: tuple[str, ...]
    pattern: str | None
    assignment: tuple[TopicPartition, ...]
    target: tuple[TopicPartition, ...]
    classic: bool = False
    """Whether it speaks the classic protocol."""


@dataclass(frozen=True, slots=True)
class ConsumerGroupDescribeResponse:
    """The group's state, its epochs, and its members."""

    group_id: str
    state: str
    group_epoch: int
    assignment_epoch: int
    assignor: str
    members: tuple[DescribedConsumer, ...]


@dataclass(frozen=True, slots=True)
class ConsumerGroupDescribeRequest(Request[ConsumerGroupDescribeResponse]):
    """Describe one group of the consumer protocol; raises GroupIdNotFoundError where there is none."""

    group_id: str
