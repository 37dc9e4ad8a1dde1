"""The list of lessons: choose one, go past a step, leave the lesson under way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.strip import Strip
from textual.types import CSSPathType

from tui.dialogs.form import Press
from tui.dialogs.page import Page
from tui.dialogs.picking import Picking
from tui.lessons.course import COURSE
from tui.lessons.learning import Learning
from tui.lessons.lesson import Lesson
from tui.painting.lessons import paint_course
from tui.painting.palette import Palette


class Lessons(Picking[Lesson | None]):
    """Answers the lesson that was chosen; None when it was left, whatever became of the one under way."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["card.tcss", "lessons.tcss"]

    def __init__(self, learning: Learning) -> None:
        super().__init__()
        self._learning = learning
        self._now = COURSE.index(learning.lesson) if learning.lesson is not None else -1
        fresh = (at for at, lesson in enumerate(COURSE) if lesson.title not in learning.taken)
        self._at = self._now if self._now >= 0 else next(fresh, 0)

    def compose(self) -> ComposeResult:
        """The list and its keys."""
        with Vertical(id="dialog") as dialog:
            dialog.border_title = Content("Lessons")
            dialog.border_subtitle = Content("each of two or three minutes")
            yield Page(self._paint, id="page")
            with Horizontal(id="keys"):
                yield Press("enter", "begin", self.take)
                if self._now >= 0:
                    yield Press("n", "next step", self._skip)
                    yield Press("x", "end the lesson", self._end)
                yield Press("w", "words", self._words)
                yield Press("esc", "back", self.dismiss)

    def _paint(self, width: int, palette: Palette) -> Sequence[Strip]:
        titles = [lesson.title for lesson in COURSE]
        taken = [lesson.title in self._learning.taken for lesson in COURSE]
        return paint_course(titles, taken, self._now, self._at, COURSE[self._at].about, width, palette)

    # Keys --------------------------------------------------------------------------------------------------

    def row_count(self) -> int:
        """All of the course."""
        return len(COURSE)

    def chosen_row(self) -> int:
        """The lesson under the cursor."""
        return self._at

    def choose_row(self, row: int) -> None:
        """Another lesson."""
        self._at = row

    def take(self) -> None:
        """Begin the lesson."""
        self.dismiss(COURSE[self._at])

    def _skip(self) -> None:
        self._learning.go_on()
        self.dismiss()

    def _end(self) -> None:
        self._learning.leave()
        self.dismiss()

    def _words(self) -> None:
        from tui.dialogs.help import HelpScreen

        app = self.kafkarium
        self.dismiss()
        app.push_screen(HelpScreen(app.mode, words=True))

    def press(self, key: str) -> bool:
        """Choose, begin, go on, end, look words up."""
        match key:
            case "n" if self._now >= 0:
                self._skip()
            case "x" if self._now >= 0:
                self._end()
            case "w":
                self._words()
            case "5":
                self.leave()
            case _:
                return super().press(key)
        return True
