"""The brokers of the lab, the living and the dead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.config import BrokerConfig
from engine.snapshot import BrokerView
from tui.painting.brokers.nodes import height, paint_broker
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedBroker

_SESSION_MS = BrokerConfig().broker_session_timeout_ms


class Nodes(Panel):
    """One item a broker."""

    kind = "brokers.nodes"
    name_shown = "Brokers"

    def title(self, scene: Scene) -> Content:
        """How many live."""
        alive = sum(broker.alive for broker in scene.world.brokers)
        of = " of " if self.size.width >= 32 else "/"
        return Content(f"Brokers · {alive}{of}{len(scene.world.brokers)} alive")

    def items(self, scene: Scene) -> Sequence[Item]:
        """Each broker, with the time until its silence is noticed (tenths of a second)."""
        now, lines = scene.world.now_ms, height(self.scrollable_content_region.width)
        found = []
        for broker in scene.world.brokers:
            expires = broker.session_expires_ms
            left = None if expires is None else max(0.0, round(expires - now, -2))
            found.append(Item((broker, left), SelectedBroker(broker.broker_id), lines))
        return found

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """A few lines."""
        broker, left = cast("tuple[BrokerView, float | None]", item.model)
        return paint_broker(broker, left, _SESSION_MS, pen.width, pen.palette)
