"""The mode Brokers: which nodes live, and where every copy of a partition stands."""

from __future__ import annotations

from textual.app import ComposeResult

from tui.actions.table import Context
from tui.modes.base import Mode
from tui.panels.brokers.copies import Copies
from tui.panels.brokers.nodes import Nodes
from tui.panels.lab.happened import Happened
from tui.selection import SelectedBroker, SelectedPartition


class BrokersMode(Mode):
    """Brokers."""

    kind = "brokers"
    CSS_PATH = "brokers.tcss"
    AUTO_FOCUS = "#nodes"

    def body(self) -> ComposeResult:
        """The panels."""
        yield Nodes(id="nodes")
        yield Copies(id="copies")
        yield Happened(id="happened")

    async def open(self, context: Context) -> None:
        """From a broker to the copies; from a partition to its records."""
        match context.selection:
            case SelectedBroker():
                self.query_one(Copies).focus()
            case SelectedPartition(tp):
                context.app.look_at(topic=tp.topic)
                await context.app.switch_mode("records")

    async def back(self, context: Context) -> None:
        """To the brokers."""
        self.query_one(Nodes).focus()
