"""The state machine of the group looked at, with its timer and its sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import GroupProtocol, GroupState, GroupView, label_of
from tui.painting.groups.machine import (
    CHAIN_HEIGHT,
    DRAWN_HEIGHT,
    LEAST_WIDTH,
    SAID_HEIGHT,
    Said,
    paint_chain,
    paint_machine,
    paint_said,
    said_of,
)
from tui.painting.text import clean, cut
from tui.panels.panel import Item, Panel, Pen
from tui.scene import Scene


class StateMachine(Panel, can_focus=False):
    """Where the group is and where it can go."""

    kind = "groups.state"
    name_shown = "State"

    def title(self, scene: Scene) -> Content:
        """The group and its generation."""
        group = scene.group
        if group is None:
            return Content("Group")
        counted = f" · generation {group.generation}"
        if group.protocol is GroupProtocol.CONSUMER:
            counted = f" · epoch {group.generation}"
            if group.assignment_epoch != group.generation:
                counted = f"{counted}, target of epoch {group.assignment_epoch}"
        return Content.assemble((cut(clean(group.group_id), 32), "$strong bold"), counted)

    def subtitle(self, scene: Scene) -> Content:
        """Assignor, leader and coordinator."""
        group = scene.group
        return Content(_facts(group)) if group else Content("")

    def items(self, scene: Scene) -> Sequence[Item]:
        """The drawing, which changes seldom, and what is said, which changes all the time."""
        group, region = scene.group, self.scrollable_content_region
        protocol = group.protocol if group else GroupProtocol.CLASSIC
        drawn = region.height >= DRAWN_HEIGHT + SAID_HEIGHT and region.width >= LEAST_WIDTH
        return [
            Item((group.state if group else None, protocol, drawn), height=DRAWN_HEIGHT if drawn else CHAIN_HEIGHT),
            Item(said_of(group, scene.world.now_ms), height=SAID_HEIGHT),
        ]

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """The machine in full or as a chain; then the words."""
        if isinstance(item.model, Said):
            return paint_said(item.model, pen.width, pen.palette)
        state, protocol, drawn = cast("tuple[GroupState | None, GroupProtocol, bool]", item.model)
        paint = paint_machine if drawn else paint_chain
        return paint(state, pen.width, pen.palette, protocol)


def _facts(group: GroupView) -> str:
    said = [clean(group.assignor)] if group.assignor else []
    if group.protocol is GroupProtocol.CONSUMER:
        said.append("consumer protocol")
    leader = next((member for member in group.members if member.leader), None)
    if leader is not None:
        said.append(f"leader {cut(clean(label_of(leader.client_id, leader.member_id)), 24)}")
    if group.coordinator is not None:
        said.append(f"coordinator broker {group.coordinator}")
    return " · ".join(said)
