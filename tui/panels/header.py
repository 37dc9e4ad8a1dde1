"""The first line of every mode. A click on it makes the world stand still or go on."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.strip import Strip
from textual.widget import Widget

from tui.painting.header import paint_header
from tui.scene import Scene

if TYPE_CHECKING:
    from tui.app import Kafkarium


class Header(Widget):
    """Which lab this is, and how it goes."""

    DEFAULT_CSS = "Header { dock: top; height: 1; background: $surface; }"

    def __init__(self) -> None:
        super().__init__()
        self._strip: Strip | None = None
        self._scene: Scene | None = None

    def show(self, scene: Scene) -> None:
        """Take the scene; repainted only when the line reads differently."""
        self._scene = scene
        strip = self._paint()
        if self._strip is None or strip != self._strip:
            self._strip = strip
            self.refresh()

    def repaint(self) -> None:
        """Paint again: another width or other colours."""
        self._strip = self._paint()
        self.refresh()

    def _paint(self) -> Strip:
        app = cast("Kafkarium", self.app)
        world = self._scene.world if self._scene else None
        return paint_header(world, app.lab_name, self.size.width, app.palette).apply_style(self.rich_style)

    def render_line(self, y: int) -> Strip:
        """The line."""
        if self._strip is None:
            self._strip = self._paint()
        return self._strip

    def on_resize(self) -> None:
        """The line depends on the width."""
        self.repaint()

    def on_click(self) -> None:
        """Pause or go on."""
        cast("Kafkarium", self.app).perform("pause")
