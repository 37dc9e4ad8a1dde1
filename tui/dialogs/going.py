"""Asks where a scrub's cursor should go: an offset, an end, where the group stands, a time; as `t` in Records does."""

from __future__ import annotations

from collections.abc import Sequence

from tui.dialogs.form import Field, Form
from tui.dialogs.reading import FormError, Values
from tui.painting.text import clean, clock, duration, number
from tui.records.places import AtEnd, AtGroup, AtOffset, AtStart, AtTimestamp, Place, PlaceError, read_place
from tui.records.times import Times
from tui.scene import Scene
from tui.scrubbing import Move, Scrubber
from tui.verbs import Lab


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
            Field("to", "offset or time", "-30s",
                  "An offset like 12,000; start or end; the group's name; so long ago: -30s, 5m ago; the lab's clock, "
                  "as at the top right: 00:02:10."),
        )  # fmt: skip

    def consequence(self, values: Values) -> str:
        """What was understood."""
        view, world = self._scrubber.view, self.asked_in.world
        match self._read(values):
            case AtOffset(offset):
                held = view is not None and not view.log_start <= offset <= view.log_end
                beyond = f"; the log holds {number(view.log_start)} to {number(view.log_end)}" if held and view else ""
                return f"To offset {number(offset)}{beyond}."
            case AtTimestamp(time_ms):
                return (
                    f"To the first record at or after {clock(time_ms - world.began_ms)} on the lab's clock, "
                    f"{duration(world.now_ms - time_ms)} ago."
                )
            case AtGroup(group_id):
                return f"To what {clean(group_id)} has committed."
            case AtStart():
                return "To the oldest record that is still there."
        return "To the end: only what comes from now on."

    async def apply(self, values: Values, lab: Lab) -> bool:
        """Go there."""
        match self._read(values):
            case AtOffset(offset):
                self._scrubber.to(offset)
            case AtTimestamp(time_ms):
                await self._scrubber.to_time(time_ms)
            case AtGroup():
                self._scrubber.move(Move.COMMITTED)
            case AtStart():
                self._scrubber.move(Move.START)
            case AtEnd():
                self._scrubber.move(Move.END)
        return True

    def _read(self, values: Values) -> Place:
        view, world = self._scrubber.view, self.asked_in.world
        groups = [view.group_id] if view is not None and view.group_id is not None else []
        try:
            return read_place(values["to"], Times(world.now_ms, world.began_ms), groups)
        except PlaceError as wrong:
            raise FormError("to", str(wrong)) from None
