"""Members of the group looked at, and consumers of the lab that should be members and are not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import ConsumerView, GroupProtocol, GroupView, label_of
from engine.wording import plural
from tui.painting.groups.members import (
    Columns,
    MemberRow,
    columns_for,
    member_row,
    outsider_row,
    paint_member,
    paint_member_head,
)
from tui.painting.groups.saying import names
from tui.painting.palette import letter
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedConsumer, SelectedMember


class Members(Panel):
    """One row each."""

    kind = "groups.members"
    name_shown = "Members"
    head_height = 1

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._columns = columns_for((), 0)

    def title(self, scene: Scene) -> Content:
        """How many, and how many newcomers have an id and no more; who they are, while it is folded."""
        group = scene.group
        if group is None or not group.members:
            return Content(self.name_shown)
        said = plural(len(group.members), "member")
        if group.pending_members:
            said = f"{said}, {group.pending_members} pending"
        return Content(f"{said}   {names(labels_of(group), 4)}" if self.size.height < 2 else said)

    def subtitle(self, scene: Scene) -> Content:
        """What the star is."""
        group = scene.group
        if group is None or not group.members:
            return Content("")
        if group.protocol is GroupProtocol.CONSUMER:
            return Content("nobody leads: the coordinator shares out the partitions")
        return Content("★ leader: shares out the partitions")

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        if scene.group is None:
            return "Members, and the heartbeats that keep them in their group."
        return "Nobody is a member. Press c to start a consumer."

    def items(self, scene: Scene) -> Sequence[Item]:
        """Members in the order of their letters, then the others."""
        group = scene.group
        if group is None:
            return ()
        columns = columns_for(group.members, self.scrollable_content_region.width)
        if columns != self._columns:
            self._columns = columns
            self.refresh()
        now_ms = scene.world.now_ms
        consumers = {each.name: each for each in scene.world.consumers if each.group_id == group.group_id}
        items = [
            Item(
                (member_row(member, group, consumers.get(member.client_id), now_ms), columns),
                SelectedMember(group.group_id, member.member_id, member.client_id),
            )
            for member in group.members
        ]
        return items + [
            Item((outsider_row(each), columns), SelectedConsumer(each.name))
            for each in outsiders(group, consumers.values())
        ]

    def head(self, pen: Pen) -> Sequence[Strip]:
        """The headings."""
        return [paint_member_head(self._columns, pen.width, pen.palette)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One row."""
        row, columns = cast("tuple[MemberRow, Columns]", item.model)
        return [paint_member(row, columns, pen.width, pen.palette)]


def labels_of(group: GroupView) -> list[str]:
    """The members' names, each after its letter."""
    return [f"{letter(member.slot)} {label_of(member.client_id, member.member_id)}" for member in group.members]


def outsiders(group: GroupView, consumers: Iterable[ConsumerView]) -> list[ConsumerView]:
    """The lab's consumers of the group that are not its members now."""
    inside = {member.client_id for member in group.members}
    return [each for each in consumers if each.name not in inside]
