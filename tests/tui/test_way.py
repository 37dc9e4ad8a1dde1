"""A record followed on its way: what is painted of it, and what the keys do."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.cluster import Cluster
from engine.journey import Answer, Journey, if_leader_died
from engine.snapshot import ProducerLedger
from engine.types import RecordMetadata, TopicPartition
from tests.tui import journeys
from tests.tui.conftest import OpenStage
from tests.tui.conftest import Stage as On
from tests.tui.journeys import FakeTrace, copies
from tui.app import Kafkarium
from tui.dialogs.form import Form
from tui.dialogs.way import WayOfARecord
from tui.painting.palette import palette_from
from tui.painting.way import paint_way, stations

PALETTE = palette_from({})


def _text(journey: Journey, width: int = 76, left: dict[int, float] | None = None) -> str:
    strips = paint_way(journey, left or {}, None, width, PALETTE)
    assert {strip.cell_length for strip in strips} == {width}
    return "\n".join(strip.text.rstrip() for strip in strips)


# What is painted ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acks", "way"),
    [
        ("all", ["buffer", "sent", "leader 1", "copy 2", "copy 3", "visible", "answer"]),
        ("1", ["buffer", "sent", "leader 1", "answer", "copy 2", "copy 3", "visible"]),
        ("0", ["buffer", "sent", "leader 1", "copy 2", "copy 3", "visible"]),
    ],
)
def test_stations_stand_in_the_order_of_the_acks(acks: str, way: list[str]) -> None:
    assert [station.name for station in stations(journeys.handed(acks))] == way


def test_stations_that_were_passed_have_another_sign() -> None:
    assert "● buffer ─ ● sent ─ ● leader 1 ─ ● answer ─ ○ copy 2" in _text(journeys.acknowledged(), 100)


@pytest.mark.parametrize("width", [56, 70, 106, 180])
@pytest.mark.parametrize("make", [journeys.handed, journeys.acknowledged, journeys.dead, journeys.lost])
def test_every_row_is_as_wide_as_the_page(make: object, width: int) -> None:
    assert callable(make)
    _text(make(), width)


def test_the_record_stands_out_in_the_copies_that_have_it_and_consumers_see_less() -> None:
    rows = {row.split()[1]: row for row in _text(journeys.acknowledged()).splitlines() if row.startswith(" broker")}
    assert "◆42" in rows["1"]
    assert "◆" not in rows["2"] + rows["3"]
    assert rows["2"].endswith("41")
    [consumers] = [row for row in _text(journeys.acknowledged()).splitlines() if row.startswith(" consumers")]
    assert "see up to 41" in consumers
    assert "42" not in consumers


def test_a_dead_leader_says_how_long_until_it_is_missed() -> None:
    assert "✗ dead, 4.2 s left" in _text(journeys.dead(), left={1: 4_200.0})


def test_the_ledgers_page_is_read_out() -> None:
    book = ProducerLedger("acks-1-by-hand", "1", 1, 1, 1, 0)
    strips = paint_way(journeys.lost(), {}, book, 106, PALETTE)
    [line] = [strip for strip in strips if "Ledger" in strip.text]
    assert "acks-1-by-hand: 1 sent, 1 acknowledged, ✗ 1 lost acked, none lost unacked" in line.text


def test_with_acks_0_nothing_is_said_of_acknowledgements() -> None:
    book = ProducerLedger("acks-0-by-hand", "0", 3, 0, 0, 1)
    strips = paint_way(journeys.handed("0"), {}, book, 70, PALETTE)
    [line] = [strip for strip in strips if "Ledger" in strip.text]
    assert "3 sent, ✗ 1 lost unacked" in line.text


# What would be lost ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("journey", "said"),
    [
        (journeys.handed("all"), "nothing is lost. The producer still holds the record"),
        (journeys.handed("0"), "the record is lost on its way, and nobody ever knows"),
        (journeys.acknowledged(), "broker 2 leads next, without the record. It is lost, although it was acknowledged."),
        (
            replace(journeys.acknowledged(), copies=copies(1, 3)),
            "It is lost, although it was acknowledged. Broker 3 has it, but is not first in line and cuts it off.",
        ),
        (replace(journeys.acknowledged(), copies=copies(1, 2)), "broker 2 leads next and has the record, so it"),
        (
            replace(journeys.acknowledged(), answer=Answer.WAITING, acks="all", copies=copies(1, 2)),
            "the leader knows it for the same",
        ),
        (
            replace(journeys.acknowledged(), answer=Answer.WAITING, copies=copies(1, 2)),
            "it is stored twice: acks=1 is not idempotent",
        ),
        (
            replace(
                journeys.acknowledged(),
                copies=tuple(replace(copy, in_sync=copy.broker_id == 1) for copy in copies(1)),
            ),
            "no other replica in sync is alive, so nobody leads",
        ),
        (
            replace(
                journeys.acknowledged(),
                unclean=True,
                copies=tuple(replace(copy, in_sync=copy.broker_id == 1) for copy in copies(1)),
            ),
            "broker 2 leads next, without the record. It is lost, although it was acknowledged.",
        ),
        (journeys.dead(), "Then broker 2 leads, which does not have the record: it is lost, although it was"),
        (journeys.lost(), "that changes nothing for this record, which is gone already."),
        (replace(journeys.lost(), leader=None), "Nobody leads orders-2, for no replica in sync is alive. The record"),
    ],
)
def test_what_a_leaders_death_would_mean(journey: Journey, said: str) -> None:
    assert said in if_leader_died(journey)


def test_a_high_watermark_that_waits_for_others_says_so() -> None:
    alone = tuple(replace(copy, in_sync=copy.broker_id == 1) for copy in copies(1))
    waits = replace(journeys.acknowledged(), copies=alone, min_insync=2)
    assert waits.awaited() == "the high watermark moves, once min.insync.replicas (2) are in sync again"
    assert replace(waits, min_insync=1).awaited().startswith("the followers ask")


# Keys --------------------------------------------------------------------------------------------------------


async def test_from_lab_records_and_brokers_a_record_can_be_followed(stage: OpenStage) -> None:
    async with stage() as on:
        for mode in "124":
            trace = FakeTrace(journeys.handed())
            on.lab.answers["trace"] = trace
            await on.press(mode, "y")
            assert "Follow one record on its way" in on.text()
            await on.press("left", "enter")
            assert "A record's way · orders-2 · acks=1" in on.text()
            await on.press("escape")
            assert trace.asked == ["end"]
        assert [args[-1] for args in on.lab.called("trace")] == ["1", "1", "1"]
        assert on.lab.called("browser.produce") == []


async def test_producing_one_can_be_followed_too(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["trace"] = FakeTrace(journeys.handed("all"))
        await on.press("e")
        dialog = on.app.screen
        assert isinstance(dialog, Form)
        dialog.fill("way", "step by step")
        await on.press("enter")
        assert "A record's way" in on.text()


async def test_what_is_sent_with_acks_0_is_not_said_to_be_written(stage: OpenStage) -> None:
    async with stage() as on:
        on.lab.answers["browser.produce"] = RecordMetadata("orders", 3, TopicPartition("orders", 3), -1, 0, 0, 0)
        await on.press("e")
        dialog = on.app.screen
        assert isinstance(dialog, Form)
        dialog.fill("acks", "0")
        await on.settle()
        assert "nobody is told whether it arrives" in on.words()
        await on.press("enter")
        assert "with acks=0 nobody is told whether it arrived" in on.toasts()[-1]


async def _opened(on: On, *way: Journey) -> FakeTrace:
    trace = FakeTrace(*way)
    on.lab.answers["trace"] = trace
    await on.press("y", "enter")
    return trace


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_a_key_a_step_and_the_death_of_the_leader_in_between(stage: OpenStage, size: tuple[int, int]) -> None:
    async with stage(size=size) as on:
        trace = await _opened(on, journeys.handed(), journeys.acknowledged(), journeys.dead(), journeys.lost())
        assert "Next: the producer sends it." in on.words()
        await on.press("enter")
        assert "has the acknowledgement" in on.text()
        assert "It is lost, although it was acknowledged." in on.words()
        await on.press("X")
        assert on.lab.called("faults.crash") == [(1,)]
        trace.go_on()
        assert isinstance(on.app.screen, WayOfARecord)
        on.app.screen.follow()
        await on.settle()
        assert "✗ down" in on.text()
        await on.press("space")
        assert "Broker 2 leads now, epoch 1" in on.words()
        await on.press("r")
        assert on.lab.called("faults.start") == [(1,)]
        asked = list(trace.asked)
        await on.press("enter")
        assert trace.asked == asked == ["step", "step"]


async def test_a_broker_that_is_being_started_goes_on_starting_when_one_leaves(stage: OpenStage) -> None:
    may_end, ended = asyncio.Event(), asyncio.Event()

    async def start(_: int) -> None:
        await may_end.wait()
        ended.set()

    async with stage() as on:
        await _opened(on, journeys.dead())
        on.lab.faults.start = start
        await on.press("r", "escape")
        assert not isinstance(on.app.screen, WayOfARecord)
        may_end.set()
        await on.settle()
        assert ended.is_set()


async def test_running_on_can_be_stopped(stage: OpenStage) -> None:
    async with stage() as on:
        trace = await _opened(on, journeys.handed(), journeys.acknowledged())
        await on.press("a")
        assert "stop here" in on.text()
        await on.press("enter")
        assert trace.asked == ["run on", "step"]


async def test_a_leader_that_cannot_be_crashed_says_why(stage: OpenStage) -> None:
    async with stage() as on:
        await _opened(on, journeys.dead())
        await on.press("X")
        assert "there is no leader to crash" in on.toasts()[-1]
        assert "crash the leader" not in on.lines()[-4]


async def test_in_a_real_cluster_an_acknowledged_record_dies_with_its_leader_as_was_said() -> None:
    async def shows(on: On, words: str) -> None:
        async with asyncio.timeout(30):
            while words not in on.words():
                await on.pilot.pause()
                await asyncio.sleep(0)

    app = Kafkarium(lambda: Cluster.open(None, inline_storage=True, seed=7), lab_name="real")
    async with app.run_test(size=(120, 36)) as pilot:
        on = On(app, pilot, None)  # type: ignore[arg-type]
        await shows(on, "No topic")
        await app.lab.create_topic("orders", partitions=1, replication_factor=3)
        app.lab.clock.set_speed(50)
        await shows(on, "orders")
        await on.press("4", "y", "left", "enter")
        await shows(on, "holds it in its buffer")
        for words in ("waits for an answer", "Broker 1 appends the record at offset 0.", "has the acknowledgement"):
            await on.press("enter")
            await shows(on, words)
        await shows(on, "If broker 1 died now: broker 2 leads next, without the record. It is lost, although")
        await on.press("X")
        await shows(on, "Broker 1 is down.")
        await on.press("enter")
        await shows(on, "Broker 2 leads now, epoch 1, without the record. It is lost")
        await on.press("a", "r")
        await shows(on, "Broker 1 cut its copy back")
        await shows(on, "✗ 1 lost acked")
        await on.press("escape")
        await shows(on, "1 acknowledged record lost")
