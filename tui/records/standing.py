"""Where groups stand in a partition, and what that means for one of its records."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from engine.snapshot import GroupOffsetView, GroupView, label_of
from engine.types import TopicPartition
from tui.scene import Scene


class Stage(Enum):
    """How far a group has come with a record."""

    COMMITTED = "committed"
    DELIVERED = "delivered, not committed"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Mark:
    """A group's standing in a partition; `committed` and `position` are None where there is none."""

    group_id: str
    committed: int | None
    position: int | None
    owner: str
    """Label of the member that owns the partition; empty for nobody."""
    slot: int | None
    """That member's slot."""
    chosen: bool
    """It is the group looked at."""

    def stage(self, offset: int) -> Stage:
        """How far it has come with the record at an offset."""
        if self.committed is not None and offset < self.committed:
            return Stage.COMMITTED
        if self.position is not None and offset < self.position:
            return Stage.DELIVERED
        return Stage.WAITING


def group_read(scene: Scene) -> GroupView | None:
    """The group looked at when it has to do with the topic looked at, else the first that has."""
    groups = scene.groups
    return scene.group if scene.group in groups else next(iter(groups), None)


def marks_in(scene: Scene, tp: TopicPartition) -> tuple[Mark, ...]:
    """Every group that has to do with the partition's topic, the one looked at first."""
    chosen = group_read(scene)
    groups = sorted(scene.world.groups_of(tp.topic), key=lambda group: (group is not chosen, group.group_id))
    return tuple(_mark(group, tp, group is chosen) for group in groups)


def _mark(group: GroupView, tp: TopicPartition, chosen: bool) -> Mark:
    standing: GroupOffsetView | None = next((offset for offset in group.offsets if offset.tp == tp), None)
    owner = next((each for each in group.members if standing and each.member_id == standing.owner), None)
    return Mark(
        group.group_id,
        standing.committed if standing else None,
        standing.position if standing else None,
        label_of(owner.client_id, owner.member_id) if owner else "",
        owner.slot if owner else None,
        chosen,
    )


def in_words(mark: Mark, offset: int) -> str:
    """What the group has done with a record, in a clause that follows its name."""
    who = f" by {mark.owner}" if mark.owner else ""
    if mark.committed is None and mark.position is None:
        return f"not consumed yet{who}; it has committed nothing here"
    match mark.stage(offset):
        case Stage.COMMITTED:
            return "consumed and committed"
        case Stage.DELIVERED:
            return f"delivered to {mark.owner}, not committed yet" if mark.owner else "delivered, not committed yet"
        case Stage.WAITING:
            reads = mark.position if mark.position is not None else mark.committed or 0
            ahead = offset - reads
            if not mark.owner:
                return "not consumed yet, and nobody of it reads here now"
            return f"not consumed yet{who}; " + ("it comes next" if not ahead else f"{ahead:,} come before it")
