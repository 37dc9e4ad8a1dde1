"""One line to type into, and beneath it what is accepted, or what is wrong with what was typed."""

from __future__ import annotations

from collections.abc import Callable

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Label, Static

from tui.painting.text import clean

Check = Callable[[str], str]
"""Says what would be done with a text; raises `Wrong`."""


class Wrong(Exception):
    """What was typed makes no sense; the sentence says what is accepted."""


class Prompt(Vertical):
    """Hidden until `ask`; `submit` is called with a text that `check` accepts, and hides it when it returns."""

    DEFAULT_CSS = """
    Prompt {
        height: auto;
        display: none;
        border-top: solid $rule-focus;
        background: $background;
        Horizontal { height: 1; }
        Label { color: $primary; text-style: bold; width: auto; padding: 0 1; }
        Input { background: $background; color: $strong; padding: 0; border: none; height: 1; }
        Input:focus { border: none; background-tint: $foreground 0%; }
        #said { color: $quiet; padding: 0 1; height: auto; max-height: 3; }
        &.wrong #said { color: $text-error; }
    }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._check: Check = str
        self._submit: Callable[[str], None] = lambda _: None
        self._hint = ""

    def compose(self) -> ComposeResult:
        """Label, line, and what is said about it."""
        with Horizontal():
            yield Label("", id="what", markup=False)
            yield Input(compact=True, select_on_focus=False, id="typed")
        yield Static("", id="said", markup=False)

    def ask(self, what: str, text: str, hint: str, check: Check, submit: Callable[[str], None]) -> None:
        """Show it, with the focus on the line; `text` stands there already."""
        self._check, self._submit, self._hint = check, submit, hint
        self.query_one("#what", Label).update(Content(what))
        typed = self.query_one(Input)
        typed.value = text
        typed.cursor_position = len(text)
        self.display = True
        typed.focus()
        self._say(text)

    def close(self) -> None:
        """Hide it."""
        self.display = False

    def complain(self, sentence: str) -> None:
        """Say why what was typed cannot be done."""
        self.set_class(True, "wrong")
        self.query_one("#said", Static).update(Content(clean(sentence)))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        self._say(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._say(event.value):
            self._submit(event.value)

    def _say(self, text: str) -> bool:
        try:
            said, wrong = self._check(text) or self._hint, False
        except Wrong as refused:
            said, wrong = str(refused), True
        self.set_class(wrong, "wrong")
        self.query_one("#said", Static).update(Content(clean(said)))
        return not wrong
