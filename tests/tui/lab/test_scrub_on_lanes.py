from __future__ import annotations

from dataclasses import replace

from textual import events
from textual.geometry import Offset

from engine.errors import RefusedError
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tests.tui.lab.onscreen import lab, scrubbed
from tests.tui.plans import planner
from tui.panels.lab.lanes import Lanes
from tui.panels.lab.scrub import Scrub
from tui.selection import SelectedPartition


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
        assert "Write an offset like 12,000; start or end; the name of a group; or a time:" in on.words()
        for typed, offset in (("start", 0), ("end", 12_331), ("billing", 12_291)):
            await on.press(*("backspace",) * 12, *typed, "enter")
            await scrubbed(on)
            view = lab(on).scrubber.view
            assert view is not None
            assert view.offset == offset
            await on.press("t")


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
