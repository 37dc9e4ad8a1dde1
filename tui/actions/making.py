"""Making topics, producers and consumers, in every mode: one key opens a form whose first enter accepts it as it is."""

from __future__ import annotations

from tui.actions.table import Action

ACTIONS: tuple[Action, ...] = ()
