"""What a leader concludes from its followers' fetches."""

from __future__ import annotations

from engine.replicas.leadership import Leadership

LAG_MS = 10_000.0
ALIVE = {1: 7, 2: 8, 3: 9}


def _leading(isr: tuple[int, ...] = (1, 2, 3), start: int = 0, high_watermark: int = 0) -> Leadership:
    return Leadership(1, 0, (1, 2, 3), isr, start, high_watermark, now_ms=0.0)


def test_the_high_watermark_is_the_least_end_of_the_isr() -> None:
    leading = _leading()
    leading.followed(2, 5, leader_end=8, now_ms=1)
    assert not leading.advance(8, 1, LAG_MS, 1, ALIVE)
    leading.followed(3, 3, leader_end=8, now_ms=2)
    assert leading.advance(8, 1, LAG_MS, 2, ALIVE)
    assert leading.high_watermark == 3


def test_it_never_goes_back() -> None:
    leading = _leading(high_watermark=6)
    leading.followed(2, 5, leader_end=8, now_ms=1)
    leading.followed(3, 5, leader_end=8, now_ms=1)
    assert not leading.advance(8, 1, LAG_MS, 1, ALIVE)
    assert leading.high_watermark == 6


def test_it_stands_still_below_min_insync_replicas() -> None:
    leading = _leading(isr=(1,))
    assert not leading.advance(8, 2, LAG_MS, 20_000, ALIVE)
    assert leading.advance(8, 1, LAG_MS, 20_000, ALIVE)


def test_a_replica_out_of_sync_but_close_behind_counts() -> None:
    leading = _leading(isr=(1, 2))
    leading.followed(2, 8, leader_end=8, now_ms=20_000)
    leading.followed(3, 8, leader_end=8, now_ms=20_000)
    leading.followed(3, 8, leader_end=9, now_ms=20_001)
    leading.followed(2, 9, leader_end=9, now_ms=20_001)
    leading.advance(9, 1, LAG_MS, 20_002, ALIVE)
    assert leading.high_watermark == 8


def test_who_is_behind_for_too_long_leaves_and_who_is_caught_up_stays() -> None:
    leading = _leading()
    leading.followed(2, 8, leader_end=8, now_ms=9_000)
    leading.followed(3, 4, leader_end=8, now_ms=9_000)
    assert leading.laggards(8, LAG_MS, 9_001) == set()
    assert leading.laggards(8, LAG_MS, 10_001) == {3}
    assert leading.laggards(8, LAG_MS, 100_000) == {3}


def test_a_follower_that_fetches_all_the_while_is_not_late_though_more_keeps_coming() -> None:
    leading = _leading()
    for second in range(1, 40):
        now = second * 1_000.0
        leading.followed(2, second * 10, leader_end=second * 10 + 10, now_ms=now)
        leading.followed(3, 0, leader_end=second * 10 + 10, now_ms=now)
    assert leading.laggards(400, LAG_MS, 39_500) == {3}


def test_who_has_come_to_the_high_watermark_and_the_epochs_start_may_join() -> None:
    leading = _leading(isr=(1,), start=6, high_watermark=4)
    leading.followed(2, 5, leader_end=8, now_ms=1)
    assert leading.joiners(ALIVE) == set()
    leading.followed(2, 6, leader_end=8, now_ms=2)
    assert leading.joiners(ALIVE) == {2}
    assert leading.joiners({1: 7, 3: 9}) == set()


def test_what_a_replica_fetched_before_it_died_does_not_let_it_join_when_it_lives_again() -> None:
    leading = _leading(isr=(1,))
    leading.followed(2, 8, leader_end=8, now_ms=1, broker_epoch=8)
    assert leading.joiners({1: 7, 2: 12}) == set()
    assert leading.advance(9, 1, LAG_MS, 2, {1: 7, 2: 12})
    leading.followed(2, 9, leader_end=9, now_ms=3, broker_epoch=12)
    assert leading.joiners({1: 7, 2: 12}) == {2}


def test_those_who_are_proposed_hold_the_high_watermark_already() -> None:
    leading = _leading(isr=(1,))
    leading.followed(2, 6, leader_end=8, now_ms=50_000)
    leading.proposed = frozenset((1, 2))
    leading.advance(8, 1, LAG_MS, 90_000, ALIVE)
    assert leading.high_watermark == 6


def test_a_replica_that_stopped_holds_up_nobody_however_close_it_was() -> None:
    leading = _leading(isr=(1,))
    leading.followed(2, 6, leader_end=6, now_ms=1_000)
    assert not leading.advance(8, 1, LAG_MS, 1_100, ALIVE) or leading.high_watermark == 6
    assert leading.advance(8, 1, LAG_MS, 1_200, {1: 7})
    assert leading.high_watermark == 8


def test_what_was_acknowledged_alone_is_counted_once_and_kept_in_stretches() -> None:
    leading = _leading(high_watermark=2)
    for first, last in ((0, 1), (2, 4), (5, 5), (9, 9), (2, 4), (9, 9), (10, 11)):
        leading.acknowledged_alone(first, last)
    assert list(leading.unsure) == [(2, 5), (9, 11)]
    assert leading.lost(4) == (5, 0)
    assert leading.lost(0) == (7, 2)
