"""The mode Records."""

from __future__ import annotations

from textual.app import ComposeResult

from tui.modes.base import Mode
from tui.panels.topics import Topics


class RecordsMode(Mode):
    """Records."""

    kind = "records"
    CSS_PATH = "records.tcss"

    def body(self) -> ComposeResult:
        """The panels."""
        yield Topics()
