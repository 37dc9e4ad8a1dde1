from __future__ import annotations

from dataclasses import replace
from typing import cast

from rich.cells import cell_len
from textual.geometry import Region

from engine.snapshot import TransactionState
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.modes.transactions import STEADY_MS, TransactionsMode
from tui.panels.lab.producers import Producers
from tui.panels.transactions.partitions import TransactionPartitions
from tui.selection import SelectedConsumer


def shown(on: Stage) -> TransactionState:
    """The state on the screen."""
    view = cast("TransactionsMode", on.app.mode).chosen
    assert view is not None
    return view.state


async def test_every_transactional_id_is_told_with_its_state_and_what_that_means(stage: OpenStage) -> None:
    async with stage(worlds.transacting()) as on:
        await on.press("6")
        text, words = on.text(), on.words()
        for part in ("packing-1", "packing-2", "audit", "Ongoing", "CompleteCommit", "CompleteAbort"):
            assert part in text
        assert "producer id 4001 · epoch 3 · timeout 10.0 s · coordinator broker 2" in text
        assert "4.1 s left until it is aborted" in text
        assert "3 partitions are part of it, and nothing is decided." in words


async def test_its_partitions_say_where_it_begins_what_it_holds_back_and_who_waits(stage: OpenStage) -> None:
    async with stage(worlds.transacting()) as on:
        await on.press("6")
        row = next(line for line in on.lines() if "orders-done-0" in line)
        assert row.replace("│", " ").split()[1:5] == ["214", "12,117", "12,117", "shipping-1"]


async def test_the_cursor_chooses_whose_transaction_is_shown(stage: OpenStage) -> None:
    async with stage(worlds.transacting()) as on:
        await on.press("6", "down", "down")
        assert "the next record begins another" in on.words()
        assert shown(on) is TransactionState.COMPLETE_ABORT
        assert "No transaction is open" in on.words()


async def test_a_processor_is_crashed_where_its_transaction_stands(stage: OpenStage) -> None:
    async with stage(worlds.transacting()) as on:
        await on.press("6", "X")
        assert on.lab.called("workload.crash") == [("packing-1",)]
        await on.press("down", "down", "X")
        assert on.lab.called("workload.crash") == [("packing-1",)]
        assert "Select a producer or a consumer of this lab first." in on.toasts()


async def test_enter_leads_to_the_partitions_and_on_to_the_first_record_of_the_transaction(stage: OpenStage) -> None:
    async with stage(worlds.transacting()) as on:
        await on.press("6", "enter")
        assert isinstance(on.app.mode.focused, TransactionPartitions)
        await on.press("down", "enter")
        assert on.app.mode.kind == "records"
        assert "orders-done-0 @ 12,117" in on.text()
        await on.press("escape")
        assert on.app.mode.kind == "transactions"


async def test_without_transactions_it_says_what_to_press_and_what_they_are(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("6")
        assert "count together or not at all" in on.words()
        assert "Press t to start a" in on.text()


async def test_states_that_follow_each_other_fast_are_shown_long_enough_to_be_read(stage: OpenStage) -> None:
    async with stage(worlds.transacting()) as on:
        await on.press("6")
        over = worlds.transacting(TransactionState.COMPLETE_COMMIT)
        again = worlds.transacting()
        calm, open_ = TransactionState.COMPLETE_COMMIT, TransactionState.ONGOING
        now = worlds.NOW
        for ms, world, told in ((10, over, open_), (STEADY_MS, over, calm), (STEADY_MS + 10, again, calm)):
            on.lab.world = replace(world, now_ms=now + ms)
            on.app.mode.tick()
            assert shown(on) is told
        on.lab.world = replace(again, now_ms=now + STEADY_MS + 20, paused=True)
        on.app.mode.tick()
        assert shown(on) is open_


async def test_who_writes_to_a_topic_stands_before_its_lanes_though_it_is_a_consumer(stage: OpenStage) -> None:
    async with stage(worlds.transacting()) as on:
        await on.press("]")
        producers = on.app.mode.query_one(Producers)
        assert [item.selection for item in producers.items_shown[:2]] == [
            SelectedConsumer("packing-1"), SelectedConsumer("packing-2")
        ]  # fmt: skip
        assert "packing-1 → ord" in on.text()
        assert "in transactions" in on.text()
        ways = on.app.mode.query_one("#inflow").render_lines(Region(0, 0, 4, 20))
        assert sum("▷" in strip.text for strip in ways) == 6
        await on.press("g", "X")
        assert on.lab.called("workload.crash") == [("packing-1",)]


async def test_the_mode_fits_the_smallest_terminal(stage: OpenStage) -> None:
    async with stage(worlds.transacting(), size=(60, 18)) as on:
        await on.press("6")
        assert all(cell_len(line) == 60 for line in on.lines())
        for part in ("packing-1", "Ongoing", "left", "__consumer_of"):
            assert part in on.text()
