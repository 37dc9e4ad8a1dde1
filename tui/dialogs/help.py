"""Help: what every key does here and everywhere, by the table of actions, and what the words on the screen mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.types import CSSPathType

from tui.actions.table import Action, ActionTable, Context, shown
from tui.dialogs.card import Card
from tui.dialogs.form import Press
from tui.dialogs.page import Page
from tui.modes.base import Mode
from tui.painting.help import Entry, Section, paint_help

_MOVING = frozenset(
    {
        "up",
        "down",
        "left",
        "right",
        "page.up",
        "page.down",
        "first",
        "last",
        "panel.next",
        "panel.previous",
        "open",
        "back",
    }
)
_AREAS: tuple[tuple[str, Callable[[Action], bool]], ...] = (
    ("Making and unmaking", lambda action: action.id.endswith(".new") or action.id.startswith(("topic.", "group."))),
    ("What is selected", lambda action: action.id.startswith(("client.", "consumer.")) and action.id != "consumer.new"),
    ("Modes", lambda action: action.id.startswith("mode.")),
    ("Moving", lambda action: action.id in _MOVING),
    ("Everywhere", lambda _: True),
)


def sections(table: ActionTable, mode: Mode, context: Context | None) -> list[Section]:
    """The actions of these places, narrowest first; with a context, those that are disabled say why."""
    panel = context.panel if context else None
    here: list[Action] = list(table.at(mode.places()))
    found: list[Section] = []

    def take(heading: str, wanted: Callable[[Action], bool]) -> None:
        taken = [action for action in here if wanted(action)]
        if taken:
            found.append(Section(heading, [_entry(action, context) for action in taken]))
            here[:] = [action for action in here if action not in taken]

    if panel is not None:
        take(f"Here, in {panel.name_shown}", lambda action: panel.kind in action.where)
    take(f"In {mode.kind.capitalize()}", lambda action: bool(action.where))
    for heading, wanted in _AREAS:
        take(heading, wanted)
    return found


def _entry(action: Action, context: Context | None) -> Entry:
    keys = " ".join(shown(key) for key in action.keys[:3])
    disabled = action.enabled(context) if context is not None else ""
    return Entry(keys, action.label, action.help, disabled, action.destructive)


def glossary() -> list[Section]:
    """The words on the screen, and what each means."""
    from tui.lessons.words import WORDS

    return [
        Section(heading, [Entry("", word, meaning) for word, meaning in words.items()])
        for heading, words in WORDS.items()
    ]


class HelpScreen(Card[None]):
    """A page of keys over the mode it is about."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["card.tcss", "help.tcss"]

    def __init__(self, mode: Mode, *, words: bool = False) -> None:
        super().__init__()
        self._keys = sections(mode.kafkarium.actions, mode, mode.context())
        self._words = words

    def compose(self) -> ComposeResult:
        """The page, and how to leave it."""
        with Vertical(id="dialog"):
            yield Page(lambda width, palette: (), id="page")
            with Horizontal(id="keys"):
                yield Press("esc", "back", self.dismiss)
                yield Press("w", "", self._turn, id="turn")
                yield Press("space", "next page", lambda: self.query_one(Page).scroll_page_down(animate=False))
                yield Press("^p", "find an action by name", self.app.action_command_palette)

    def on_mount(self) -> None:
        """The page that was asked for."""
        self._show()

    def _show(self) -> None:
        words = self._words
        self.query_one("#dialog", Vertical).border_title = Content(
            "What the words mean" if words else "What the keys do"
        )
        self.query_one("#turn", Press).relabel("keys" if words else "words")
        said, page = glossary() if words else self._keys, self.query_one(Page)
        page.show(lambda width, palette: paint_help(said, width - 1, palette))
        page.scroll_home(animate=False)

    def _turn(self) -> None:
        self._words = not self._words
        self._show()

    def press(self, key: str) -> bool:
        """Turn to the other page, or leave."""
        match key:
            case "w":
                self._turn()
            case "?" | "enter":
                self.leave()
            case _:
                return False
        return True
