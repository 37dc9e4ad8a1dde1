"""A page of painted lines that scrolls, for dialogs that show rather than ask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.painting.line import blank
from tui.painting.palette import Palette

if TYPE_CHECKING:
    from tui.app import Kafkarium

Paint = Callable[[int, Palette], Sequence[Strip]]
"""Lines of a width (cells)."""


class Page(ScrollView):
    """Give it what paints its lines; `paint_again` when that would paint other ones."""

    DEFAULT_CSS = """
    Page {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        scrollbar-color: $rule;
        scrollbar-background: $surface;
        background: $surface;
    }
    """

    def __init__(self, paint: Paint, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._paint = paint
        self._lines: Sequence[Strip] = ()

    def show(self, paint: Paint) -> None:
        """Paint something else."""
        self._paint = paint
        self.paint_again()

    def paint_again(self) -> None:
        """Ask for the lines anew."""
        before = len(self._lines)
        self._lay_out(self.scrollable_content_region.width)
        self.refresh(layout=len(self._lines) != before)

    def _lay_out(self, width: int) -> None:
        if width > 0:
            self._lines = self._paint(width, cast("Kafkarium", self.app).palette)
            self.virtual_size = Size(width, len(self._lines))

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as its lines, where its height is auto."""
        self._lay_out(width)
        return len(self._lines)

    def on_resize(self) -> None:
        """Lines depend on the width."""
        self._lay_out(self.scrollable_content_region.width)

    def render_line(self, y: int) -> Strip:
        """One line of what is in view."""
        line, width = y + self.scroll_offset.y, self.scrollable_content_region.width
        strip = self._lines[line] if line < len(self._lines) else blank(width)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def scroll_to_row(self, row: int) -> None:
        """Bring a row into view."""
        top, height = self.scroll_offset.y, self.scrollable_content_region.height
        if not top <= row < top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False)

    def scroll_by_key(self, key: str) -> bool:
        """Scroll by a key; whether it was one for that."""
        match key:
            case "j" | "down":
                self.scroll_relative(y=1, animate=False)
            case "k" | "up":
                self.scroll_relative(y=-1, animate=False)
            case "pagedown" | "space" | " ":
                self.scroll_page_down(animate=False)
            case "pageup":
                self.scroll_page_up(animate=False)
            case "g" | "home":
                self.scroll_home(animate=False)
            case "G" | "end":
                self.scroll_end(animate=False)
            case _:
                return False
        return True
