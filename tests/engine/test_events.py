"""What happened, in sentences."""

from __future__ import annotations

from engine.events import RebalanceCompleted
from engine.snapshot import Move, Rebalance
from engine.types import TopicPartition


def _completed(*moves: Move) -> str:
    done = Rebalance("billing", 1, 2, "a cause", "range", False, 0, 600, (), (), (), (), None, moves)
    return RebalanceCompleted(at_ms=600, subject="billing", rebalance=done).sentence()


def _move(partition: int, source: str | None, to: str | None, unserved_ms: float = 600.0) -> Move:
    return Move(TopicPartition("orders", partition), source, to, unserved_ms)


def test_a_rebalance_says_what_moved_what_stayed_and_for_how_long_nobody_served_it() -> None:
    said = _completed(_move(0, "a", "b"), _move(1, "b", "b"))
    assert said == "billing gen 1→2: P0 a→b; 1 of 2 stayed; nobody served them for 600 ms."
    assert _completed(_move(0, None, "a")) == "billing gen 1→2: P0 nobody→a; nobody served it for 600 ms."


def test_of_a_group_that_nobody_is_left_in_it_is_not_said_that_it_was_served_again() -> None:
    assert _completed(_move(0, "a", None), _move(1, "a", None)) == "billing gen 1→2: P0 P1 a→nobody."


def test_a_rebalance_in_which_nothing_moved_says_so() -> None:
    said = "billing gen 1→2: nothing moved; "
    assert _completed(_move(0, "a", "a")) == f"{said}its partition stayed where it was."
    assert _completed(_move(0, "a", "a"), _move(1, "b", "b")) == f"{said}all 2 partitions stayed where they were."
