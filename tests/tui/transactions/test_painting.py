from __future__ import annotations

from dataclasses import replace

import pytest

from engine.snapshot import TransactionState
from tests.tui import worlds
from themes.variables import DEFAULTS
from tui.painting.lab.bar import HELD, PENDING
from tui.painting.lab.lanes import Lane, paint_lane
from tui.painting.palette import palette_from
from tui.painting.transactions.machine import LEAST_WIDTH, paint_chain, paint_machine
from tui.painting.transactions.saying import sentence_of
from tui.panels.lab.held import held_back, waits_of

PALETTE = palette_from(DEFAULTS)
DRAWN = [state for state in TransactionState if state.value.startswith(("Empty", "Ongoing", "Prepare", "Complete"))]


@pytest.mark.parametrize("state", [None, *TransactionState])
@pytest.mark.parametrize("width", [LEAST_WIDTH, 120, 150])
def test_the_states_are_drawn_in_any_width_that_they_fit(state: TransactionState | None, width: int) -> None:
    drawing = [strip.text for strip in paint_machine(state, width, PALETTE)]
    assert all(strip.cell_length == width for strip in paint_machine(state, width, PALETTE))
    for each in ("Empty", "Ongoing", "PrepareCommit", "CompleteCommit", "PrepareAbort", "CompleteAbort"):
        assert any(f" {each} " in line for line in drawing)
    assert all(strip.cell_length == 40 for strip in paint_chain(state, 40, PALETTE))


def test_the_present_state_reads_without_colour() -> None:
    for state in DRAWN:
        if state is not TransactionState.PREPARE_EPOCH_FENCE:
            assert f"● {state.value}" in "".join(strip.text for strip in paint_chain(state, 78, PALETTE))
            assert "┏" in "".join(strip.text for strip in paint_machine(state, 110, PALETTE))


@pytest.mark.parametrize("state", TransactionState)
def test_every_state_has_its_sentence(state: TransactionState) -> None:
    view = replace(worlds.transacting().transactions[0], state=state)
    sentence = sentence_of(view, worlds.NOW)
    assert sentence.startswith(f"{state.value}: ")
    assert sentence.endswith(".")


def test_an_open_transaction_says_when_its_coordinator_aborts_it() -> None:
    assert "In 4.1 s it is aborted." in sentence_of(worlds.transacting().transactions[0], worlds.NOW)


def test_what_an_open_transaction_holds_back_is_drawn_and_counted_on_its_lane() -> None:
    log = worlds.transacting().topics[1].partitions[0]
    reader = worlds.standing(log.tp, log.high_watermark, None, 214)
    bar, figures = (strip.text for strip in paint_lane(Lane(log, reader, None, 10, 2, held=214), 60, PALETTE))
    assert HELD in bar
    assert PENDING not in bar
    assert f"{HELD} 214 held" in figures
    assert HELD not in paint_lane(Lane(log, reader, None, 10, 2), 60, PALETTE)[0].text


def test_only_transactions_that_last_are_told_of_unless_one_can_watch_them() -> None:
    world = worlds.transacting()
    log = world.topics[1].partitions[0]
    assert held_back(log, waits_of(world)) == 214
    young = replace(world.transactions[0], began_ms=worlds.NOW - 40)
    quick = replace(world, transactions=(young,))
    assert held_back(log, waits_of(quick)) == 0
    assert held_back(log, waits_of(replace(quick, paused=True))) == 214
    assert held_back(log, waits_of(replace(quick, speed=0.1))) == 214
