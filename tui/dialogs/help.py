"""Help: what every key does, here and everywhere, generated from the table of actions."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.actions.table import Action, shown
from tui.modes.base import Mode


class HelpScreen(ModalScreen[None]):
    """Every action of the mode's panel, of the mode, and of every place."""

    BINDINGS = [("escape,question_mark,q,enter", "dismiss", "back")]

    def __init__(self, mode: Mode) -> None:
        super().__init__()
        self._mode = mode

    def compose(self) -> ComposeResult:
        """A page that scrolls."""
        with VerticalScroll():
            for action in self._mode.kafkarium.actions.at(self._mode.places()):
                yield Static(_line(action))


def _line(action: Action) -> Content:
    keys = " ".join(shown(key) for key in action.keys)
    return Content.assemble((keys.ljust(14), "$primary"), (action.label.ljust(16), "bold"), action.help)
