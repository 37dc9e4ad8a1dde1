from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tui.painting.lab.scale import HOLD_MS, Zoom, steps_up_to, window


def test_a_cell_holds_a_round_number_of_offsets() -> None:
    assert [steps_up_to(offsets, 10) for offsets in (0, 1, 10, 11, 21, 100, 101, 5_000_000)] == [
        1, 1, 1, 2, 5, 10, 20, 500_000,
    ]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**9), st.integers(0, 10**7), st.integers(1, 200), st.integers(1, 60_000), st.integers(0, 10**7))
def test_the_newest_record_and_the_cursor_are_always_in_view(
    start: int, span: int, cells: int, per: int, cursor: int
) -> None:
    end = start + span
    seen = window(start, end, per, cells)
    assert seen.offset(0) <= max(end - 1, start)
    if end > start:
        assert 0 <= seen.cell(end - 1) < cells
    at = start + cursor % (span + 1)
    seen = window(start, end, per, cells, at)
    assert 0 <= seen.cell(min(at, max(end - 1, start))) < cells
    assert seen.cell(start) <= 0


def test_a_short_log_begins_at_the_left_and_a_long_one_ends_at_the_right() -> None:
    short = window(0, 5, 1, 20)
    assert (short.cell(0), short.cell(4)) == (0, 4)
    long = window(0, 500, 1, 20)
    assert (long.offset(0), long.cell(499)) == (480, 19)


def test_the_tape_moves_by_whole_cells() -> None:
    firsts = [window(0, end, 5, 10).offset(0) for end in range(100, 121)]
    assert {first % 5 for first in firsts} == {0}
    assert firsts == sorted(firsts)


def test_the_scale_grows_at_once_and_shrinks_after_a_while() -> None:
    zoom = Zoom()
    assert zoom.fit(100, 10, 0) == 10
    assert zoom.fit(1_000, 10, 100) == 100
    assert zoom.fit(50, 10, 200) == 100
    assert zoom.fit(50, 10, 100 + HOLD_MS) == 100
    assert zoom.fit(50, 10, 101 + HOLD_MS) == 5


def test_another_width_is_another_scale_at_once() -> None:
    zoom = Zoom()
    zoom.fit(1_000, 10, 0)
    assert zoom.fit(40, 40, 1) == 1
