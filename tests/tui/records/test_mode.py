from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from rich.cells import cell_len
from textual.geometry import Offset

from engine.cluster.offsets import OffsetPlan, To
from engine.errors import RefusedError
from engine.snapshot import World
from engine.types import RecordMetadata, TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tests.tui.plans import planner
from tui.modes.records import RecordsMode
from tui.painting.records.overview import Overview, bar_of
from tui.panels.records.detail import Detail
from tui.panels.records.log import Log
from tui.panels.records.overview import Overviews
from tui.scrubbing import ScrubView
from tui.selection import SelectedRecord

P0 = TopicPartition("orders", 0)
END = worlds.ENDS[0]
COMMITTED = END - 40


def mode_of(on: Stage) -> RecordsMode:
    return cast("RecordsMode", on.app.mode)


def scrub_of(on: Stage) -> ScrubView:
    view = mode_of(on).scrubber.view
    assert view is not None
    return view


def at(on: Stage) -> tuple[int, int]:
    """(partition, offset) under the cursor."""
    selected = mode_of(on).listing.selection
    assert isinstance(selected, SelectedRecord)
    return selected.tp.partition, selected.offset


def grown(world: World, by: int) -> World:
    """The world a moment later, with more records in `orders-0`."""
    topic = world.topics[0]
    old = topic.partitions[0]
    end = old.high_watermark + by
    first = replace(old, high_watermark=end, log_end_offset=end)
    topics = (replace(topic, partitions=(first, *topic.partitions[1:])), *world.topics[1:])
    return replace(world, topics=topics, now_ms=world.now_ms + 1_000)


async def later(on: Stage, world: World) -> None:
    on.lab.world = world
    on.app.mode.tick()
    await on.settle()


# Reading -----------------------------------------------------------------------------------------------------


