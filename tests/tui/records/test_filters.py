from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.records import ConsumerRecord
from tui.records.filters import FIELDS, Filter, FilterError, parse
from tui.records.places import AtEnd, AtGroup, AtOffset, AtStart, AtTimestamp, PlaceError, read_place
from tui.records.times import Times, read_time

BEGAN = 1_700_000_000_000
TIMES = Times(BEGAN + 600_000, BEGAN)


def record(**more: Any) -> ConsumerRecord:
    values: dict[str, Any] = {
        "topic": "orders", "partition": 2, "offset": 100, "timestamp": BEGAN + 60_000, "timestamp_type": 0,
        "key": b"customer-42", "value": b'{"total": 12, "city": "K\xc3\xb6ln"}', "headers": (("trace", b"7F3A"),),
    }  # fmt: skip
    return ConsumerRecord(**{**values, **more})


def matches(text: str, **more: Any) -> bool:
    found = parse(text, TIMES)
    assert found is not None
    return found.matches(record(**more))


def refusal(text: str) -> str:
    with pytest.raises(FilterError) as caught:
        parse(text, TIMES)
    return str(caught.value)


def test_text_is_found_in_key_or_value_in_any_case() -> None:
    assert matches("CUSTOMER")
    assert matches("total")
    assert matches("Köln")
    assert not matches("berlin")
    assert not matches("trace")
    assert not matches("x", key=None, value=None)


def test_a_field_is_looked_for_in_that_field_alone() -> None:
    assert matches("key:42")
    assert not matches("key:total")
    assert matches("value:total")
    assert not matches("value:customer")
    assert matches("key:=customer-42")
    assert not matches("key:=customer-4")
    assert not matches("key:42", key=None)


def test_headers_are_found_by_name_by_value_and_by_both() -> None:
    assert matches("header:trace")
    assert matches("header:7f3a")
    assert matches("header:trace=7f")
    assert not matches("header:trace=99")
    assert not matches("header:span=7f")


def test_offsets_times_and_partitions_are_compared() -> None:
    assert matches("offset:100")
    assert matches("offset:>=100")
    assert matches("offset:<1,000")
    assert not matches("offset:>100")
    assert matches("partition:2")
    assert not matches("partition:3")
    assert matches("time:>=00:01:00")
    assert not matches("time:>00:01:00")
    assert matches("time:<=-9m")
    assert not matches("time:>=-8m")
    assert matches("time:>=2023-11-14T22:13:20")
    assert not matches("time:>=2023-11-15")


def test_everything_typed_must_hold() -> None:
    assert matches("key:42 total offset:>=1")
    assert not matches("key:42 total offset:>=101")


def test_quoted_text_may_hold_blanks_and_colons() -> None:
    assert matches('value:"12, "')
    assert matches('"city"', value=b"city")
    assert matches('"offset:3"', value=b"offset:3")


def test_text_with_a_colon_of_its_own_is_text() -> None:
    assert matches("http://x", value=b"see http://x/y")
    assert matches('total":', value=b'{"total": 1}')


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("ofset:>=3", "offset:"),
        ("offset:abc", "offset:>=100"),
        ("offset:", "offset:>=100"),
        ("time:-5m", "time:>="),
        ("time:>=yesterday", "-5m"),
        ("key:", "key:42"),
        ("key:>=3", "offset, time, partition"),
        ('"open', "quotation mark"),
        ("offset:>=99999999999999999999999", "whole number"),
    ],
)
def test_what_cannot_be_understood_is_answered_with_what_would_be(text: str, says: str) -> None:
    assert says in refusal(text)


def test_nothing_typed_is_no_filter() -> None:
    assert parse("   ", TIMES) is None


def test_the_bounds_follow_from_the_comparisons() -> None:
    found = parse("offset:>=10 offset:>4 offset:<=20 time:>=-1m x", TIMES)
    assert isinstance(found, Filter)
    assert (found.first_offset, found.end_offset, found.since_ms) == (10, 21, BEGAN + 540_000)
    free = parse("x", TIMES)
    assert isinstance(free, Filter)
    assert (free.first_offset, free.end_offset, free.since_ms) == (0, None, 0)


