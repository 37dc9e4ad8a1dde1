"""The group looked at: its state, its members, and the lab's consumers that should be in it and are not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from textual.content import Content
from textual.strip import Strip

from engine.snapshot import ClientState, ConsumerView, GroupProtocol, GroupState, GroupView, MemberView, label_of
from engine.wording import plural
from tui.painting.groups.saying import named
from tui.painting.internal import holds
from tui.painting.lab.clients import GONE
from tui.painting.lab.members import (
    Seat,
    heart_of,
    paint_heading,
    paint_outsider,
    paint_seat,
    paint_state,
    state_sentence,
)
from tui.painting.text import clean
from tui.panels.lab.base import LabPanel, lines_each
from tui.panels.lab.standing import Standing, just_moved
from tui.panels.lab.tabs import Tabs
from tui.panels.panel import Item, Pen
from tui.scene import Scene
from tui.selection import SelectedConsumer, SelectedGroup, SelectedMember, Selection

State = tuple[str, GroupState, str, int]
"""Sentence, state, cause, rows."""
Outsider = tuple[ConsumerView, str]
"""A consumer, and what is the matter with it."""

_STATE_STYLES = {
    GroupState.EMPTY: "$state-empty",
    GroupState.PREPARING_REBALANCE: "$state-preparing",
    GroupState.COMPLETING_REBALANCE: "$state-completing",
    GroupState.ASSIGNING: "$state-preparing",
    GroupState.RECONCILING: "$state-completing",
    GroupState.STABLE: "$state-stable",
    GroupState.DEAD: "$state-dead",
}


class Members(LabPanel):
    """A group and who is in it."""

    kind = "lab.members"
    name_shown = "Members"
    neighbours = ("lanes", "")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs = Tabs()

    def title(self, scene: Scene) -> Content:
        """The group, its state and generation, and the other groups a click away."""
        group = self.standing.group
        if group is None:
            return Content("Consumers")
        counted = "epoch" if group.protocol is GroupProtocol.CONSUMER else "gen"
        about = [(f" · {counted} {group.generation}", "$quiet")]
        if len(group.group_id) + len(group.state.value) + len(about[0][0]) + 9 <= self.size.width:
            about = [(" · ", "$faint"), (group.state.value, _STATE_STYLES[group.state]), *about]
        names = [each.group_id for each in scene.groups]
        return self._tabs.title(names, group.group_id, about, self.size.width, "{ }")

    def subtitle(self, scene: Scene) -> Content:
        """The assignor and the coordinator."""
        group = self.standing.group
        if group is None or not group.members:
            return Content("")
        parts = [clean(group.assignor)] if group.assignor else []
        parts += [f"coordinator b{group.coordinator}"] if group.coordinator is not None else []
        return Content.assemble((" · ".join(parts), "$quiet"))

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        topic = scene.topic
        if topic is None:
            return "Consumers stand here, a group at a time."
        if topic.internal:
            return f"Kafka's own: its records say {holds(topic.name)}. enter on a partition reads them."
        return f"Nobody reads {clean(topic.name)}. Press c to start a consumer."

    def items(self, scene: Scene) -> Sequence[Item]:
        """The state, the members, and who is missing."""
        standing = self.standing
        group, topic, now_ms = standing.group, scene.topic, scene.world.now_ms
        if group is None or topic is None:
            return []
        missing = _missing(scene, group)
        said = 3 if self.size.width < 44 else 2
        sentence = state_sentence(group, _partitions(group, scene), now_ms)
        cause = ""
        if group.rebalances and group.rebalances[-1].ended_ms is None:
            cause = f"Because {clean(group.rebalances[-1].cause)}."
        items = [Item((sentence, group.state, cause, said), SelectedGroup(group.group_id), said)]
        room = self.rows - said - (len(missing) * 2 + 1 if missing else 0)
        lines = lines_each(len(group.members), room, 1, 6)
        lags: dict[str, int] = {}
        for offset in group.offsets:
            if offset.owner and offset.lag is not None:
                lags[offset.owner] = lags.get(offset.owner, 0) + offset.lag
        moves = just_moved(scene, group)
        for member in group.members:
            label = label_of(member.client_id, member.member_id)
            ghost = member.member_id in standing.ghosts
            seat = Seat(
                member,
                standing.consumers.get(member.member_id),
                group.state,
                lags.get(member.member_id),
                heart_of(member, now_ms, scene.world.speed, gone=ghost),
                topic.name,
                "" if member.assignment else _why_idle(group, standing, member, scene),
                group.state is GroupState.PREPARING_REBALANCE and not member.rejoined,
                tuple(move.tp for move in moves if move.to == label),
                tuple(move.tp for move in moves if move.from_ == label),
                ghost,
                lines,
            )
            items.append(Item(seat, SelectedMember(group.group_id, member.member_id, member.client_id), lines))
        if missing:
            items.append(Item("not in the group"))
            items += [Item((consumer, why), SelectedConsumer(consumer.name), 2) for consumer, why in missing]
        return items

    def _place_cursor(self, selected: Selection | None, old: Sequence[Item]) -> None:
        """Begin at the first member, for it is what one acts on."""
        if self._cursor < 0 and len(self.items_shown) > 1:
            self._cursor = 1 if self.items_shown[1].selection is not None else 2
        else:
            super()._place_cursor(selected, old)

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        mark = pen.cursor and pen.focused
        match item.selection:
            case SelectedGroup():
                sentence, state, cause, lines = cast("State", item.model)
                return paint_state(sentence, state, cause, pen.width, pen.palette, lines)
            case SelectedMember():
                return paint_seat(cast("Seat", item.model), pen.width, pen.palette, mark)
            case SelectedConsumer():
                consumer, why = cast("Outsider", item.model)
                return paint_outsider(consumer, why, pen.width, pen.palette, mark)
        return [paint_heading(str(item.model), pen.width, pen.palette)]

    def title_clicked(self, x: int) -> None:
        """Look at another group."""
        name = self._tabs.at(x)
        if name is not None:
            self.lab_mode.look_at_group(name)


def _partitions(group: GroupView, scene: Scene) -> int:
    """How many partitions the group shares out."""
    topics = {topic for member in group.members for topic in member.topics}
    return sum(len(topic.partitions) for topic in scene.world.topics if topic.name in topics)


def _why_idle(group: GroupView, standing: Standing, member: MemberView, scene: Scene) -> str:
    """Why a member has no partitions."""
    if member.target:
        return f"waits for {named(member.target)}"
    if group.state is not GroupState.STABLE:
        return "has no partitions now"
    names = set(member.topics)
    found = [topic for topic in scene.world.topics if topic.name in names]
    count = sum(len(topic.partitions) for topic in found)
    if not found:
        return "idle: there is no topic it subscribes to"
    rivals = sum(bool(names & set(other.topics)) for other in group.members)
    if rivals > count:
        return f"idle: {plural(count, 'partition')}, {plural(rivals, 'member')}"
    return "idle: the assignor gave it nothing"


def _missing(scene: Scene, group: GroupView) -> list[Outsider]:
    """Consumers of the lab that belong to the group and are not among its members, with what is the matter."""
    present = {member.member_id for member in group.members}
    ghosts = {member.client_id for member in group.members}
    found: list[Outsider] = []
    for consumer in scene.world.consumers:
        if consumer.group_id != group.group_id or consumer.member_id in present:
            continue
        if consumer.state in GONE and consumer.name in ghosts:
            continue
        if consumer.state in GONE:
            why = consumer.state.value
        elif consumer.state is ClientState.RUNNING:
            why = "dropped, unaware" if consumer.member_id else "joining"
        else:
            why = f"{consumer.state.value}, dropped"
        found.append((consumer, why))
    return found
