"""Scrubbing: a cursor on a log, what lies under it, and what moving a group there would do before it is done.

The cursor moves at once; the record and the consequence follow. One question is under way at a time, and then only the
newest place is asked for, so that the answer to an old question is never shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from engine.errors import KafkaError, LabError, RefusedError
from engine.snapshot import GroupOffsetView, PartitionView, World
from engine.types import TopicPartition
from tui.verbs import Lab

if TYPE_CHECKING:
    from engine.cluster.offsets import OffsetPlan, Target
    from engine.pages import BrowsedRecord

PAGE = 100
PAUSE_S = 0.03
ASK_AGAIN_MS = 400.0


class Move(Enum):
    """Ways for the cursor to go."""

    BACK = "a record back"
    ON = "a record on"
    PAGE_BACK = "a page back"
    PAGE_ON = "a page on"
    START = "to the log start"
    END = "to the log end"
    COMMITTED = "to what the group has committed"


@dataclass(frozen=True, slots=True)
class ScrubView:
    """What panels paint of a scrub."""

    tp: TopicPartition
    group_id: str | None
    """The group that would be moved; None where no group reads the topic."""
    whole: bool
    """Whether the whole group moves, to the timestamp of the record under the cursor."""
    offset: int
    log_start: int
    log_end: int
    """The high watermark: the last place a group can be moved to."""
    committed: int | None
    position: int | None
    owner: str | None
    """Member id of the owner."""
    at_end: bool = False
    """The cursor was sent to the end and stays there while the log grows."""
    record: BrowsedRecord | None = None
    """The first record at or after the cursor; None at the end, and until the first answer."""
    plan: OffsetPlan | None = None
    sentence: str = ""
    """What applying would do, or why it cannot be done."""
    refused: bool = False
    asking: bool = False
    """Record and sentence still belong to the place before."""


def moved(view: ScrubView, move: Move, page: int = PAGE) -> int:
    """The offset the cursor comes to, held between log start and log end."""
    to = {
        Move.BACK: view.offset - 1,
        Move.ON: _after(view),
        Move.PAGE_BACK: view.offset - page,
        Move.PAGE_ON: view.offset + page,
        Move.START: view.log_start,
        Move.END: view.log_end,
        Move.COMMITTED: view.offset if view.committed is None else view.committed,
    }[move]
    return held(view, to)


def held(view: ScrubView, offset: int) -> int:
    """`offset`, or the end of the log that is nearest to it."""
    return min(max(offset, view.log_start), view.log_end)


def _after(view: ScrubView) -> int:
    """One on, past a gap that compaction left."""
    if view.record is not None and not view.asking and view.record.record.offset >= view.offset:
        return view.record.record.offset + 1
    return view.offset + 1


class Scrubber:
    """A scrub under way, or none: then `view` is None.

    `run` is given the coroutine that asks the lab (`app.run_worker` will do); `changed` is called when `view` is
    another. The mode calls `follow` with each new world.
    """

    def __init__(
        self,
        lab: Callable[[], Lab],
        run: Callable[[Coroutine[Any, Any, None]], object],
        changed: Callable[[], None],
        pause_s: float = PAUSE_S,
    ) -> None:
        self._lab = lab
        self._run = run
        self._changed = changed
        self._pause_s = pause_s
        self._asked = 0
        self._answered = 0
        self._pumping = False
        self._last_ask_ms = 0.0
        self._world: World | None = None
        self.view: ScrubView | None = None
        """What there is to paint; None while nobody scrubs."""

    # Beginning and ending ------------------------------------------------------------------------------------

    def start(self, world: World, tp: TopicPartition, group_id: str | None, offset: int | None = None) -> bool:
        """Put the cursor on a partition: on `offset`, else where the group stands, else at the end. False: no such."""
        log = world.partition(tp)
        if log is None:
            return False
        standing = _standing(world, group_id, tp)
        committed = standing.committed if standing else None
        whole = self.view.whole if self.view is not None and group_id is not None else False
        at = offset if offset is not None else committed if committed is not None else log.high_watermark
        view = _looked_up(ScrubView(tp, group_id, whole, at, 0, 0, None, None, None), log, standing)
        self._world = world
        self._set(replace(view, offset=held(view, at)))
        self._ask()
        return True

    def stop(self) -> None:
        """Leave; nothing was changed by looking."""
        self._asked += 1
        self._answered = self._asked
        self._set(None)

    # Moving --------------------------------------------------------------------------------------------------

    def move(self, move: Move, page: int = PAGE) -> None:
        """Move the cursor; `page` is how many offsets a page is."""
        if self.view is not None:
            self._go(moved(self.view, move, page), move is Move.END)

    def to(self, offset: int) -> None:
        """Move the cursor to an offset."""
        if self.view is not None:
            self._go(held(self.view, offset), False)

    async def to_time(self, timestamp_ms: int) -> None:
        """Move the cursor to the first record at or after a time in ms; raises KafkaError."""
        if self.view is not None:
            self.to(await self._lab().browser.offset_at(self.view.tp, timestamp_ms))

    def switch(self, tp: TopicPartition | None = None, group_id: str | None = None) -> None:
        """Go on at another partition, or for another group."""
        view, world = self.view, self._world
        if view is not None and world is not None:
            self.start(world, tp or view.tp, group_id or view.group_id, view.offset if tp is None else None)

    def toggle_scope(self) -> None:
        """From this partition alone to the whole group, by the time of the record under the cursor; and back."""
        if self.view is not None and self.view.group_id is not None:
            self._set(replace(self.view, whole=not self.view.whole, asking=True))
            self._ask()

    def _go(self, offset: int, at_end: bool) -> None:
        assert self.view is not None
        if offset != self.view.offset or at_end != self.view.at_end:
            self._set(replace(self.view, offset=offset, at_end=at_end, asking=True))
            self._ask()

    def follow(self, world: World) -> None:
        """Take the world as it is now: the log's ends, the group's standing, and the consequence when that changed."""
        self._world, view = world, self.view
        if view is None:
            return
        log = world.partition(view.tp)
        group_id = view.group_id if view.group_id is None or world.group(view.group_id) else None
        if log is None:
            self.stop()
            return
        now = _looked_up(replace(view, group_id=group_id), log, _standing(world, group_id, view.tp))
        now = replace(now, offset=now.log_end if now.at_end else held(now, now.offset))
        if now != view:
            self._set(now)
            if now.offset != view.offset or world.now_ms - self._last_ask_ms >= ASK_AGAIN_MS:
                self._ask()

    # Applying ------------------------------------------------------------------------------------------------

    async def apply(self) -> str:
        """Move the group to the cursor and say what that does; raises KafkaError or RefusedError, nothing moved."""
        view = self.view
        if view is None:
            raise RefusedError("Nothing is being scrubbed; press s on a partition first.")
        plan = await self._plan(view, await self._record(view))
        if plan is None:
            raise RefusedError(_nobody(view))
        await self._lab().offsets.apply(plan)
        self._ask()
        return str(plan.sentence())

    async def undo(self) -> str:
        """Take back the last change of a group's offsets, in words; raises RefusedError when there is none."""
        undone = await self._lab().offsets.undo()
        if self.view is not None:
            self._ask()
        return undone

    # Asking the lab ------------------------------------------------------------------------------------------

    def _set(self, view: ScrubView | None) -> None:
        if view != self.view:
            self.view = view
            self._changed()

    def _ask(self) -> None:
        self._asked += 1
        if self._world is not None:
            self._last_ask_ms = self._world.now_ms
        if not self._pumping:
            self._pumping = True
            self._run(self._pump())

    async def _pump(self) -> None:
        try:
            while self._answered != self._asked and self.view is not None:
                await asyncio.sleep(self._pause_s)
                asked, view = self._asked, self.view
                if view is None:
                    return
                answer = await self._look(view)
                if asked == self._asked and self.view is not None:
                    self._answered = asked
                    self._set(
                        replace(
                            self.view,
                            record=answer.record,
                            plan=answer.plan,
                            sentence=answer.sentence,
                            refused=answer.refused,
                            asking=False,
                        )
                    )
        finally:
            self._pumping = False

    async def _look(self, view: ScrubView) -> ScrubView:
        record: BrowsedRecord | None = None
        try:
            record = await self._record(view)
            plan = await self._plan(view, record)
        except (KafkaError, LabError) as error:
            return replace(view, record=record, plan=None, sentence=str(error), refused=True)
        if plan is None:
            return replace(view, record=record, plan=None, sentence=_nobody(view), refused=True)
        return replace(view, record=record, plan=plan, sentence=str(plan.sentence()), refused=bool(plan.refused))

    async def _record(self, view: ScrubView) -> BrowsedRecord | None:
        if view.offset >= view.log_end:
            return None
        page = await self._lab().browser.read(view.tp, view.offset, limit=1)
        return page.rows[0] if page is not None and page.rows else None

    async def _plan(self, view: ScrubView, record: BrowsedRecord | None) -> OffsetPlan | None:
        if view.group_id is None:
            return None
        plan: OffsetPlan | None = await self._lab().offsets.plan(
            view.group_id, target_of(view, record), None if view.whole else (view.tp,)
        )
        return plan


def target_of(view: ScrubView, record: BrowsedRecord | None) -> Target:
    """Where applying would move the group: the end, the time of the record under the cursor, or the offset."""
    from engine.cluster.offsets import AtTime, Latest, To  # loaded with the lab, after the first frame

    if view.offset >= view.log_end:
        return Latest()
    if view.whole and record is not None:
        return AtTime(record.record.timestamp)
    return To(view.offset)


def _nobody(view: ScrubView) -> str:
    return f"No group reads {view.tp.topic}, so nothing would move; press c to start a consumer."


def _looked_up(view: ScrubView, log: PartitionView, standing: GroupOffsetView | None) -> ScrubView:
    return replace(
        view,
        log_start=log.log_start_offset,
        log_end=log.high_watermark,
        committed=standing.committed if standing else None,
        position=standing.position if standing else None,
        owner=standing.owner if standing else None,
    )


def _standing(world: World, group_id: str | None, tp: TopicPartition) -> GroupOffsetView | None:
    group = world.group(group_id) if group_id is not None else None
    return next((offset for offset in group.offsets if offset.tp == tp), None) if group else None
