"""The one table of actions. It feeds dispatch, footer, palette and help; each area of it has a file of its own."""

from __future__ import annotations

from tui.actions import brokers, clients, everywhere, groups, lab, making, moving, outside, records, time
from tui.actions.table import Action, ActionTable, Context

TABLE = ActionTable(
    (
        *making.ACTIONS,
        *brokers.ACTIONS,
        *clients.ACTIONS,
        *lab.ACTIONS,
        *records.ACTIONS,
        *groups.ACTIONS,
        *outside.ACTIONS,
        *time.ACTIONS,
        *everywhere.ACTIONS,
        *moving.ACTIONS,
    )
)

__all__ = ["TABLE", "Action", "ActionTable", "Context"]
