"""The partitions of the topic looked at, one lane each; the scrub's cursor is moved here, by key and by mouse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, cast

from textual import events
from textual.content import Content
from textual.strip import Strip

from engine.snapshot import PartitionView, TopicView
from engine.types import TopicPartition
from engine.wording import plural
from tui.painting.lab.copies import Health, Trouble, least_in_sync, worst_of
from tui.painting.lab.lanes import (
    Lane,
    Owner,
    Pinned,
    bar_rows,
    columns,
    height_of,
    paint_lane,
    window_of,
)
from tui.painting.lab.scale import Zoom
from tui.painting.lab.wires import Hold
from tui.painting.text import number
from tui.panels.lab.arrivals import Arrivals
from tui.panels.lab.base import LabPanel, lines_each
from tui.panels.lab.held import Waits, held_back, waits_of
from tui.panels.lab.legend import legend
from tui.panels.lab.standing import Standing
from tui.panels.lab.tabs import Tabs
from tui.panels.panel import Item, Pen
from tui.scene import Scene
from tui.scrubbing import Move, ScrubView
from tui.selection import SelectedPartition

MOST_PINS = 6


class Sizes(NamedTuple):
    """What all lanes of a topic have in common."""

    per: int
    lines: int
    widest: int
    numbers: int
    pins: int
    least: int
    waits: Waits
    speed: float
    """How fast the lab goes, at least 1: what is seen as "a moment ago" is a moment of real time."""


class Lanes(LabPanel):
    """The log of each partition."""

    kind = "lab.lanes"
    name_shown = "Partitions"
    neighbours = ("producers", "members")

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs = Tabs()
        self._zoom = Zoom()
        self._arrivals: dict[int, Arrivals] = {}
        self._topic = ""
        self._looked_over: tuple[TopicView | None, Trouble | None] = (None, None)
        self._dragging: TopicPartition | None = None
        self._pressed: tuple[int, int] | None = None
        self.show_groups = False
        """Whether every group's committed offset has a row of its own under each lane."""
        self.show_whole = False
        """Whether lanes show whole logs instead of the newest offsets."""

    # What there is to show ---------------------------------------------------------------------------------

    def title(self, scene: Scene) -> Content:
        """The topic, and the others a click away."""
        topic = scene.topic
        if topic is None:
            return Content("Partitions")
        about = [(f" · {plural(len(topic.partitions), 'partition')}", "$quiet")]
        trouble = self._trouble_of(topic)
        if trouble is not None:
            said = (f" · {trouble}", "$warning" if trouble.health is Health.UNDER_REPLICATED else "$error")
            wide = len(topic.name) + len(about[0][0]) + len(said[0]) + 7 <= self.size.width
            about = [*about, said] if wide else [said]
        elif len(topic.name) + len(about[0][0]) + 6 > self.size.width:
            about = []  # the name matters more
        names = [each.name for each in scene.world.topics]
        return self._tabs.title(names, topic.name, about, self.size.width, "[ ]")

    def _trouble_of(self, topic: TopicView) -> Trouble | None:
        """What is worst about its copies; looked for once in each view of it."""
        if self._looked_over[0] is not topic:
            self._looked_over = (topic, worst_of(topic.partitions, least_in_sync(topic)))
        return self._looked_over[1]

    def subtitle(self, scene: Scene) -> Content:
        """What the marks mean, and how much a cell is."""
        topic = scene.topic
        if topic is None:
            return Content("")
        held = any(cast("Lane", item.model).held for item in self.items_shown)
        return legend(topic, self._zoom.per, self.size.width, held)

    def update(self) -> None:
        """The border tells the scale, which is chosen with the lanes."""
        super().update()
        if self.scene is not None:
            self._update_titles(self.scene)

    def nothing(self, scene: Scene) -> str:
        """What to press."""
        return "No topic yet. Press n to make one; everything starts with a topic."

    def items(self, scene: Scene) -> Sequence[Item]:
        """One a partition."""
        topic = scene.topic
        if topic is None:
            return []
        if topic.name != self._topic:
            self._topic = topic.name
            self._zoom.forget()
            self._arrivals.clear()
        standing = self.standing
        width = self.scrollable_content_region.width
        widest = len(number(max((log.log_end_offset for log in topic.partitions), default=0)))
        numbers = len(str(max(len(topic.partitions) - 1, 0)))
        pinned = self._pinned(scene) if self.show_groups else {}
        pins = min(max((len(each) for each in pinned.values()), default=0), MOST_PINS)
        lines = lines_each(len(topic.partitions), self.rows - pins * len(topic.partitions), 1, 6)
        cells = columns(width, numbers, widest, lines).cells
        per = self._zoom.fit(self._wanted(topic, standing, scene), cells, scene.world.now_ms)
        scrubbed = self.lab_mode.scrubber.view
        sizes = Sizes(
            per, lines, widest, numbers, pins, least_in_sync(topic), waits_of(scene.world), max(1.0, scene.world.speed)
        )
        return [self._item(log, standing, scene.world.now_ms, sizes, pinned, scrubbed) for log in topic.partitions]

    def _item(
        self,
        log: PartitionView,
        standing: Standing,
        now_ms: float,
        sizes: Sizes,
        pinned: dict[int, list[Pinned]],
        scrubbed: ScrubView | None,
    ) -> Item:
        number = log.partition
        arrivals = self._arrivals.get(number)
        if arrivals is None:
            arrivals = self._arrivals[number] = Arrivals(log.tp, log.log_end_offset, now_ms)
        arrivals.see(log.log_end_offset, now_ms)
        held = standing.held.get(number)
        pins = tuple(pinned.get(number, ())[: sizes.pins])
        lane = Lane(
            log,
            standing.offsets.get(number),
            Owner(held.slot, held.hold is Hold.BROKEN) if held else None,
            sizes.per,
            sizes.lines,
            arrivals.fresh(now_ms, sizes.speed),
            arrivals.per_s,
            scrubbed.offset if scrubbed is not None and scrubbed.tp == arrivals.selected.tp else None,
            pins + (None,) * (sizes.pins - len(pins)),
            sizes.widest,
            sizes.numbers,
            sizes.least,
            held_back(log, sizes.waits) if log.open_transactions else 0,
        )
        return Item(lane, arrivals.selected, height_of(sizes.lines, sizes.pins))

    def _wanted(self, topic: TopicView, standing: Standing, scene: Scene) -> int:
        """How many offsets a lane should show: what is pending and a little of what is done, or all."""
        longest = max((log.span for log in topic.partitions), default=1)
        if self.show_whole or standing.group is None:
            return max(longest, 1)
        groups = scene.groups if self.show_groups else (standing.group,)
        behind = 0
        for group in groups:
            for offset in group.offsets:
                if offset.topic == topic.name:
                    log = topic.partitions[offset.partition] if offset.partition < len(topic.partitions) else None
                    behind = max(behind, offset.lag if offset.lag is not None else log.span if log else 0)
        return max(1, min(longest, behind * 5 // 4))

    def _pinned(self, scene: Scene) -> dict[int, list[Pinned]]:
        topic, chosen = scene.topic, self.standing.group
        found: dict[int, list[Pinned]] = {}
        for group in scene.groups:
            for offset in group.offsets:
                if topic is not None and offset.topic == topic.name:
                    found.setdefault(offset.partition, []).append(
                        Pinned(group.group_id, offset.committed, offset.lag, group is chosen)
                    )
        return found

    def draw(self, item: Item, pen: Pen) -> Sequence[Strip]:
        """Its rows."""
        return paint_lane(cast("Lane", item.model), pen.width, pen.palette, pen.cursor and pen.focused)

    def in_view(self) -> Iterator[tuple[int, Item]]:
        """Wires run to the row that bears the lane's name, which is the lowest of its bar."""
        for row, item in super().in_view():
            yield row + bar_rows(cast("Lane", item.model).lines) - 1, item

    def arrived(self, item: Item) -> bool:
        """Whether a record came in a moment ago."""
        return cast("Lane", item.model).arrived

    def rescale(self) -> None:
        """Choose the scale anew at once."""
        self._zoom.forget()
        self.update()

    def page(self) -> int:
        """How many offsets a page of the scrub is: a third of what a lane shows."""
        width = self.scrollable_content_region.width
        lane = cast("Lane", self.items_shown[0].model) if self.items_shown else None
        return max(1, columns(width, lane.numbers, lane.widest, lane.lines).cells * lane.per // 3) if lane else 1

    # The cursor, which moves along a lane while it is scrubbed ---------------------------------------------------

    def _scrub(self, move: Move) -> bool:
        scrubber = self.lab_mode.scrubber
        if scrubber.view is None:
            return False
        scrubber.move(move, self.page())
        return True

    def cursor_left(self) -> None:
        """A record back while scrubbing, else to the producers."""
        if not self._scrub(Move.BACK):
            super().cursor_left()

    def cursor_right(self) -> None:
        """A record on while scrubbing, else to the members."""
        if not self._scrub(Move.ON):
            super().cursor_right()

    def cursor_page_up(self) -> None:
        """A third of the lane back while scrubbing, else up."""
        if not self._scrub(Move.PAGE_BACK):
            super().cursor_page_up()

    def cursor_page_down(self) -> None:
        """A third of the lane on while scrubbing, else down."""
        if not self._scrub(Move.PAGE_ON):
            super().cursor_page_down()

    def cursor_first(self) -> None:
        """To the log start while scrubbing, else to the first partition."""
        if not self._scrub(Move.START):
            super().cursor_first()

    def cursor_last(self) -> None:
        """To the log end while scrubbing, where it stays while the log grows; else to the last partition."""
        if not self._scrub(Move.END):
            super().cursor_last()

    def cursor_moved(self) -> None:
        """The scrub goes on in the partition that is selected now."""
        view = self.lab_mode.scrubber.view
        if view is not None and isinstance(self.selection, SelectedPartition) and self.selection.tp != view.tp:
            self.lab_mode.scrubber.switch(tp=self.selection.tp)
        super().cursor_moved()

    # The mouse ---------------------------------------------------------------------------------------------

    def title_clicked(self, x: int) -> None:
        """Look at another topic."""
        name = self._tabs.at(x)
        if name is not None:
            self.lab_mode.look_at_topic(name)

    def _offset_at(self, event: events.MouseEvent, index: int) -> int | None:
        """The offset under the mouse; None where there is no bar."""
        lane = cast("Lane", self.items_shown[index].model)
        at = columns(self.scrollable_content_region.width, lane.numbers, lane.widest, lane.lines)
        where = event.get_content_offset_capture(self)
        cell = where.x - at.bar
        if self._dragging is None and not 0 <= cell < at.cells:
            return None
        return window_of(lane, at.cells).offset(min(max(cell, 0), at.cells))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Remember where a drag may begin."""
        self._pressed = (event.x, event.y) if event.button == 1 and self.item_at(event) >= 0 else None

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """A drag along a lane scrubs it."""
        if self._dragging is not None:
            event.prevent_default()
            index = self._index_of(self._dragging)
            offset = self._offset_at(event, index) if index >= 0 else None
            if offset is not None:
                self.lab_mode.scrubber.to(offset)
        elif self._pressed is not None and event.button == 1 and event.x != self._pressed[0]:
            index = self.item_at(event)
            offset = self._offset_at(event, index) if index >= 0 else None
            if offset is not None:
                event.prevent_default()
                self._dragging = cast("Lane", self.items_shown[index].model).partition.tp
                self.capture_mouse()
                self._move_to(index)
                self.lab_mode.scrub(self._dragging, offset)

    def on_mouse_up(self) -> None:
        """The drag is over; the scrub stays."""
        self._pressed = None
        if self._dragging is not None:
            self._dragging = None
            self.release_mouse()

    async def on_click(self, event: events.Click) -> None:
        """While scrubbing, a click on a lane takes the cursor there."""
        index = self.item_at(event)
        if self.lab_mode.scrubber.view is None or index < 0 or event.chain != 1:
            return
        offset = self._offset_at(event, index)
        if offset is not None:
            event.prevent_default()
            self._move_to(index)
            self.lab_mode.scrub(cast("Lane", self.items_shown[index].model).partition.tp, offset)

    def _index_of(self, tp: TopicPartition) -> int:
        wanted = SelectedPartition(tp)
        return next((index for index, item in enumerate(self.items_shown) if item.selection == wanted), -1)
