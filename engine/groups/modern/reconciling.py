"""The next step of a member towards its target (`CurrentAssignmentBuilder`): first give up, then take over.

A member that has to give up something stays in its epoch until it has (UNREVOKED_PARTITIONS). Then it enters the epoch
of the target with whatever of it is free by now; while others still have the rest, it waits for that
(UNRELEASED_PARTITIONS). So no partition is ever two members' at once, and nobody stops but for what moves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.groups.modern.member import NOTHING, Member
from engine.snapshot import MemberState
from engine.types import TopicPartition


def next_step(
    member: Member,
    target_epoch: int,
    target: frozenset[TopicPartition],
    owned: Iterable[TopicPartition] | None,
    owner_of: Callable[[TopicPartition], str | None],
) -> Member:
    """The member after the step it can take now, or as it is.

    `owned` is what it says it has, None where it does not say. `owner_of` names the member that a partition is with;
    what one has only just given up is free with its next heartbeat, for itself as for others.
    """
    match member.state:
        case MemberState.STABLE if member.epoch == target_epoch:
            return member
        case MemberState.UNREVOKED_PARTITIONS if _still_has(owned, member.revoking):
            return member
    kept = member.assigned & target
    revoking = member.assigned - target
    if revoking and _still_has(owned, revoking):
        return _moved(member, MemberState.UNREVOKED_PARTITIONS, member.epoch, kept, revoking)
    missing = target - kept
    free = {tp for tp in missing if owner_of(tp) is None}
    state = MemberState.STABLE if len(free) == len(missing) else MemberState.UNRELEASED_PARTITIONS
    return _moved(member, state, target_epoch, kept | free, NOTHING)


def _still_has(owned: Iterable[TopicPartition] | None, revoking: frozenset[TopicPartition]) -> bool:
    return owned is None or not revoking.isdisjoint(owned)


def _moved(
    member: Member,
    state: MemberState,
    epoch: int,
    assigned: frozenset[TopicPartition],
    revoking: frozenset[TopicPartition],
) -> Member:
    return replace(
        member, state=state, epoch=epoch, previous_epoch=member.epoch, assigned=frozenset(assigned), revoking=revoking
    )
