from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from engine.wording import plural
from tui.painting import text


def test_plain_words_stay_as_they_are() -> None:
    assert text.clean("orders-1 [bold]") == "orders-1 [bold]"


def test_control_characters_become_symbols_one_cell_wide() -> None:
    assert text.clean("a\x1b[2J\x07\x00\r\n\t\x7f\x9b") == "a␛[2J␇␀␍␊␉␡�"


def test_direction_changing_and_invisible_characters_are_shown() -> None:
    assert text.clean("a\u202eb\u200bc\u2066d\ufeff") == "a�b�c�d�"


def test_a_combining_character_at_the_start_has_something_to_stand_on() -> None:
    assert text.clean("\u0301a") == "◌\u0301a"
    assert text.clean("e\u0301") == "e\u0301"


def test_bytes_that_are_not_utf8_are_shown_one_by_one() -> None:
    assert text.decode(b"caf\xc3\xa9 \xff\xfe") == "café \\xff\\xfe"
    assert text.decode(None) == "∅"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40))
def test_whatever_it_is_given_nothing_is_left_that_a_terminal_obeys(data: str) -> None:
    shown = text.clean(data)
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=40), st.integers(min_value=0, max_value=30))
def test_fitted_text_takes_exactly_its_cells(data: str, width: int) -> None:
    assert cell_len(text.fit(text.clean(data), width)) == width
    assert cell_len(text.cut(text.clean(data), width)) <= width


def test_cutting_never_halves_a_wide_character() -> None:
    assert text.cut("订单处理", 8) == "订单处理"
    assert text.cut("订单处理", 6) == "订单…"
    assert text.cut("订单处理", 4) == "订…"


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="ab 订é", max_size=60), st.integers(min_value=2, max_value=20))
def test_wrapping_keeps_every_character_within_the_width(data: str, width: int) -> None:
    lines = text.wrap(data, width)
    assert all(cell_len(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == "".join(data.split())


@pytest.mark.parametrize(
    ("value", "words"),
    [(0, "0"), (999, "999"), (1_234, "1.2k"), (12_331, "12k"), (999_600, "1.0M"), (3_400_000, "3.4M")],
)
def test_short_numbers(value: float, words: str) -> None:
    assert text.short(value) == words


@pytest.mark.parametrize(
    ("ms", "words"),
    [(0, "0 ms"), (812, "812 ms"), (1_800, "1.8 s"), (125_000, "2 m 05 s"), (12_000_000, "3 h 20 m"), (1e9, "11 d")],
)
def test_durations(ms: float, words: str) -> None:
    assert text.duration(ms) == words


def test_figures_in_words() -> None:
    assert text.number(12_331) == "12,331"
    assert text.rate(0.5) == "0.5/s"
    assert text.rate(1_200) == "1.2k/s"
    assert text.size(812) == "812 B"
    assert text.size(1_200_000) == "1.2 MB"
    assert text.clock(192_000) == "00:03:12"
    assert text.clock(-5) == "00:00:00"
    assert text.countdown(1_840) == "1.8 s"
    assert text.countdown(-1) == "0.0 s"
    assert text.speed(0.25) == "0.25×"
    assert plural(1, "partition") == "1 partition"
    assert plural(6_000, "partition") == "6,000 partitions"


def test_a_bar_fills_in_eighths() -> None:
    assert text.bar(0.5, 4) == "██  "
    assert text.bar(1 / 32 * 9, 4) == "█▏  "
    assert text.bar(2.0, 3) == "███"
