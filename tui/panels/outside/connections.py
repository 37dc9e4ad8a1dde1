"""Who is connected from outside."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import ConnectionView
from engine.wording import plural
from tui.painting.outside.commands import address_of
from tui.painting.outside.connections import Columns, columns_for, paint_connection, paint_connections_head
from tui.painting.text import clean
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene
from tui.selection import SelectedConnection


class Connections(Panel):
    """One row a connection."""

    kind = "outside.connections"
    name_shown = "Connections"
    head_height = 1

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._columns = Columns(9, 0, 0, 0)

    def title(self, scene: Scene) -> Content:
        """Where the lab is open, and to how many."""
        view = scene.world.listening
        if view is None:
            return Content("Clients from outside")
        count = plural(len(view.connections), "connection")
        where = (clean(address_of(view)), "bold $error" if view.beyond_loopback else "bold $strong")
        return Content.assemble("Open to clients at ", where, (f" · {clean(view.security)} · {count}", "$quiet"))

    def subtitle(self, scene: Scene) -> Content:
        """The ports of the other brokers."""
        view = scene.world.listening
        if view is None:
            return Content("")
        ports = "  ".join(f"b{each.broker_id} :{each.port}{'' if each.open else ' closed'}" for each in view.addresses)
        return Content.styled(ports, "$quiet")

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        view = scene.world.listening
        if view is None:
            return "Nobody outside can connect yet. Press 0 to open the lab to Kafka clients."
        return f"Nobody is connected. Any Kafka client can be, at {clean(address_of(view))}; v shows how."

    def items(self, scene: Scene) -> Sequence[Item]:
        """Each connection, in the order they came."""
        view = scene.world.listening
        if view is None:
            return []
        columns = columns_for(view.connections, self.scrollable_content_region.width)
        if columns != self._columns:
            self._columns = columns
            self.repaint()
        watched = view.watched.connections if view.watched else ()
        return [Item((each, each.number in watched), SelectedConnection(each.number)) for each in view.connections]

    def head(self, pen: Pen) -> Sequence[Strip]:
        """The names of the columns."""
        return [paint_connections_head(self._columns, pen.width, pen.palette)]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """One row."""
        connection, watched = cast("tuple[ConnectionView, bool]", item.model)
        mark = pen.cursor and pen.focused
        return [paint_connection(connection, watched, self._columns, pen.width, pen.palette, mark)]
