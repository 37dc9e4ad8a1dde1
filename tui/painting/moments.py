"""Paints the moments one can go back to, and what going back to the chosen one would mean."""

from __future__ import annotations

from collections.abc import Sequence

from textual.strip import Strip

from engine.snapshot import MomentView, World
from engine.wording import plural
from tui.painting.line import Line, blank
from tui.painting.palette import Palette
from tui.painting.text import clock, duration, size, wrap

_TIME, _AGO, _SIZE = 10, 14, 9
NONE_YET = (
    "No moment is kept yet. n keeps the world as it is now; one is kept by itself before each crash and each deletion."
)


def paint_moments(world: World, moments: Sequence[MomentView], at: int, width: int, palette: Palette) -> list[Strip]:
    """The moments, one a row: `at` is under the cursor. Below, what follows from going there."""
    if not moments:
        return [Line(width).add("  ").add(text, palette.quiet).strip() for text in wrap(NONE_YET, width - 4)]
    rows = []
    for row, moment in enumerate(moments):
        chosen = row == at
        line = Line(width).add("▸ " if chosen else "  ", palette.mark)
        line.add(clock(moment.at_ms - world.began_ms).ljust(_TIME), palette.accent)
        line.data(
            moment.label, palette.strong if chosen else palette.text, max(width - 2 - _TIME - _AGO - _SIZE - 2, 8)
        )
        line.add(how_long_ago(moment, world).rjust(_AGO), palette.quiet)
        line.add(size(moment.size_bytes).rjust(_SIZE), palette.faint)
        rows.append(line.strip(palette.cursor if chosen else None))
    rows.append(blank(width))
    said = wrap(what_follows(moments[at], world), width - 4)
    return rows + [Line(width).add("  ").add(text, palette.text).strip() for text in said]


def how_long_ago(moment: MomentView, world: World) -> str:
    """Against the lab's time now; a moment that was left by going back lies ahead."""
    away = world.now_ms - moment.at_ms
    return f"{duration(away)} ago" if away >= 0 else f"{duration(-away)} ahead"


def what_follows(moment: MomentView, world: World) -> str:
    """What going back to it would do."""
    written = sum(
        partition.log_end_offset for topic in world.topics if not topic.internal for partition in topic.partitions
    )
    more = written - moment.written
    records = (
        f"{plural(more, 'record')} written since then will be gone"
        if more > 0
        else f"{plural(-more, 'record')} will be there again"
        if more < 0
        else "the records will be the same"
    )
    guests = world.listening.connections if world.listening is not None else ()
    outside = (
        f" {plural(len(guests), 'connection')} from outside will be dropped; those clients may remember offsets that "
        "are not there yet."
        if guests
        else ""
    )
    return (
        f"Going there, {records}. Topics, groups, producers and consumers will be as they were then, consumers go on "
        f"from what they had committed, and the world stands still until space is pressed.{outside} What is now is "
        "kept as a moment, too."
    )