async def test_the_newest_records_of_a_partition_are_shown_and_followed(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2")
        assert at(on) == (0, END - 1)
        assert "● live" in on.text()
        await later(on, grown(on.lab.world, 7))
        assert at(on) == (0, END + 6)
        assert f"the next record gets offset {END + 7:,}" in on.text()


async def test_moving_up_stops_following_and_g_resumes_it(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "up", "up")
        await later(on, grown(on.lab.world, 50))
        assert at(on) == (0, END - 3)
        assert "not following: 52 records further on" in on.text()
        await on.press("G")
        assert at(on) == (0, END + 49)
        assert "● live" in on.text()
        await on.press("f")
        assert "● live" not in on.text()
        await on.press("end")
        assert "● live" in on.text()


async def test_pages_lead_on_without_an_end(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2")
        page = mode_of(on).listing.size.height - 2
        await on.press(*["pageup"] * 40)
        assert at(on) == (0, END - 1 - 40 * page)
        await on.press("g")
        assert at(on) == (0, 0)
        assert "log start, offset 0" in on.text()
        await on.press(*["pagedown"] * 3)
        assert at(on) == (0, 3 * page)


async def test_one_row_is_painted_anew_when_the_cursor_leaves_it_for_the_next(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", *["up"] * 5)
        listing = mode_of(on).listing
        painted: list[int] = []
        draw = listing.draw

        def counting(item: Any, pen: Any) -> Any:
            painted.append(item.model.row.record.offset)
            return draw(item, pen)

        listing.draw = counting  # type: ignore[method-assign]
        await on.press("up")
        assert sorted(set(painted)) == [END - 7, END - 6]


async def test_left_and_right_lead_through_the_partitions_and_all_of_them_merged(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "right")
        assert at(on) == (1, worlds.ENDS[1] - 1)
        await on.press("left", "left")
        assert "orders, all by time" in on.text()
        rows = mode_of(on).reader.window.rows
        assert {row.record.partition for row in rows} == set(range(6))
        times = [row.record.timestamp for row in rows]
        assert times == sorted(times)
        await on.press("left")
        assert at(on)[0] == 5


async def test_another_partition_is_shown_at_the_same_time(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", *["up"] * 30)
        row = mode_of(on).reader.row
        assert row is not None
        await on.press("right")
        other = mode_of(on).reader.row
        assert other is not None
        assert other.record.partition == 1
        assert 0 <= other.record.timestamp - row.record.timestamp < 200


async def test_a_topic_of_its_own_remembers_its_partition(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("2", "right", "right")
        assert at(on)[0] == 2
        await on.press("]")
        assert mode_of(on).reader.tps == (TopicPartition("payments", 0),)
        await on.press("[")
        assert at(on)[0] == 2


async def test_offsets_that_groups_commit_are_read_in_words(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "]")
        assert "shop-4 commits offset" in on.text()
        assert "hash of the group's name mod 50 = 17" in " ".join(on.text().split())


async def test_another_mode_can_send_one_to_an_offset(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.app.look = replace(on.app.look, topic="orders", partition=TopicPartition("orders", 3), offset=4_321)
        await on.press("2")
        assert at(on) == (3, 4_321)
        assert on.app.look.partition is None


async def test_without_topics_it_says_what_to_press(stage: OpenStage) -> None:
    async with stage(worlds.empty()) as on:
        await on.press("2", "up", "down", "G", "left", "m", "v", "s", "enter", "escape")
        assert "Press n to make one" in on.text()


async def test_an_empty_partition_says_what_to_press(stage: OpenStage) -> None:
    async with stage(worlds.world(topics=(worlds.topic("new", (0, 0)),))) as on:
        await on.press("2")
        assert "This partition holds no records now. Press e" in on.text()
        await on.press("left")
        assert "These partitions hold no records now" in on.text()


# The record in full ------------------------------------------------------------------------------------------


async def test_the_record_under_the_cursor_is_told_in_full(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "up")
        text = " ".join(on.text().split())
        assert f"orders-0 @ {END - 2:,}" in text
        assert "murmur2(key) mod 6 = 0" in text
        assert "A billing: not consumed yet by" in text
        await on.press("v")
        assert '{"order": "' in on.text()
        await on.press("v")
        assert "0000  7b 22 6f 72" in on.text()


async def test_in_a_narrow_terminal_the_record_opens_below_and_closes_again(stage: OpenStage) -> None:
    async with stage(worlds.first(), size=(80, 24)) as on:
        await on.press("2", "up")
        assert not mode_of(on).detail.display
        await on.press("enter")
        assert mode_of(on).detail.display
        assert isinstance(on.app.focused, Detail)
        await on.press("escape")
        assert not mode_of(on).detail.display
        assert isinstance(on.app.focused, Log)


async def test_hostile_records_leave_the_screen_intact(stage: OpenStage) -> None:
    for size in ((80, 24), (120, 36)):
        async with stage(worlds.hostile(), size=size) as on:
            await on.press("2")
            for _ in range(16):
                await on.press("up", "v")
                assert all(cell_len(line) == size[0] for line in on.lines())
                assert "\x1b" not in on.text()
                assert "\u202e" not in on.text()


# Filter ------------------------------------------------------------------------------------------------------


async def test_a_filter_shows_only_what_matches_and_escape_shows_everything_again(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "/", *"key:customer-1 Lisbon", "enter")
        rows = mode_of(on).reader.window.rows
        assert rows
        for row in rows:
            assert b"customer-1" in (row.record.key or b"")
            assert b"Lisbon" in (row.record.value or b"")
        assert "/ key:customer-1 Lisbon" in on.text()
        await on.press("escape")
        assert mode_of(on).reader.filter is None
        assert "/ key" not in on.text()


async def test_a_bad_filter_is_answered_in_place_with_what_is_accepted(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "/", *"offset:>=x")
        assert "offset takes a whole number, as in offset:>=100" in on.text()
        await on.press("enter")
        assert mode_of(on).prompt.display
        assert mode_of(on).reader.filter is None
        await on.press(*["backspace"] * 3, *"<9", "enter")
        assert not mode_of(on).prompt.display
        assert [row.record.offset for row in mode_of(on).reader.window.rows] == list(range(9))


async def test_looking_in_vain_says_so(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "/", *"nowhere", "enter")
        assert "No record matches nowhere." in on.text()
        await on.press("escape")
        assert at(on)[0] == 0


async def test_typing_in_the_filter_runs_no_actions(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "/", *"sgG1q", "escape")
        assert on.app.is_running
        assert mode_of(on).kind == "records"
        assert mode_of(on).scrubber.view is None
        assert at(on) == (0, END - 1)


# Going somewhere ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "offset"), [("1,234", 1_234), ("start", 0), ("end", END - 1), ("billing", COMMITTED), ("-0.04s", END - 1)]
)
async def test_one_can_go_to_an_offset_a_time_an_end_and_a_group(stage: OpenStage, typed: str, offset: int) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "up", "t")
        mode_of(on).prompt.query_one("Input").insert(typed, 0)  # type: ignore[attr-defined]
        await on.press("enter")
        assert at(on) == (0, offset)


async def test_a_place_that_is_none_is_answered_in_place(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2", "t", *"nowhere", "enter")
        assert "Write an offset like 12,000" in on.text()
        await on.press("escape", "left", "t", *"77", "enter")
        assert "choose one first" in on.text()


async def test_m_leads_from_one_group_to_the_next(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("2", "g", "m")
        assert at(on) == (0, END - 9_000)
        assert "◆ audit committed 3,331" in on.text()
        assert "9,000 to go" in on.text()
        await on.press("m")
        assert at(on) == (0, END - 5_000)
        await on.press("m")
        assert at(on) == (0, COMMITTED)
        await on.press("m")
        assert at(on) == (0, END - 9_000)


async def test_a_click_on_the_overview_leads_there(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2")
        panel = mode_of(on).query_one(Overviews)
        overview = cast("Overview", panel.items_shown[0].model)
        bar = bar_of(overview, panel.size.width)
        column = bar.left + bar.cells // 2
        await on.pilot.click(panel, offset=Offset(column, 1))
        await on.settle()
        assert at(on) == (0, bar.offset(overview, column))
        await on.press("left")
        await on.pilot.click(panel, offset=Offset(column, 1))
        await on.settle()
        row = mode_of(on).reader.row
        assert row is not None
        assert abs(row.record.offset - END // 2) < 500


async def test_the_wheel_scrolls_and_a_click_takes_a_row(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2")
        listing = mode_of(on).listing
        listing.scroll_rows(-30)
        await on.settle()
        assert not mode_of(on).reader.following
        assert at(on)[1] < END - 20
        await on.pilot.click(listing, offset=Offset(20, 3))
        await on.settle()
        assert f"{at(on)[1]:,}" in on.lines()[listing.region.y + 3]


async def test_a_second_click_opens_the_record(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("2")
        await on.pilot.click(mode_of(on).listing, offset=Offset(20, 3), times=2)
        await on.settle()
        assert isinstance(on.app.focused, Detail)


# Producing ---------------------------------------------------------------------------------------------------


async def test_a_record_is_written_by_hand_into_the_partition_that_is_read(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        tp = TopicPartition("orders", 2)
        on.lab.answers["browser.produce"] = RecordMetadata("orders", 2, tp, 12_010, 0, 0, 0)
        await on.press("2", "right", "right", "e")
        await on.press("enter")
        [(topic, _, _, _, partition, _)] = on.lab.called("browser.produce")
        assert (topic, partition) == ("orders", 2)


async def test_what_was_written_by_hand_is_what_records_show_next(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("e", "enter")
        assert on.toasts() == ["Written to orders-3 at offset 12,100. 2 shows it."]
        await on.press("2")
        await waited(on)
        mode = on.app.mode
        assert isinstance(mode, RecordsMode)
        row = mode.reader.row
        assert row is not None
        assert (row.record.partition, row.record.offset) == (3, 12_100)


# Scrubbing ---------------------------------------------------------------------------------------------------


async def scrubbing(on: Stage, *keys: str) -> None:
    on.lab.answers["offsets.plan"] = planner(on.lab.world)
    await on.press("2", *keys)
    await waited(on)


async def waited(on: Stage) -> None:
    """Until the scrub has its answer."""
    for _ in range(100):
        view = mode_of(on).scrubber.view
        if view is None or not view.asking:
            break
        await on.pilot.pause(0.01)
    await on.settle()


async def test_scrubbing_shows_the_consequence_before_anything_is_applied(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await scrubbing(on, "m", "s", *["up"] * 8)
        view = scrub_of(on)
        assert (view.tp, view.group_id, view.offset) == (P0, "billing", COMMITTED - 8)
        assert "33 records will be delivered again to billing-1." in on.text()
        assert on.lab.called("offsets.apply") == []
        await on.press("escape")
        assert mode_of(on).scrubber.view is None
        assert on.lab.called("offsets.apply") == []


async def test_a_scrub_is_applied_with_enter_and_taken_back_with_u(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await scrubbing(on, "m", "s", "up", "up")
        await on.press("enter")
        [(plan,)] = on.lab.called("offsets.apply")
        assert isinstance(plan, OffsetPlan)
        assert [(change.tp, change.after) for change in plan.changes] == [(P0, COMMITTED - 2)]
        assert "27 records will be delivered again to billing-1." in on.toasts()
        on.lab.answers["offsets.undo"] = "billing: orders-0"
        await later(on, replace(on.lab.world, undo="billing: orders-0", now_ms=on.lab.world.now_ms + 10))
        await on.press("u")
        assert len(on.lab.called("offsets.undo")) == 1
        assert "Undone: billing: orders-0" in on.toasts()


async def test_a_scrub_that_is_refused_says_why_and_enter_does_nothing(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = RefusedError("billing is rebalancing; wait until it is Stable.")
        await on.press("2", "s")
        await waited(on)
        assert "billing is rebalancing; wait until it is Stable." in on.text()
        await on.press("enter")
        assert on.lab.called("offsets.apply") == []


async def test_a_scrub_may_go_to_the_very_end(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await scrubbing(on, "s", "G")
        view = scrub_of(on)
        assert view.offset == END
        assert "the end: only what comes from now on" in on.text()
        await on.press("up")
        await waited(on)
        assert scrub_of(on).offset == END - 1
        await on.press("down")
        assert scrub_of(on).offset == END


async def test_the_whole_group_can_be_scrubbed_to_a_time(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await scrubbing(on, "m", "s", "v")
        assert "every partition" in on.text()
        assert on.lab.called("offsets.plan")[-1][2] is None


async def test_another_group_can_be_scrubbed(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await scrubbing(on, "s", "}")
        view = scrub_of(on)
        assert view.group_id == "fraud"
        await on.press("m")
        await waited(on)
        assert at(on) == (0, END - 5_000)


async def test_dragging_a_groups_pin_on_the_overview_scrubs_it(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("2")
        panel = mode_of(on).query_one(Overviews)
        overview = cast("Overview", panel.items_shown[0].model)
        bar = bar_of(overview, panel.size.width)
        audit = bar.left + bar.cell(overview, END - 9_000)
        await on.pilot.mouse_down(panel, offset=Offset(audit, 0))
        await on.settle()
        assert scrub_of(on).group_id == "audit"
        await on.pilot.hover(panel, offset=Offset(bar.left + bar.cells // 2, 1))
        await on.settle()
        await on.pilot.mouse_up(panel, offset=Offset(bar.left + bar.cells // 2, 1))
        await waited(on)
        view = scrub_of(on)
        assert view.offset == bar.offset(overview, bar.left + bar.cells // 2)
        assert on.lab.called("offsets.plan")[-1][1] == To(view.offset)
        assert at(on) == (0, view.offset)


async def test_dragging_on_the_gutter_scrubs_the_group_looked_at(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("2", "m")
        listing = mode_of(on).listing
        await on.pilot.mouse_down(listing, offset=Offset(2, 3))
        await on.pilot.hover(listing, offset=Offset(2, 5))
        await on.settle()
        await on.pilot.mouse_up(listing, offset=Offset(2, 5))
        await waited(on)
        view = scrub_of(on)
        assert view.group_id == "billing"
        assert f"{view.offset:,}" in on.lines()[listing.region.y + 5]
