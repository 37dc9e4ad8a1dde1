"""The mode Groups."""

from __future__ import annotations

from textual.app import ComposeResult

from tui.modes.base import Mode
from tui.panels.topics import Topics


class GroupsMode(Mode):
    """Groups."""

    kind = "groups"
    CSS_PATH = "groups.tcss"

    def body(self) -> ComposeResult:
        """The panels."""
        yield Topics()
