from __future__ import annotations

from collections.abc import Callable

import pytest

from engine.snapshot import LedgerRecord
from engine.types import TopicPartition
from tests.tui import journeys, worlds
from tests.tui.fakes import FakeCluster, app_with
from tests.tui.journeys import FakeTrace

Compare = Callable[..., bool]
SIZES = ((80, 24), (120, 36), (200, 60))
EACH = pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@EACH
def test_brokers_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(FakeCluster(worlds.broken())), press=["4"], terminal_size=size)


def test_brokers_in_the_light(snap_compare: Compare) -> None:
    app = app_with(FakeCluster(worlds.moving()), theme="kafkarium-light")
    assert snap_compare(app, press=["4", "tab"], terminal_size=(120, 36))


@EACH
def test_the_ledger_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert snap_compare(app_with(FakeCluster(worlds.lossy())), press=["4", "tab", "tab"], terminal_size=size)


def test_the_records_behind_a_figure(snap_compare: Compare) -> None:
    fake = FakeCluster(worlds.lossy())
    tp = TopicPartition("orders", 2)
    fake.answers["records_behind"] = [LedgerRecord("web-1", 1_204 + at, tp, 5_871 + at) for at in range(3)]
    assert snap_compare(app_with(fake), press=["4", "tab", "tab", "enter"], terminal_size=(80, 24))


@EACH
def test_a_record_on_its_way_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    fake = FakeCluster(worlds.broken())
    fake.answers["trace"] = FakeTrace(journeys.acknowledged())
    assert snap_compare(app_with(fake), press=["4", "y", "enter"], terminal_size=size)


def test_a_record_that_is_lost(snap_compare: Compare) -> None:
    fake = FakeCluster(worlds.broken())
    fake.answers["trace"] = FakeTrace(journeys.lost())
    app = app_with(fake, theme="kafkarium-light")
    assert snap_compare(app, press=["4", "y", "enter"], terminal_size=(120, 36))


def test_moving_copies(snap_compare: Compare) -> None:
    app = app_with(FakeCluster(worlds.moving()))
    assert snap_compare(app, press=["4", "tab", "m"], terminal_size=(80, 24))


def test_an_unclean_election(snap_compare: Compare) -> None:
    app = app_with(FakeCluster(worlds.moving()))
    assert snap_compare(app, press=["4", "tab", "down", "down", "V"], terminal_size=(80, 24))
