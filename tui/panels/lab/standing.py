"""Picks out of a scene which group is shown, who serves each partition, and how firmly; for panels and wires."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from engine.snapshot import ConsumerView, GroupOffsetView, GroupProtocol, GroupView, MemberView, Move, label_of
from tui.painting.lab.clients import GONE
from tui.painting.lab.wires import Hold
from tui.scene import Scene

FRESH_MS = 4_000.0


def group_shown(scene: Scene) -> GroupView | None:
    """The group looked at when it has to do with the topic looked at, else the first that has."""
    groups = scene.groups
    looked_at = scene.group
    if looked_at is not None and any(group is looked_at for group in groups):
        return looked_at
    return next(iter(groups), None)


class Held(NamedTuple):
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
    """Consumers of the lab by the member id they have, or had before they ended."""
    ghosts: frozenset[str]
    """Members whose consumer ended without a word: the group does not know yet."""


NOBODY = Standing(None, {}, {}, {}, {}, frozenset())


def stand(scene: Scene) -> Standing:
    """How the group shown stands in the topic looked at."""
    topic, group = scene.topic, group_shown(scene)
    if topic is None or group is None:
        return NOBODY
    name = topic.name
    members = {member.member_id: member for member in group.members}
    consumers, ghosts = _consumers(scene, group)
    offsets = {offset.partition: offset for offset in group.offsets if offset.topic == name}
    fresh = {move.tp.partition for move in just_moved(scene, group) if move.tp.topic == name and move.to is not None}
    held: dict[int, Held] = {}
    for number, offset in offsets.items():
        owner = members.get(offset.owner) if offset.owner else None
        if owner is None:
            continue
        fresh_or_firm = Hold.FRESH if number in fresh else Hold.FIRM
        held[number] = Held(owner.slot, Hold.BROKEN if owner.member_id in ghosts else fresh_or_firm)
    return Standing(group, offsets, held, members, consumers, ghosts)


def _consumers(scene: Scene, group: GroupView) -> tuple[dict[str, ConsumerView], frozenset[str]]:
    """The lab's consumer behind each member, and the members whose consumer is there no more.

    One that crashed forgets its member id, and one that was restarted gets another; its name stays.
    """
    by_name = {consumer.name: consumer for consumer in scene.world.consumers if consumer.group_id == group.group_id}
    found: dict[str, ConsumerView] = {}
    ghosts = set()
    for member in group.members:
        consumer = by_name.get(member.client_id)
        if consumer is None:
            continue
        found[member.member_id] = consumer
        if consumer.state in GONE or (consumer.member_id and consumer.member_id != member.member_id):
            ghosts.add(member.member_id)
    return found, frozenset(ghosts)


def just_moved(scene: Scene, group: GroupView) -> tuple[Move, ...]:
    """What the last rebalance gave from one to another, while that is news (for seconds of real time)."""
    if not group.rebalances:
        return ()
    last, now_ms = group.rebalances[-1], scene.world.now_ms
    if last.ended_ms is not None and now_ms - last.ended_ms > FRESH_MS * max(1.0, scene.world.speed):
        return ()
    if last.ended_ms is None and last.protocol is GroupProtocol.CONSUMER:
        return tuple(move for move in last.moved if _owner(group, move) == move.to)
    return last.moved


def _owner(group: GroupView, move: Move) -> str | None:
    owner = next((member for member in group.members if move.tp in member.assignment), None)
    return None if owner is None else label_of(owner.client_id, owner.member_id)
