"""The requests of the client that is watched, as they pass, newest below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import ConnectionView, RequestView
from engine.wording import plural
from tui.painting.outside.requests import lines_of, paint_request
from tui.painting.text import clean
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene


def _where(connections: Sequence[ConnectionView]) -> str:
    """By how many connections it asks, and which brokers."""
    if not connections:
        return ", who is gone"
    brokers = ", ".join(f"b{broker_id}" for broker_id in sorted({each.broker_id for each in connections}))
    return f" to {brokers}" if len(connections) == 1 else f" on {len(connections)} connections to {brokers}"


class Requests(Panel):
    """A line about each, and what it says."""

    kind = "outside.requests"
    name_shown = "Requests"

    def title(self, scene: Scene) -> Content:
        """Whose they are."""
        view = scene.world.listening
        if view is None or view.watched is None:
            return Content("Requests")
        connections = [each for each in view.connections if each.number in view.watched.connections]
        name = clean(view.watched.client_id) or "a client without id"
        return Content.assemble("Requests of ", (name, "bold $strong"), (_where(connections), "$quiet"))

    def subtitle(self, scene: Scene) -> Content:
        """How many are kept."""
        view = scene.world.listening
        if view is None or not view.requests:
            return Content("")
        several = view.watched is not None and len(view.watched.connections) > 1
        more = " · enter again: one connection alone" if several else ""
        return Content.styled(f"the last {plural(len(view.requests), 'request')}{more}", "$quiet")

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        view = scene.world.listening
        if view is None or not view.connections:
            return "What a client asks, and what it is answered, passes here."
        if view.watched is None:
            return "Put the cursor on a connection and press enter: what its client asks passes here, decoded."
        return "It has asked nothing since it is watched."

    def items(self, scene: Scene) -> Sequence[Item]:
        """Each request."""
        view = scene.world.listening
        width = self.scrollable_content_region.width
        began_ms = scene.world.began_ms
        requests = view.requests if view else ()
        return [Item((each, began_ms), height=lines_of(each, width)) for each in requests]

    def update(self) -> None:
        """Stay at the newest unless somebody scrolled back."""
        follow, before = self._at_end, self.items_shown
        super().update()
        if follow and self.items_shown != before:
            self.call_after_refresh(self.scroll_end, animate=False)

    @property
    def _at_end(self) -> bool:
        return self.scroll_offset.y >= self.max_scroll_y - 1

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its lines."""
        request, began_ms = cast("tuple[RequestView, float]", item.model)
        return paint_request(request, began_ms, pen.width, pen.palette)

    def cursor_first(self) -> None:
        """To the oldest."""
        self.scroll_home(animate=False)

    def cursor_last(self) -> None:
        """To the newest, where it stays."""
        self.scroll_end(animate=False)
