"""What there is to say about what is selected in the Lab: a client, a member from outside, or a partition."""

from __future__ import annotations

from typing import NamedTuple

from engine.snapshot import ConnectionView, ConsumerView, MemberView, PartitionView, ProducerView, label_of
from tui.painting.lab import told
from tui.painting.lab.copies import least_in_sync
from tui.painting.text import clean
from tui.scene import Scene
from tui.selection import SelectedMember, SelectedPartition, Selection, client_of


class About(NamedTuple):
    """A name, what it is the name of, labels with their values, and records a second over the last minute, if any."""

    name: str
    kind: str
    rows: told.Rows
    history: tuple[int, ...] | None = None


def about(selection: Selection | None, scene: Scene) -> About | None:
    """Everything about it; None when it is gone, or is nothing of which more can be said."""
    world = scene.world
    match client_of(selection, world):
        case ProducerView() as producer:
            return About(clean(producer.name), "producer", told.of_producer(producer), producer.history)
        case ConsumerView() as consumer:
            return _consumer(consumer, scene)
    match selection:
        case SelectedMember(group_id, member_id):
            group = world.group(group_id)
            member = next((each for each in group.members if each.member_id == member_id), None) if group else None
            if group is not None and member is not None:
                rows = told.of_outsider(member, clean(group_id), _lag(member, scene, group_id), world.now_ms)
                rows += told.of_connections(_connections(member, scene))
                return About(clean(label_of(member.client_id, member_id)), "consumer from outside", rows)
        case SelectedPartition(tp):
            log, topic = world.partition(tp), world.topic(tp.topic)
            if log is not None and topic is not None:
                rows = told.of_copies(log, least_in_sync(topic)) + _marks(log, scene)
                return About(clean(str(tp)), "partition", rows)
    return None


def _consumer(consumer: ConsumerView, scene: Scene) -> About:
    group = scene.world.group(consumer.group_id)
    found = [member for member in group.members if member.member_id == consumer.member_id] if group else []
    lag = sum(offset.lag or 0 for offset in group.offsets if offset.tp in consumer.assignment) if group else 0
    rows = told.of_consumer(consumer, found[0] if found else None, lag, scene.world.now_ms)
    return About(clean(consumer.name), "consumer", rows, consumer.history)


def _lag(member: MemberView, scene: Scene, group_id: str) -> int:
    group = scene.world.group(group_id)
    return sum(offset.lag or 0 for offset in group.offsets if offset.owner == member.member_id) if group else 0


def _connections(member: MemberView, scene: Scene) -> list[ConnectionView]:
    """Those of the member's client, as far as its id and its address tell."""
    view = scene.world.listening
    here = view.connections if view else ()
    return [
        each for each in here if each.client_id == member.client_id and each.address.rpartition(":")[0] == member.host
    ]


def _marks(log: PartitionView, scene: Scene) -> told.Rows:
    group = scene.group
    found = [offset for offset in group.offsets if offset.tp == log.tp] if group else []
    return told.of_marks(log, found[0] if found else None, clean(group.group_id) if group and found else "")
