"""The base of every dialog that asks: fields filled in already, the consequence in words, errors where they belong.

`enter` accepts from any field, `escape` leaves. Nothing is called before the fields make sense; when the lab refuses
all the same, its sentence is shown and the form stays as it was filled in.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.css.query import NoMatches
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.types import CSSPathType
from textual.widget import Widget
from textual.widgets import Input, Label, Static

from engine.errors import KafkaError, LabError
from tui.dialogs.choice import Choice
from tui.dialogs.reading import FormError, Values
from tui.dialogs.typing import Entry
from tui.painting.text import clean
from tui.scene import Scene

if TYPE_CHECKING:
    from tui.app import Kafkarium
    from tui.verbs import Lab

T = TypeVar("T")
_AROUND = 12
"""Rows of a form beside its fields: border, hint, what is said in three rows, keys."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a form. With `choices` it is one of these, else text."""

    name: str
    label: str
    value: str
    hint: str
    """A sentence about it, shown while it has the focus."""
    choices: tuple[str, ...] = ()
    suggestions: tuple[str, ...] = ()
    when: Callable[[Values], bool] | None = None
    """Whether it is asked at all, by the other values."""
    placeholder: str = ""

    @property
    def id(self) -> str:
        """Its name as a selector: dots are not allowed there."""
        return self.name.replace(".", "-")


class Row(Horizontal):
    """A field with its label."""

    def __init__(self, field: Field) -> None:
        super().__init__(id=f"row-{field.id}")
        self.field = field

    def compose(self) -> ComposeResult:
        """Label and widget."""
        field = self.field
        yield Label(Content(field.label), classes="label")
        if field.choices:
            yield Choice(field.choices, field.value, id=f"field-{field.id}")
        else:
            yield Entry(
                field.value,
                id=f"field-{field.id}",
                compact=True,
                placeholder=field.placeholder,
                select_on_focus=False,
                suggester=SuggestFromList(field.suggestions) if field.suggestions else None,
            )


