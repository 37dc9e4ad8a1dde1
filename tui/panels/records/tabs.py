"""The row of partitions. A click chooses one; on the topic's name, the next topic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual import events
from textual.strip import Strip

from tui.painting.records.tabs import ALL, Span, Tabs, paint_tabs
from tui.panels.panel import Item, Pen
from tui.panels.records.base import RecordsPanel
from tui.scene import Scene


class Partitions(RecordsPanel, can_focus=False):
    """Which partition is read, and which others there are."""

    kind = "records.partitions"
    name_shown = "Partitions"

    DEFAULT_CSS = "Partitions { border: none; height: 1; overflow-y: hidden; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._spans: tuple[Span, ...] = ()

    def items(self, scene: Scene) -> Sequence[Item]:
        """One row."""
        topic, tps = scene.topic, self.reader.tps
        if topic is None or not tps:
            return []
        chosen = ALL if len(tps) > 1 else tps[0].partition
        if not 0 <= chosen < len(topic.partitions):
            chosen = ALL if len(topic.partitions) > 1 else 0
        return [Item(Tabs(topic.name, topic.partitions, chosen, len(scene.world.topics) - 1))]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """The row."""
        strip, self._spans = paint_tabs(cast("Tabs", item.model), pen.width, pen.palette)
        return [strip]

    async def on_click(self, event: events.Click) -> None:
        """Choose."""
        span = next((span for span in self._spans if span.start <= event.x < span.stop), None)
        if span is None:
            return
        if span.choice is None:
            self.mode.kafkarium.perform("topic.next")
        else:
            self.mode.read_partition(span.choice)
