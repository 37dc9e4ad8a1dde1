"""The base of dialogs that show rather than ask: a card over the mode, with a page that scrolls and keys below."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar, cast

from textual import events
from textual.screen import ModalScreen
from textual.types import CSSPathType

from tui.dialogs.page import Page

if TYPE_CHECKING:
    from tui.app import Kafkarium

T = TypeVar("T")


class Card(ModalScreen[T], Generic[T]):
    """A subclass composes `#dialog` with a `Page` and `#keys`, and says in `press` what its own keys do.

    The others are the same for all: `escape` and `q` leave, `ctrl+s` saves a picture, the usual ones scroll.
    """

    CSS_PATH: ClassVar[CSSPathType | None] = "card.tcss"

    @property
    def kafkarium(self) -> Kafkarium:
        """The app, by its own type."""
        return cast("Kafkarium", self.app)

    def press(self, key: str) -> bool:
        """Do what a key does here beside that; False where it does nothing."""
        return False

    def fit(self, around: int) -> None:
        """Let the page be as high as the screen allows, with `around` rows of the card beside it."""
        self.query_one(Page).styles.max_height = max(int(self.size.height * 0.94) - around, 3)

    def leave(self) -> None:
        """`escape`."""
        self.dismiss()

    def on_key(self, event: events.Key) -> None:
        """Letters by what they write, other keys by their names."""
        key = event.character if event.is_printable and event.character not in (None, " ") else event.key
        if key is None:
            return
        if self.press(key):
            pass
        elif key in ("escape", "q"):
            self.leave()
        elif key == "ctrl+s":
            self.kafkarium.save_picture()
        elif not self.query_one(Page).scroll_by_key(key):
            return
        event.stop()
        event.prevent_default()
