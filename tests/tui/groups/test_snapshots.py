from __future__ import annotations

from tests.tui.pictures import AT_EACH_SIZE, Compare, looks_as_it_did


@AT_EACH_SIZE
def test_groups_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks_as_it_did(snap_compare, "busy", size, ("3",))


@AT_EACH_SIZE
def test_a_group_of_the_consumer_protocol(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks_as_it_did(snap_compare, "reconciling", size, ("3",))


def test_groups_in_the_light(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "busy", (120, 36), ("3",), "kafkarium-light")


def test_a_rebalance(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "crashed", (120, 36), ("3", "v"))


def test_moving_offsets(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "first", (120, 36), ("3", "s"))
