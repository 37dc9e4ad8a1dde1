"""Picks out of a scene which group is shown, who serves each partition, and how firmly; for panels and wires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.snapshot import ConsumerView, GroupOffsetView, GroupView, MemberView
from tui.painting.lab.clients import GONE
from tui.painting.lab.wires import Hold
from tui.scene import Scene

FRESH_MS = 2_500.0


def group_shown(scene: Scene) -> GroupView | None:
    """The group looked at when it has to do with the topic looked at, else the first that has."""
    groups = scene.groups
    looked_at = scene.group
    if looked_at is not None and any(group is looked_at for group in groups):
        return looked_at
    return next(iter(groups), None)


@dataclass(frozen=True, slots=True)
class Held:
    """Who holds a partition: the member's slot, and how."""

    slot: int
    hold: Hold


@dataclass(frozen=True, slots=True)
class Standing:
    """A group in a topic, by partition number."""

    group: GroupView | None
    offsets: Mapping[int, GroupOffsetView]
    held: Mapping[int, Held]
    members: Mapping[str, MemberView]
    consumers: Mapping[str, ConsumerView]
    """Consumers of the lab by member id."""


def stand(scene: Scene) -> Standing:
    """How the group shown stands in the topic looked at."""
    topic, group = scene.topic, group_shown(scene)
    if topic is None or group is None:
        return Standing(group, {}, {}, {}, {})
    name = topic.name
    members = {member.member_id: member for member in group.members}
    consumers = {
        consumer.member_id: consumer
        for consumer in scene.world.consumers
        if consumer.group_id == group.group_id and consumer.member_id
    }
    offsets = {offset.partition: offset for offset in group.offsets if offset.topic == name}
    fresh = _just_moved(group, name, scene.world.now_ms)
    held: dict[int, Held] = {}
    for number, offset in offsets.items():
        owner = members.get(offset.owner) if offset.owner else None
        if owner is None:
            continue
        consumer = consumers.get(owner.member_id)
        if consumer is not None and consumer.state in GONE:
            hold = Hold.BROKEN
        else:
            hold = Hold.FRESH if number in fresh else Hold.FIRM
        held[number] = Held(owner.slot, hold)
    return Standing(group, offsets, held, members, consumers)


def _just_moved(group: GroupView, topic: str, now_ms: float) -> frozenset[int]:
    """Partitions that the last rebalance gave to another, while that is news."""
    if not group.rebalances:
        return frozenset()
    last = group.rebalances[-1]
    if last.ended_ms is not None and now_ms - last.ended_ms > FRESH_MS:
        return frozenset()
    return frozenset(move.tp.partition for move in last.moved if move.tp.topic == topic and move.to is not None)
