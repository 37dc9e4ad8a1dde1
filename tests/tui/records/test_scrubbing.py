from __future__ import annotations

from dataclasses import replace
from typing import cast

from textual.geometry import Offset

from engine.cluster.offsets import OffsetPlan, To
from engine.errors import RefusedError
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tests.tui.plans import planner
from tests.tui.records.onscreen import COMMITTED, END, P0, at, later, mode_of, scrub_of, scrubbing, waited
from tui.painting.records.overview import Overview, bar_of
from tui.panels.records.overview import Overviews


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
