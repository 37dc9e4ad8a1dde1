"""Everything about one producer or consumer, over the other panels and as alive as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import ConsumerView, ProducerView
from tui.painting.lab import members, producers
from tui.painting.lab.flow import chart, softened
from tui.painting.line import Line, blank
from tui.painting.text import clean, wrap
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import Selection, client_of

LABEL = 16


class Inspector(Panel):
    """Labels and values, and the last minute."""

    kind = "lab.inspector"
    name_shown = "Details"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.inspected: Selection | None = None
        """What it is about; the keys for producers and consumers work on it."""

    @property
    def selection(self) -> Selection | None:
        """What it is about."""
        return self.inspected

    def title(self, scene: Scene) -> Content:
        """Its name and kind."""
        client = client_of(self.inspected, scene.world)
        if client is None:
            return Content("Gone")
        kind = "producer" if isinstance(client, ProducerView) else "consumer"
        return Content.assemble((clean(client.name), "bold $strong"), (f" · {kind}", "$quiet"))

    def subtitle(self, scene: Scene) -> Content:
        """How to leave."""
        return Content.assemble(("esc", "$primary"), (" back  ", "$quiet"), ("+ -", "$primary"), (" pace", "$quiet"))

    def items(self, scene: Scene) -> Sequence[Item]:
        """A label and its value in each, then the last minute."""
        return self._rows(scene, self.scrollable_content_region.width)

    def height_for(self, scene: Scene, width: int) -> int:
        """How many rows it takes in `width` cells."""
        return sum(item.height for item in self._rows(scene, width))

    def _rows(self, scene: Scene, width: int) -> list[Item]:
        client = client_of(self.inspected, scene.world)
        room = max(10, width - LABEL - 3)
        if client is None:
            return [Item(("", "It is gone. esc leaves."))]
        rows = self._consumer(client, scene) if isinstance(client, ConsumerView) else producers.told(client)
        items = []
        for label, value in rows:
            for at, line in enumerate(wrap(value, room)[:4] or [""]):
                items.append(Item((label if not at else "", line)))
        return [*items, Item(client.history, height=2)]

    def _consumer(self, client: ConsumerView, scene: Scene) -> list[tuple[str, str]]:
        group = scene.world.group(client.group_id)
        found = [member for member in group.members if member.member_id == client.member_id] if group else []
        lag = sum(offset.lag or 0 for offset in group.offsets if offset.tp in client.assignment) if group else 0
        return members.told(client, found[0] if found else None, lag, scene.world.now_ms)

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """A row, or the last minute in two."""
        width, palette = pen.width, pen.palette
        if item.height == 2:
            history = cast("tuple[int, ...]", item.model)
            label = Line(width).to(2).add("last minute".ljust(LABEL), palette.quiet)
            blocks = chart(history, min(60, width - LABEL - 4), 1, max(*history, 1) * 1.3)[0].lstrip()
            return [blank(width), label.add(blocks, softened(palette.flow_in, palette.background)).strip()]
        label_text, value = cast("tuple[str, str]", item.model)
        line = Line(width).to(2).add(label_text.ljust(LABEL), palette.quiet)
        return [line.add(value, palette.error if label_text == "last error" else palette.text).strip()]
