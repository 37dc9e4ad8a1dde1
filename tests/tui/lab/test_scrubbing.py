from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.cluster.offsets import AtTime, Latest, To
from engine.errors import OffsetOutOfRangeError, RefusedError
from engine.snapshot import World
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.fakes import FakeCluster
from tests.tui.plans import planner
from tui.scrubbing import Move, Scrubber, ScrubView, moved

P0, P3 = worlds.tps("orders", 0, 3)


class Hand:
    """A scrubber, the lab it asks, and what it ran."""

    def __init__(self, world: World | None = None, owned: bool = True) -> None:
        self.lab = FakeCluster(world or worlds.first())
        self.lab.answers["offsets.plan"] = planner(self.lab.world, owned)
        self.changes = 0
        self.tasks: list[asyncio.Task[None]] = []
        self.scrubber = Scrubber(lambda: self.lab, self._run, self._changed, pause_s=0)

    def _run(self, asking: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.ensure_future(asking))

    def _changed(self) -> None:
        self.changes += 1

    def start(self, tp: TopicPartition = P0, group_id: str | None = "billing", offset: int | None = None) -> None:
        assert self.scrubber.start(self.lab.world, tp, group_id, offset)

    async def settled(self) -> ScrubView:
        while any(not task.done() for task in self.tasks):
            await asyncio.gather(*self.tasks)
        assert self.scrubber.view is not None
        return self.scrubber.view


def view(**more: Any) -> ScrubView:
    values: dict[str, Any] = {
        "tp": P0, "group_id": "billing", "whole": False, "offset": 50, "log_start": 10, "log_end": 90,
        "committed": 40, "position": 45, "owner": None,
    }  # fmt: skip
    return ScrubView(**{**values, **more})


@pytest.mark.parametrize(
    ("move", "to"),
    [
        (Move.BACK, 49), (Move.ON, 51), (Move.PAGE_BACK, 20), (Move.PAGE_ON, 80), (Move.START, 10), (Move.END, 90),
        (Move.COMMITTED, 40),
    ],
)  # fmt: skip
def test_the_cursor_goes_by_record_by_page_to_the_ends_and_to_the_groups_place(move: Move, to: int) -> None:
    assert moved(view(), move, page=30) == to


@given(st.sampled_from(Move), st.integers(10, 90), st.integers(1, 1_000))
def test_the_cursor_never_leaves_the_log(move: Move, offset: int, page: int) -> None:
    assert 10 <= moved(view(offset=offset), move, page) <= 90


def test_without_a_commit_the_cursor_stays_where_it_is() -> None:
    assert moved(view(committed=None), Move.COMMITTED) == 50


async def test_a_scrub_begins_where_the_group_stands_and_says_what_moving_would_do() -> None:
    hand = Hand()
    hand.start()
    now = await hand.settled()
    assert (now.offset, now.committed, now.asking) == (12_291, 12_291, False)
    assert now.record is not None
    assert now.record.record.offset == 12_291
    assert now.sentence == "25 records will be delivered again to billing-1."
    assert not now.refused


async def test_the_cursor_moves_at_once_and_the_answer_follows() -> None:
    hand = Hand()
    hand.start()
    await hand.settled()
    hand.scrubber.move(Move.PAGE_BACK, 100)
    assert hand.scrubber.view is not None
    assert (hand.scrubber.view.offset, hand.scrubber.view.asking) == (12_191, True)
    now = await hand.settled()
    assert now.sentence == "125 records will be delivered again to billing-1."


async def test_only_the_newest_place_is_asked_for_and_old_answers_are_dropped() -> None:
    hand = Hand()
    slow: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    plan = hand.lab.answers["offsets.plan"]
    hand.start()
    await hand.settled()
    hand.lab.calls.clear()
    read = hand.lab.browser.read

    async def late(*args: Any, **kwargs: Any) -> Any:
        page = await read(*args, **kwargs)
        await slow
        return page

    hand.lab.browser = type("Slow", (), {"read": staticmethod(late)})()
    hand.scrubber.move(Move.BACK)
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for _ in range(20):
        hand.scrubber.move(Move.BACK)
    slow.set_result(None)
    now = await hand.settled()
    assert now.offset == 12_270
    assert now.record is not None
    assert now.record.record.offset == 12_270
    assert now.sentence == str(plan("billing", To(12_270), (P0,)).sentence())
    assert len(hand.lab.called("offsets.plan")) == 2


