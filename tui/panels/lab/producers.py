"""The producers, those of the topic looked at first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import ProducerView
from tui.painting.lab.producers import paint_producer
from tui.painting.text import rate
from tui.panels.lab.base import LabPanel, lines_each
from tui.panels.panel import Item, Pen
from tui.scene import Scene
from tui.selection import SelectedProducer


class Producers(LabPanel):
    """Every producer of the lab."""

    kind = "lab.producers"
    name_shown = "Producers"
    neighbours = ("", "lanes")

    def title(self, scene: Scene) -> Content:
        """How many there are."""
        count = len(scene.world.producers)
        return Content.assemble("Producers", (f" · {count}" if count else "", "$quiet"))

    def subtitle(self, scene: Scene) -> Content:
        """What they send together."""
        total = sum(producer.measured for producer in scene.world.producers)
        return (
            Content.assemble((f"{rate(total)} together", "$quiet")) if len(scene.world.producers) > 1 else Content("")
        )

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        if not any(not topic.internal for topic in scene.world.topics):
            return "Producers stand here. Press n to make a topic first."
        return "Nobody sends. Press p to start a producer."

    def items(self, scene: Scene) -> Sequence[Item]:
        """One a producer."""
        producers, topic = scene.world.producers, scene.topic
        name = topic.name if topic else ""
        lines = lines_each(len(producers), self.rows, 1, 6)
        ordered = sorted(producers, key=lambda producer: producer.topic != name)
        return [
            Item((producer, producer.topic == name, lines), SelectedProducer(producer.name), lines)
            for producer in ordered
        ]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        producer, here, lines = cast("tuple[ProducerView, bool, int]", item.model)
        return paint_producer(producer, here, lines, pen.width, pen.palette, pen.cursor and pen.focused)
