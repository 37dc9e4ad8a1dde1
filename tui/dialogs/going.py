"""Asks where a scrub's cursor should go: an offset, a time on the lab's clock, or so long ago."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tui.dialogs.form import Field, Form
from tui.dialogs.reading import FormError, Values, milliseconds
from tui.painting.text import clean, clock, duration, number
from tui.scene import Scene
from tui.scrubbing import Scrubber
from tui.verbs import Lab

_CLOCK = re.compile(r"(?:(\d+):)?(\d{1,2}):(\d{1,2}(?:\.\d+)?)")


class GoTo(Form[bool]):
    """Moves the cursor; answers True."""

    heading = "Go to"
    verb = "go"

    def __init__(self, scene: Scene, scrubber: Scrubber) -> None:
        super().__init__(scene)
        self._scrubber = scrubber

    def fields(self) -> Sequence[Field]:
        """One line for all ways of saying it."""
        return (
            Field("to", "offset or time", "30s ago",
                  "An offset: 1204. So long ago: 30s ago, 5m ago. The lab's clock, as at the top right: 00:02:10."),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """What was understood."""
        view, world = self._scrubber.view, self.asked_in.world
        offset, time_ms = read(values, world.now_ms, world.began_ms)
        if offset is not None:
            held = view is not None and not view.log_start <= offset <= view.log_end
            beyond = f"; the log holds {number(view.log_start)} to {number(view.log_end)}" if held and view else ""
            return f"To offset {number(offset)}{beyond}."
        assert time_ms is not None
        return (
            f"To the first record at or after {clock(time_ms - world.began_ms)} on the lab's clock, "
            f"{duration(world.now_ms - time_ms)} ago."
        )

    async def apply(self, values: Values, lab: Lab) -> bool:
        """Go there."""
        world = self.asked_in.world
        offset, time_ms = read(values, world.now_ms, world.began_ms)
        if offset is not None:
            self._scrubber.to(offset)
        elif time_ms is not None:
            await self._scrubber.to_time(round(time_ms))
        return True


def read(values: Values, now_ms: float, began_ms: float, name: str = "to") -> tuple[int | None, float | None]:
    """The offset, or the time in ms, that was written; FormError says what can be."""
    text = values[name].strip().lower().removesuffix("ago").strip()
    plain = text.replace(",", "").replace("_", "")
    if plain.isdecimal():
        return int(plain), None
    if found := _CLOCK.fullmatch(text):
        hours, minutes, seconds = found.groups()
        return None, began_ms + ((int(hours or 0) * 60 + int(minutes)) * 60 + float(seconds)) * 1000
    if text.endswith(("ms", "s", "m", "h", "d")):
        return None, now_ms - milliseconds({name: text.lstrip("-")}, name, "A time")
    raise FormError(name, f"Write an offset (1204), a time (00:02:10) or how long ago (30s), not {clean(text)!r}.")
