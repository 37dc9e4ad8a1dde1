"""Copies of partitions on the screen: moving them, calling that off, and electing somebody who lacks records."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import InvalidReplicaAssignmentError
from engine.snapshot import World
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.actions.brokers import cost_of_unclean
from tui.dialogs.copies import spread
from tui.dialogs.form import Form
from tui.painting.brokers.copies import paint_copies
from tui.painting.palette import palette_from

PALETTE = palette_from({})


def _form(on: Stage) -> Form[object]:
    screen = on.app.screen
    assert isinstance(screen, Form)
    return screen


def _row(world: World, number: int, width: int = 90) -> str:
    view = world.topics[0].partitions[number]
    [strip] = paint_copies(view, (1, 2, 3), width, PALETTE)
    assert strip.cell_length == width
    return strip.text


def test_a_copy_that_comes_and_one_that_leaves_have_signs_and_words() -> None:
    row = _row(worlds.moving(), 1)
    assert "★ 11,904 leads" in row
    assert "◌ 4,711 −7,193 comes" in row
    assert "◍ 11,904 leaves" in row


@pytest.mark.parametrize("width", [42, 51, 60, 76, 110])
@pytest.mark.parametrize("make", [worlds.broken, worlds.moving])
def test_rows_fit_every_width_and_tell_the_high_watermark_from_the_smallest_screen_on(make: object, width: int) -> None:
    assert callable(make)
    for number in range(6):
        row = _row(make(), number, width)
        if width >= 51 and number == 0:
            assert row.rstrip().endswith("12,331")


def test_several_partitions_begin_each_with_another_broker() -> None:
    assert [spread((1, 2, 3), 2, turn) for turn in range(4)] == [(1, 2), (2, 3), (3, 1), (1, 2)]


async def test_a_partition_is_moved_by_key_after_saying_what_follows(stage: OpenStage) -> None:
    async with stage(worlds.moving()) as on:
        await on.press("4", "tab", "m")
        assert "Move copies of orders-0" in on.text()
        _form(on).fill("brokers", "3, 1")
        _form(on).fill("copies", "1")
        await on.settle()
        said = on.words()
        assert "P0 goes from brokers 1, 2, 3 to 3; broker 3 is its preferred leader. Nothing has to be copied." in said
        assert "2 old copies are dropped then. With one copy, what its broker has is lost with it." in said
        await on.press("enter")
        assert on.lab.called("controller.reassign") == [(TopicPartition("orders", 0), (3,))]


async def test_all_partitions_of_a_topic_are_moved_at_once(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("4", "tab", "m")
        assert "on brokers 1, 2, 3" in on.words()
        assert "24,662 records" in on.words()
        await on.press("right", "enter")
        moved = dict(on.lab.called("controller.reassign"))
        assert moved[TopicPartition("orders", 1)] == (2, 3, 1)
        assert len(moved) == 6


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("brokers", "1, 7", "Name brokers by their numbers, like 1, 2, 3; 1, 7 is not that."),
        ("brokers", "", "nothing is not that"),
        ("brokers", "1, 1, 2", "Name each broker once"),
        ("copies", "4", "copies takes a whole number from 1 to 3, not 4."),
        ("brokers", "1, 2, 3", "They lie there already"),
    ],
)
async def test_a_move_that_makes_no_sense_says_why(stage: OpenStage, name: str, text: str, said: str) -> None:
    async with stage(worlds.moving()) as on:
        await on.press("4", "tab", "m")
        _form(on).fill(name, text)
        await on.settle()
        assert said in on.words()
        assert on.lab.called("controller.reassign") == []


async def test_a_broker_that_is_down_cannot_take_a_copy(stage: OpenStage) -> None:
    world = worlds.first()
    one, two, three = world.brokers
    async with stage(replace(world, brokers=(one, two, replace(three, alive=False)))) as on:
        await on.press("4", "tab", "m")
        _form(on).fill("brokers", "3")
        _form(on).fill("copies", "1")
        await on.settle()
        assert "Broker 3 is down, so it cannot copy orders-0; start it, or leave it out." in on.words()


async def test_what_the_controller_refuses_is_said_in_place(stage: OpenStage) -> None:
    async with stage(worlds.moving()) as on:
        on.lab.answers["controller.reassign"] = InvalidReplicaAssignmentError("Not now.")
        await on.press("4", "tab", "m", "enter")
        assert "Not now." in on.words()
        assert "Move copies of orders-0" in on.text()


async def test_a_move_that_goes_on_is_counted_and_can_be_called_off(stage: OpenStage) -> None:
    async with stage(worlds.moving()) as on:
        await on.press("4", "tab", "z")
        assert "orders-0 is not being moved" in on.toasts()[-1]
        assert "1 being moved" in on.text()
        await on.press("down", "z")
        assert on.lab.called("controller.call_off") == [(TopicPartition("orders", 1),)]


def test_an_unclean_election_says_whom_it_makes_leader_and_what_is_lost() -> None:
    view = worlds.moving().topics[0].partitions[2]
    assert cost_of_unclean(view) == [
        "Broker 2 will lead, though it is out of sync: its log ends at 11,970.",
        "Broker 3, which is down, had 40 records more: lost, even if acknowledged.",
        "To lose nothing, start broker 3 instead, which was in sync.",
    ]


async def test_an_unclean_election_is_for_a_partition_that_nobody_leads(stage: OpenStage) -> None:
    async with stage(worlds.moving()) as on:
        await on.press("4", "tab", "V")
        assert "an unclean election is for a partition that nobody leads" in on.toasts()[-1]
        await on.press("down", "down", "V")
        assert "Unclean election for orders-2?" in on.text()
        await on.press("escape")
        assert on.lab.called("faults.elect_unclean") == []
        await on.press("V", "enter")
        assert on.lab.called("faults.elect_unclean") == [(TopicPartition("orders", 2),)]


async def test_enter_on_a_partition_reads_its_topic(stage: OpenStage) -> None:
    async with stage(worlds.moving()) as on:
        await on.press("4", "tab")
        assert "enter records" in on.lines()[-1]
        await on.press("enter")
        assert on.app.mode.kind == "records"
