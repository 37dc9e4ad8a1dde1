"""Asks before something is lost, and says what would be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, cast

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from engine.errors import KafkaError, LabError
from tui.dialogs.form import Press
from tui.painting.text import clean

if TYPE_CHECKING:
    from tui.app import Kafkarium


class Confirm(ModalScreen[bool]):
    """`enter` does it, and keeps the world as a moment before; `escape` does not. When the lab refuses, its sentence is
    shown and nothing was done."""

    CSS_PATH = "form.tcss"

    def __init__(
        self,
        heading: str,
        sentences: Sequence[str],
        verb: str,
        do: Callable[[], Awaitable[object]],
        keep: str = "keep it",
    ) -> None:
        super().__init__()
        self._heading = heading
        self._sentences = tuple(sentences)
        self._verb = verb
        self._keep = keep
        self._do = do
        self._busy = False

    def compose(self) -> ComposeResult:
        """Heading, what would happen, and two keys."""
        with Vertical(id="dialog", classes="destructive") as dialog:
            dialog.border_title = Content(clean(self._heading))
            yield Static(Content("\n".join(clean(sentence) for sentence in self._sentences)), id="consequence")
            yield Static("", id="error", markup=False)
            with Horizontal(id="keys"):
                yield Press("enter", self._verb, self.accept, id="accept")
                yield Press("esc", self._keep, self._refuse, id="cancel")

    def on_mount(self) -> None:
        """Nothing is wrong yet."""
        self.query_one("#error").display = False

    def on_key(self, event: events.Key) -> None:
        """Yes or no; what has begun is carried through first."""
        if self._busy:
            event.stop()
            return
        match event.key:
            case "enter" | "y":
                self.accept()
            case "escape" | "n" | "q":
                self._refuse()
            case "ctrl+s":
                cast("Kafkarium", self.app).save_picture()
            case _:
                return
        event.stop()

    def _refuse(self) -> None:
        if not self._busy:
            self.dismiss(False)

    def accept(self) -> None:
        """Do it."""
        if not self._busy:
            self._busy = True
            self.run_worker(self._accept())

    async def _accept(self) -> None:
        app = cast("Kafkarium", self.app)
        question = self._heading.removesuffix("?")
        await app.attempt(app.lab.moments.keep_before(f"before {question[:1].lower()}{question[1:]}"))
        try:
            await self._do()
        except (KafkaError, LabError) as refused:
            self.query_one("#error", Static).update(Content(f"✗ {clean(str(refused))}"))
            self.query_one("#error").display = True
        else:
            self.dismiss(True)
        finally:
            self._busy = False
