from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual.geometry import Offset

from engine.snapshot import GroupState
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tests.tui.lab.onscreen import SIZES, lab
from tui.panels.lab.happened import Happened
from tui.panels.lab.lanes import Lanes
from tui.panels.lab.members import Members
from tui.panels.lab.producers import Producers


@pytest.mark.parametrize("size", SIZES)
async def test_producers_lanes_members_and_events_are_there_at_every_size(
    stage: OpenStage, size: tuple[int, int]
) -> None:
    async with stage(worlds.first(), size=size) as on:
        text = on.text()
        for part in ("web-1", "P0", "12,331", "billing-1", "Stable", "What happened"):
            assert part in text


@pytest.mark.parametrize("name", worlds.WORLDS)
async def test_every_world_fits_every_size(stage: OpenStage, name: str) -> None:
    for size in SIZES:
        async with stage(worlds.WORLDS[name](), size=size) as on:
            assert all(cell_len(line) == size[0] for line in on.lines())
            assert not any(ord(char) < 32 for line in on.lines() for char in line)


async def test_an_empty_lab_says_what_to_press(stage: OpenStage) -> None:
    async with stage(worlds.empty()) as on:
        assert "Press n to make one" in on.text()
    topic_only = replace(worlds.empty(), topics=(worlds.topic("orders", (0, 0)),))
    async with stage(topic_only) as on:
        assert "Nobody sends. Press p" in on.text()
        assert "Nobody reads orders. Press c" in on.text()


async def test_wires_give_way_to_letters_on_narrow_terminals(stage: OpenStage) -> None:
    async with stage(worlds.first(), size=(100, 30)) as on:
        assert on.app.mode.query_one("#wires").display
        assert "──╮" in on.text()
    async with stage(worlds.first(), size=(99, 30)) as on:
        assert not on.app.mode.query_one("#wires").display
        assert "12,331 A" in on.text()


async def test_wires_follow_the_lanes_that_are_in_view(stage: OpenStage) -> None:
    async with stage(worlds.crowd()) as on:
        wires = on.app.mode.query_one("#wires")
        before = [strip.text for strip in wires.render_lines(wires.size.region)]
        await on.press("right", "G")
        after = [strip.text for strip in wires.render_lines(wires.size.region)]
        assert before != after
        assert "P199" in on.text()


async def test_a_rebalance_unplugs_and_plugs_in_again(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        mode, world = lab(on), worlds.first()
        group = world.groups[0]
        loose = tuple(replace(offset, owner=None) for offset in group.offsets)
        away = replace(group, state=GroupState.PREPARING_REBALANCE, offsets=loose, waiting_for=("billing-2",))
        on.lab.world = replace(world, groups=(away,))
        mode.tick()
        await on.settle()
        assert on.text().count("╌╌╴") == 6
        assert "PreparingRebalance: waiting" in on.text()
        on.lab.world = world
        mode.tick()
        await on.settle()
        assert "╌╌╴" not in on.text()


async def test_a_record_that_arrives_lights_its_lane(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        world = worlds.first()
        assert "▶" not in "".join(on.lines()[1:])
        grown = worlds.topic("orders", [worlds.ENDS[0] + 1, *worlds.ENDS[1:]])
        on.lab.world = replace(world, topics=(grown, *world.topics[1:]), now_ms=world.now_ms + 80)
        lab(on).tick()
        await on.settle()
        assert "".join(on.lines()[1:]).count("▶") == 1
        assert "12,332" in on.text()


async def test_what_happened_stays_at_the_newest_until_one_scrolls(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        panel = on.app.mode.query_one(Happened)
        assert panel.scroll_y == panel.max_scroll_y > 0
        on.lab.events.tell(worlds.NOW, "x", "Something new happened.")
        lab(on).tick()
        await on.settle()
        assert "Something new happened." in on.text()
        panel.focus()
        await on.press("g")
        on.lab.events.tell(worlds.NOW, "x", "Another thing happened.")
        lab(on).tick()
        await on.settle()
        assert panel.scroll_y == 0
        assert "G newest" in on.text()
        await on.press("G")
        assert "Another thing happened." in on.text()


async def test_left_and_right_go_the_way_the_data_flows(stage: OpenStage) -> None:
    async with stage() as on:
        assert isinstance(on.app.mode.focused, Producers)
        await on.press("right")
        assert isinstance(on.app.mode.focused, Lanes)
        await on.press("l")
        assert isinstance(on.app.mode.focused, Members)
        await on.press("h", "left")
        assert isinstance(on.app.mode.focused, Producers)


async def test_another_topic_brings_a_group_that_reads_it(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("]")
        assert (on.app.look.topic, on.app.look.group) == ("payments", "fraud")
        await on.press("]")
        assert (on.app.look.topic, on.app.look.group) == ("clicks", "search")
        await on.press("[", "[")
        assert on.app.look.topic == "orders"


async def test_another_group_brings_a_topic_it_reads(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("}", "}")
        assert (on.app.look.topic, on.app.look.group) == ("clicks", "search")


async def test_names_in_the_border_can_be_clicked(stage: OpenStage) -> None:
    async with stage(worlds.busy(), size=(200, 60)) as on:
        line = on.lines()[1]
        await on.pilot.click(offset=Offset(line.index("clicks") + 2, 1))
        await on.settle()
        assert on.app.look.topic == "clicks"


async def test_every_groups_place_is_shown_on_the_lanes(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("m")
        assert "◆ audit" in on.text()
        assert "◆ fraud" in on.text()
        await on.press("m")
        assert "◆" not in on.text()


async def test_whole_logs_or_the_newest_records(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        assert "‹" in on.text()
        await on.press("f")
        assert "‹" not in on.text()


async def test_the_title_counts_the_partitions_that_are_not_well(stage: OpenStage) -> None:
    async with stage(worlds.torn(), size=(200, 60)) as on:
        assert "6 partitions · 1 without leader" in on.text()
        assert "░ not replicated" in on.text()
    async with stage(worlds.torn()) as on:
        assert "orders · 1 without leader" in on.text()
        assert "░ not replicated" in on.text()


async def test_details_of_a_partition_say_what_its_marks_mean(stage: OpenStage) -> None:
    async with stage(worlds.torn()) as on:
        await on.press("right", "d")
        words = on.words()
        assert "orders-0 · partition" in words
        assert "16 records above the high watermark" in words or "31 records above the high watermark" in words
        assert "▄ processed" in words
        await on.press("escape", "j", "d")
        assert "Under-replicated: broker 3 is not in sync." in on.words()


async def test_details_of_a_member_from_outside_say_what_its_group_knows(stage: OpenStage) -> None:
    world = worlds.first()
    own = world.groups[0].members[1]
    theirs = replace(own, client_id="rdkafka", host="127.0.0.1", software="librdkafka 2.3.0", member_id="rdkafka-1")
    group = replace(world.groups[0], members=(world.groups[0].members[0], theirs))
    async with stage(replace(world, groups=(group,), consumers=world.consumers[:1])) as on:
        await on.press("right", "right", "j", "enter")
        words = on.words()
        assert "rdkafka · consumer from outside" in words
        assert "librdkafka 2.3.0" in words
        assert "127.0.0.1" in words
