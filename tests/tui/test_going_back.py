"""Escape leads back to where something was opened from, and nowhere when a mode was chosen for its own sake."""

from __future__ import annotations

from tests.tui.conftest import OpenStage
from tests.tui.worlds import WORLDS


async def test_escape_leads_from_a_partition_back_to_the_lab_it_was_opened_from(stage: OpenStage) -> None:
    async with stage(WORLDS["first"]()) as on:
        await on.press("tab", "enter")
        assert on.app.mode.kind == "records"
        await on.press("escape")
        assert on.app.mode.kind == "lab"


async def test_escape_closes_what_is_open_in_records_before_it_leads_back(stage: OpenStage) -> None:
    async with stage(WORLDS["first"]()) as on:
        await on.press("tab", "enter", "/", "escape")
        assert on.app.mode.kind == "records"
        await on.press("escape")
        assert on.app.mode.kind == "lab"


async def test_escape_stays_in_a_mode_that_was_chosen_by_its_number(stage: OpenStage) -> None:
    async with stage(WORLDS["first"]()) as on:
        for key, kind in (("2", "records"), ("3", "groups"), ("4", "brokers")):
            await on.press("tab", "1", key, "escape", "escape")
            assert on.app.mode.kind == kind
