"""Groups as an administrator lists and describes them (KIP-222, KIP-518, KIP-848)."""

from __future__ import annotations

from dataclasses import dataclass

from engine.messages.base import DONE, Outcome, Request


@dataclass(frozen=True, slots=True)
class DescribedMember:
    """A member of a classic group; its subscription (`metadata`) is told while the group is Stable."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    client_host: str
    metadata: bytes = b""
    assignment: bytes = b""


@dataclass(frozen=True, slots=True)
class DescribedGroup:
    """A classic group. One that is not there is Dead and has GROUP_ID_NOT_FOUND."""

    group_id: str
    outcome: Outcome = DONE
    state: str = "Dead"
    protocol_type: str = ""
    protocol: str = ""
    """The assignor; known while the group is Stable."""
    members: tuple[DescribedMember, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribeGroupsResponse:
    """One answer a group, in the order asked."""

    groups: tuple[DescribedGroup, ...]


@dataclass(frozen=True, slots=True)
class DescribeGroupsRequest(Request[DescribeGroupsResponse]):
    """How these classic groups stand, asked of their coordinator."""

    group_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedGroup:
    """A group that a broker coordinates; `group_type` is "classic" or "consumer"."""

    group_id: str
    protocol_type: str
    state: str
    group_type: str = "classic"


@dataclass(frozen=True, slots=True)
class ListGroupsResponse:
    """The groups that match."""

    groups: tuple[ListedGroup, ...]


@dataclass(frozen=True, slots=True)
class ListGroupsRequest(Request[ListGroupsResponse]):
    """The groups this broker coordinates, of these states and types whatever their case; none named: all."""

    states: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
