"""The producers, those of the topic looked at first, before them the processors that write to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import ConsumerView, ProducerView, World
from engine.wording import plural
from tui.painting.lab.producers import paint_producer, paint_writer
from tui.painting.text import rate
from tui.panels.lab.base import LabPanel, lines_each
from tui.panels.panel import Item, Pen
from tui.scene import Scene
from tui.selection import SelectedConsumer, SelectedProducer

_ROOMY = 34
"""Cells from which on the title names processors."""


class Producers(LabPanel):
    """Every producer of the lab."""

    kind = "lab.producers"
    name_shown = "Producers"
    neighbours = ("", "lanes")

    def title(self, scene: Scene) -> Content:
        """How many there are, and how many processors write here besides."""
        count = len(scene.world.producers)
        writers = len(writers_to(scene.topic.name, scene.world)) if scene.topic else 0
        more = f" · {plural(writers, 'processor')}" if writers and self.size.width >= _ROOMY else ""
        return Content.assemble("Producers", (f" · {count}" if count else "", "$quiet"), (more, "$quiet"))

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
        """One a processor that writes here, and one a producer."""
        producers, topic = scene.world.producers, scene.topic
        name = topic.name if topic else ""
        writers = writers_to(name, scene.world)
        lines = lines_each(len(producers) + len(writers), self.rows, 1, 6)
        ordered = sorted(producers, key=lambda producer: producer.topic != name)
        return [
            *(Item((writer, lines), SelectedConsumer(writer.name), lines) for writer in writers),
            *(
                Item((producer, producer.topic == name, lines), SelectedProducer(producer.name), lines)
                for producer in ordered
            ),
        ]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        if isinstance(item.selection, SelectedConsumer):
            writer, lines = cast("tuple[ConsumerView, int]", item.model)
            return paint_writer(writer, lines, pen.width, pen.palette, pen.cursor and pen.focused)
        producer, here, lines = cast("tuple[ProducerView, bool, int]", item.model)
        return paint_producer(producer, here, lines, pen.width, pen.palette, pen.cursor and pen.focused)


def writers_to(topic: str, world: World) -> list[ConsumerView]:
    """The processors that write to a topic."""
    return [each for each in world.consumers if topic and each.writes_to == topic]
