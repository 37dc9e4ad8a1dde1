"""Which lesson a person takes, how far they are, and what was seen in the step they are at."""

from __future__ import annotations

from tui.lessons.lesson import Lesson, Moment, Step


class Learning:
    """The one owner of a lesson under way; modes call `follow` with every moment, actions the rest."""

    def __init__(self, *, invites: bool = False) -> None:
        self.invites = invites
        """Whether somebody new is told that there are lessons."""
        self.lesson: Lesson | None = None
        self.at = 0
        self.seen = ""
        """What the step at hand has shown; empty while it is still to be done."""
        self.lacking = ""
        """What the lab lacks for the lesson."""
        self.taken: set[str] = set()
        """Titles of the lessons that were taken to their end."""
        self._began: Moment | None = None

    @property
    def step(self) -> Step | None:
        """The step at hand."""
        return self.lesson.steps[self.at] if self.lesson is not None else None

    @property
    def ready(self) -> bool:
        """Whether there is nothing more to wait for before the next step."""
        step = self.step
        return step is not None and not self.lacking and (step.seen is None or bool(self.seen))

    def begin(self, lesson: Lesson) -> None:
        """Take a lesson from its first step."""
        self.invites = False
        self.lesson, self.at = lesson, 0
        self._afresh()

    def go_on(self) -> None:
        """Go to the next step; after the last one the lesson is over."""
        if self.lesson is None:
            return
        if self.at + 1 < len(self.lesson.steps):
            self.at += 1
            self._afresh()
        else:
            self.taken.add(self.lesson.title)
            self.leave()

    def leave(self) -> None:
        """Take no lesson."""
        self.invites = False
        self.lesson, self.at = None, 0
        self._afresh()

    def follow(self, now: Moment) -> None:
        """Look whether the step at hand was done; the first moment it sees is the one it began in."""
        lesson, step = self.lesson, self.step
        if lesson is None or step is None:
            return
        if self._began is not None and now.world.now_ms < self._began.world.now_ms:
            self._began = now  # the world was put back
        if self._began is None:
            self.lacking = lesson.needs(now.scene) if not self.at else ""
            if self.lacking:
                return
            self._began = now
        if step.seen is not None and not self.seen:
            self.seen = step.seen(self._began, now)

    def _afresh(self) -> None:
        self.seen = self.lacking = ""
        self._began = None
