from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from engine.errors import LeaderNotAvailableError, RefusedError
from engine.pages import Stretch
from engine.types import TopicPartition
from tests.tui.logs import LogStub
from tests.tui.records.conftest import P0, OpenDesk, world_of
from tui.records.filters import Filter, parse
from tui.records.places import AtEnd, AtGroup, AtOffset, AtStart, AtTimestamp
from tui.records.reader import MARGIN, PAGE
from tui.records.times import Times
from tui.records.window import MOST_ROWS

TIMES = Times(0, 0)
HUGE = 10_000_000


def filter_of(text: str) -> Filter:
    found = parse(text, TIMES)
    assert found is not None
    return found


async def test_it_opens_at_the_end_and_follows_it(desk: OpenDesk) -> None:
    async with desk(world_of(5_000)) as it:
        it.open(0)
        await it.settle()
        assert it.at == 4_999
        it.grow(0, 30)
        await it.settle()
        assert it.at == 5_029
        assert it.reader.following


async def test_moving_up_stops_following_and_the_end_resumes_it(desk: OpenDesk) -> None:
    async with desk(world_of(5_000)) as it:
        it.open(0)
        await it.settle()
        it.reader.move_to(it.reader.cursor - 1)
        it.grow(0, 30)
        await it.settle()
        assert it.at == 4_998
        assert not it.reader.following
        it.reader.go(AtEnd())
        await it.settle()
        assert it.at == 5_029
        assert it.reader.following


async def test_an_end_that_runs_far_ahead_is_caught_up_with_in_one_leap(desk: OpenDesk) -> None:
    async with desk(world_of(5_000)) as it:
        it.open(0)
        await it.settle()
        before = it.browser.logs[P0].reads
        it.grow(0, 400_000)
        await it.settle()
        assert it.at == 404_999
        assert it.browser.logs[P0].reads - before < 10


