from __future__ import annotations

from dataclasses import replace

from engine.cluster.offsets import Earliest, Latest, Shift
from engine.errors import NonEmptyGroupError, RefusedError
from engine.snapshot import ClientState
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tests.tui.plans import planner
from tui.panels.groups.assignment import Assignment
from tui.panels.groups.members import Members
from tui.panels.groups.rebalances import Rebalances


async def test_the_state_of_the_group_is_drawn_and_said(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("3")
        text = on.text()
        assert "┃ PreparingRebalance ┃" in text
        assert "1.8 s left for JoinGroup" in text
        assert "still missing: billing-3" in " ".join(text.replace("│", " ").split()) or "missing: billing-3" in text


async def test_the_timer_follows_the_world(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("3")
        on.lab.world = replace(on.lab.world, now_ms=worlds.NOW + 700)
        on.app.mode.tick()
        await on.settle()
        assert "1.1 s left for JoinGroup" in on.text()


async def test_where_the_cursor_goes_in_the_list_every_mode_looks(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("3", "escape", "j", "j")
        assert on.app.look.group == "search"
        assert on.app.look.topic == "clicks"
        assert "search · generation 1" in on.text()


async def test_the_list_follows_a_group_chosen_by_key(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("3", "escape", "}")
        assert on.app.look.group == "fraud"
        await on.press("j")
        assert on.app.look.group == "search"


async def test_little_room_opens_the_panel_with_the_focus_and_folds_the_others(stage: OpenStage) -> None:
    async with stage(worlds.busy(), size=(80, 24)) as on:
        await on.press("3")
        heights = {panel.id: panel.outer_size.height for panel in on.app.mode.query(".folds")}
        assert heights["members"] > 8
        assert heights["rebalances"] == heights["assignment"] == 1
        assert "7→8 billing-4 joined" in on.text()
        await on.press("tab", "tab")
        assert on.app.mode.query_one(Rebalances).outer_size.height > 8
        assert on.app.mode.query_one(Members).outer_size.height == 1
        assert "4 members   A billing-1, B billing-2, C billing-3 and D billing-4" in on.text()


async def test_a_consumer_that_crashed_out_of_its_group_can_be_started_again_here(stage: OpenStage) -> None:
    async with stage(worlds.crashed()) as on:
        await on.press("3", "j")
        assert "crashed; r starts it again, D removes it" in on.text()
        await on.press("r")
        assert on.lab.called("workload.restart") == [("billing-2",)]


async def test_enter_on_a_partition_reads_the_first_record_the_group_has_not_committed(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("3")
        on.app.mode.query_one(Assignment).focus()
        await on.settle()
        asked: list[object] = []

        async def switch_mode(mode: str) -> None:
            asked.append((mode, on.app.look.partition, on.app.look.offset))

        on.app.switch_mode = switch_mode  # type: ignore[assignment,method-assign]
        await on.press("j", "enter")
        assert asked == [("records", TopicPartition("orders", 1), 11_843)]


async def test_a_member_of_another_world_cannot_be_crashed_and_why_is_said(stage: OpenStage) -> None:
    async with stage(replace(worlds.first(), consumers=())) as on:
        await on.press("3", "X")
        assert on.lab.called("workload.crash") == []
        assert any("billing-1 lives outside this lab" in toast for toast in on.toasts())


async def test_a_member_is_crashed_by_key(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("3", "j", "X")
        assert on.lab.called("workload.crash") == [("billing-2",)]


async def test_fifty_members_and_two_hundred_partitions_can_be_walked_through(stage: OpenStage) -> None:
    async with stage(worlds.crowd(), size=(80, 24)) as on:
        await on.press("3", "G")
        assert "clicks-50" in on.text()
        await on.press("tab", "G")
        text = on.text()
        assert "P199" in text
        assert text.count("ABCDEFGHIJ") == 1, "the letters stay above while partitions scroll"


async def test_why_somebody_idles_is_said_above_the_assignment(stage: OpenStage) -> None:
    async with stage(worlds.crowd()) as on:
        await on.press("3", "}")
        assert "billing-7 is idle: 6 partitions for 7 members" in on.text()


async def test_an_empty_lab_says_what_to_press(stage: OpenStage) -> None:
    async with stage(worlds.empty()) as on:
        await on.press("3")
        assert "Press n to make a" in on.text()
        assert "n makes a topic, c starts a consumer" in on.text()


# Rebalances


async def test_enter_opens_a_rebalance_and_arrows_go_through_the_history(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("3", "tab", "tab", "down", "enter")
        text = on.text()
        assert "billing · generation 6 → 7" in text
        assert "640 ms" in text
        assert "Cooperative: only the 2 partitions that moved stood still" in text
        await on.press("left")
        assert "billing · generation 5 → 6" in on.text()
        assert "2 of 4" in on.text()
        await on.press("right", "right")
        assert "billing · generation 7 → 8" in on.text()
        await on.press("escape")
        assert on.app.screen is on.app.mode


async def test_an_open_rebalance_that_goes_on_is_followed_to_its_end(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("3", "v")
        assert "1.4 s so far" in on.text()
        world = on.lab.world
        billing = world.groups[0]
        ended = replace(billing.rebalances[-1], ended_ms=worlds.NOW + 600)
        on.lab.world = replace(
            world,
            now_ms=worlds.NOW + 700,
            groups=(replace(billing, rebalances=(*billing.rebalances[:-1], ended)), *world.groups[1:]),
        )
        on.app.screen._follow()  # type: ignore[attr-defined]
        await on.settle()
        assert "it took 2.0 s" in on.text()
        assert "so far" not in on.text()


async def test_the_lesson_and_the_keys_stay_in_view_on_small_terminals(stage: OpenStage) -> None:
    for size in ((80, 24), (60, 18)):
        async with stage(worlds.crashed(), size=size) as on:
            await on.press("3", "v")
            assert "more pauses for crashes." in " ".join(on.text().replace("│", " ").replace("▌", " ").split())
            assert "esc back" in on.text()


async def test_from_100_columns_the_machine_is_drawn(stage: OpenStage) -> None:
    for size in ((100, 30), (111, 30), (112, 30)):
        async with stage(worlds.busy(), size=size) as on:
            await on.press("3")
            assert "┃ PreparingRebalance ┃" in on.text()


async def test_on_a_wide_terminal_the_rebalance_stands_beside_the_history(stage: OpenStage) -> None:
    async with stage(worlds.busy(), size=(200, 60)) as on:
        await on.press("3", "tab", "tab", "down")
        assert "Generation 6 → 7" in on.text()
        assert "Cooperative: only the 2 partitions" in on.text()


async def test_a_cursor_on_the_newest_rebalance_stays_on_the_newest(stage: OpenStage) -> None:
    async with stage(worlds.first(), size=(200, 60)) as on:
        await on.press("3")
        assert "Generation 1 → 2" in on.text()
        on.lab.world = worlds.crashed()
        on.app.mode.tick()
        await on.settle()
        assert "Generation 2 → 3" in on.text()


# Offsets


async def test_offsets_are_planned_as_one_chooses_and_applied_with_enter(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("3", "s")
        text = on.text()
        assert "Move the offsets of billing" in text
        assert "12,316 again" in text
        assert "72,398 records will be delivered again to billing-1, billing-2." in text
        await on.press("right")
        assert "15 never" in on.text()
        await on.press("enter")
        assert on.lab.called("offsets.plan")[-1][:2] == ("billing", Latest())
        [applied] = on.lab.called("offsets.apply")[0]
        assert applied.skipped == 90
        assert any("u takes it back" in toast for toast in on.toasts())


async def test_one_partition_is_moved_from_where_the_cursor_is(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("3")
        on.app.mode.query_one(Assignment).focus()
        await on.settle()
        await on.press("j", "j", "s", *["right"] * 3)
        await on.press("tab", *["backspace"] * 4, *"-8", "enter")
        assert on.lab.called("offsets.plan")[-1] == ("billing", Shift(-8), (TopicPartition("orders", 2),))
        [applied] = on.lab.called("offsets.apply")[0]
        assert [change.after for change in applied.changes] == [11_950]


async def test_a_refused_plan_shows_why_and_cannot_be_applied(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("3", "s", "enter")
        assert "billing is rebalancing (PreparingRebalance); wait until it is Stable." in on.text()
        assert on.lab.called("offsets.apply") == []


async def test_members_outside_the_lab_are_why_a_plan_is_refused(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world, owned=False)
        await on.press("3", "s")
        assert "Stop the members first" in " ".join(on.text().replace("│", " ").split())


async def test_what_makes_no_sense_is_said_in_place(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("3", "s", "tab", *["backspace"] * 3, *"9", "enter")
        assert "There are 6 partitions, 0 to 5; 9 is not among them." in on.text()
        assert on.lab.called("offsets.apply") == []


async def test_an_offset_outside_of_a_log_is_refused_with_what_the_log_holds(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("3", "s", "right", "right", "tab", *"999999")
        assert "orders-0 holds offsets 0 to 12,331" in on.text()


async def test_nothing_to_move_is_not_applied(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("3", "s", *["right"] * 3, "tab", *["backspace"] * 4, "0", "enter")
        assert "stand there already" in on.text()
        assert on.lab.called("offsets.apply") == []


async def test_what_went_wrong_while_applying_is_said_until_something_is_changed(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        on.lab.answers["offsets.apply"] = RefusedError("billing-2 is gone by now.")
        await on.press("3", "s", "enter")
        assert "billing-2 is gone by now." in on.text()
        on.app.screen._replan()  # type: ignore[attr-defined]
        await on.settle()
        assert "billing-2 is gone by now." in on.text()
        await on.press("right")
        assert "billing-2 is gone by now." not in on.text()


async def test_the_preview_is_planned_anew_while_the_world_goes_on(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["offsets.plan"] = planner(on.lab.world)
        await on.press("3", "s")
        before = len(on.lab.called("offsets.plan"))
        on.app.screen._replan()  # type: ignore[attr-defined]
        await on.settle()
        assert len(on.lab.called("offsets.plan")) > before
        assert isinstance(on.lab.called("offsets.plan")[-1][1], Earliest)


async def test_u_takes_the_last_move_back(stage: OpenStage) -> None:
    async with stage(replace(worlds.first(), undo="billing: 6 partitions")) as on:
        on.lab.answers["offsets.undo"] = "billing: 6 partitions"
        await on.press("3", "u")
        assert len(on.lab.called("offsets.undo")) == 1
        assert "Undone: billing: 6 partitions." in on.toasts()


# Deleting a group


async def test_an_empty_group_is_deleted_after_saying_what_is_lost(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("3", "escape", "G", "D")
        assert "1 committed offset will be forgotten" in on.text()
        await on.press("enter")
        assert on.lab.called("offsets.delete_group") == [("audit",)]


async def test_a_group_with_members_cannot_be_deleted_and_says_why(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("3", "escape", "D")
        assert on.app.screen is on.app.mode
        assert any("billing has 4 members; Kafka deletes only empty groups" in toast for toast in on.toasts())


async def test_a_refusal_by_the_coordinator_is_shown_and_nothing_is_lost(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        on.lab.answers["offsets.delete_group"] = NonEmptyGroupError("audit has a member by now.")
        await on.press("3", "escape", "G", "D", "enter")
        assert "audit has a member by now." in on.text()


# Changes only


async def test_rows_that_did_not_change_are_not_painted_again(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("3")
        panel = on.app.mode.query_one(Assignment)
        drawn: list[object] = []
        draw = panel.draw
        panel.draw = lambda item, pen: drawn.append(item.selection) or draw(item, pen)  # type: ignore[method-assign,func-returns-value]
        world = on.lab.world
        group = world.groups[0]
        moved = replace(group.offsets[4], committed=11_875, lag=1)
        offsets = (*group.offsets[:4], moved, *group.offsets[5:])
        on.lab.world = replace(world, groups=(replace(group, offsets=offsets),))
        on.app.mode.tick()
        await on.settle()
        assert [getattr(each, "tp", None) for each in drawn] == [None, TopicPartition("orders", 4)]


async def test_a_hung_member_is_told_from_a_crashed_one(stage: OpenStage) -> None:
    async with stage(worlds.first(), size=(200, 60)) as on:
        world = on.lab.world
        hung = replace(world.consumers[0], state=ClientState.HUNG, activity="hangs in orders-0 @ 12,316")
        quiet = replace(world.consumers[1], heartbeating=False)
        on.lab.world = replace(world, consumers=(hung, quiet))
        await on.press("3")
        assert "◌ hangs in orders-0 @ 12,316" in on.text()
        assert "no heartbeats; dropped at session end" in on.text()