@given(st.text(max_size=60))
def test_anything_typed_is_a_filter_or_a_refusal_in_words(text: str) -> None:
    try:
        found = parse(text, TIMES)
    except FilterError as wrong:
        said = str(wrong)
        assert said
    else:
        if found is not None:
            assert found.matches(record()) in (True, False)


@given(st.text(st.characters(exclude_characters='"'), min_size=1, max_size=20).filter(str.strip), st.binary(max_size=5))
def test_quoted_text_matches_the_records_that_hold_it_and_no_others(text: str, around: bytes) -> None:
    found = parse(f'"{text}"', TIMES)
    assert found is not None
    raw = text.encode("utf-8", "surrogatepass")
    assert found.matches(record(value=around + raw + around))
    assert found.matches(record(key=around, value=b"")) == (raw.lower() in around.lower())


@given(st.sampled_from(["offset", "time"]), st.sampled_from([">=", "<=", ">", "<", "="]), st.integers(0, 50), st.data())
def test_nothing_outside_the_bounds_matches(what: str, how: str, number: int, data: st.DataObject) -> None:
    shift = 0 if what == "offset" else BEGAN
    found = parse(f"{what}:{how}{number + shift}", TIMES)
    assert found is not None
    at = data.draw(st.integers(0, 60))
    if found.matches(record(offset=at, timestamp=at + BEGAN)):
        assert at >= found.first_offset
        assert found.end_offset is None or at < found.end_offset
        assert at + BEGAN >= found.since_ms


def test_every_field_is_one_that_can_be_parsed() -> None:
    for name in FIELDS:
        assert parse(f"{name}:>=00:01:00" if name == "time" else f"{name}:3", TIMES)


def test_times_are_read_as_the_lab_clock_as_ago_as_iso_and_as_ms() -> None:
    assert read_time("00:01:00.5", TIMES) == BEGAN + 60_500
    assert read_time("1:30", TIMES) == BEGAN + 90_000
    assert read_time("-1.5s", TIMES) == read_time("1.5s ago", TIMES) == BEGAN + 598_500
    assert read_time("2023-11-14T22:13:20Z", TIMES) == BEGAN
    assert read_time("2023-11-14T23:13:20+01:00", TIMES) == BEGAN
    assert read_time(str(BEGAN), TIMES) == BEGAN
    assert read_time("12", TIMES) is None
    assert read_time("1.5s", TIMES) is None
    assert read_time("soon", TIMES) is None


def test_places_are_offsets_times_groups_and_ends() -> None:
    groups = ("billing", "fraud", "12")
    assert read_place("12,000", TIMES, groups) == AtOffset(12_000)
    assert read_place("-5m", TIMES, groups) == AtTimestamp(BEGAN + 300_000)
    assert read_place("end", TIMES, groups) == AtEnd()
    assert read_place("Start", TIMES, groups) == AtStart()
    assert read_place("bill", TIMES, groups) == AtGroup("billing")
    assert read_place("12", TIMES, groups) == AtGroup("12")
    with pytest.raises(PlaceError, match="offset like"):
        read_place("nowhere", TIMES, groups)


@given(st.lists(st.sampled_from(["key:42", "Total", '"a B"', "header:trace=7F", "header:x", "offset:>1"]), min_size=1))
def test_what_a_match_must_hold_is_held_by_every_match(words: list[str]) -> None:
    found = parse(" ".join(words), TIMES)
    assert found is not None
    full = record(key=b"x42", value=b'{"TOTAL": "A b"}', headers=(("trace", b"7f3a"), ("x", b"")))
    assert found.matches(full)
    whole = b" ".join((full.key or b"", full.value or b"", *(value or b"" for _, value in full.headers)))
    assert found.holding in whole.lower()
