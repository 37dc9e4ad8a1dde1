"""Actions of Records."""

from __future__ import annotations

from tui.actions.table import Action

ACTIONS: tuple[Action, ...] = ()
