"""The ledger on the screen: figures, what they say, and the records behind them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.snapshot import GroupLedger, LedgerFigure, LedgerRecord, LedgerView, ProducerLedger
from engine.types import TopicPartition
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.painting.brokers.ledger import (
    Book,
    columns_of,
    paint_ledger_head,
    paint_ledger_page,
    paint_ledger_row,
    sentence,
)
from tui.painting.palette import palette_from

PALETTE = palette_from({})
ONE = ProducerLedger("web-1", "1", 48_204, 48_190, 3, 0)
BILLING = GroupLedger("billing", 59_001, 1_204, 12, 1)


def _panel(on: Stage) -> str:
    """The words in the panel."""
    x, y, width, height = on.app.screen.query_one("#ledger").region
    return " ".join(" ".join(line[x + 1 : x + width - 1] for line in on.lines()[y : y + height]).split())


@pytest.mark.parametrize("width", [30, 44, 51, 66, 110])
@pytest.mark.parametrize("book", [ONE, BILLING, replace(ONE, name=worlds.HOSTILE[3], sent=12_345_678_901)])
def test_a_row_is_as_wide_as_the_panel_and_its_figures_stand_under_their_names(book: Book, width: int) -> None:
    head = paint_ledger_head(isinstance(book, GroupLedger), width, PALETTE)
    for chosen in range(-1, 4):
        row = paint_ledger_row(book, chosen, width, PALETTE)
        assert row.cell_length == head.cell_length == width
        assert row.text.isprintable()
        assert len(row.text.rstrip()) == len(head.text.rstrip())


def test_a_loss_has_a_sign_and_its_own_tone_and_nothing_lost_is_quiet() -> None:
    row = paint_ledger_row(ONE, -1, 80, PALETTE)
    [loss] = [segment for segment in row if "✗ 3" in segment.text]
    [none] = [segment for segment in row if segment.text.strip() == "0"]
    assert loss.style != none.style
    assert none.style == PALETTE.faint


@pytest.mark.parametrize(
    ("book", "column", "rules", "said"),
    [
        (ONE, "lost_acked", (), "3 acknowledged records are gone: their leader died before a follower copied them"),
        (replace(ONE, lost_acked=1), "lost_acked", (), "1 acknowledged record is gone"),
        (replace(ONE, acks="all"), "lost_acked", (), "every copy in sync was lost, or one out of sync leads"),
        (replace(ONE, lost_acked=0), "lost_acked", (), "No acknowledged record is lost."),
        (ONE, "sent", (), "48,204 records were sent; 14 of them still without an answer."),
        (replace(ONE, acks="0", acked=0), "acked", (), "With acks=0 no broker answers"),
        (
            replace(ONE, acks="0", lost_unacked=2),
            "lost_unacked",
            (),
            "2 records came to no log, and with acks=0 nobody",
        ),
        (replace(ONE, lost_unacked=2), "lost_unacked", (), "2 records were never acknowledged and are in no log"),
        (BILLING, "never", ("before", "auto"), "12 acknowledged records were never processed: committed first, then"),
        (BILLING, "never", ("auto",), "the offsets were moved past them."),
        (BILLING, "late", (), "1 record was processed after a later one of the same producer and key."),
        (BILLING, "again", (), "1,204 records were processed again"),
    ],
)
def test_a_figure_says_what_happened(book: Book, column: str, rules: tuple[str, ...], said: str) -> None:
    assert said in sentence(book, column, rules)


def test_every_figure_says_something_short_enough_for_the_smallest_screen() -> None:
    for book in (ONE, BILLING, ProducerLedger("w", "0", 0, 0, 0, 0), GroupLedger("g", 0, 0, 0, 0)):
        for column in columns_of(book):
            assert 0 < len(sentence(book, column, ("before",))) <= 100


def test_the_page_names_records_and_counts_the_rest() -> None:
    records = [LedgerRecord("web-1", 7, TopicPartition("orders", 2), 12_345), LedgerRecord("web-1", 8, None, -1)]
    text = "\n".join(strip.text for strip in paint_ledger_page("Said.", 5, records, 10, 70, PALETTE))
    assert "orders-2 @ 12,345" in text
    assert "not known" in text
    assert "8 more are counted, not named." in text
    assert "from sequence 5 on" in text
    nothing = "\n".join(strip.text for strip in paint_ledger_page("Said.", 0, [], 3, 70, PALETTE))
    assert "the lab was closed since" in nothing


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_sentence_follows_the_cursor_and_enter_lists_the_records(
    stage: OpenStage, size: tuple[int, int]
) -> None:
    async with stage(worlds.lossy(), size=size) as on:
        on.lab.answers["records_behind"] = [LedgerRecord("web-1", 1_204, TopicPartition("orders", 2), 5_871)]
        await on.press("4", "tab", "tab")
        assert "415 acknowledged records lost" in on.text()
        assert "their leader died before a follower" in _panel(on)
        await on.press("right")
        assert "No record was given up and lost." in _panel(on)
        await on.press("left", "enter")
        assert on.lab.called("records_behind") == [(LedgerFigure(False, "web-1", "lost_acked"),)]
        assert "orders-2 @ 5,871" in on.words()
        assert "2 more are counted" in on.words()
        await on.press("escape", "down", "down", "down", "left", "left")
        assert "40,112 records were processed exactly once." in _panel(on)


async def test_a_figure_that_grows_is_painted_anew_with_its_sentence(stage: OpenStage) -> None:
    world = worlds.lossy()
    async with stage(world) as on:
        await on.press("4", "tab", "tab")
        ledger = world.ledger
        more = LedgerView((replace(ledger.producers[0], lost_acked=77), *ledger.producers[1:]), ledger.groups)
        on.lab.world = replace(world, ledger=more)
        on.app.screen.tick()  # type: ignore[attr-defined]
        await on.settle()
        assert "77 acknowledged records are gone" in _panel(on)
        assert "✗ 77" in on.text()


async def test_a_lab_without_producers_says_what_to_press(stage: OpenStage) -> None:
    async with stage(worlds.empty()) as on:
        await on.press("4", "tab", "tab", "right", "enter")
        assert "press p to start a producer" in _panel(on)
