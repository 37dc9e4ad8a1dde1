"""The mode Lab."""

from __future__ import annotations

from textual.app import ComposeResult

from tui.modes.base import Mode
from tui.panels.topics import Topics


class LabMode(Mode):
    """Lab."""

    kind = "lab"
    CSS_PATH = "lab.tcss"

    def body(self) -> ComposeResult:
        """The panels."""
        yield Topics()
