"""The last line of every mode: the keys that work where the cursor is. A click on one is as good as the key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from textual import events
from textual.strip import Strip
from textual.widget import Widget

from tui.painting.footer import Hint, Span, paint_footer

if TYPE_CHECKING:
    from tui.app import Kafkarium


class Footer(Widget):
    """Keys and modes."""

    DEFAULT_CSS = "Footer { dock: bottom; height: 1; background: $surface; }"

    def __init__(self) -> None:
        super().__init__()
        self._hints: tuple[tuple[Hint, ...], tuple[Hint, ...]] = ((), ())
        self._strip: Strip | None = None
        self._spans: tuple[Span, ...] = ()

    def show(self, hints: Sequence[Hint], modes: Sequence[Hint]) -> None:
        """What can be pressed now; repainted only when that is something else."""
        new = (tuple(hints), tuple(modes))
        if new != self._hints:
            self._hints = new
            self.repaint()

    def repaint(self) -> None:
        """Paint again: other hints, another width or other colours."""
        self._strip = None
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line."""
        if self._strip is None:
            palette = cast("Kafkarium", self.app).palette
            strip, self._spans = paint_footer(*self._hints, self.size.width, palette)
            self._strip = strip.apply_style(self.rich_style)
        return self._strip

    def on_resize(self) -> None:
        """The line depends on the width."""
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """Do what was clicked."""
        span = next((span for span in self._spans if span.start <= event.x < span.end), None)
        if span is not None:
            cast("Kafkarium", self.app).perform(span.action)
