"""Paints the list of groups: name, state, generation, members, lag."""

from __future__ import annotations

from dataclasses import dataclass

from textual.strip import Strip

from engine.snapshot import GroupProtocol, GroupState, GroupView
from engine.wording import plural
from tui.painting.groups.saying import SHORT, SIGNS
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import number

ONE_LINE = 70
"""From this width on, a group takes one line."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What the list shows of a group."""

    group_id: str
    state: GroupState
    generation: int
    members: int
    lag: int
    chosen: bool
    counted: str = "gen"
    """What its number counts: generations, or epochs."""


def listed(group: GroupView, chosen: bool) -> Listed:
    """The few figures of it."""
    counted = "epoch" if group.protocol is GroupProtocol.CONSUMER else "gen"
    return Listed(group.group_id, group.state, group.generation, len(group.members), group.lag, chosen, counted)


def height_of(width: int) -> int:
    """Lines a group takes."""
    return 1 if width >= ONE_LINE else 2


def paint_listed(group: Listed, width: int, palette: Palette) -> list[Strip]:
    """One line or two, by the width."""
    mark, name = ("▸ ", palette.strong) if group.chosen else ("  ", palette.text)
    state = palette.states[group.state]
    lag = [("lag ", palette.quiet), (number(group.lag), palette.flow_lag if group.lag else palette.quiet)]
    line = Line(width).add(mark, palette.mark)
    if height_of(width) == 1:
        room = width - 62
        line.data(group.group_id, name, width=room).add("  ").add(f"{SIGNS[group.state]} {group.state.value}", state)
        line.to(2 + room + 24).add(f"{group.counted} {group.generation}", palette.quiet).to(2 + room + 33)
        line.add(plural(group.members, "member"), palette.quiet)
        return [right_aligned(line, lag, margin=1).strip()]
    line.data(group.group_id, name, width=max(width - 14, 6))
    below = Line(width).add("  ").add(f"{SIGNS[group.state]} {SHORT[group.state]}", state)
    more = (f" · {group.counted} {group.generation}", f" · {plural(group.members, 'member')}")
    for text in (more[0] + more[1], more[1], more[0]):
        if len(text) <= below.left:
            below.add(text, palette.quiet)
            break
    return [right_aligned(line, lag, margin=1).strip(), below.strip()]
