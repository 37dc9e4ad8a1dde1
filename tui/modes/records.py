"""Records: any partition record by record, or all of a topic merged by time; filter, live tail, and scrubbing."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from engine.types import TopicPartition
from tui.actions.table import Context
from tui.lessons.lesson import Reading
from tui.modes.going import Going
from tui.panels.records.detail import Detail
from tui.panels.records.log import Log
from tui.panels.records.overview import Overviews
from tui.panels.records.prompt import Prompt
from tui.panels.records.scrub import ScrubCard
from tui.panels.records.tabs import Partitions
from tui.records.places import AtEnd, AtOffset
from tui.records.reader import Reader
from tui.records.standing import group_read
from tui.scene import Scene
from tui.scrubbing import Scrubber

NARROW = 100
"""Below this width the record in full lies under the list, and only when it is opened."""


class RecordsMode(Going):
    """Reads logs."""

    kind = "records"
    CSS_PATH = "records.tcss"
    AUTO_FOCUS = "Log"

    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader(lambda: self.kafkarium.lab, self._ask_lab, self.moved)
        self.scrubber = Scrubber(lambda: self.kafkarium.lab, self._ask_lab, self._scrub_changed)
        self._detail_open = False

    def body(self) -> ComposeResult:
        """Partitions, the whole log, the records, one of them in full, and what is asked."""
        yield Partitions(id="partitions")
        yield Overviews(id="overview")
        with Container(id="across"):
            yield Log(id="log")
            yield Detail(id="detail")
        yield ScrubCard(id="scrub-card")
        yield Prompt(id="prompt")

    @property
    def listing(self) -> Log:
        """The list."""
        return self.query_one(Log)

    @property
    def detail(self) -> Detail:
        """The record in full."""
        return self.query_one(Detail)

    @property
    def prompt(self) -> Prompt:
        """The line to type into."""
        return self.query_one(Prompt)

    # The scene ---------------------------------------------------------------------------------------------

    def took(self, scene: Scene) -> None:
        """Read what is looked at, and follow it."""
        self._take_look()
        topic = scene.topic
        tps = self._wanted(scene)
        if topic is None or not tps:
            self.reader.tps = ()
        elif tps != self.reader.tps:
            same = bool(self.reader.tps) and self.reader.tps[0].topic == topic.name
            self.reader.open(scene.world, tps, self._going or (AtEnd() if not same else None))
        elif self._going is not None:
            self.reader.follow(scene.world)
            self.reader.go(self._going)
        else:
            self.reader.follow(scene.world)
        if tps:
            self._going = None
        self.scrubber.follow(scene.world)
        self.query_one(Partitions).display = self.query_one(Overviews).display = bool(tps)
        self._place_detail()

    def reading(self) -> Reading:
        """Which partitions, through which filter."""
        reader = self.reader
        return Reading(reader.merged, reader.filter.text if reader.filter is not None else "")

    def watch_scene(self, scene: Scene | None) -> None:
        """The overview last: it shows what the list has in view."""
        super().watch_scene(scene)
        self.query_one(Overviews).update()

    def moved(self) -> None:
        """Rows came or went, or the cursor moved: show it."""
        if self.is_mounted and self.scene is not None:
            self.listing.update()
            self.query_one(Overviews).update()
            if self.detail.display:
                self.detail.update()

    def _ask_lab(self, asking: Coroutine[Any, Any, None]) -> None:
        self.run_worker(asking, group="records")

    @property
    def _narrow(self) -> bool:
        return self.size.width < NARROW

    def on_resize(self, event: events.Resize) -> None:
        """The record in full has a place of its own only where there is room."""
        self._place_detail()

    def _place_detail(self) -> None:
        """Beside the list where there is room, else only while it is asked for."""
        crowded = self._narrow and self.scrubber.view is not None and self.size.height < 30
        shown = bool(self._detail_open and not crowded) if self._narrow else True
        if self.detail.display != shown:
            self.detail.display = shown

    def close_prompt(self) -> None:
        """Leave what was typed."""
        self.prompt.close()
        self.listing.focus()

    # Scrubbing -----------------------------------------------------------------------------------------------

    def begin_scrub(self, group_id: str | None = None, offset: int | None = None) -> None:
        """Scrub a group, the one looked at unless told: from an offset, else from the record under the cursor."""
        scene, reader = self.scene, self.reader
        if scene is None or not reader.tps:
            return
        row = reader.row
        group = group_read(scene)
        if group_id is None and group is not None:
            group_id = group.group_id
        tp = TopicPartition(row.record.topic, row.record.partition) if row is not None else reader.tps[0]
        if offset is None and row is not None:
            offset = row.record.offset
        reader.following = False
        self.listing.focus()
        if self.scrubber.start(scene.world, tp, group_id, offset) and row is not None and offset != row.record.offset:
            assert offset is not None
            self.go(AtOffset(offset))

    def scrub_follows(self) -> None:
        """The list's cursor moved: the scrub's goes with it."""
        view, row, scene = self.scrubber.view, self.reader.row, self.scene
        if view is None or row is None or scene is None:
            return
        tp = TopicPartition(row.record.topic, row.record.partition)
        if tp != view.tp:
            self.scrubber.start(scene.world, tp, view.group_id, row.record.offset)
        else:
            self.scrubber.to(row.record.offset)

    def _scrub_changed(self) -> None:
        view, card = self.scrubber.view, self.query_one(ScrubCard)
        if card.display != (view is not None):
            card.display = view is not None
            self._place_detail()
            self.kafkarium.context_changed()
        if self.scene is not None:
            card.show(self.scene)
            self.moved()

    def places(self) -> tuple[str, ...]:
        """While scrubbing, the keys of the scrub come first."""
        places = super().places()
        scrubbing = self.scrubber.view is not None and isinstance(self.focused, Log | Detail)
        return ("records.scrub", *places) if scrubbing else places

    # Opening and going back --------------------------------------------------------------------------------

    async def open(self, context: Context) -> None:
        """The record in full; once more: back to the list."""
        if self.focused is self.detail:
            await self.back(context)
            return
        self._detail_open = True
        self._place_detail()
        self.detail.show(context.scene)
        self.detail.focus()

    async def back(self, context: Context) -> None:
        """Leave what is in front: the line, the record, the search, the filter; then go back where one came from."""
        search = self.reader.search
        if self.prompt.display:
            self.close_prompt()
        elif self.focused is self.detail or (self._narrow and self.detail.display):
            if self._narrow:
                self._detail_open = False
                self._place_detail()
            self.listing.focus()
        elif search is not None and search.under_way:
            self.reader.stop_search()
            self.moved()
        elif self.reader.filter is not None:
            self.reader.look_for(None)
            self.moved()
        else:
            await self.kafkarium.leave()
