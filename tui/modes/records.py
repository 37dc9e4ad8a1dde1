"""Records: any partition record by record, or all of a topic merged by time; filter, live tail, and scrubbing."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.containers import Container

from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC
from engine.errors import RefusedError
from engine.types import TopicPartition
from tui.actions.table import Context
from tui.lessons.lesson import Reading
from tui.modes.base import Mode
from tui.painting.records.tabs import ALL
from tui.painting.text import number
from tui.panels.records.detail import Detail
from tui.panels.records.log import Log
from tui.panels.records.overview import Overviews
from tui.panels.records.prompt import Prompt
from tui.panels.records.scrub import ScrubCard
from tui.panels.records.tabs import Partitions
from tui.records.places import AtEnd, AtGroup, AtOffset, AtStart, AtTimestamp, Place
from tui.records.reader import Reader
from tui.records.standing import group_read, marks_in
from tui.scene import Scene
from tui.scrubbing import Move, Scrubber

NARROW = 100
"""Below this width the record in full lies under the list, and only when it is opened."""


class RecordsMode(Mode):
    """Reads logs."""

    kind = "records"
    CSS_PATH = "records.tcss"
    AUTO_FOCUS = "Log"

    def __init__(self) -> None:
        super().__init__()
        self.reader = Reader(lambda: self.kafkarium.lab, self._ask_lab, self.moved)
        self.scrubber = Scrubber(lambda: self.kafkarium.lab, self._ask_lab, self._scrub_changed)
        self._chosen: dict[str, int] = {}
        self._going: Place | None = None
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

    def _take_look(self) -> None:
        """Where another mode sent the person, once."""
        app = self.kafkarium
        tp, offset = app.look.partition, app.look.offset
        if tp is None:
            return
        app.look = replace(app.look, topic=tp.topic, partition=None, offset=None)
        self._chosen[tp.topic] = tp.partition
        self._going = AtOffset(offset) if offset is not None else AtEnd()
        self.scrubber.stop()

    def _wanted(self, scene: Scene) -> tuple[TopicPartition, ...]:
        topic = scene.topic
        if topic is None:
            return ()
        chosen = self._chosen.get(topic.name, ALL if topic.name in (INTERNAL_TOPIC, TRANSACTION_TOPIC) else 0)
        if 0 <= chosen < len(topic.partitions):
            return (topic.partitions[chosen].tp,)
        return tuple(partition.tp for partition in topic.partitions)

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

    # Where to ------------------------------------------------------------------------------------------------

    def go(self, place: Place) -> None:
        """Go to a place in what is read; raises RefusedError."""
        self.reader.go(place)
        self.moved()

    def go_to_start(self) -> None:
        """To the oldest record."""
        self.go(AtStart())
        self.scrubber.move(Move.START)

    def go_to_end(self) -> None:
        """To the newest record, following the log from then on."""
        reader = self.reader
        if self.scrubber.view is not None:
            self.scrubber.move(Move.END)
        if reader.at_end and reader.window.rows:
            reader.following = True
            reader.move_to(reader.window.stop - 1)
            self.moved()
        else:
            self.go(AtEnd())

    def go_to_offset(self, offset: int, at_end: bool = False) -> None:
        """To an offset of the one partition that is read, and the scrub's cursor with it."""
        if self.scrubber.view is not None:
            if at_end:
                self.scrubber.move(Move.END)
            else:
                self.scrubber.to(offset)
        self.go(AtEnd() if at_end else AtOffset(offset))

    def go_to_share(self, share: float) -> None:
        """Into merged partitions: to the time that lies so far (0 to 1) into the longest of them."""
        if share >= 1:
            self.go(AtEnd())
            return
        scene = self.scene
        logs = [log for tp in self.reader.tps if scene and (log := scene.world.partition(tp)) is not None]
        if logs:
            longest = max(logs, key=lambda log: log.span)
            self.run_worker(self._go_to_time_of(longest.tp, longest.log_start_offset + int(share * longest.span)))

    async def _go_to_time_of(self, tp: TopicPartition, offset: int) -> None:
        async def go() -> None:
            page = await self.kafkarium.lab.browser.read(tp, offset, limit=1)
            self.go(AtTimestamp(page.rows[0].record.timestamp) if page.rows else AtEnd())

        await self.kafkarium.attempt(go())

    def step_partition(self, by: int) -> None:
        """Read the next partition; before the first one, all of them merged."""
        topic = self.scene.topic if self.scene else None
        if topic is None or len(topic.partitions) < 2 or not self.reader.tps:
            return
        now = ALL if self.reader.merged else self.reader.tps[0].partition
        choices = [ALL, *range(len(topic.partitions))]
        self.read_partition(choices[(choices.index(now) + by) % len(choices)])

    def read_partition(self, choice: int) -> None:
        """Read a partition by its number, or `ALL`; a time that was looked at is looked at there, too."""
        scene, reader = self.scene, self.reader
        topic = scene.topic if scene else None
        if scene is None or topic is None:
            return
        row, following = reader.row, reader.following
        self._chosen[topic.name] = choice
        here = AtEnd() if following or row is None else AtTimestamp(row.record.timestamp)
        self._going = here
        if self.scrubber.view is not None and choice != ALL:
            tp = topic.partitions[choice].tp
            self.scrubber.switch(tp=tp)
            assert self.scrubber.view is not None
            self._going = AtOffset(self.scrubber.view.offset)
        self.took(scene)
        self.query_one(Partitions).update()
        self.moved()

    def next_mark(self) -> str:
        """Go to where the next group stands; returns what was found, in words. Raises RefusedError."""
        scene, reader = self.scene, self.reader
        if scene is None or not reader.tps:
            raise RefusedError("There is no partition to read yet.")
        if reader.merged:
            group = group_read(scene)
            if group is None:
                raise RefusedError(f"No group reads {reader.tps[0].topic}; press c to start a consumer.")
            self.go(AtGroup(group.group_id))
            return f"The oldest record that {group.group_id} has not committed."
        tp = reader.tps[0]
        stops: dict[int, list[str]] = {}
        for mark in marks_in(scene, tp):
            if mark.committed is not None:
                stops.setdefault(mark.committed, []).append(mark.group_id)
        if not stops:
            raise RefusedError(f"No group has committed an offset in {tp}.")
        at = reader.row.record.offset if reader.row else -1
        offset = next((stop for stop in sorted(stops) if stop > at), min(stops))
        log = scene.world.partition(tp)
        self.go(AtEnd() if log is not None and offset >= log.high_watermark else AtOffset(offset))
        return f"{', '.join(stops[offset])}: committed {number(offset)}."

    # Asking --------------------------------------------------------------------------------------------------

    def go_and_scrub(self, place: Place) -> None:
        """Go to a place, and the scrub's cursor with it; raises RefusedError."""
        self.go(place)
        match place:
            case AtOffset(offset):
                self.scrubber.to(offset)
            case AtStart():
                self.scrubber.move(Move.START)
            case AtEnd():
                self.scrubber.move(Move.END)
            case AtTimestamp(timestamp_ms):
                self.run_worker(self.kafkarium.attempt(self.scrubber.to_time(timestamp_ms)), group="scrub")
            case AtGroup():
                self.scrubber.move(Move.COMMITTED)

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
