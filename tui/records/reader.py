"""Reads logs for a view: keeps the rows around it at hand, follows the end, and looks for what matches a filter.

One question is under way at a time. Whoever goes elsewhere meanwhile makes its answer stale, and it is dropped.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

from engine.errors import KafkaError, LabError, OffsetOutOfRangeError
from engine.pages import BrowsedRecord, Search, Stretch
from engine.snapshot import World
from engine.types import TopicPartition
from tui.records.ends import AtPlaces, Ends, Places, Progress, ends_in
from tui.records.filters import Filter
from tui.records.places import AtEnd, AtTimestamp, Place
from tui.records.window import Window
from tui.verbs import Lab

PAGE = 200
MARGIN = 120
"""Rows kept at hand on either side of the view, so that scrolling does not wait."""
LEAP = 1_000
"""Records the end may run ahead of a view that follows it before it leaps there."""

RETRY_MS = 500.0
"""Lab time after which something that failed is tried again."""


class Reader:
    """What is read: `tps`, `filter`, `following`, and the `window` with a `cursor` in it, a row's number.

    `run` is given the coroutine that asks the lab; `changed` is called when rows came or went. The mode calls `follow`
    with each new world, the list `view` with the numbers of the rows it shows.
    """

    def __init__(
        self,
        lab: Callable[[], Lab],
        run: Callable[[Coroutine[Any, Any, None]], object],
        changed: Callable[[], None],
    ) -> None:
        self._lab = lab
        self._run = run
        self._changed = changed
        self.tps: tuple[TopicPartition, ...] = ()
        self.window = Window({})
        self.cursor = 0
        self.following = True
        self.filter: Filter | None = None
        self.error = ""
        """Why nothing is read: a sentence, empty while all is well."""
        self.jumps = 0
        """Counts the times the rows became others altogether; the list then shows the cursor afresh."""
        self.going: Place | AtPlaces | None = None
        """Where it is on its way to, None once it is there."""
        self._top = self._bottom = 0
        self._ends = Ends()
        self._generation = 0
        self._pumping = False
        self._stopped = False
        self._now_ms = self._failed_ms = 0.0

    # Where to ------------------------------------------------------------------------------------------------

    def open(self, world: World, tps: tuple[TopicPartition, ...], place: Place | None = None) -> None:
        """Read other partitions, at their end and following it, or at a place."""
        self.tps = tps
        self._ends = Ends()
        self.window = Window({})
        self._take_ends(world)
        self.jumps += 1
        self.go(place or AtEnd())

    def go(self, place: Place) -> None:
        """Go to a place in the partitions that are read, from the end on following it; raises RefusedError."""
        self._ends.find(place)
        self.following = isinstance(place, AtEnd)
        self._depart(place)

    def _depart(self, place: Place | AtPlaces) -> None:
        self._generation += 1
        self.going = place
        self.error = ""
        self._stopped = False
        self._pump()

    def look_for(self, wanted: Filter | None) -> None:
        """Show only what matches, from the cursor on in both directions; None: everything again."""
        if wanted is not None and wanted == self.filter:
            self._stopped = False
            self._pump()
            return
        places = self.window.places_at(self.cursor)
        self._filter_by(wanted)
        self._depart(AtPlaces(places))

    def stop_search(self) -> None:
        """Look no further for what the filter asks; moving on at an edge goes on."""
        self._stopped = True

    def move_to(self, number: int) -> None:
        """Put the cursor on a row; above the last one the end is no longer followed."""
        last = self.window.stop - 1
        if number > last or number < self.window.first:
            self._stopped = False
        number = max(self.window.first, min(number, last))
        if number < last or not self.at_end:
            self.following = False
        self.cursor = number
        self._pump()

    # What is known -------------------------------------------------------------------------------------------

    @property
    def row(self) -> BrowsedRecord | None:
        """The record the cursor stands on."""
        return self.window.row(self.cursor)

    @property
    def merged(self) -> bool:
        """Whether several partitions are read as one."""
        return len(self.tps) > 1

    @property
    def at_start(self) -> bool:
        """Whether there is nothing more before the rows."""
        floors = self._ends.floors
        return all(low <= floors.get(tp, 0) for tp, low in self.window.low.items())

    @property
    def at_end(self) -> bool:
        """Whether there is nothing more behind the rows, just now."""
        ceilings = self._ends.ceilings
        return all(high >= ceilings.get(tp, 0) for tp, high in self.window.high.items())

    @property
    def waiting(self) -> bool:
        """Whether rows that belong in view are on their way."""
        return self.going is not None or (self._pumping and not self._stopped)

    @property
    def search(self) -> Progress | None:
        """How far the search for the filter has come; None without one."""
        if self.filter is None:
            return None
        floors, ceilings = self._ends.floors, self._ends.ceilings
        whole = sum(max(0, ceilings[tp] - floors[tp]) for tp in self.tps)
        done = sum(
            max(0, min(high, ceilings.get(tp, 0)) - max(self.window.low[tp], floors.get(tp, 0)))
            for tp, high in self.window.high.items()
        )
        through = self.at_start and self.at_end
        share = 1.0 if through else done / whole if whole else 0.0
        return Progress(
            self.filter.text, len(self.window.rows), share, self._pumping and not through, self._stopped and not through
        )

    def view(self, top: int, bottom: int) -> None:
        """The list shows the rows from number `top` up to, not including, `bottom`."""
        if (top, bottom) != (self._top, self._bottom):
            self._top, self._bottom = top, bottom
            self._pump()

    def follow(self, world: World) -> None:
        """Take the world as it is now: the ends of the logs and where groups stand."""
        self._take_ends(world)
        if not self.tps or any(world.partition(tp) is None for tp in self.tps):
            return
        if any(high > self._ends.ends.get(tp, high) for tp, high in self.window.high.items()):
            self.open(world, self.tps)  # the log was cut off, or made anew: what is at hand is no more
            return
        if self.error and not 0 <= world.now_ms - self._failed_ms < RETRY_MS:
            self.error = ""
        if self.window.forget_below(self._ends.starts):
            self.cursor = max(self.cursor, self.window.first)
            self._changed()
        self._pump()

    def _take_ends(self, world: World) -> None:
        self._now_ms = world.now_ms
        self._ends = replace(ends_in(world, self.tps), filter=self.filter, since=self._ends.since)

    def _filter_by(self, wanted: Filter | None) -> None:
        self.filter = wanted
        self._ends = replace(self._ends, filter=wanted, since={})

    # Asking the lab ------------------------------------------------------------------------------------------

    def _pump(self) -> None:
        if not self._pumping and self._next() is not None:
            self._pumping = True
            self._run(self._work())

    async def _work(self) -> None:
        try:
            while (job := self._next()) is not None:
                generation = self._generation
                try:
                    apply = await job()
                except OffsetOutOfRangeError:
                    apply = None  # the log start has moved meanwhile; the next world says where to
                    if generation == self._generation:
                        break
                except (KafkaError, LabError) as error:
                    if generation == self._generation:
                        self.error, self._failed_ms = str(error), self._now_ms
                        self._changed()
                    continue
                if generation == self._generation and apply is not None:
                    apply()
                await asyncio.sleep(0)
        finally:
            self._pumping = False
            self._changed()

    def _next(self) -> Callable[[], Coroutine[Any, Any, Callable[[], None] | None]] | None:
        """What is to be asked next, the most wanted first; None when everything needed is at hand."""
        if self.error or not self.tps:
            return None
        if self.going is not None:
            return self._arrive
        if self.filter is not None and self.filter.since_ms and not self._ends.since:
            return self._find_since
        if self.following and self.filter is None and self._behind() > LEAP:
            self.going = AtEnd()
            return self._arrive
        if self._stopped:
            return None
        window = self.window
        after, before = not self.at_end, not self.at_start
        for margin in (0, MARGIN):
            if after and (window.stop < self._bottom + margin or self.following or not window.rows):
                return self._more_after
            if before and (window.first > self._top - margin or len(window.rows) < self._bottom - self._top):
                return self._more_before
        return None

    def _behind(self) -> int:
        return sum(max(0, self._ends.ends.get(tp, high) - high) for tp, high in self.window.high.items())

    async def _more_after(self) -> Callable[[], None]:
        stretch = await self._onward(self.window.high)

        def apply() -> None:
            last = self.cursor >= self.window.stop - 1
            self.window.append(stretch, keep_from=self._top - MARGIN)
            if self.following and (last or stretch.rows):
                self.cursor = max(self.window.first, self.window.stop - 1)
            self._came(stretch)

        return apply

    async def _more_before(self) -> Callable[[], None]:
        stretch = await self._backward(self.window.low)

        def apply() -> None:
            empty = not self.window.rows
            self.window.prepend(stretch, keep_to=self._bottom + MARGIN)
            if empty:
                self.cursor = max(self.window.first, self.window.stop - 1)
            self._came(stretch)

        return apply

    def _came(self, stretch: Stretch) -> None:
        if stretch.rows:
            self._changed()

    async def _find_since(self) -> Callable[[], None]:
        assert self.filter is not None
        found = await self._at_time(self.filter.since_ms)

        def apply() -> None:
            self._ends = replace(self._ends, since=found)

        return apply

    async def _arrive(self) -> Callable[[], None]:
        """Go where `going` says; what was there before stays in view until something can be shown."""
        assert self.going is not None
        places = self._ends.find(self.going)
        if places is None:
            assert isinstance(self.going, AtTimestamp)
            places = await self._at_time(self.going.timestamp_ms)
        places = self._ends.held(places)
        window = Window(places)
        window.append(await self._onward(places), keep_from=0)
        if len(window.rows) < PAGE:
            window.prepend(await self._backward(places), keep_to=PAGE)

        def apply() -> None:
            self.window = window
            self.going = None
            self.cursor = 0 if window.stop > 0 else max(window.first, window.stop - 1)
            if self.following:
                self.cursor = max(window.first, window.stop - 1)
            self.jumps += 1
            self._changed()

        return apply

    async def _at_time(self, timestamp_ms: int) -> Places:
        browser = self._lab().browser
        return {tp: await browser.offset_at(tp, timestamp_ms) for tp in self.tps}

    @property
    def _sought(self) -> Search | None:
        return None if self.filter is None else Search(self.filter.matches, self.filter.holding)

    async def _onward(self, places: Mapping[TopicPartition, int]) -> Stretch:
        return await self._lab().browser.onward(places, PAGE, self._sought)

    async def _backward(self, places: Mapping[TopicPartition, int]) -> Stretch:
        return await self._lab().browser.backward(places, PAGE, self._sought)
