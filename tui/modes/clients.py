"""The mode Clients: who is connected from outside, and the requests of one of them as they pass."""

from __future__ import annotations

from textual.app import ComposeResult

from tui.actions.table import Context
from tui.modes.base import Mode
from tui.panels.outside.connections import Connections
from tui.panels.outside.notices import Notices
from tui.panels.outside.requests import Requests
from tui.scene import Scene
from tui.selection import SelectedConnection


class ClientsMode(Mode):
    """Clients from outside."""

    kind = "clients"
    CSS_PATH = "clients.tcss"
    AUTO_FOCUS = "#connections"

    def body(self) -> ComposeResult:
        """The panels."""
        yield Notices(id="notices")
        yield Connections(id="connections")
        yield Requests(id="requests")

    def took(self, scene: Scene) -> None:
        """The notices take as much room as they need."""
        panel = self.query_one(Notices)
        height = panel.height_for(scene, self.size.width)
        panel.display = height > 0
        panel.styles.height = height

    async def open(self, context: Context) -> None:
        """Watch the client whose connection this is; again, the connection alone; and again, nobody."""
        match context.selection:
            case SelectedConnection(number):
                view = context.world.listening
                watched = view.watched if view else None
                if watched is None or number not in watched.connections:
                    context.lab.watch_client(number)
                elif watched.alone or len(watched.connections) == 1:
                    context.lab.watch_client(None)
                else:
                    context.lab.watch_client(number, alone=True)

    async def back(self, context: Context) -> None:
        """To the connections, and from there to where one came from."""
        connections = self.query_one(Connections)
        if self.focused is connections:
            await self.kafkarium.leave()
        else:
            connections.focus()
