from __future__ import annotations

from typing import cast

import pytest
from textual.geometry import Offset

from engine.types import RecordMetadata, TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tests.tui.records.onscreen import COMMITTED, END, at, mode_of, waited
from tui.modes.records import RecordsMode
from tui.painting.records.overview import Overview, bar_of
from tui.panels.records.detail import Detail
from tui.panels.records.overview import Overviews


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
