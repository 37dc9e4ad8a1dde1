"""Help: what every key does here and everywhere, by the table of actions, and what the words on the screen mean."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.geometry import Size
from textual.screen import ModalScreen
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.actions.table import Action, ActionTable, Context, shown
from tui.dialogs.form import Press
from tui.modes.base import Mode
from tui.painting.help import Entry, Section, paint_help
from tui.painting.line import blank

if TYPE_CHECKING:
    from tui.app import Kafkarium

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


class Page(ScrollView, can_focus=True):
    """The text, which scrolls."""

    def __init__(self, of: Sequence[Section]) -> None:
        super().__init__()
        self._sections = of
        self._lines: list[Strip] = []

    def turn_to(self, of: Sequence[Section]) -> None:
        """Show another text from its beginning."""
        self._sections = of
        self.on_resize()
        self.scroll_home(animate=False)

    def on_resize(self) -> None:
        """Wrap anew."""
        palette = cast("Kafkarium", self.app).palette
        width = self.scrollable_content_region.width
        self._lines = paint_help(self._sections, width - 1, palette)
        self.virtual_size = Size(width, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of what is in view."""
        line, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        strip = self._lines[line] if line < len(self._lines) else blank(width)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)


class HelpScreen(ModalScreen[None]):
    """A page of keys over the mode it is about."""

    CSS_PATH = "help.tcss"

    def __init__(self, mode: Mode, *, words: bool = False) -> None:
        super().__init__()
        self._keys = sections(mode.kafkarium.actions, mode, mode.context())
        self._words = words

    def compose(self) -> ComposeResult:
        """The page, and how to leave it."""
        with Vertical(id="dialog"):
            yield Page(())
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
        self.query_one(Page).turn_to(glossary() if words else self._keys)

    def _turn(self) -> None:
        self._words = not self._words
        self._show()

    def on_key(self, event: events.Key) -> None:
        """Scroll or leave."""
        page = self.query_one(Page)
        match event.key:
            case "escape" | "question_mark" | "q" | "enter":
                self.dismiss()
            case "j" | "down":
                page.scroll_relative(y=1, animate=False)
            case "k" | "up":
                page.scroll_relative(y=-1, animate=False)
            case "space" | "pagedown":
                page.scroll_page_down(animate=False)
            case "pageup":
                page.scroll_page_up(animate=False)
            case "g" | "home":
                page.scroll_home(animate=False)
            case "G" | "end":
                page.scroll_end(animate=False)
            case "w":
                self._turn()
            case "ctrl+s":
                cast("Kafkarium", self.app).save_picture()
            case _:
                return
        event.stop()
