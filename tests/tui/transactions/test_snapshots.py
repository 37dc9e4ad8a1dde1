from __future__ import annotations

from tests.tui.pictures import AT_EACH_SIZE, Compare, looks_as_it_did


@AT_EACH_SIZE
def test_transactions_at_each_size(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks_as_it_did(snap_compare, "transacting", size, ("6",))


def test_transactions_in_the_light(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "transacting", (120, 36), ("6", "down", "down"), "kafkarium-light")


def test_lanes_with_an_open_transaction(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "transacting", (80, 24), ("]", "right"))
