"""What happened, in sentences, newest at the bottom; it stays at the newest unless a person scrolled up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.events import Event
from tui.painting.lab.happened import lines_of, paint_event
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene

SHOWN = 200
FRESH_MS = 8_000.0

Told = tuple[Event, float, tuple[str, ...], bool]
"""The event, the lab's age at it, its lines, and whether it is news."""


class Happened(Panel):
    """The last events."""

    kind = "lab.happened"
    name_shown = "What happened"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: dict[int, tuple[Event, tuple[str, ...]]] = {}
        self._wrapped_at = 0
        self._follows = True

    def title(self, scene: Scene) -> Content:
        """Its name, and whether the newest is out of view."""
        return Content.assemble("What happened", ("" if self._follows else " · G newest", "$primary"))

    def nothing(self, scene: Scene) -> str:
        """Before anything happened."""
        return "Nothing happened yet. Whatever changes is told here, with why and what follows."

    def items(self, scene: Scene) -> Sequence[Item]:
        """One an event, wrapped once."""
        width = self.scrollable_content_region.width
        if width != self._wrapped_at:
            self._wrapped_at = width
            self._lines.clear()
        events = scene.events[-SHOWN:]
        now_ms, began_ms = scene.world.now_ms, scene.world.began_ms
        known, seen = self._lines, {}
        items = []
        for event in events:
            told = known.get(id(event)) or (event, lines_of(event.sentence(), width))
            seen[id(event)] = told
            fresh = now_ms - event.at_ms < FRESH_MS
            items.append(Item((event, event.at_ms - began_ms, told[1], fresh), height=len(told[1])))
        self._lines = seen
        return items

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        event, age_ms, lines, fresh = cast("Told", item.model)
        return paint_event(age_ms, event.tone, lines, fresh, pen.width, pen.palette)

    def update(self) -> None:
        """Stay at the newest while that is where one is."""
        super().update()
        if self._follows and self.scroll_y != self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True, immediate=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """A person who scrolls up wants to read; at the end again, the newest is followed."""
        super().watch_scroll_y(old_value, new_value)
        self._follows = new_value >= self.max_scroll_y

    def cursor_first(self) -> None:
        """To the oldest."""
        self.scroll_to(y=0, animate=False, force=True)

    def cursor_last(self) -> None:
        """To the newest."""
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