async def test_at_the_end_the_cursor_stays_there_while_the_log_grows() -> None:
    hand = Hand()
    hand.start()
    hand.scrubber.move(Move.END)
    await hand.settled()
    world = hand.lab.world
    topic = worlds.topic("orders", [end + 7 for end in worlds.ENDS])
    hand.scrubber.follow(replace(world, topics=(topic, *world.topics[1:]), now_ms=world.now_ms + 1_000))
    now = await hand.settled()
    assert now.offset == now.log_end == worlds.ENDS[0] + 7
    assert hand.lab.called("offsets.plan")[-1][1] == Latest()


async def test_retention_takes_the_cursor_along() -> None:
    hand = Hand()
    hand.start(offset=0)
    await hand.settled()
    topic = worlds.topic("orders", worlds.ENDS, [500] * 6)
    hand.scrubber.follow(replace(hand.lab.world, topics=(topic,)))
    assert (await hand.settled()).offset == 500


async def test_the_whole_group_goes_to_the_time_of_the_record() -> None:
    hand = Hand()
    hand.start()
    now = await hand.settled()
    assert now.record is not None
    stamp = now.record.record.timestamp
    hand.scrubber.toggle_scope()
    await hand.settled()
    group_id, target, partitions = hand.lab.called("offsets.plan")[-1]
    assert (group_id, target, partitions) == ("billing", AtTime(stamp), None)


async def test_applying_moves_the_group_to_the_cursor_and_says_so() -> None:
    hand = Hand()
    hand.start(offset=12_000)
    await hand.settled()
    said = await hand.scrubber.apply()
    assert said == "316 records will be delivered again to billing-1."
    ((plan,),) = hand.lab.called("offsets.apply")
    assert [(change.tp, change.after) for change in plan.changes] == [(P0, 12_000)]


async def test_undo_is_the_labs_own() -> None:
    hand = Hand()
    hand.lab.answers["offsets.undo"] = "billing: orders-0"
    hand.start()
    assert await hand.scrubber.undo() == "billing: orders-0"


async def test_a_refusal_is_shown_in_words_and_raised_when_it_is_applied() -> None:
    hand = Hand(worlds.busy())
    hand.start()
    now = await hand.settled()
    assert now.refused
    assert "is rebalancing" in now.sentence
    hand.lab.answers["offsets.apply"] = RefusedError(now.sentence)
    with pytest.raises(RefusedError, match="is rebalancing"):
        await hand.scrubber.apply()


async def test_an_error_of_the_lab_is_shown_and_loses_nothing() -> None:
    hand = Hand()
    hand.lab.answers["offsets.plan"] = OffsetOutOfRangeError("orders-0 holds offsets 5 to 9.")
    hand.start()
    now = await hand.settled()
    assert (now.refused, now.sentence) == (True, "orders-0 holds offsets 5 to 9.")
    assert now.record is not None


async def test_without_a_group_records_are_still_read() -> None:
    hand = Hand()
    hand.start(group_id=None, offset=100)
    now = await hand.settled()
    assert now.record is not None
    assert "press c" in now.sentence
    with pytest.raises(RefusedError, match="press c"):
        await hand.scrubber.apply()


async def test_another_partition_or_group_goes_on_where_the_group_stands_there() -> None:
    hand = Hand(worlds.busy())
    hand.start()
    hand.scrubber.switch(tp=P3)
    assert (await hand.settled()).offset == worlds.ENDS[3] - 210
    hand.scrubber.switch(group_id="fraud")
    now = await hand.settled()
    assert (now.group_id, now.committed) == ("fraud", worlds.ENDS[3] - 5_111)


async def test_leaving_changes_nothing_and_a_late_answer_is_not_shown() -> None:
    hand = Hand()
    hand.start()
    hand.scrubber.stop()
    await asyncio.gather(*hand.tasks)
    assert hand.scrubber.view is None
    assert not hand.lab.called("offsets.apply")


async def test_a_topic_that_was_deleted_ends_the_scrub() -> None:
    hand = Hand()
    hand.start()
    await hand.settled()
    hand.scrubber.follow(replace(hand.lab.world, topics=()))
    assert hand.scrubber.view is None


async def test_a_partition_that_is_not_there_cannot_be_scrubbed() -> None:
    hand = Hand()
    assert not hand.scrubber.start(hand.lab.world, TopicPartition("orders", 99), "billing")
    with pytest.raises(RefusedError, match="press s"):
        await hand.scrubber.apply()
