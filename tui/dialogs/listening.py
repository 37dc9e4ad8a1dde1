"""Opening the lab to clients from outside, and what they need to connect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.strip import Strip
from textual.types import CSSPathType
from textual.widgets import Static

from engine.snapshot import ListeningView
from engine.wire.hosts import is_loopback
from tui.arguments import DEFAULT_HOST, DEFAULT_PORT
from tui.dialogs.card import Card
from tui.dialogs.choice import Choice
from tui.dialogs.form import Field, Form, Press
from tui.dialogs.page import Page
from tui.dialogs.reading import FormError, Values, whole
from tui.painting.line import Line
from tui.painting.outside.commands import Recipe, recipes
from tui.painting.palette import Palette
from tui.painting.text import clean
from tui.scene import Scene
from tui.verbs import Lab


class OpenToClients(Form[bool]):
    """Lets Kafka clients connect; answers True when they can."""

    heading = "Open to clients from outside"
    verb = "open"

    def fields(self) -> Sequence[Field]:
        """Where."""
        brokers = len(self.asked_in.world.brokers)
        return (
            Field("host", "address", DEFAULT_HOST,
                  "127.0.0.1: programs on this machine alone. 0.0.0.0, or this machine's own address: others too."),
            Field("port", "port", str(DEFAULT_PORT),
                  f"That of the first broker; the other {brokers - 1} have the next. 0 takes any that are free."
                  if brokers > 1 else "Where the broker is reached. 0 takes any that is free."),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """Who can connect then, where, and what they can do."""
        host, port = self._read(values)
        brokers = self.asked_in.world.brokers
        if is_loopback(host):
            who = "Any Kafka client on this machine can use the lab as its cluster"
        else:
            who = (
                "WARNING: whoever reaches this address over the network can read, write and delete everything in the "
                "lab, without a password"
            )
        if not port:
            return f"{who}. Ports are chosen when it opens."
        where = ", ".join(f"broker {each.broker_id} at {port + at}" for at, each in enumerate(brokers[:3]))
        more = f" and {len(brokers) - 3} more" if len(brokers) > 3 else ""
        return f"{who}: {where}{more}. x closes it again."

    async def apply(self, values: Values, lab: Lab) -> bool:
        """Listen."""
        await lab.listen(*self._read(values))
        return True

    def _read(self, values: Values) -> tuple[str, int]:
        host = values["host"].strip().removeprefix("[").removesuffix("]")
        if not host or any(char.isspace() or not char.isprintable() for char in host):
            raise FormError("host", f"An address is like {DEFAULT_HOST}, a name, or 0.0.0.0 for all this machine has.")
        return host, whole(values, "port", "A port", 0, 65_535)


class HowToConnect(Card[None]):
    """Lines to paste, for each kind of client; `c` copies them, `s` saves them where that cannot be done."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["card.tcss", "listening.tcss"]
    AUTO_FOCUS = "Choice"

    def __init__(self, scene: Scene, view: ListeningView) -> None:
        super().__init__()
        self._recipes = recipes(view, scene)

    def compose(self) -> ComposeResult:
        """Which client, what the lines do, the lines, and the keys."""
        names = tuple(self._recipes)
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content("How a client connects")
            yield Choice(names, names[0], id="which")
            yield Static("", id="says", markup=False)
            yield Page(self._paint, id="page")
            with Horizontal(id="keys"):
                yield Press("c", "copy", self.copy)
                yield Press("s", "save as a file", self.save)
                yield Press("← →", "another client", self._next)
                yield Press("esc", "back", self.dismiss)

    def on_mount(self) -> None:
        """The first client's."""
        self._show()

    def on_choice_changed(self) -> None:
        """Another client's."""
        self._show()

    @property
    def _shown(self) -> Recipe:
        return self._recipes[self.query_one(Choice).value]

    def _next(self) -> None:
        choice = self.query_one(Choice)
        choice.index = (choice.index + 1) % len(choice.options)

    def _show(self) -> None:
        self.query_one("#says", Static).update(Content(clean(self._shown.says)))
        self.query_one(Page).paint_again()

    def _paint(self, width: int, palette: Palette) -> Sequence[Strip]:
        return [Line(width).data(line, palette.strong).strip() for line in self._shown.text.splitlines()]

    def copy(self) -> None:
        """To the clipboard, as far as the terminal allows it (OSC 52)."""
        self.app.copy_to_clipboard(self._shown.text)
        self.kafkarium.say(
            "Copied, if this terminal lets programs do that (OSC 52). If not: s saves it as a file, or mark it with "
            "the mouse while you hold shift."
        )

    def save(self) -> None:
        """As a file beside the lab."""
        self.kafkarium.save(self._shown.file, f"{self._shown.text}\n")

    def press(self, key: str) -> bool:
        """Copy or save; left and right are the choice's."""
        match key:
            case "c" | "y" | "enter":
                self.copy()
            case "s":
                self.save()
            case _:
                return False
        return True
