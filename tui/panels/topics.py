"""The list of topics. `enter` looks at one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import TopicView
from tui.painting.text import plural
from tui.painting.topics import paint_topic
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedTopic


class Topics(Panel):
    """Every topic of the lab."""

    kind = "topics"
    name_shown = "Topics"

    def title(self, scene: Scene) -> Content:
        """How many there are."""
        return Content(plural(len(scene.world.topics), "topic"))

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        return "No topics yet. Press n to make one."

    def items(self, scene: Scene) -> Sequence[Item]:
        """One a topic."""
        chosen = scene.topic
        return [Item((topic, topic is chosen), SelectedTopic(topic.name)) for topic in scene.world.topics]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One row."""
        topic, chosen = cast("tuple[TopicView, bool]", item.model)
        return [paint_topic(topic, chosen, pen.width, pen.palette)]
