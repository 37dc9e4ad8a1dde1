from __future__ import annotations

from dataclasses import replace

from textual.geometry import Offset

from engine.snapshot import ClientState
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tests.tui.lab.onscreen import lab
from tui.panels.lab.inspector import Inspector
from tui.panels.lab.members import Members
from tui.panels.lab.producers import Producers
from tui.selection import SelectedMember, SelectedProducer


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
