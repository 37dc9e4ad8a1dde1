from __future__ import annotations

from dataclasses import replace

import pytest

from tests.tui import worlds
from themes.variables import DEFAULTS
from tui.painting.footer import Hint, paint_footer
from tui.painting.header import paint_header
from tui.painting.line import Line, right_aligned
from tui.painting.palette import letter, palette_from

PALETTE = palette_from(DEFAULTS)


def hint(action: str, key: str, label: str, current: bool = False) -> Hint:
    return Hint(((key, action),), label, current)


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
@pytest.mark.parametrize("name", list(worlds.WORLDS))
def test_the_header_takes_exactly_its_row_in_every_world(name: str, width: int) -> None:
    strip = paint_header(worlds.WORLDS[name](), "lab", width, PALETTE)
    assert strip.cell_length == width
    assert "\x1b" not in strip.text


def test_the_header_keeps_pace_and_age_when_it_is_narrow() -> None:
    line = paint_header(worlds.busy(), "lab", 60, PALETTE).text
    assert "▶ 1×" in line
    assert line.rstrip().endswith("00:03:12")
    assert "brokers" not in line


def test_the_header_says_that_the_world_stands_still() -> None:
    assert "paused" in paint_header(replace(worlds.first(), paused=True), "lab", 80, PALETTE).text


def test_the_footer_leaves_out_what_does_not_fit_and_knows_where_the_rest_is() -> None:
    hints = [hint("a", "x", "stop"), hint("b", "y", "a-label-that-is-far-too-long-for-this"), hint("c", "z", "rest")]
    strip, spans = paint_footer(hints, [hint("m", "1", "Lab", current=True)], 30, PALETTE)
    assert strip.text == " x stop  z rest        1 Lab  "
    assert [(span.action, strip.text[span.start : span.end]) for span in spans] == [
        ("a", "x stop"),
        ("c", "z rest"),
        ("m", "1 Lab"),
    ]


def test_keys_that_undo_each_other_share_a_word_in_the_footer_and_can_be_clicked_each() -> None:
    both = Hint((("+", "more"), ("-", "less")), "pace")
    strip, spans = paint_footer([both, hint("a", "x", "stop")], [], 30, PALETTE)
    assert strip.text.rstrip() == " + - pace  x stop"
    at = {column: span.action for span in spans for column in range(span.start, span.end)}
    assert [at.get(column) for column in (1, 3, 6, 10, 11)] == ["more", "less", "more", None, "a"]


def test_where_the_footer_is_narrow_modes_are_numbers_but_the_one_one_is_in() -> None:
    modes = [
        hint("lab", "1", "Lab"),
        hint("records", "2", "Records", current=True),
        hint("groups", "3", "Groups"),
        hint("help", "?", "help"),
    ]
    assert paint_footer([], modes, 82, PALETTE)[0].text.endswith(" 1 Lab  2 Records  3 Groups  ? help  ")
    strip, spans = paint_footer([], modes, 81, PALETTE)
    assert strip.text.endswith(" 1  2 Records  3  ? help  ")
    assert [strip.text[span.start : span.end] for span in spans] == ["1", "2 Records", "3", "? help"]


def test_a_line_is_cut_at_its_width_and_merges_runs_of_one_style() -> None:
    line = Line(6).add("ab", PALETTE.text).add("cd", PALETTE.text).add("订单", PALETTE.quiet)
    assert line.strip().text == "abcd… "
    assert len(list(line.strip())) == 3


def test_what_is_aligned_to_the_right_is_left_out_when_there_is_no_room() -> None:
    assert right_aligned(Line(10).add("left"), [("12", None)], margin=1).strip().text == "left   12 "
    assert right_aligned(Line(5).add("left"), [("12", None)]).strip().text == "left "


def test_every_slot_has_a_letter_of_its_own() -> None:
    assert [letter(slot) for slot in (0, 25, 26, 51, 52)] == ["A", "Z", "a", "z", "52"]
    assert len({letter(slot) for slot in range(60)}) == 60
