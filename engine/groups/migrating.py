"""A group that goes over to the other protocol with its members: as records of the one, or as a group of the other.

`ConsumerGroup.fromClassicGroup` and `ClassicGroup.fromConsumerGroup`: what members have, and the generation or epoch,
stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.groups.consumer_protocol import Assignment, encode_assignment
from engine.groups.group import STABLE, Group
from engine.groups.member import Member, read_assignment, read_subscription
from engine.groups.modern.group import ModernGroup, to_parts
from engine.groups.modern.presence import Presences
from engine.groups.modern.records import (
    ClassicMember,
    Current,
    CurrentKey,
    GroupEpoch,
    GroupEpochKey,
    Key,
    MemberKey,
    MemberMetadata,
    Target,
    TargetEpoch,
    TargetEpochKey,
    TargetKey,
    Value,
)
from engine.snapshot import MemberState


def upgraded(group: Group, ids: Mapping[str, bytes]) -> list[tuple[Key, Value]]:
    """The records of a group of the consumer protocol with the members of a classic one."""
    group_id, epoch = group.group_id, group.generation
    records: list[tuple[Key, Value]] = [(MemberKey(group_id, it.member_id), _said(it, group)) for it in _members(group)]
    records.append((GroupEpochKey(group_id), GroupEpoch(epoch)))
    shares = {
        member.member_id: to_parts(
            (tp for tp in read_assignment("consumer", member.assignment) if tp.topic in ids), ids
        )
        for member in _members(group)
    }
    records += [(TargetKey(group_id, member_id), Target(parts)) for member_id, parts in shares.items()]
    records.append((TargetEpochKey(group_id), TargetEpoch(epoch)))
    for member_id, parts in shares.items():
        records.append((CurrentKey(group_id, member_id), Current(epoch, epoch, MemberState.STABLE, parts, ())))
    return records


def _members(group: Group) -> list[Member]:
    return list(group.members.values())


def _said(member: Member, group: Group) -> MemberMetadata:
    chosen = dict(member.protocols).get(group.protocol or "", member.protocols[0][1])
    subscription = read_subscription("consumer", chosen)
    return MemberMetadata(
        member.group_instance_id,
        subscription.rack_id if subscription is not None else None,
        member.client.client_id,
        member.client.host,
        tuple(sorted(set(subscription.topics))) if subscription is not None else (),
        None,
        member.rebalance_timeout_ms,
        None,
        ClassicMember(member.session_timeout_ms, member.protocols),
    )


def downgraded(group: ModernGroup, presences: Presences, now_ms: float) -> Group:
    """A classic group, Stable, of members that all speak the classic protocol; each has what its target was."""
    made = Group(group.group_id, now_ms)
    for member in group.members.values():
        said, presence = member.said, presences.of(member.member_id)
        assert said.classic is not None
        made.add(
            Member(
                member.member_id,
                presence.client,
                said.instance_id,
                said.classic.session_timeout_ms,
                said.rebalance_timeout_ms,
                "consumer",
                said.classic.protocols,
                encode_assignment(Assignment(tuple(sorted(group.target_of(member.member_id))))),
                heard_ms=presence.heard_ms,
            )
        )
    made.state, made.generation, made.protocol = STABLE, group.epoch, made.select_protocol()
    made.subscribed = made.subscribed_topics()
    return made