class Form(ModalScreen[T | None], Generic[T]):
    """A dialog with fields; dismissed with what `apply` returns, or None when it was left."""

    CSS_PATH: ClassVar[CSSPathType | None] = "form.tcss"
    AUTO_FOCUS = "Choice, Input"

    heading: ClassVar[str] = ""
    verb: ClassVar[str] = "create"
    """What `enter` does, in a word."""
    destructive: ClassVar[bool] = False

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.asked_in = scene
        self._fields: tuple[Field, ...] = ()
        self._busy = False
        self._ahead: list[events.Key] = []

    # What a subclass says ----------------------------------------------------------------------------------

    def fields(self) -> Sequence[Field]:
        """The fields, in order, filled in."""
        raise NotImplementedError

    def consequence(self, values: Values) -> str:
        """What accepting would do, in a sentence or two; may raise what `apply` may raise."""
        return ""

    async def apply(self, values: Values, lab: Lab) -> T:
        """Check the values and call the verb. Raises FormError, KafkaError or LabError, shown in place."""
        raise NotImplementedError

    def title_shown(self) -> str:
        """The title in the border."""
        return self.heading

    # Composition -------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        """Title, fields, hint, consequence, error and keys."""
        self._fields = tuple(self.fields())
        with Vertical(id="dialog", classes="destructive" if self.destructive else "") as dialog:
            dialog.border_title = Content(clean(self.title_shown()))
            with VerticalScroll(id="fields", can_focus=False):
                for field in self._fields:
                    yield Row(field)
            yield Static("", id="hint", markup=False)
            with Vertical(id="said"):
                yield Static("", id="consequence", markup=False)
                yield Static("", id="error", markup=False)
            with Horizontal(id="keys"):
                yield Press("enter", self.verb, self.accept, id="accept")
                if len(self._fields) > 1:
                    yield Press("tab", "next field", self.focus_next, id="next")
                yield Press("esc", "cancel", lambda: self.dismiss(None), id="cancel")

    def on_mount(self) -> None:
        """Say the consequence of what is filled in."""
        self._changed()

    def on_resize(self, event: events.Resize) -> None:
        """Fields scroll where they would push the keys off the screen."""
        self.query_one("#fields").styles.max_height = max(event.size.height * 96 // 100 - _AROUND, 2)

    # Values ------------------------------------------------------------------------------------------------

    def values(self) -> dict[str, str]:
        """What is filled in, by name of field; fields that are not asked keep what they held."""
        return {field.name: self._widget(field.name).value for field in self._fields}

    def fill(self, name: str, value: str) -> None:
        """Fill in a field."""
        self._widget(name).value = value

    def _widget(self, name: str) -> Input | Choice:
        found: Widget = self.query_one(f"#field-{name.replace('.', '-')}")
        assert isinstance(found, Input | Choice)
        return found

    @on(Input.Changed)
    @on(Choice.Changed)
    def _on_change(self) -> None:
        self._changed()

    def _changed(self) -> None:
        try:
            values = self.values()
        except NoMatches:
            return  # still being composed
        for field in self._fields:
            self.query_one(f"#row-{field.id}").display = field.when is None or field.when(values)
        try:
            sentence, error = self.consequence(values), ""
        except (FormError, KafkaError, LabError) as refused:
            sentence, error = "", str(refused)
        self._say(sentence, error)

    def _say(self, sentence: str, error: str) -> None:
        self.query_one("#consequence", Static).update(Content(clean(sentence)))
        self.query_one("#consequence").display = bool(sentence)
        self.query_one("#error", Static).update(Content(f"✗ {clean(error)}"))
        self.query_one("#error").display = bool(error)

    def on_descendant_focus(self) -> None:
        """Show the hint of the field that has the focus."""
        field = self._focused_field()
        self.query_one("#hint", Static).update(Content(field.hint if field else ""))

    def _focused_field(self) -> Field | None:
        focused = self.focused
        if focused is None or not isinstance(focused.parent, Row):
            return None
        return focused.parent.field

    # Keys --------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Keys that mean the same in every field; while the lab is asked, keys are kept for what comes after."""
        if self._busy:
            self._ahead.append(event)
            event.stop()
            event.prevent_default()
            return
        match event.key:
            case "enter":
                self.accept()
            case "escape":
                self.dismiss(None)
            case "down":
                self.focus_next()
            case "up":
                self.focus_previous()
            case "ctrl+s":
                cast("Kafkarium", self.app).save_picture()
            case _:
                return
        event.stop()
        event.prevent_default()

    def accept(self) -> None:
        """Do it; what is wrong is said in place."""
        if not self._busy:
            self._busy = True
            focused = self.focused
            self.set_focus(None)
            self.run_worker(self._accept(focused))

    async def _accept(self, focused: Widget | None) -> None:
        try:
            result = await self.apply(self.values(), cast("Kafkarium", self.app).lab)
        except FormError as wrong:
            self._say("", str(wrong))
            self._widget(wrong.field).focus()
        except (KafkaError, LabError) as refused:
            self._say("", str(refused))
            self.set_focus(focused)
        else:
            self.dismiss(result)
        finally:
            self._busy = False
            for key in self._ahead:
                self.app.post_message(events.Key(key.key, key.character))
            self._ahead.clear()


class Press(Static):
    """A key of a dialog, which the mouse can press too."""

    def __init__(self, key: str, label: str, press: Callable[[], object], *, id: str | None = None) -> None:
        super().__init__(_press(key, label), id=id)
        self._key = key
        self._press = press

    def relabel(self, label: str) -> None:
        """From now on it does something else."""
        self.update(_press(self._key, label))

    def on_click(self) -> None:
        """As good as the key."""
        self._press()


def _press(key: str, label: str) -> Content:
    return Content.assemble((key, "$primary bold"), f" {label}")
