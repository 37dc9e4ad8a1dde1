"""The Lab: producers, partitions, consumers and what happened on one screen, left to right the way data flows."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from textual.app import ComposeResult
from textual.containers import Horizontal

from engine.snapshot import GroupView
from engine.types import TopicPartition
from tui.actions.table import Context
from tui.modes.base import Mode
from tui.painting.lab.inflow import Mouth, Source, paint_inflow
from tui.painting.lab.wires import Hold, Plug, Socket, paint_wires
from tui.panels.lab.flow import Flow
from tui.panels.lab.gutter import Gutter
from tui.panels.lab.happened import Happened
from tui.panels.lab.inspector import Inspector
from tui.panels.lab.lanes import Lanes
from tui.panels.lab.members import Members
from tui.panels.lab.producers import Producers, writers_to
from tui.panels.lab.scrub import Scrub
from tui.panels.lab.standing import NOBODY, group_shown, stand
from tui.panels.panel import Panel
from tui.scene import Scene
from tui.scrubbing import Scrubber
from tui.selection import (
    SelectedConsumer,
    SelectedGroup,
    SelectedMember,
    SelectedPartition,
    SelectedProducer,
    Selection,
)


class LabMode(Mode):
    """The whole flow on one screen."""

    kind = "lab"
    CSS_PATH = "lab.tcss"

    def __init__(self) -> None:
        super().__init__()
        self.scrubber = Scrubber(lambda: self.kafkarium.lab, self._run_scrub, self._scrub_changed)
        self.standing = NOBODY
        """How the group shown stands in the topic looked at; panels and wires are drawn from it."""
        self._opened_from: Panel | None = None

    def body(self) -> ComposeResult:
        """The panels, and the gutters between them."""
        with Horizontal(id="flow"):
            yield Producers(id="producers")
            yield Gutter(id="inflow")
            yield Lanes(id="lanes")
            yield Gutter(id="wires")
            yield Members(id="members")
        with Horizontal(id="below"):
            yield Happened(id="happened")
            yield Scrub(id="scrub")
            yield Flow(id="throughput")
        yield Inspector(id="inspector")

    def on_mount(self) -> None:
        """Begin without scrub and details; the timer is the base's own doing."""
        self.query_one(Scrub).display = False
        self.query_one(Inspector).display = False

    # The scene ---------------------------------------------------------------------------------------------

    def took(self, scene: Scene) -> None:
        """Look once for all panels; the scrub follows the world."""
        self.standing = stand(scene)
        self.scrubber.follow(scene.world)

    def watch_scene(self, scene: Scene | None) -> None:
        """Panels first, then the wires between them."""
        super().watch_scene(scene)
        self.rewire()

    def rewire(self) -> None:
        """Bring the wires up to date with the rows they run between."""
        scene, gutters = self.scene, self.query(Gutter)
        if scene is None or len(gutters) < 2 or not gutters.first().display:
            return
        inflow, wires = gutters
        lanes, members = self.query_one(Lanes), self.query_one(Members)
        standing = self.standing
        rows = [(row, item) for row, item in lanes.in_view() if isinstance(item.selection, SelectedPartition)]
        if standing.group is None:
            wires.take(None, partial(paint_wires, (), ()))
        else:
            plugs = []
            for row, item in rows:
                assert isinstance(item.selection, SelectedPartition)
                held = standing.held.get(item.selection.tp.partition)
                plugs.append(Plug(row, held.slot, held.hold) if held else Plug(row, None, Hold.LOOSE))
            slots = {held.slot for held in standing.held.values()}
            sockets = tuple(
                Socket(row, member.slot, member.slot in slots, min(item.height, 2))
                for row, item in members.in_view()
                if isinstance(item.selection, SelectedMember)
                and (member := standing.members.get(item.selection.member_id)) is not None
            )
            bright = self._bright()
            wires.take((tuple(plugs), sockets, bright), partial(paint_wires, tuple(plugs), sockets, bright=bright))
        name = scene.topic.name if scene.topic else ""
        sends = {each.name: each.measured > 0 for each in scene.world.producers if each.topic == name}
        sends |= {each.name: each.measured > 0 for each in writers_to(name, scene.world)}
        sources = tuple(
            Source(row, sends[item.selection.name])
            for row, item in self.query_one(Producers).in_view()
            if isinstance(item.selection, SelectedProducer | SelectedConsumer) and item.selection.name in sends
        )
        mouths = tuple(Mouth(row, lanes.arrived(item)) for row, item in rows)
        inflow.take((sources, mouths), partial(paint_inflow, sources, mouths))

    def _bright(self) -> int | None:
        """The slot of the member whose wires are drawn heavy: the one selected, or the owner of the lane selected."""
        scene, panel = self.scene, self.focused
        if scene is None or not isinstance(panel, Lanes | Members):
            return None
        standing, selected = self.standing, panel.selection
        match selected:
            case SelectedPartition(tp):
                held = standing.held.get(tp.partition)
                return held.slot if held else None
            case SelectedMember(_, member_id):
                member = standing.members.get(member_id)
                return member.slot if member else None
        return None

    # What is looked at -------------------------------------------------------------------------------------

    @property
    def group(self) -> GroupView | None:
        """The group whose members are shown."""
        return self.standing.group

    def look_at_topic(self, name: str) -> None:
        """Look at a topic, and at a group that reads it."""
        scene = self.scene
        if scene is not None:
            groups = scene.world.groups_of(name)
            looked_at = group_shown(scene)
            group = looked_at if looked_at in groups else next(iter(groups), looked_at)
            self.kafkarium.look_at(topic=name, group=group.group_id if group else None)

    def look_at_group(self, group_id: str) -> None:
        """Look at a group, and at a topic it reads."""
        scene = self.scene
        group = scene.world.group(group_id) if scene else None
        if scene is None or group is None:
            return
        here = scene.topic.name if scene.topic else ""
        topics = [*group.topics, *(topic for member in group.members for topic in member.topics)]
        topic = here if here in topics else next(iter(topics), here)
        self.kafkarium.look_at(topic=topic, group=group_id)
        if self.scrubber.view is not None:
            self.scrubber.switch(group_id=group_id)

    # Scrubbing ---------------------------------------------------------------------------------------------

    def scrub(self, tp: TopicPartition, offset: int | None = None) -> None:
        """Put the scrub's cursor on a lane: on `offset`, else where the group stands."""
        scene = self.scene
        if scene is None:
            return
        group = group_shown(scene)
        lanes = self.query_one(Lanes)
        if self.scrubber.start(scene.world, tp, group.group_id if group else None, offset):
            lanes.focus()
            lanes.select(SelectedPartition(tp))

    def _run_scrub(self, asking: object) -> None:
        self.run_worker(asking, group="scrub")  # type: ignore[arg-type]

    def _scrub_changed(self) -> None:
        view, card = self.scrubber.view, self.query_one(Scrub)
        if card.display != (view is not None):
            card.display = view is not None
            self.query_one(Happened).display = view is None
            self.kafkarium.context_changed()
        if self.scene is not None:
            card.show(self.scene)
            self.query_one(Lanes).update()

    def places(self) -> tuple[str, ...]:
        """While scrubbing, the keys of the scrub come first on the lanes."""
        places = super().places()
        if self.scrubber.view is not None and isinstance(self.focused, Lanes):
            return ("lab.scrub", *places)
        return places

    # Opening and going back --------------------------------------------------------------------------------

    async def open(self, context: Context) -> None:
        """A lane opens in Records, a group in Groups, a producer or consumer here."""
        match context.selection:
            case SelectedPartition(tp, offset):
                app = self.kafkarium
                app.look = replace(app.look, topic=tp.topic, partition=tp, offset=offset)
                await app.visit("records")
            case SelectedGroup(group_id):
                self.kafkarium.look_at(group=group_id)
                await self.kafkarium.visit("groups")
            case SelectedProducer() | SelectedConsumer() | SelectedMember() as selected:
                self.inspect(selected, context)

    def inspect(self, selected: Selection, context: Context) -> None:
        """Show everything about something until `escape`."""
        inspector = self.query_one(Inspector)
        if context.panel is not inspector:
            self._opened_from = context.panel
        inspector.inspected = selected
        inspector.display = True
        inspector.focus()
        self._place_inspector()

    def _place_inspector(self) -> None:
        """In the middle, as high as it needs to be."""
        inspector, scene = self.query_one(Inspector), self.scene
        assert scene is not None
        width = min(70, self.size.width - 4)
        height = min(inspector.height_for(scene, width - 2) + 2, self.size.height - 4)
        inspector.styles.width, inspector.styles.height = width, height
        inspector.styles.offset = ((self.size.width - width) // 2, max(0, (self.size.height - 2 - height) // 2))
        inspector.show(scene)

    async def back(self, context: Context) -> None:
        """Close what is open."""
        inspector = self.query_one(Inspector)
        if inspector.display:
            inspector.display = False
            (self._opened_from or self.query_one(Producers)).focus()
        elif self.scrubber.view is not None:
            self.scrubber.stop()
