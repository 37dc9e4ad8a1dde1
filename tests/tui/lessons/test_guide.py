"""The strip of a lesson over the modes, and the list of lessons, by keys."""

from __future__ import annotations

import pytest

from tests.tui import journeys, worlds
from tests.tui.conftest import OpenStage, Stage
from tests.tui.journeys import FakeTrace
from tui.dialogs.help import HelpScreen
from tui.dialogs.lessons import Lessons
from tui.lessons.course import COURSE
from tui.panels.guide import Guide

SIZES = [(80, 24), (120, 36), (200, 60)]


def strip(on: Stage) -> str:
    """What stands under the header, without its bar."""
    guide = on.app.mode.query_one(Guide)
    if not guide.display:
        return ""
    rows = on.lines()[guide.region.y : guide.region.bottom]
    return " ".join(" ".join(rows).replace("▌", " ").split())


async def test_nobody_is_told_of_lessons_in_a_lab_that_is_not_new(stage: OpenStage) -> None:
    async with stage() as on:
        assert strip(on) == ""


async def test_in_a_new_lab_somebody_new_is_told_of_the_lessons_until_they_were_looked_at(stage: OpenStage) -> None:
    async with stage(invites=True) as on:
        assert strip(on).startswith("New to Kafka?")
        await on.press("5", "escape")
        assert strip(on) == ""


@pytest.mark.parametrize("size", SIZES)
async def test_a_lesson_stands_over_every_mode_and_goes_on_when_its_step_was_done(
    stage: OpenStage, size: tuple[int, int]
) -> None:
    async with stage(size=size) as on:
        await on.press("2", "5", "enter")
        assert on.app.mode.kind == "lab", "lessons begin in the Lab"
        assert "Write a record yourself: e opens a form" in strip(on)
        assert "step 1 of 3 5 lessons" in strip(on)
        await on.press("e", "enter")
        assert "✓ Your record lies in partition 3 at offset 12,100" in strip(on)
        assert "5 goes on" in strip(on)
        await on.press("5")
        assert "step 2 of 3" in strip(on)
        await on.press("2")
        assert "✓ A key, a value, a timestamp" in strip(on)
        await on.press("5", "1")
        assert "5 ends the lesson" in strip(on)
        await on.press("5")
        assert isinstance(on.app.screen, Lessons), "and the list is shown"
        assert "1 A record ✓" in on.words()
        await on.press("enter")
        assert strip(on).startswith(COURSE[1].title), "with the next one under the cursor"


async def test_a_step_can_be_passed_over_and_a_lesson_left(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("5", "down", "enter", "5", "n")
        assert "step 2 of 5" in strip(on)
        await on.press("5")
        assert "2 A key stays in one partition under way" in on.words()
        await on.press("x")
        assert strip(on) == ""
        await on.press("5")
        assert "next step" not in on.words(), "there is none"
        assert "✓" not in on.words()


async def test_what_a_lesson_lacks_is_said_where_it_would_stand(stage: OpenStage) -> None:
    async with stage(worlds.empty()) as on:
        await on.press("5", "enter")
        assert "! This lesson needs a topic: n enter makes one" in strip(on)
        assert "5 lessons" in strip(on)


async def test_a_click_on_the_strip_is_as_good_as_the_key(stage: OpenStage) -> None:
    async with stage() as on:
        await on.press("5", "enter")
        await on.pilot.click(Guide)
        await on.settle()
        assert isinstance(on.app.screen, Lessons)
        await on.pilot.click("#page", offset=(4, 4), times=2)
        await on.settle()
        assert strip(on).startswith(COURSE[4].title)


@pytest.mark.parametrize("size", SIZES)
async def test_what_is_to_be_done_stands_over_a_records_way_too_without_a_key_that_does_nothing_there(
    stage: OpenStage, size: tuple[int, int]
) -> None:
    async with stage(worlds.broken(), size=size) as on:
        on.lab.answers["trace"] = FakeTrace(journeys.handed())
        await on.press("5", "G", "up", "enter", "y", "enter")
        assert "stop when the producer has its acknowledgement" in on.words()
        assert "step 1 of 4 Follow one record" in on.words(), "and no key beside it"
        assert "holds it in its buffer" in on.words()
        assert "esc leave" in on.words()


async def test_a_screen_that_is_too_small_shows_no_lesson(stage: OpenStage) -> None:
    async with stage(size=(50, 15)) as on:
        await on.press("5", "enter")
        assert "Write a record" not in on.text()


@pytest.mark.parametrize("keys", [("?", "w"), ("5", "w")])
async def test_the_words_on_the_screen_are_explained(stage: OpenStage, keys: tuple[str, ...]) -> None:
    async with stage() as on:
        await on.press(*keys)
        assert isinstance(on.app.screen, HelpScreen)
        assert "What the words mean" in on.words()
        assert "offset A record's number in its partition, from 0 on." in on.words()
        await on.press("w")
        assert "What the keys do" in on.words()
        await on.press("escape")
        assert not isinstance(on.app.screen, HelpScreen)
