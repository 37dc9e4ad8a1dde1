from __future__ import annotations

from engine.snapshot import LedgerRecord
from engine.types import TopicPartition
from tests.tui import journeys
from tests.tui.journeys import FakeTrace
from tests.tui.pictures import AT_EACH_SIZE, Compare, looks_as_it_did

LIGHT = "kafkarium-light"


@AT_EACH_SIZE
def test_brokers_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks_as_it_did(snap_compare, "broken", size, ("4",))


def test_brokers_in_the_light(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "moving", (120, 36), ("4", "tab"), LIGHT)


@AT_EACH_SIZE
def test_the_ledger_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks_as_it_did(snap_compare, "lossy", size, ("4", "tab", "tab"))


def test_the_records_behind_a_figure(snap_compare: Compare) -> None:
    tp = TopicPartition("orders", 2)
    behind = [LedgerRecord("web-1", 1_204 + at, tp, 5_871 + at) for at in range(3)]
    keys = ("4", "tab", "tab", "enter")
    assert looks_as_it_did(snap_compare, "lossy", (80, 24), keys, records_behind=behind)


@AT_EACH_SIZE
def test_a_record_on_its_way_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    trace = FakeTrace(journeys.acknowledged())
    assert looks_as_it_did(snap_compare, "broken", size, ("4", "y", "enter"), trace=trace)


def test_a_record_that_is_lost(snap_compare: Compare) -> None:
    trace = FakeTrace(journeys.lost())
    assert looks_as_it_did(snap_compare, "broken", (120, 36), ("4", "y", "enter"), LIGHT, trace=trace)


def test_moving_copies(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "moving", (80, 24), ("4", "tab", "m"))


def test_an_unclean_election(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "moving", (80, 24), ("4", "tab", "down", "down", "V"))
