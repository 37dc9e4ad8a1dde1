"""The strip of the lesson that is taken: what to do, and what was seen. Under the header a click is as good as `5`."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.strip import Strip
from textual.widget import Widget

from tui.lessons.learning import Learning
from tui.lessons.lesson import told
from tui.painting.lessons import Told, paint_guide
from tui.painting.line import blank
from tui.scene import Scene

if TYPE_CHECKING:
    from tui.app import Kafkarium

INVITATION = Told("New to Kafka? Ten short lessons, to be done in this lab:", "", "begins")


def said_of(learning: Learning, scene: Scene) -> Told | None:
    """What the strip says just now; None while no lesson is taken."""
    lesson, step = learning.lesson, learning.step
    if lesson is None or step is None:
        return INVITATION if learning.invites else None
    words = learning.lacking or learning.seen or told(step.say, scene)
    last = learning.at + 1 == len(lesson.steps)
    key = "lessons" if not learning.ready else "ends the lesson" if last else "goes on"
    place = f"step {learning.at + 1} of {len(lesson.steps)}"
    return Told(lesson.title, words, key, place, bool(learning.seen), bool(learning.lacking))


class Guide(Widget):
    """As high as what it says; not there while it says nothing."""

    DEFAULT_CSS = "Guide { display: none; height: 1; background: $surface; }"

    def __init__(self) -> None:
        super().__init__()
        self._said: Told | None = None
        self._painted_at = 0
        self._strips: list[Strip] = []

    def show(self, said: Told | None) -> None:
        """Take what is said; repainted only when it is something else."""
        if said != self._said:
            self._said = said
            self.display = said is not None
            self.repaint()

    def repaint(self) -> None:
        """Paint again: other words, another width or other colours."""
        palette, width = cast("Kafkarium", self.app).palette, self._room
        self._painted_at = width
        strips = paint_guide(self._said, width, palette) if self._said is not None else []
        self._strips = [strip.apply_style(self.rich_style) for strip in strips]
        self.styles.height = max(len(strips), 1)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One row."""
        return self._strips[y] if y < len(self._strips) else blank(self.size.width)

    def on_resize(self) -> None:
        """The rows depend on the width."""
        if self._painted_at != self._room:
            self.repaint()

    @property
    def _room(self) -> int:
        """Cells of a row, which it has to know before it is there itself."""
        return cast("Widget", self.parent).content_size.width

    def on_click(self) -> None:
        """Go on, or choose another lesson."""
        if self._said is not None and self._said.key:
            cast("Kafkarium", self.app).perform("learn")
