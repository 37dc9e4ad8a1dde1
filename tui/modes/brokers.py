"""The mode Brokers: which nodes live, where every copy of a partition stands, and what was lost."""

from __future__ import annotations

from textual.app import ComposeResult

from engine.snapshot import LedgerFigure
from tui.actions.table import Context
from tui.modes.base import Mode
from tui.panels.brokers.copies import Copies
from tui.panels.brokers.ledger import Ledger
from tui.panels.brokers.nodes import Nodes
from tui.panels.lab.happened import Happened
from tui.selection import SelectedBroker, SelectedFigure, SelectedPartition


class BrokersMode(Mode):
    """Brokers."""

    kind = "brokers"
    CSS_PATH = "brokers.tcss"
    AUTO_FOCUS = "#nodes"

    def body(self) -> ComposeResult:
        """The panels."""
        yield Nodes(id="nodes")
        yield Copies(id="copies")
        yield Ledger(id="ledger")
        yield Happened(id="happened")

    async def open(self, context: Context) -> None:
        """From a broker to the copies; from a partition to its records; from a figure to those it counts."""
        match context.selection:
            case SelectedBroker():
                self.query_one(Copies).focus()
            case SelectedPartition(tp):
                context.app.look_at(topic=tp.topic)
                await context.app.visit("records")
            case SelectedFigure(figure):
                await self._open_figure(context, figure)

    async def _open_figure(self, context: Context, figure: LedgerFigure) -> None:
        from tui.dialogs.ledger import LedgerPage

        panel = self.query_one(Ledger)
        book, said = panel.book, panel.said()
        if book is not None:
            records = await context.lab.records_behind(figure)
            since = getattr(book, "since", 0)
            count = getattr(book, figure.column)
            await context.app.push_screen_wait(LedgerPage(figure, said, count, since, records))

    async def back(self, context: Context) -> None:
        """To the brokers."""
        self.query_one(Nodes).focus()
