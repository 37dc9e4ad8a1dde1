"""The list of groups. Where its cursor goes, every mode looks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual.content import Content
from textual.strip import Strip

from engine.wording import plural
from tui.painting.groups.listing import Listed, height_of, listed, paint_listed
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedGroup

if TYPE_CHECKING:
    from tui.app import Kafkarium


class GroupList(Panel):
    """Every group of the lab."""

    kind = "groups.list"
    name_shown = "Groups"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._looked_at = ""

    def title(self, scene: Scene) -> Content:
        """How many there are."""
        return Content(plural(len(scene.world.groups), "group") if scene.world.groups else self.name_shown)

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        if not any(not topic.internal for topic in scene.world.topics):
            return "No groups yet. Press n to make a topic, then c to start a consumer."
        return "No groups yet. Press c to start a consumer, which makes one."

    def items(self, scene: Scene) -> Sequence[Item]:
        """One a group."""
        height, chosen = height_of(self.scrollable_content_region.width), scene.group
        return [
            Item(listed(group, group is chosen), SelectedGroup(group.group_id), height) for group in scene.world.groups
        ]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One or two lines."""
        return paint_listed(cast("Listed", item.model), pen.width, pen.palette)

    def update(self) -> None:
        """The cursor follows what is looked at, from wherever that was chosen."""
        super().update()
        group = self.scene.group.group_id if self.scene and self.scene.group else ""
        if group != self._looked_at:
            self._looked_at = group
            self.select(SelectedGroup(group))

    def cursor_moved(self) -> None:
        """Look at the group under the cursor, and at a topic it reads."""
        super().cursor_moved()
        if self.scene is None or not isinstance(self.selection, SelectedGroup):
            return
        group = self.scene.world.group(self.selection.group_id)
        if group is None or group.group_id == self._looked_at:
            return
        self._looked_at = group.group_id
        read = dict.fromkeys((*group.topics, *(topic for member in group.members for topic in member.topics)))
        shown = self.scene.topic
        topic = next(iter(read), None) if read and (shown is None or shown.name not in read) else None
        cast("Kafkarium", self.app).look_at(topic=topic, group=group.group_id)
