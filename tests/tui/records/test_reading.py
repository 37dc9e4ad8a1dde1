from __future__ import annotations

from dataclasses import replace
from typing import Any

from rich.cells import cell_len

from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tests.tui.records.onscreen import END, at, grown, later, mode_of
from tui.panels.records.detail import Detail
from tui.panels.records.log import Log


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
