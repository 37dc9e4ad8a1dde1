"""The mode Brokers: what a person sees of nodes and copies, and what the keys do to them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.snapshot import BrokerView, PartitionView, ReplicaView, World
from tests.tui import worlds
from tests.tui.conftest import OpenStage
from tui.painting.brokers.copies import paint_copies
from tui.painting.brokers.nodes import paint_broker
from tui.painting.palette import palette_from

PALETTE = palette_from({})


def _copied(partition: PartitionView, ends: tuple[int, int, int]) -> PartitionView:
    copies = tuple(ReplicaView(broker, True, end, end, 0) for broker, end in zip((1, 2, 3), ends, strict=True))
    return replace(partition, replicas=(1, 2, 3), isr=(1, 2), leader=1, log_end_offset=ends[0], copies=copies)


def _world(*, down: bool = False) -> World:
    world = worlds.first()
    brokers = tuple(
        replace(
            broker,
            alive=not (down and broker.broker_id == 1),
            session_expires_ms=world.now_ms + 4_200 if down and broker.broker_id == 1 else None,
        )
        for broker in world.brokers
    )
    return replace(world, brokers=brokers)


def test_a_row_says_who_leads_who_is_in_sync_and_who_lags() -> None:
    view = _copied(worlds.partition("orders", 0, 0, 100), (100, 98, 40))
    [row] = paint_copies(view, (1, 2, 3), 90, PALETTE)
    text = row.text
    assert "★ 100 leads" in text
    assert "● 98 −2" in text
    assert "○ 40 −60" in text
    assert row.cell_length == 90


def test_a_partition_without_a_leader_says_so() -> None:
    view = replace(_copied(worlds.partition("orders", 0, 0, 100), (100, 98, 40)), leader=None)
    [row] = paint_copies(view, (1, 2, 3), 90, PALETTE)
    assert "no leader" in row.text


@pytest.mark.parametrize(
    ("broker", "left_ms", "said"),
    [
        (BrokerView(2, True, False, 4, 12, 4_000_000), None, ("alive", "leads 4 of 12 copies", "4.0 MB")),
        (
            BrokerView(2, False, False, 0, 0, 0),
            4_200.0,
            ("crashed", "4.2 s until noticed", "the controller does not know yet"),
        ),
        (BrokerView(2, False, False, 0, 0, 0, False), None, ("down", "r starts it again")),
        (BrokerView(2, True, False, 4, 12, 0, False), None, ("fenced",)),
        (BrokerView(2, True, False, 4, 12, 0, cut_from=(0, 3)), None, ("cut off", "cut from 3, controller")),
        (BrokerView(2, True, False, 4, 12, 0, cut_from=(3,)), None, ("alive", "cut from 3")),
        (BrokerView(2, True, False, 4, 12, 0, slow_ms=500, full=True), None, ("disk +500 ms · disk full",)),
        (BrokerView(2, True, False, 4, 12, 0, lost_answers=0.5), None, ("alive", "loses 50% of answers")),
    ],
)
def test_a_broker_says_in_words_how_it_is(broker: BrokerView, left_ms: float | None, said: tuple[str, ...]) -> None:
    text = "\n".join(strip.text for strip in paint_broker(broker, left_ms, 9_000, 46, PALETTE))
    assert all(words in text for words in said)


async def test_keys_crash_stop_cut_and_spoil_the_broker_under_the_cursor(stage: OpenStage) -> None:
    async with stage(_world()) as on:
        await on.press("4", "down", "X", "x", "w", "b", "f")
        called = [(name, args) for name, args, _ in on.lab.calls if name.startswith("faults.")]
        assert called == [
            ("faults.crash", (2,)),
            ("faults.stop", (2,)),
            ("faults.isolate", (2,)),
            ("faults.slow_disk", (2, 500.0)),
            ("faults.fill_disk", (2,)),
        ]


async def test_only_a_broker_that_is_down_can_be_started_and_lose_its_file(stage: OpenStage) -> None:
    async with stage(_world(down=True)) as on:
        await on.press("4", "X")
        assert "down already" in on.toasts()[-1]
        await on.press("r")
        assert on.lab.called("faults.start") == [(1,)]
        await on.press("D")
        assert "Delete the file of broker 1?" in on.text()
        await on.press("escape", "down", "D")
        assert "stop it (x) or crash it (X) first" in on.toasts()[-1]
        assert on.lab.called("faults.delete_file") == []


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_mode_fits_every_size(stage: OpenStage, size: tuple[int, int]) -> None:
    async with stage(_world(down=True), size=size) as on:
        await on.press("4")
        text = on.text()
        assert "4.2 s until noticed" in text
        assert "in sync" in text
        assert "What happened" in text
