"""Going to places in Records: the reader and the scrub go together, by offset, time, end, group or partition."""

from __future__ import annotations

from dataclasses import replace

from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC
from engine.errors import RefusedError
from engine.types import TopicPartition
from tui.modes.base import Mode
from tui.painting.records.tabs import ALL
from tui.painting.text import number
from tui.panels.records.tabs import Partitions
from tui.records.places import AtEnd, AtGroup, AtOffset, AtStart, AtTimestamp, Place
from tui.records.reader import Reader
from tui.records.standing import group_read, marks_in
from tui.scene import Scene
from tui.scrubbing import Move, Scrubber


class Going(Mode):
    """A mode with a reader and a scrubber, and ways to take both somewhere. A subclass makes them and shows them."""

    reader: Reader
    scrubber: Scrubber

    def __init__(self) -> None:
        super().__init__()
        self._chosen: dict[str, int] = {}
        """The partition last read, by topic; `ALL` for all of them."""
        self._going: Place | None = None

    def moved(self) -> None:
        """Rows came or went, or the cursor moved: show it."""
        raise NotImplementedError

    # What is read --------------------------------------------------------------------------------------------

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
