from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.records.viewport import Extent, Viewport

HEIGHT = 12
heights = st.lists(st.sampled_from((1, 1, 1, 2, 3)), min_size=1, max_size=60)


def extent_of(lines: list[int], first: int = 0, foot: int = 0) -> Extent:
    return Extent(first, first + len(lines), lambda at: lines[at - first], foot)


def seen(view: Viewport, extent: Extent, height: int) -> list[tuple[int, int]]:
    """(row, which of its lines) for each line in view; the last line of a row is its own."""
    lines = [(at, line) for at in range(view.top, extent.stop) for line in range(extent.lines(at))]
    return [*lines, *[(extent.stop, line) for line in range(extent.foot)]][view.skip : view.skip + height]


@given(heights, st.integers(0, 2), st.lists(st.integers(-40, 40), max_size=20))
def test_the_cursor_is_always_in_view_and_no_line_is_blank_that_could_be_filled(
    lines: list[int], foot: int, steps: list[int]
) -> None:
    extent, view, cursor = extent_of(lines, foot=foot), Viewport(), 0
    for step in steps:
        cursor = max(0, min(cursor + step, len(lines) - 1))
        view.keep(extent, cursor, HEIGHT)
        shown = seen(view, extent, HEIGHT)
        assert (cursor, lines[cursor] - 1) in shown
        assert len(shown) == min(HEIGHT, sum(lines) + foot)


@given(heights, st.lists(st.integers(-9, 9), max_size=20))
def test_scrolling_by_lines_never_leaves_the_list(lines: list[int], steps: list[int]) -> None:
    extent, view = extent_of(lines), Viewport()
    for step in steps:
        before = seen(view, extent, HEIGHT)
        moved = view.scroll(extent, step, HEIGHT)
        after = seen(view, extent, HEIGHT)
        assert len(after) == min(HEIGHT, sum(lines))
        assert moved or after == before


@given(st.integers(15, 40), st.integers(1, 5))
def test_what_is_in_view_stays_where_it_is_while_rows_come_before_it(count: int, step: int) -> None:
    lines = [1] * 50
    extent, view = extent_of(lines), Viewport()
    view.centre(extent, count, 4)
    before = seen(view, extent, HEIGHT)
    longer = extent_of([1] * (50 + step * 10), first=-step * 10)
    view.keep(longer, count, HEIGHT)
    assert seen(view, longer, HEIGHT) == before


def test_a_row_is_shown_with_what_stands_before_it() -> None:
    extent, view = extent_of([1] * 20 + [2] + [1] * 20), Viewport()
    view.centre(extent, 20, 5)
    assert seen(view, extent, HEIGHT)[4:6] == [(20, 0), (20, 1)]


def test_the_end_of_the_list_is_shown_with_what_stands_behind_it() -> None:
    extent, view = extent_of([1] * 40, foot=1), Viewport()
    view.end_with(extent, extent.stop, HEIGHT)
    assert seen(view, extent, HEIGHT)[-2:] == [(39, 0), (40, 0)]


def test_a_row_that_follows_more_than_there_is_room_for_is_shown_itself() -> None:
    extent, view = extent_of([3] * 20), Viewport()
    view.centre(extent, 7, 0)
    assert seen(view, extent, HEIGHT)[0] == (7, 2)


def test_a_view_that_grows_higher_shows_rows_above() -> None:
    extent, view = extent_of([1] * 40), Viewport()
    view.keep(extent, 39, HEIGHT)
    view.keep(extent, 39, HEIGHT + 10)
    assert len(seen(view, extent, HEIGHT + 10)) == HEIGHT + 10
