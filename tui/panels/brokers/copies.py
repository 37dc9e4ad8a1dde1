"""Every copy of every partition of the topic looked at: who leads, who is in sync, who catches up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import PartitionView
from engine.wording import plural
from tui.painting.brokers.copies import paint_copies, paint_copies_head
from tui.painting.text import clean
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedPartition


class Copies(Panel):
    """A row a partition, a column a broker."""

    kind = "brokers.copies"
    name_shown = "Copies"
    head_height = 1

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._brokers: tuple[int, ...] = ()

    def title(self, scene: Scene) -> Content:
        """The topic, and how many of its partitions lack a copy."""
        topic = scene.topic
        if topic is None:
            return Content("Copies")
        counts = {len(view.target or view.replicas) for view in topic.partitions}
        copies = plural(max(counts), "copy", "copies") if len(counts) == 1 else f"{min(counts)} to {max(counts)} copies"
        under = sum(len(view.isr) < len(view.replicas) for view in topic.partitions)
        moving = sum(bool(view.target) for view in topic.partitions)
        name = (clean(topic.name), "$strong")
        news = Content.assemble(
            (f"  {moving} being moved" if moving else "", "$primary"),
            (f"  {under} under-replicated" if under else "", "$warning"),
        )
        said = Content.assemble(name, f" · {copies} each  ", ("[ ]", "$primary"), news)
        return said if said.cell_length + 6 <= self.size.width else Content.assemble(name, news)

    def subtitle(self, scene: Scene) -> Content:
        """What the signs mean."""
        signs = ["★ leads", "● in sync", "○ out of sync", "✗ down"]
        topic = scene.topic
        if topic is not None and any(view.target for view in topic.partitions):
            signs += ["◌ comes", "◍ leaves"]
        roomy = "  ".join(signs)
        return Content(roomy if len(roomy) + 6 <= self.size.width else " ".join(signs).replace("out of sync", "out"))

    def nothing(self, scene: Scene) -> str:
        """Before there is a topic."""
        return "No topic yet; press n to make one. With 3 copies a broker may die and nothing is lost."

    def items(self, scene: Scene) -> Sequence[Item]:
        """The partitions of the topic looked at."""
        topic = scene.topic
        self._brokers = tuple(broker.broker_id for broker in scene.world.brokers)
        if topic is None:
            return ()
        return [Item((view, self._brokers), SelectedPartition(view.tp)) for view in topic.partitions]

    def head(self, pen: Pen) -> Sequence[Strip]:
        """The brokers' names."""
        return [paint_copies_head(self._brokers, pen.width, pen.palette)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One line."""
        view, brokers = cast("tuple[PartitionView, tuple[int, ...]]", item.model)
        return paint_copies(view, brokers, pen.width, pen.palette)
