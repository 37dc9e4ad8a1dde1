"""The mode Groups: a group's state machine, its members, who owns what, and its history of rebalances."""

from __future__ import annotations

from dataclasses import replace

from textual import events
from textual.app import ComposeResult

from tui.actions.table import Context
from tui.modes.base import Mode
from tui.panels.groups.assignment import Assignment
from tui.panels.groups.detail import RebalanceDetail
from tui.panels.groups.listing import GroupList
from tui.panels.groups.members import Members, outsiders
from tui.panels.groups.rebalances import Rebalances
from tui.panels.groups.state import StateMachine
from tui.panels.panel import Panel
from tui.scene import Scene
from tui.selection import SelectedGroup, SelectedMember, SelectedPartition, SelectedRebalance

_STATE_ROWS = 14
_SNUG = 112
"""Below this width the list of groups is narrower."""
_FRAME = 3
"""Border and headings of the members."""


class GroupsMode(Mode):
    """Groups. Where there is little room, only the panel with the focus is open; the others are a line each."""

    kind = "groups"
    CSS_PATH = "groups.tcss"
    AUTO_FOCUS = "#members"

    def __init__(self) -> None:
        super().__init__()
        self._members_rows = 0

    def body(self) -> ComposeResult:
        """The panels."""
        yield GroupList(id="group-list", classes="folds")
        yield StateMachine(id="state")
        yield Members(id="members", classes="folds")
        yield Assignment(id="assignment", classes="folds")
        yield Rebalances(id="rebalances", classes="folds")
        yield RebalanceDetail(id="detail")

    def took(self, scene: Scene) -> None:
        """Give the members as many rows as there are, within reason."""
        group = scene.group
        consumers = [each for each in scene.world.consumers if group and each.group_id == group.group_id]
        count = len(group.members) + len(outsiders(group, consumers)) if group else 0
        rows = min(max(count, 3), max(self.size.height // 5, 3)) + _FRAME
        if rows != self._members_rows:
            self._members_rows = rows
            self.query_one("#body").styles.grid_rows = f"{_STATE_ROWS} {rows} 1fr"

    def on_resize(self, event: events.Resize) -> None:
        """Give the state machine the width it needs to be drawn."""
        self.set_class(event.size.width < _SNUG, "-snug")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Open the panel that has the focus, where the others are folded."""
        if isinstance(event.widget, Panel):
            for panel in self.query(".folds"):
                panel.set_class(panel is event.widget, "-open")

    def on_rebalances_chosen(self) -> None:
        """Show the rebalance under the cursor in full, where there is room."""
        self.query_one(RebalanceDetail).update()

    async def open(self, context: Context) -> None:
        """A rebalance in full; a group's members; a member's partitions; the first record a group has not committed."""
        match context.selection:
            case SelectedRebalance():
                context.app.perform("groups.rebalance")
            case SelectedGroup():
                self.query_one(Members).focus()
            case SelectedMember():
                self.query_one(Assignment).focus()
            case SelectedPartition(tp):
                group, app = context.scene.group, context.app
                standing = next((each for each in group.offsets if each.tp == tp), None) if group else None
                offset = standing.committed if standing else None
                app.look = replace(app.look, topic=tp.topic, partition=tp, offset=offset)
                await app.visit("records")

    async def back(self, context: Context) -> None:
        """To the list of groups, and from there to where one came from."""
        groups = self.query_one(GroupList)
        if self.focused is groups:
            await self.kafkarium.leave()
        groups.focus()
