"""The mode Transactions: which transactional ids there are, how far each has come, and what waits for it."""

from __future__ import annotations

from dataclasses import replace

from textual.app import ComposeResult

from engine.snapshot import TransactionView
from tui.actions.table import Context
from tui.modes.base import Mode
from tui.panels.lab.happened import Happened
from tui.panels.transactions.listing import TransactionList
from tui.panels.transactions.partitions import TransactionPartitions
from tui.panels.transactions.state import TransactionMachine
from tui.scene import Scene
from tui.selection import SelectedPartition, SelectedTransaction

STEADY_MS = 500.0
"""For so long (of real time) an id is shown as it was, for a transaction may be over in a few milliseconds."""


class TransactionsMode(Mode):
    """Transactions."""

    kind = "transactions"
    CSS_PATH = "transactions.tcss"
    AUTO_FOCUS = "#transaction-list"

    def __init__(self) -> None:
        super().__init__()
        self._looked_at = ""
        self._shown: dict[str, tuple[float, TransactionView]] = {}

    def body(self) -> ComposeResult:
        """The panels."""
        yield TransactionList(id="transaction-list")
        yield TransactionMachine(id="state")
        yield TransactionPartitions(id="parts")
        yield Happened(id="happened")

    def took(self, scene: Scene) -> None:
        """Take each id anew when it was shown for long enough; at once while the world goes slowly or stands still."""
        world, shown = scene.world, self._shown
        steady_ms = 0.0 if world.paused else STEADY_MS * world.speed if world.speed >= 1 else 0.0
        self._shown = {}
        for view in world.transactions:
            since_ms, before = shown.get(view.transactional_id, (world.now_ms, view))
            stays = before == view or 0 <= world.now_ms - since_ms < steady_ms
            self._shown[view.transactional_id] = (since_ms, before) if stays else (world.now_ms, view)

    @property
    def shown(self) -> list[TransactionView]:
        """Every id, by name, as it is shown."""
        return [view for _, view in self._shown.values()]

    @property
    def chosen(self) -> TransactionView | None:
        """The id that is looked at: the chosen one, else the first."""
        found = self._shown.get(self._looked_at)
        return found[1] if found is not None else next(iter(self.shown), None)

    def look_at(self, transactional_id: str) -> None:
        """Show another one."""
        if transactional_id != self._looked_at:
            self._looked_at = transactional_id
            for panel in (TransactionList, TransactionMachine, TransactionPartitions):
                self.query_one(panel).update()

    async def open(self, context: Context) -> None:
        """From an id to its partitions; from a partition to the first record of the transaction in it."""
        match context.selection:
            case SelectedTransaction():
                self.query_one(TransactionPartitions).focus()
            case SelectedPartition(tp):
                view, log, app = self.chosen, context.world.partition(tp), self.kafkarium
                open_here = dict(log.open_transactions) if log is not None else {}
                offset = open_here.get(view.producer_id) if view is not None else None
                app.look = replace(app.look, topic=tp.topic, partition=tp, offset=offset)
                await app.visit("records")

    async def back(self, context: Context) -> None:
        """To the ids, and from there to where one came from."""
        ids = self.query_one(TransactionList)
        if self.focused is ids:
            await self.kafkarium.leave()
        else:
            ids.focus()
