from __future__ import annotations

from tests.tui.pictures import AT_EACH_SIZE, Compare, looks_as_it_did


@AT_EACH_SIZE
def test_a_step_that_was_done(snap_compare: Compare, size: tuple[int, int]) -> None:
    assert looks_as_it_did(snap_compare, "first", size, ("5", "enter", "e", "enter"))


def test_a_step_to_be_done(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "first", (80, 24), ("5", "G", "up", "up", "up", "enter"))


def test_the_list_of_lessons(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "first", (80, 24), ("5", "down"))


def test_what_words_mean(snap_compare: Compare) -> None:
    assert looks_as_it_did(snap_compare, "first", (120, 36), ("?", "w"))
