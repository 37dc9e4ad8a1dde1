"""Members that speak the classic protocol in a group of the consumer protocol: the online migration of KIP-848.

The coordinator assigns for them, too. What they have to give up or may take over they learn by joining again, and they
own what their subscriptions say.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.errors import (
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.modern.group import ModernGroup
from engine.groups.modern.member import Member
from engine.groups.reasons import names
from engine.snapshot import MemberState


def only_classic(group: ModernGroup) -> bool:
    """Whether it has members, and all of them speak the classic protocol."""
    return bool(group.members) and all(member.classic is not None for member in group.members.values())


def check_protocols(group: ModernGroup, protocol_type: str, protocols: Iterable[tuple[str, bytes]]) -> None:
    """InconsistentGroupProtocolError for who offers nothing that all others of the classic protocol offer, too."""
    others = [member.classic for member in group.members.values() if member.classic is not None]
    offered = [name for name, _ in protocols]
    shared = [name for name in offered if all(name in dict(other.protocols) for other in others)]
    if protocol_type != "consumer" or not shared:
        raise InconsistentGroupProtocolError(
            f"{group.group_id} has no assignor in common with what is offered ({names(offered)})."
        )


def member_of(group: ModernGroup, member_id: str, instance_id: str | None, generation: int) -> Member:
    """A member that speaks the classic protocol, of its own generation: the epoch it has reached.

    UnknownMemberIdError, FencedInstanceIdError, IllegalGenerationError.
    """
    member = group.member(member_id) if instance_id is None else group.holder(instance_id, member_id)
    if member.classic is None:
        raise UnknownMemberIdError(f"{member.label} speaks the consumer protocol, in which nobody joins or syncs.")
    if generation != member.epoch:
        raise IllegalGenerationError(f"{member.label} is in generation {member.epoch}, not {generation}.")
    return member


def protocol_of(member: Member) -> str:
    """What it is told was chosen: its first; the coordinator's assignor is another."""
    return member.classic.protocols[0][0] if member.classic is not None else ""


def check_sync(group: ModernGroup, member: Member, protocol_type: str | None, protocol_name: str | None) -> None:
    """InconsistentGroupProtocolError for who speaks of another protocol, RebalanceInProgressError for who is behind."""
    told = ("consumer", protocol_of(member))
    for said, one in zip((protocol_type, protocol_name), told, strict=True):
        if said not in (None, one):
            raise InconsistentGroupProtocolError(f"{member.label} goes by {one}, not by {said}.")
    if group.epoch > member.epoch and member.state is not MemberState.UNREVOKED_PARTITIONS:
        raise RebalanceInProgressError(f"{group.group_id} is in epoch {group.epoch}; {member.label} has to join again.")


def has_to_rejoin(group: ModernGroup, member: Member) -> bool:
    """Whether there is something to catch up with, to give up, or to take over."""
    if member.epoch < group.epoch or member.state is MemberState.UNREVOKED_PARTITIONS:
        return True
    missing = group.target_of(member.member_id) - member.assigned
    return member.state is MemberState.UNRELEASED_PARTITIONS and not any(tp in group.owners for tp in missing)
