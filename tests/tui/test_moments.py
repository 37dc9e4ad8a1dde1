"""The moments one can go back to: what the list says, and what its keys do."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.errors import LabNotWritableError
from engine.snapshot import MomentView
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.dialogs.moments import Moments
from tui.painting.moments import how_long_ago, what_follows


def is_open(on: Stage) -> bool:
    return isinstance(on.app.screen, Moments)


async def test_they_stand_newest_first_with_what_going_there_means(stage: OpenStage) -> None:
    async with stage(worlds.kept()) as on:
        await on.press("backspace")
        words = on.words()
        labels = ("before going back from here", "kept by hand", "before crash: billing-2")
        places = [words.index(label) for label in labels]
        assert places == sorted(places)
        assert "702 records will be there again" in words
        await on.press("down", "down")
        assert "4,310 records written since then will be gone" in on.words()
        assert "connections from outside will be dropped" in on.words()


async def test_enter_goes_to_the_one_that_is_chosen(stage: OpenStage) -> None:
    async with stage(worlds.kept()) as on:
        await on.press("backspace", "down", "enter")
        assert on.lab.called("rewind") == [(4,)]
        assert not is_open(on)


async def test_a_refusal_is_said_and_the_list_stays(stage: OpenStage) -> None:
    async with stage(worlds.kept()) as on:
        on.lab.answers["rewind"] = LabNotWritableError("There is no room.")
        await on.press("backspace", "enter")
        assert on.toasts() == ["There is no room."]
        assert is_open(on)


async def test_it_is_not_left_before_the_world_is_there(stage: OpenStage, monkeypatch: pytest.MonkeyPatch) -> None:
    arrived, left = asyncio.Event(), asyncio.Event()

    async def rewind(number: int) -> None:
        left.set()
        await arrived.wait()

    async with stage(worlds.kept()) as on:
        monkeypatch.setattr(on.lab, "rewind", rewind, raising=False)
        await on.press("backspace", "enter", "escape", "n")
        assert left.is_set()
        assert is_open(on)
        assert not on.lab.called("moments.keep")
        arrived.set()
        await on.settle()
        assert not is_open(on)


async def test_n_keeps_now_and_capital_d_forgets(stage: OpenStage) -> None:
    async with stage(worlds.kept()) as on:
        await on.press("backspace", "n", "G", "D")
        assert on.lab.called("moments.keep") == [("kept by hand",)]
        assert on.lab.called("moments.forget") == [(3,)]
        await on.press("escape")
        assert not is_open(on)


async def test_without_any_it_is_said_how_one_comes_to_be(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("backspace", "enter", "D", "down")
        assert "No moment is kept yet" in on.words()
        assert not on.lab.calls


async def test_the_world_is_kept_before_a_crash_and_before_what_was_asked(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        await on.press("X")
        await on.press("K")
        assert len(on.lab.called("moments.keep_before")) == 1
        await on.press("enter")
        producer = worlds.busy().producers[0].name
        assert [name for name, _, _ in on.lab.calls] == [
            "moments.keep_before", "workload.crash", "moments.keep_before", "delete_topic",
        ]  # fmt: skip
        assert on.lab.called("moments.keep_before") == [(f"before crash: {producer}",), ("before delete orders",)]


async def test_a_crash_needs_no_moment(stage: OpenStage) -> None:
    async with stage(worlds.busy()) as on:
        on.lab.answers["moments.keep_before"] = LabNotWritableError("There is no room.")
        await on.press("X")
        assert on.toasts() == ["There is no room."]
        assert len(on.lab.called("workload.crash")) == 1


async def test_a_label_from_elsewhere_is_text(stage: OpenStage) -> None:
    world = worlds.first()
    moment = MomentView(1, world.now_ms - 1_000, "before crash: [red]\x1b[2J", True, 0, 1_000)
    async with stage(replace(world, moments=(moment,))) as on:
        await on.press("backspace")
        assert "[red]" in on.words()
        assert "\x1b" not in on.text()


def test_what_is_the_same_is_said_to_be() -> None:
    world = worlds.empty()
    moment = MomentView(1, world.now_ms, "kept by hand", False, 0, 0)
    assert "the records will be the same" in what_follows(moment, world)
    assert how_long_ago(moment, world) == "0 ms ago"
    assert how_long_ago(replace(moment, at_ms=world.now_ms + 2_000), world) == "2.0 s ahead"
