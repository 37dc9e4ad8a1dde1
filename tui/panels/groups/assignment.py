"""Who owns which partition in the group looked at, and how far the group has come in each."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import GroupOffsetView, GroupView, MemberView, label_of
from engine.types import TopicPartition
from engine.wording import plural
from tui.painting.groups.assignment import Grid, grid_for, paint_grid_head, paint_standing, paint_topic_line
from tui.painting.groups.saying import idle_reason, names
from tui.painting.palette import letter
from tui.painting.text import clean, cut, number
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedPartition


class Assignment(Panel):
    """Partitions by members: a letter has it, a small letter is to have it. Left and right move what does not fit."""

    kind = "groups.assignment"
    name_shown = "Assignment"
    head_height = 1

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._first = 0
        self._grid = grid_for((), 80, 0, 0, 0)
        self._slots: dict[str, int] = {}
        self._heirs: dict[TopicPartition, int] = {}
        """Who is to have each partition, with the consumer protocol."""
        self._members: tuple[MemberView, ...] = ()

    def title(self, scene: Scene) -> Content:
        """With why somebody is idle; with the figures of the whole, while it is folded."""
        group = scene.group
        if group is None:
            return Content(self.name_shown)
        name = self.name_shown
        if self.size.height < 2:
            name = f"{name}   {plural(len(group.offsets), 'partition')}, lag {number(group.lag)}"
        idle = idle_words(group)
        return Content.assemble(name, "  ", (idle, "$warning")) if idle else Content(name)

    def subtitle(self, scene: Scene) -> Content:
        """The partition under the cursor in full."""
        group, selected = scene.group, self.selection
        if group is None or not isinstance(selected, SelectedPartition):
            return Content("")
        standing = next((each for each in group.offsets if each.tp == selected.tp), None)
        return Content(_in_full(standing, group) if standing else "")

    def nothing(self, scene: Scene) -> str:
        """What would be here."""
        if scene.group is None:
            return "Which member owns which partition, and how far the group has come in it."
        return "No partitions: nobody reads anything, and nothing is committed."

    def items(self, scene: Scene) -> Sequence[Item]:
        """A line for each topic and one for each of its partitions."""
        group = scene.group
        if group is None:
            return ()
        if group.members is not self._members:
            self._members = group.members
            self._slots = {member.member_id: member.slot for member in group.members}
            self._heirs = {tp: member.slot for member in group.members for tp in member.target}
        top = max((standing.lag or 0 for standing in group.offsets), default=0)
        last = max((standing.committed or 0 for standing in group.offsets), default=0)
        grid = grid_for(group.members, self.scrollable_content_region.width, self._first, top, last)
        if grid != self._grid:
            self._grid = grid
            self.refresh_lines(self.scroll_offset.y, 1)
        grid = self._grid
        items: list[Item] = []
        for topic, standings in groupby(group.offsets, key=lambda standing: standing.topic):
            of_topic = list(standings)
            lag = sum(standing.lag or 0 for standing in of_topic)
            items.append(Item((topic, len(of_topic), lag)))
            view = scene.world.topic(topic)
            parts = view.partitions if view else ()
            for standing in of_topic:
                at = standing.partition
                end = parts[at].high_watermark if at < len(parts) else None
                owner = self._slots.get(standing.owner) if standing.owner else None
                heir = self._heirs.get(standing.tp)
                items.append(
                    Item((standing, end, owner, grid, None if heir == owner else heir), SelectedPartition(standing.tp))
                )
        return items

    def head(self, pen: Pen) -> Sequence[Strip]:
        """Letters and names of figures."""
        return [paint_grid_head(self._grid, pen.width, pen.palette)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """A topic or a partition."""
        model = cast("tuple[object, ...]", item.model)
        if isinstance(model[0], GroupOffsetView):
            standing, end, owner, grid, heir = cast(
                "tuple[GroupOffsetView, int | None, int | None, Grid, int | None]", model
            )
            return [paint_standing(standing, end, owner, grid, pen.width, pen.palette, heir)]
        topic, count, lag = cast("tuple[str, int, int]", model)
        return [paint_topic_line(topic, count, lag, pen.width, pen.palette)]

    def cursor_left(self) -> None:
        """To the members before."""
        self._shift(-1)

    def cursor_right(self) -> None:
        """To the members after."""
        self._shift(1)

    def _shift(self, by: int) -> None:
        before, after = self._grid.hidden
        if (by < 0 and before) or (by > 0 and after):
            self._first = before + by
            self.update()


def idle_words(group: GroupView) -> str:
    """Who owns nothing, and why; empty when everybody owns something or it is being decided just now."""
    idle = [member for member in group.members if not member.assignment]
    reason = idle_reason(idle[0], group) if idle else ""
    if not reason.startswith("idle"):
        return ""
    who = names([label_of(member.client_id, member.member_id) for member in idle], 2)
    return f"{who} {'is' if len(idle) == 1 else 'are'} {reason}"


def _in_full(standing: GroupOffsetView, group: GroupView) -> str:
    def figure(value: int | None) -> str:
        return "–" if value is None else number(value)

    owner = next((member for member in group.members if member.member_id == standing.owner), None)
    by = "served by nobody"
    if owner is not None:
        by = f"served by {letter(owner.slot)} {cut(clean(label_of(owner.client_id, owner.member_id)), 20)}"
    heir = next((member for member in group.members if standing.tp in member.target), None)
    if heir is not None and heir is not owner:
        by = f"{by}, to go to {letter(heir.slot)} {cut(clean(label_of(heir.client_id, heir.member_id)), 20)}"
    return f"P{standing.partition}: committed {figure(standing.committed)}, position {figure(standing.position)}, {by}"