async def test_scrolling_is_endless_and_holds_few_records_in_a_log_of_any_size(desk: OpenDesk) -> None:
    async with desk(world_of(HUGE)) as it:
        it.open(0, place=AtOffset(HUGE // 2))
        await it.settle()
        assert it.at == HUGE // 2
        dice, expected = random.Random(5), HUGE // 2
        for _ in range(300):
            by = dice.choice((-40, -40, -7, 5, 40))
            it.reader.move_to(it.reader.cursor + by)
            it.reader.view(it.reader.cursor - 20, it.reader.cursor + 20)
            await it.settle()
            expected += by
            assert it.at == expected
            assert len(it.offsets) <= MOST_ROWS + PAGE
            assert it.offsets == list(range(it.offsets[0], it.offsets[-1] + 1))


async def test_rows_keep_their_numbers_while_others_come_before_them(desk: OpenDesk) -> None:
    async with desk(world_of(5_000)) as it:
        it.open(0, place=AtOffset(2_500))
        await it.settle()
        number, offset = it.reader.cursor, it.at
        it.reader.view(it.reader.window.first, it.reader.window.first + 20)
        await it.settle()
        row = it.reader.window.row(number)
        assert row is not None
        assert row.record.offset == offset
        assert it.offsets[0] < 2_500 - MARGIN


async def test_the_answer_to_an_old_question_is_dropped(desk: OpenDesk) -> None:
    async with desk(world_of(5_000)) as it:
        it.open(0)
        it.reader.go(AtOffset(100))
        it.reader.go(AtOffset(4_000))
        await it.settle()
        assert it.at == 4_000
        assert 100 not in it.offsets


async def test_an_answer_that_comes_after_one_has_gone_elsewhere_is_dropped(desk: OpenDesk) -> None:
    async with desk(world_of(5_000)) as it:
        it.open(0)
        await it.settle()
        asked, answer, onward = asyncio.Event(), asyncio.Event(), it.browser.onward

        async def slow(*args: Any) -> Stretch:
            it.browser.onward = onward
            asked.set()
            await answer.wait()
            found: Stretch = await onward(*args)
            return found

        it.browser.onward = slow
        it.reader.go(AtOffset(100))
        await asked.wait()
        it.reader.go(AtOffset(4_000))
        seen: list[int | None] = []
        it.reader._changed = lambda: seen.append(it.at)
        answer.set()
        await it.settle()
        assert it.at == 4_000
        assert 100 not in seen


async def test_places_are_reached(desk: OpenDesk) -> None:
    async with desk(world_of(5_000, starts=(1_000,))) as it:
        it.open(0)
        await it.settle()
        log: LogStub = it.browser.logs[P0]
        for place, offset in (
            (AtStart(), 1_000),
            (AtOffset(7), 1_000),
            (AtOffset(1_234), 1_234),
            (AtGroup("billing"), 3_000),
            (AtTimestamp(log.timestamp(2_222)), 2_222),
            (AtEnd(), 4_999),
        ):
            it.reader.go(place)
            await it.settle()
            assert it.at == offset


async def test_a_place_that_is_none_is_refused_with_the_reason(desk: OpenDesk) -> None:
    async with desk(world_of(100, 100)) as it:
        it.open(0, 1)
        await it.settle()
        with pytest.raises(RefusedError, match="choose one"):
            it.reader.go(AtOffset(5))
        with pytest.raises(RefusedError, match="committed nothing"):
            it.reader.go(AtGroup("nobody"))
        assert it.reader.following


async def test_partitions_are_merged_by_time_in_both_directions(desk: OpenDesk) -> None:
    async with desk(world_of(3_000, 3_000, 500)) as it:
        it.open(0, 1, 2)
        await it.settle()
        for _ in range(4):
            it.reader.view(it.reader.window.first, it.reader.window.first + 20)
            await it.settle()
        times = [row.record.timestamp for row in it.reader.window.rows]
        assert times == sorted(times)
        assert {row.record.partition for row in it.reader.window.rows} == {0, 1, 2}
        for partition in range(3):
            own = [row.record.offset for row in it.reader.window.rows if row.record.partition == partition]
            assert own == list(range(own[0], own[-1] + 1))


async def test_a_filter_shows_what_matches_around_the_cursor(desk: OpenDesk) -> None:
    async with desk(world_of(5_000)) as it:
        it.open(0, place=AtOffset(2_000))
        await it.settle()
        wanted = filter_of("city")
        it.reader.look_for(filter_of("Tromsø"))
        await it.settle()
        assert it.at is not None
        assert it.at >= 2_000
        assert all("Tromsø" in (row.record.value or b"").decode() for row in it.reader.window.rows)
        it.reader.look_for(wanted)
        await it.settle()
        assert it.offsets == list(range(it.offsets[0], it.offsets[-1] + 1))
        it.reader.look_for(None)
        await it.settle()
        assert it.reader.search is None


async def test_looking_in_vain_goes_through_everything_and_says_so(desk: OpenDesk) -> None:
    async with desk(world_of(8_000)) as it:
        it.open(0)
        await it.settle()
        it.reader.look_for(filter_of("nowhere-to-be-found"))
        await it.settle()
        search = it.reader.search
        assert search is not None
        assert (search.found, search.share, search.under_way, search.stopped) == (0, 1.0, False, False)
        assert it.reader.row is None


async def test_a_search_can_be_stopped_and_taken_up_again(desk: OpenDesk) -> None:
    async with desk(world_of(30_000)) as it:
        it.open(0)
        await it.settle()
        it.reader.look_for(filter_of("nowhere-to-be-found"))
        it.reader.stop_search()
        await it.settle()
        search = it.reader.search
        assert search is not None
        assert search.stopped
        assert 0 < search.share < 1
        it.reader.look_for(filter_of("nowhere-to-be-found"))
        await it.settle()
        assert it.reader.search is not None
        assert it.reader.search.share == 1.0


async def test_bounds_keep_a_search_from_looking_where_nothing_can_match(desk: OpenDesk) -> None:
    async with desk(world_of(HUGE)) as it:
        it.open(0)
        await it.settle()
        log: LogStub = it.browser.logs[P0]
        reads = log.reads
        since = log.timestamp(HUGE - 3_000)
        for text in (f"offset:>={HUGE - 2_000} nowhere", f"time:>={since} nowhere", "offset:<50 nowhere"):
            it.reader.go(AtStart() if "<" in text else AtEnd())
            it.reader.look_for(filter_of(text))
            await it.settle()
            assert it.reader.search is not None
            assert it.reader.search.share == 1.0
            it.reader.look_for(None)
            await it.settle()
        assert log.reads - reads < 250


async def test_matches_that_arrive_are_shown_while_following(desk: OpenDesk) -> None:
    async with desk(world_of(1_000)) as it:
        it.open(0)
        await it.settle()
        it.reader.look_for(filter_of("offset:>=1005"))
        await it.settle()
        assert it.offsets == []
        it.grow(0, 10)
        await it.settle()
        assert it.offsets == [1_005, 1_006, 1_007, 1_008, 1_009]


async def test_records_that_retention_removed_are_let_go(desk: OpenDesk) -> None:
    async with desk(world_of(500)) as it:
        it.open(0, place=AtStart())
        await it.settle()
        it.grow(0, 0, start=60)
        await it.settle()
        assert it.offsets[0] == 60
        assert it.at == 60
        assert it.reader.at_start


async def test_a_log_that_was_cut_off_is_read_anew(desk: OpenDesk) -> None:
    async with desk(world_of(500)) as it:
        it.open(0)
        await it.settle()
        it.grow(0, -300)
        await it.settle()
        assert it.offsets[-1] == 199


async def test_an_empty_partition_has_no_record_under_the_cursor(desk: OpenDesk) -> None:
    async with desk(world_of(0)) as it:
        it.open(0)
        await it.settle()
        assert it.reader.row is None
        assert it.reader.at_end
        it.grow(0, 1)
        await it.settle()
        assert it.at == 0


async def test_a_partition_without_a_leader_is_said_and_tried_again(desk: OpenDesk) -> None:
    async with desk(world_of(500)) as it:
        nodes = it.browser._nodes
        stub, missing = nodes.leader, LeaderNotAvailableError("Nobody leads orders-0 just now.")

        def nobody(tp: TopicPartition) -> LogStub:
            raise missing

        nodes.leader = nobody
        it.open(0)
        await it.settle()
        assert it.reader.error == "Nobody leads orders-0 just now."
        nodes.leader = stub
        it.world = world_of(500)
        it.reader._failed_ms -= 1_000
        it.reader.follow(it.world)
        await it.settle()
        assert it.at == 499
        assert it.reader.error == ""
