"""The requests of the connection that is watched, as they pass, newest below."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import ConnectionView, RequestView
from tui.painting.outside.requests import lines_of, paint_request
from tui.painting.text import clean, plural
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene


def watched(scene: Scene) -> ConnectionView | None:
    """The connection that is watched, while it lasts."""
    view = scene.world.listening
    return next((each for each in view.connections if each.number == view.watched), None) if view else None


class Requests(Panel):
    """A line about each, and what it says."""

    kind = "outside.requests"
    name_shown = "Requests"

    def title(self, scene: Scene) -> Content:
        """Whose they are."""
        view, connection = scene.world.listening, watched(scene)
        if view is None or view.watched is None:
            return Content("Requests")
        name = clean(connection.client_id) or "a client without id" if connection else "one that is gone"
        where = f" to b{connection.broker_id}" if connection else ""
        return Content.assemble("Requests of ", (name, "bold $strong"), (where, "$quiet"))

    def subtitle(self, scene: Scene) -> Content:
        """How many are kept."""
        view = scene.world.listening
        if view is None or not view.requests:
            return Content("")
        return Content.styled(f"the last {plural(len(view.requests), 'request')}", "$quiet")

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        view = scene.world.listening
        if view is None or not view.connections:
            return "What a client asks, and what it is answered, passes here."
        if view.watched is None:
            return "Put the cursor on a connection and press enter: its requests pass here, decoded."
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
