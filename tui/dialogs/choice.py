"""One of a few values, on one line: all of them side by side where they fit, else the chosen one between arrows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from tui.dialogs.typing import led_elsewhere
from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.text import clean

if TYPE_CHECKING:
    from tui.app import Kafkarium


def paint_choice(
    options: Sequence[str], chosen: int, width: int, focused: bool, palette: Palette
) -> tuple[Strip, list[tuple[int, int, int]]]:
    """The line, and which columns (from, up to) take which option; -1 and -2 are one back and one on."""
    shown = [clean(option) or "(empty)" for option in options]
    line, spans = Line(width), []
    if sum(cell_len(text) + 2 for text in shown) <= width:
        for index, text in enumerate(shown):
            start = line.used
            if index == chosen:
                line.add(f" {text} ", palette.chosen if focused else palette.chosen_blurred)
            else:
                line.add(f" {text} ", palette.quiet)
            spans.append((start, line.used, index))
        return line.strip(), spans
    arrow = palette.accent if focused else palette.faint
    count = f"  {chosen + 1}/{len(options)}"
    line.add("‹", arrow).add(" ")
    line.data(shown[chosen], palette.strong, width=max(1, min(cell_len(shown[chosen]), width - 4 - len(count))))
    line.add(" ").add("›", arrow)
    end = line.used
    line.add(count, palette.faint)
    return line.strip(), [(0, 2, -1), (2, end, -2)]


class Choice(Widget, can_focus=True):
    """Left and right, space, a first letter or the mouse change it."""

    DEFAULT_CSS = "Choice { height: 1; width: 1fr; }"

    class Changed(Message):
        """Another option was chosen."""

    index: reactive[int] = reactive(0, init=False)

    def __init__(self, options: Sequence[str], value: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = tuple(options)
        self.set_reactive(Choice.index, self.options.index(value) if value in self.options else 0)
        self._spans: list[tuple[int, int, int]] = []

    @property
    def value(self) -> str:
        """The chosen option."""
        return self.options[self.index]

    @value.setter
    def value(self, value: str) -> None:
        self.index = self.options.index(value)

    def watch_index(self) -> None:
        """Tell the form."""
        self.post_message(self.Changed())

    def render_line(self, y: int) -> Strip:
        """The line."""
        palette = cast("Kafkarium", self.app).palette
        strip, self._spans = paint_choice(self.options, self.index, self.size.width, self.has_focus, palette)
        return strip.apply_style(self.rich_style)

    def on_focus(self) -> None:
        """Brighter with the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """Fainter without it."""
        self.refresh()

    def on_key(self, event: events.Key) -> None:
        """Choose by key."""
        if led_elsewhere(self, event):
            return
        count = len(self.options)
        if event.key in ("right", "space"):
            self.index = (self.index + 1) % count
        elif event.key == "left":
            self.index = (self.index - 1) % count
        elif event.key in ("home", "end"):
            self.index = 0 if event.key == "home" else count - 1
        elif event.character and event.is_printable:
            later = [(self.index + step) % count for step in range(1, count + 1)]
            typed = event.character.lower()
            found = next((at for at in later if self.options[at].lower().startswith(typed)), None)
            if found is None:
                return
            self.index = found
        else:
            return
        event.stop()

    def on_click(self, event: events.Click) -> None:
        """Choose by mouse."""
        index = next((index for start, end, index in self._spans if start <= event.x < end), None)
        if index is not None:
            self.index = index if index >= 0 else (self.index + (1 if index == -2 else -1)) % len(self.options)
