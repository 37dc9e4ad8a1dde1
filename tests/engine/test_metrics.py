import pytest

from engine.metrics import Meter


def test_a_meter_that_counted_nothing_shows_nothing() -> None:
    meter = Meter()
    assert meter.rate(5_000) == 0.0
    assert meter.history(5_000, 4) == (0, 0, 0, 0)


def test_history_ends_with_the_running_second_and_missing_ones_are_zero() -> None:
    meter = Meter()
    meter.add(10_100, 3)
    meter.add(10_900, 2)
    meter.add(12_000, 7)
    meter.add(13_500, 9)
    assert meter.history(13_600, 5) == (0, 5, 0, 7, 9)
    assert meter.history(14_000, 4) == (0, 7, 9, 0)
    assert meter.total == 21


def test_the_rate_is_the_one_of_the_last_seconds_only() -> None:
    meter = Meter()
    for at in range(0, 10_000, 100):
        meter.add(at, 5)
    assert meter.rate(10_000) == pytest.approx(50.0)
    for at in range(10_000, 20_000, 100):
        meter.add(at, 1)
    assert meter.rate(20_000) == pytest.approx(10.0)


def test_the_rate_goes_by_the_time_since_the_first_and_never_by_less_than_a_second() -> None:
    meter = Meter()
    meter.add(5_000, 10)
    assert meter.rate(5_010) == 10.0
    meter.add(6_000, 10)
    assert meter.rate(7_000) == pytest.approx(10.0)


def test_a_rate_falls_to_zero_when_nothing_more_comes() -> None:
    meter = Meter()
    meter.add(1_000, 100)
    assert meter.rate(9_000) == 0.0


def test_a_long_gap_forgets_what_was_before_it() -> None:
    meter = Meter(keep=10)
    meter.add(1_000, 5)
    meter.add(500_000, 1)
    assert meter.history(500_000, 9) == (0, 0, 0, 0, 0, 0, 0, 0, 1)


def test_no_more_is_remembered_than_was_asked_for() -> None:
    meter = Meter(keep=3)
    for second in range(10):
        meter.add(second * 1_000, second)
    assert meter.history(9_000, 5) == (0, 0, 7, 8, 9)


def test_the_past_is_the_whole_seconds_and_stays_the_same_object_for_a_second() -> None:
    meter = Meter()
    meter.add(10_100, 3)
    meter.add(11_100, 4)
    past = meter.past(11_100, 3)
    assert past == (0, 0, 3)
    meter.add(11_900, 4)
    assert meter.past(11_950, 3) is past
    assert meter.past(12_000, 3) == (0, 3, 8)
