"""Consumer groups: membership of the classic protocol, and committed offsets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from engine.errors import ErrorCode
from engine.messages.base import Request
from engine.types import OffsetAndMetadata, TopicPartition


@dataclass(frozen=True, slots=True)
class JoinedMember:
    """A member as its group's leader sees it: `metadata` is the subscription in the chosen protocol."""

    member_id: str
    group_instance_id: str | None
    metadata: bytes


@dataclass(frozen=True, slots=True)
class JoinGroupResponse:
    """The new generation; only the leader is told the members."""

    generation_id: int
    protocol_name: str
    leader: str
    member_id: str
    members: tuple[JoinedMember, ...] = ()
    skip_assignment: bool = False


@dataclass(frozen=True, slots=True)
class JoinGroupRequest(Request[JoinGroupResponse]):
    """Join or rejoin; answered when the generation is complete. `protocols` are (assignor, subscription bytes)."""

    group_id: str
    member_id: str
    protocols: tuple[tuple[str, bytes], ...]
    session_timeout_ms: int
    rebalance_timeout_ms: int
    group_instance_id: str | None = None
    protocol_type: str = "consumer"
    requires_known_member_id: bool = True
    reason: str = ""
    knows_skipping: bool = True
    """Whether a leader that comes back can be told that there is nothing to assign (KIP-814)."""


@dataclass(frozen=True, slots=True)
class SyncGroupResponse:
    """The member's own assignment, in the consumer protocol's bytes."""

    assignment: bytes
    protocol_name: str | None = None


@dataclass(frozen=True, slots=True)
class SyncGroupRequest(Request[SyncGroupResponse]):
    """Ask for the assignment of a generation; the leader brings it for all, by member id."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None
    assignments: Mapping[str, bytes] = field(default_factory=dict)
    protocol_type: str | None = None
    protocol_name: str | None = None
    """What the member believes was chosen; None where it does not say."""


@dataclass(frozen=True, slots=True)
class HeartbeatResponse:
    """The member is alive and its generation is the group's."""


@dataclass(frozen=True, slots=True)
class HeartbeatRequest(Request[HeartbeatResponse]):
    """The member is alive."""

    group_id: str
    generation_id: int
    member_id: str
    group_instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class LeavingMember:
    """Who leaves; a static member may be named by its instance id alone."""

    member_id: str = ""
    group_instance_id: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class LeaveGroupResponse:
    """An error for each leaving member, in order."""

    errors: tuple[ErrorCode, ...]


@dataclass(frozen=True, slots=True)
class LeaveGroupRequest(Request[LeaveGroupResponse]):
    """Members go, of their own will or removed by an administrator."""

    group_id: str
    members: tuple[LeavingMember, ...]


@dataclass(frozen=True, slots=True)
class OffsetCommitResponse:
    """An error for each partition."""

    errors: Mapping[TopicPartition, ErrorCode]


@dataclass(frozen=True, slots=True)
class OffsetCommitRequest(Request[OffsetCommitResponse]):
    """Commit the next offsets to read. Without a member: generation -1, accepted while the group is empty."""

    group_id: str
    offsets: Mapping[TopicPartition, OffsetAndMetadata]
    generation_id: int = -1
    member_id: str = ""
    group_instance_id: str | None = None
    told: bool = False
    """Whoever sends it tells by himself what he has done."""
    knows_epochs: bool = True
    """Whether the sender can be a member of the consumer protocol, and knows its errors (version 9 and later)."""


@dataclass(frozen=True, slots=True)
class OffsetFetchResponse:
    """What is committed; partitions without a commit are left out.

    Of those that are `unstable` nothing is told, though it was asked for what is stable: a transaction is open.
    """

    offsets: Mapping[TopicPartition, OffsetAndMetadata]
    unstable: frozenset[TopicPartition] = frozenset()


@dataclass(frozen=True, slots=True)
class OffsetFetchRequest(Request[OffsetFetchResponse]):
    """The committed offsets of a group, for the partitions named or all for None.

    A member of the consumer protocol may say who it is: one that speaks of another epoch is refused.
    """

    group_id: str
    partitions: tuple[TopicPartition, ...] | None = None
    require_stable: bool = False
    member_id: str | None = None
    member_epoch: int = -1


@dataclass(frozen=True, slots=True)
class OffsetDeleteResponse:
    """An error for each partition."""

    errors: Mapping[TopicPartition, ErrorCode]


@dataclass(frozen=True, slots=True)
class OffsetDeleteRequest(Request[OffsetDeleteResponse]):
    """Forget committed offsets of partitions the group is not subscribed to (KIP-496)."""

    group_id: str
    partitions: tuple[TopicPartition, ...]
    told: bool = False
    """Whoever sends it tells by himself what he has done."""


@dataclass(frozen=True, slots=True)
class DeleteGroupsResponse:
    """An error for each group."""

    errors: Mapping[str, ErrorCode]


@dataclass(frozen=True, slots=True)
class DeleteGroupsRequest(Request[DeleteGroupsResponse]):
    """Delete empty groups with all their offsets."""

    group_ids: tuple[str, ...]
