from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.errors import RefusedError
from engine.snapshot import WatchedView
from tests.tui import worlds
from tests.tui.conftest import OpenStage, Stage
from tui.dialogs.listening import HowToConnect, OpenToClients
from tui.panels.outside.requests import Requests


def now_open(on: Stage) -> None:
    """From now on the fake is open to clients once it is asked to."""

    def listen(host: str, port: int) -> None:
        on.lab.world = replace(on.lab.world, listening=worlds.listening(connections=(), watched=None, requests=()))

    on.lab.answers["listen"] = listen


async def test_0_opens_the_lab_to_clients_and_says_how_they_connect(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        now_open(on)
        await on.press("0")
        assert "Any Kafka client on this machine" in on.words()
        assert "broker 1 at 9092, broker 2 at 9093, broker 3 at 9094" in on.words()
        await on.press("enter")
        assert on.lab.called("listen") == [("127.0.0.1", 9092)]
        assert isinstance(on.app.screen, HowToConnect)
        assert "kcat -b 127.0.0.1:9092 -G billing orders" in on.words()
        await on.press("escape")
        assert on.app.mode.kind == "clients"
        assert "Nobody is connected" in on.text()
        await on.press("escape")
        assert on.app.mode.kind == "lab"
        assert "⇄ open" in on.lines()[0]


async def test_an_address_that_others_reach_comes_with_a_warning(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        await on.press("0", *("backspace",) * 9, *"0.0.0.0")
        assert "WARNING: whoever reaches this address" in on.words()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("tab", *("backspace",) * 4, *"http"), "A port takes a whole number from 0 to 65,535"),
        (("backspace",) * 9, "An address is like 127.0.0.1"),
    ],
)
async def test_an_address_that_makes_no_sense_is_refused_in_place(
    stage: OpenStage, typed: tuple[str, ...], words: str
) -> None:
    async with stage(worlds.first()) as on:
        await on.press("0", *typed, "enter")
        assert words in on.words()
        assert not on.lab.called("listen")


async def test_a_port_that_is_taken_leaves_the_form_as_it_was_filled_in(stage: OpenStage) -> None:
    async with stage(worlds.first()) as on:
        on.lab.answers["listen"] = RefusedError("The lab cannot listen on 127.0.0.1 port 9092: address already in use.")
        await on.press("0", "enter")
        assert isinstance(on.app.screen, OpenToClients)
        assert "address already in use" in on.words()


async def test_lines_to_paste_are_copied(stage: OpenStage) -> None:
    async with stage(worlds.visited()) as on:
        await on.press("0", "v", "right", "c")
        assert on.app.clipboard.startswith("from confluent_kafka import Consumer")
        assert any("s saves it as a file" in toast for toast in on.toasts())


async def test_where_a_terminal_does_not_let_one_copy_the_lines_are_saved_as_a_file(
    stage: OpenStage, tmp_path: Path
) -> None:
    async with stage(worlds.visited(), beside=tmp_path) as on:
        await on.press("0", "v", "right", "s")
        path = tmp_path / "visited-consumer.py"
        assert path.read_text().startswith("from confluent_kafka import Consumer")
        assert on.toasts() == [f"Saved {path}"]


async def test_what_cannot_be_saved_is_said(stage: OpenStage, tmp_path: Path) -> None:
    async with stage(worlds.visited(), beside=tmp_path / "gone") as on:
        await on.press("0", "v", "s")
        assert "could not be saved" in on.toasts()[0]


async def test_enter_watches_a_client_then_the_connection_alone_then_nobody(stage: OpenStage) -> None:
    async with stage(worlds.visited()) as on:
        view = worlds.listening()
        await on.press("0", "end", "enter")
        assert on.lab.called("watch_client") == [(4, False)]
        await on.press("home", "enter")
        assert on.lab.called("watch_client")[1:] == [(1, True)], "its client is watched already"
        on.lab.world = replace(on.lab.world, listening=replace(view, watched=WatchedView("rdkafka", True, (1,))))
        on.app.mode.tick()
        await on.settle()
        await on.press("enter")
        assert on.lab.called("watch_client")[2:] == [(None, False)]


@pytest.mark.parametrize(
    ("watched", "words"),
    [
        (WatchedView("rdkafka", False, (1, 2, 3)), "Requests of rdkafka on 3 connections to b1, b2, b3"),
        (WatchedView("rdkafka", True, (2,)), "Requests of rdkafka to b2"),
        (WatchedView("shop-service-1", False, ()), "Requests of shop-service-1, who is gone"),
    ],
)
async def test_it_is_said_whose_requests_pass(stage: OpenStage, watched: WatchedView, words: str) -> None:
    async with stage(worlds.visited(listening=worlds.listening(watched=watched))) as on:
        await on.press("0")
        assert words in on.text()


async def test_requests_pass_and_the_newest_stays_in_view(stage: OpenStage) -> None:
    async with stage(worlds.visited(), size=(80, 24)) as on:
        await on.press("0")
        assert "Heartbeat v4" in on.text()
        assert "waits" in on.text()
        view = worlds.listening()
        newest = replace(view.requests[-1], name="LeaveGroup", latency_ms=3.2)
        on.lab.world = replace(on.lab.world, listening=replace(view, requests=(*view.requests, newest)))
        on.app.mode.tick()
        await on.settle()
        await on.settle()
        assert "LeaveGroup v4" in on.text()


async def test_who_scrolls_back_through_the_requests_is_left_there(stage: OpenStage) -> None:
    async with stage(worlds.visited(), size=(80, 24)) as on:
        await on.press("0", "tab", "g")
        panel = on.app.mode.query_one(Requests)
        assert panel.scroll_offset.y == 0
        view = worlds.listening()
        on.lab.world = replace(on.lab.world, listening=replace(view, requests=(*view.requests, view.requests[0])))
        on.app.mode.tick()
        await on.settle()
        assert panel.scroll_offset.y == 0


async def test_x_closes_the_lab_to_clients(stage: OpenStage) -> None:
    async with stage(worlds.visited()) as on:
        await on.press("0", "x")
        assert len(on.lab.called("stop_listening")) == 1


async def test_what_is_different_for_clients_outside_is_told_when_time_changes(stage: OpenStage) -> None:
    async with stage(worlds.visited()) as on:
        on.lab.clock.pause()
        on.lab.world = replace(on.lab.world, paused=True)
        on.lab.clock.resume()
        on.app.mode._timer.pause()
        await on.press("space")
        assert any("The lab stands still, clients outside do not" in toast for toast in on.toasts())
        await on.press("0")
        assert "Take note" in on.text()
        assert "request.timeout.ms" in on.text()


async def test_members_from_outside_are_marked_with_what_they_are(stage: OpenStage) -> None:
    async with stage(worlds.visited()) as on:
        assert "C rdkafka ⇄" in on.words()
        assert "librdkafka 2.6.1 · 127.0.0.1" in on.text()
        await on.press("right", "right", "G", "enter")
        assert "3, to b1, b2, b3" in on.words()
        await on.press("escape", "3")
        assert "⇄ librdkafka 2.6.1" in on.text()
