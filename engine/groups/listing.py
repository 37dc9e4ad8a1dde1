"""Groups as an administrator is told of them (`ClassicGroup.asDescribedGroup`)."""

from __future__ import annotations

from engine.groups.group import STABLE, Group
from engine.groups.member import Member
from engine.messages import DescribedGroup, DescribedMember, ListedGroup, ListGroupsRequest


def matches(group: ListedGroup, request: ListGroupsRequest) -> bool:
    """Whether a list of these states and types has it; case does not count (KIP-518, KIP-848)."""
    states, types = ({name.lower() for name in names} for names in (request.states, request.types))
    return (not states or group.state.lower() in states) and (not types or group.group_type in types)


def described(group: Group) -> DescribedGroup:
    """A group with its members; what they subscribe to is told while it is Stable."""
    stable = group.state is STABLE
    return DescribedGroup(
        group.group_id,
        state=group.state.value,
        protocol_type=group.protocol_type or "",
        protocol=(group.protocol or "") if stable else "",
        members=tuple(_member(member, group.protocol if stable else None) for member in group.members.values()),
    )


def _member(member: Member, protocol: str | None) -> DescribedMember:
    return DescribedMember(
        member.member_id,
        member.group_instance_id,
        member.client.client_id,
        f"/{member.client.host}",
        member.metadata(protocol) if protocol is not None else b"",
        member.assignment,
    )
