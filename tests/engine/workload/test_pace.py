from random import Random

import pytest

from engine.workload.pace import Pace


def taken(pace: Pace, until_ms: float, turn_ms: float = 10, begin_ms: float = 0) -> list[tuple[float, int]]:
    """What comes due, turn by turn, for somebody who always keeps up."""
    now, turns = begin_ms, []
    while now < until_ms:
        due = pace.due(now, turn_ms)
        if due:
            pace.took(due)
            turns.append((now, due))
        now += max(pace.wait_ms(now, turn_ms), 0.001)
    return turns


@pytest.mark.parametrize("rate", [0.2, 1, 33, 150, 4_000, 200_000])
def test_the_rate_is_kept_over_time(rate: float) -> None:
    seconds = max(3, 20 / rate)
    turns = taken(Pace(rate, 0, Random(1)), seconds * 1_000)
    assert sum(due for _, due in turns) == pytest.approx(rate * seconds, abs=max(2, rate * 0.02))


def test_a_slow_one_begins_within_half_a_second_and_not_with_all_others() -> None:
    firsts = {taken(Pace(0.01, 0, Random(seed)), 1_000)[0][0] for seed in range(20)}
    assert len(firsts) == 20
    assert max(firsts) <= 500


def test_arrears_of_some_turns_are_made_up_for_and_more_are_let_go() -> None:
    pace = Pace(1_000, 0, Random(1))
    pace.took(1)
    assert pace.due(200, 10) == pytest.approx(200, abs=2)
    assert pace.due(60_000, 10) == 1


def test_where_a_turn_is_long_because_the_world_is_fast_nothing_is_let_go() -> None:
    pace = Pace(1_000, 0, Random(1))
    pace.took(1)
    assert pace.due(2_000, 1_000) == pytest.approx(2_000, abs=2)
