from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len
from textual import events
from textual.geometry import Offset

from engine.errors import RefusedError
from engine.snapshot import ClientState, GroupState
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tests.tui.plans import planner
from tui.modes.lab import LabMode
from tui.panels.lab.happened import Happened
from tui.panels.lab.inspector import Inspector
from tui.panels.lab.lanes import Lanes
from tui.panels.lab.members import Members
from tui.panels.lab.producers import Producers
from tui.panels.lab.scrub import Scrub
from tui.selection import SelectedMember, SelectedPartition, SelectedProducer

SIZES = ((60, 18), (80, 24), (100, 30), (120, 36), (200, 60))


def lab(on: Stage) -> LabMode:
    mode = on.app.mode
    assert isinstance(mode, LabMode)
    return mode


async def scrubbed(on: Stage) -> None:
    """Let the scrub's question be answered."""
    for _ in range(200):
        view = lab(on).scrubber.view
        if view is None or not view.asking:
            break
        await on.pilot.pause(0.01)
    await on.settle()


# What is there ----------------------------------------------------------------------------------------------------


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


# Moving and choosing ----------------------------------------------------------------------------------------------


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


# Clients ----------------------------------------------------------------------------------------------------------


async def test_plus_and_minus_change_the_pace_of_what_is_selected(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("+")
        assert on.lab.called("workload.set_rate") == [("web-1", 50)]
        await on.press("right", "right", "-")
        ((name, slower),) = on.lab.called("workload.set_processing")
        assert name == "billing-1"
        assert slower > 2.0


async def test_a_consumer_is_stopped_and_crashed_where_it_stands(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("right", "right", "down", "X")
        assert on.lab.called("workload.crash") == [("billing-2",)]
        await on.press("x")
        assert on.lab.called("workload.stop") == [("billing-2",)]


async def test_what_is_not_in_the_group_can_be_brought_back(stage: OpenStage) -> None:
    async with stage(worlds.crashed()) as on:
        assert "not in the group" in on.text()
        await on.press("right", "right", "G", "r")
        assert on.lab.called("workload.restart") == [("billing-2",)]


async def test_one_that_was_dropped_and_works_on_is_told_apart_from_one_that_joins(stage: OpenStage) -> None:
    world = worlds.crashed()
    for member_id, said in (("billing-2-5f0c019e", "dropped, unaware"), ("", "joining")):
        works_on = replace(
            world.consumers[1], state=ClientState.RUNNING, member_id=member_id, activity="processing orders-3 @ 7"
        )
        async with stage(replace(world, consumers=(world.consumers[0], works_on))) as on:
            assert said in on.text()
            assert "b heartbeats" in on.text()


async def test_enter_on_a_client_tells_everything_about_it_and_stays_alive(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("enter")
        inspector = on.app.mode.query_one(Inspector)
        assert inspector.display
        assert inspector.selection == SelectedProducer("web-1")
        assert "12,331 of 12,340 sent" in on.text()
        await on.press("X")
        assert on.lab.called("workload.crash") == [("web-1",)]
        world = worlds.busy()
        first = replace(world.producers[0], acked=99_999)
        on.lab.world = replace(world, producers=(first, *world.producers[1:]))
        lab(on).tick()
        await on.settle()
        assert "99,999 of" in on.text()
        await on.press("escape")
        assert not inspector.display
        assert isinstance(on.app.mode.focused, Producers)


async def test_enter_on_a_lane_reads_it_and_on_a_group_shows_it(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("right", "down", "enter")
        assert on.app.mode.kind == "records"
        assert "P1" in on.lines()[1]
    async with stage(worlds.busy()) as on:
        await on.press("right", "right", "g", "enter")
        assert on.app.mode.kind == "groups"
        assert on.app.look.group == "billing"


async def test_a_click_selects_and_a_second_opens(stage: OpenStage) -> None:
    async with stage() as on:
        members = on.app.mode.query_one(Members)
        y = next(row for row, item in members.in_view() if isinstance(item.selection, SelectedMember))
        await on.pilot.click(Members, offset=Offset(6, y))
        assert isinstance(members.selection, SelectedMember)
        await on.pilot.click(Members, offset=Offset(6, y), times=2)
        await on.settle()
        assert on.app.mode.query_one(Inspector).display


# Scrubbing --------------------------------------------------------------------------------------------------------


async def test_s_puts_the_cursor_where_the_group_stands_and_the_consequence_is_shown(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("s")
        await scrubbed(on)
        assert isinstance(on.app.mode.focused, Lanes)
        assert on.app.mode.query_one(Scrub).display
        assert "here the group stands" in on.text()
        assert "25 records will be delivered again to billing-1" in on.text()
        await on.press("left", "left", "pageup")
        await scrubbed(on)
        view = lab(on).scrubber.view
        assert view is not None
        assert view.offset < 12_289
        await on.press("escape")
        assert not on.app.mode.query_one(Scrub).display
        assert not on.lab.called("offsets.apply")


async def test_enter_applies_what_was_shown_and_u_takes_it_back(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        on.lab.answers["offsets.undo"] = "billing: orders-0"
        await on.press("s", "left")
        await scrubbed(on)
        await on.press("enter")
        ((plan,),) = on.lab.called("offsets.apply")
        assert plan.changes[0].after == 12_290
        assert "26 records will be delivered again to billing-1." in on.toasts()
        on.lab.world = replace(on.lab.world, undo="billing: orders-0")
        lab(on).tick()
        await on.press("u")
        assert on.lab.called("offsets.undo") == [()]


async def test_what_cannot_be_applied_is_said_and_not_done(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("s")
        await scrubbed(on)
        await on.press("enter")
        assert not on.lab.called("offsets.apply")
        assert any("is rebalancing" in toast for toast in on.toasts())


async def test_a_refusal_at_the_last_moment_becomes_a_toast(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        on.lab.answers["offsets.apply"] = RefusedError("billing has just begun to rebalance.")
        await on.press("s")
        await scrubbed(on)
        await on.press("enter")
        assert "billing has just begun to rebalance." in on.toasts()


async def test_up_and_down_scrub_the_next_partition(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("s", "down")
        await scrubbed(on)
        view = lab(on).scrubber.view
        assert view is not None
        assert (view.tp.partition, view.offset) == (1, 11_843)


async def test_t_goes_to_an_offset_or_a_time(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("s", "t")
        await on.press(*("backspace",) * 12, *"12000", "enter")
        await scrubbed(on)
        view = lab(on).scrubber.view
        assert view is not None
        assert view.offset == 12_000
        await on.press("t")
        await on.press(*("backspace",) * 12, *"soon")
        assert "Write an offset (1204), a time (00:02:10) or how long ago (30s), not 'soon'." in on.words()


async def test_dragging_along_a_lane_scrubs_it(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        lanes = on.app.mode.query_one(Lanes)
        row = next(
            row for row, item in lanes.in_view() if item.selection == SelectedPartition(TopicPartition("orders", 2))
        )
        await on.pilot.mouse_down(Lanes, offset=Offset(30, row))
        at = lanes.region.offset + Offset(29, row)
        lanes.post_message(events.MouseMove(lanes, 29, row, -1, 0, 1, False, False, False, at.x, at.y))
        await on.settle()
        for x in (26, 20):
            await on.pilot.hover(Lanes, offset=Offset(x, row))
        await scrubbed(on)
        view = lab(on).scrubber.view
        assert view is not None
        assert view.tp == TopicPartition("orders", 2)
        first = view.offset
        await on.pilot.mouse_up(Lanes, offset=Offset(20, row))
        await on.settle()
        assert first == 11_940
        await on.pilot.click(Lanes, offset=Offset(12, row))
        await scrubbed(on)
        view = lab(on).scrubber.view
        assert view is not None
        assert view.offset == 11_900


async def test_keys_of_the_scrub_work_on_the_lanes_only(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("s")
        await scrubbed(on)
        assert on.app.mode.places()[0] == "lab.scrub"
        await on.press("tab")
        assert "lab.scrub" not in on.app.mode.places()


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
