from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.strip import Strip

from engine.pages import BrowsedRecord
from engine.records import ConsumerRecord
from tests.tui import worlds
from tests.tui.logs import HOSTILE_VALUES
from themes.variables import DEFAULTS
from tui.painting.palette import palette_from
from tui.painting.records.detail import Told, lay_out_record, time_row, value_of
from tui.painting.records.overview import Overview, Pin, bar_of, paint_overview
from tui.painting.records.parts import Parts, fold, paint_parts
from tui.painting.records.row import (
    Edge,
    Layout,
    RecordRow,
    Standing,
    paint_edge,
    paint_row,
    paint_standing,
)
from tui.painting.records.tabs import ALL, Tabs, paint_tabs
from tui.painting.records.times import age, in_full, on_lab_clock
from tui.painting.records.value import Look, best_look, lay_out_value
from tui.records.standing import Mark, Stage
from tui.records.why import why_here

PALETTE = palette_from(DEFAULTS)
BEGAN = int(worlds.BEGAN)
LAYOUT = Layout(False, 6, 1, 14, BEGAN)
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b-\u200f]")


def browsed(**more: Any) -> BrowsedRecord:
    values: dict[str, Any] = {
        "topic": "orders", "partition": 0, "offset": 12_330, "timestamp": BEGAN + 8_214, "timestamp_type": 0,
        "key": b"customer-94", "value": b'{"total": 12.50}', "headers": (("trace", b"7f3a"),),
    }  # fmt: skip
    return BrowsedRecord(ConsumerRecord(**{**values, **more}), 12_320, 12_330, 0, "zstd", 825, 11, 7, False)


def mark(**more: Any) -> Mark:
    values: dict[str, Any] = {
        "group_id": "billing", "committed": 12_300, "position": 12_310, "owner": "billing-1", "slot": 0, "chosen": True,
    }  # fmt: skip
    return Mark(**{**values, **more})


def text(strip: Strip) -> str:
    return "".join(segment.text for segment in strip)


def sound(strip: Strip, width: int) -> bool:
    """Whether a row is exactly as wide as asked for and holds nothing a terminal would obey."""
    return cell_len(text(strip)) == width == strip.cell_length and not CONTROL.search(text(strip))


def words(rows: list[Parts]) -> str:
    return " ".join(" ".join("".join(part[0] for part in row) for row in rows).split())


# The list ----------------------------------------------------------------------------------------------------


def test_a_row_says_offset_time_key_and_value() -> None:
    row = text(paint_row(RecordRow(browsed(), Stage.WAITING, LAYOUT), 80, PALETTE, cursor=True))
    assert row.startswith('▸▊ 12,330  00:00:08.214  customer-94     {"total": 12.50}')


def test_a_row_tells_tombstones_and_records_without_keys() -> None:
    assert "–" in text(paint_row(RecordRow(browsed(key=None), None, LAYOUT), 80, PALETTE))
    assert "tombstone" in text(paint_row(RecordRow(browsed(value=None), None, LAYOUT), 80, PALETTE))


def test_records_of_the_offsets_topic_are_said_in_words() -> None:
    from engine.groups.records import OffsetKey, OffsetValue, encode_key, encode_offset

    key, value = encode_key(OffsetKey("billing", "orders", 3)), encode_offset(OffsetValue(42, "", 0))
    row = browsed(topic="__consumer_offsets", key=key, value=value)
    assert "billing commits offset 42 of orders-3." in text(paint_row(RecordRow(row, None, LAYOUT), 90, PALETTE))


@given(st.binary(max_size=80) | st.none(), st.binary(max_size=300) | st.none(), st.integers(20, 160), st.booleans())
@example(b"\x1b[2J", "订单🦊e\u0301\u202eabc".encode() * 20, 61, True)
def test_whatever_a_record_holds_its_row_is_sound(
    key: bytes | None, value: bytes | None, width: int, merged: bool
) -> None:
    layout = Layout(merged, 6, 2, 20, BEGAN, short_time=merged)
    assert sound(paint_row(RecordRow(browsed(key=key, value=value), Stage.DELIVERED, layout), width, PALETTE), width)


@given(st.integers(-(10**15), 10**18))
def test_any_timestamp_can_be_shown(timestamp: int) -> None:
    assert len(on_lab_clock(timestamp, BEGAN)) <= 12
    assert in_full(timestamp)
    assert age(timestamp, worlds.NOW)


def test_standing_names_the_groups_and_what_is_left() -> None:
    told = text(paint_standing(Standing((mark(), mark(group_id="audit", slot=None)), 12_300, 31), 90, PALETTE))
    assert "◆ A billing  ◆ audit committed 12,300" in told
    assert told.rstrip().endswith("31 to go")


@pytest.mark.parametrize("name", worlds.HOSTILE, ids=range(len(worlds.HOSTILE)))
@pytest.mark.parametrize("width", [30, 77, 120])
def test_names_that_try_to_break_the_screen_do_not(name: str, width: int) -> None:
    marks = tuple(mark(group_id=name, owner=name, slot=at) for at in range(5))
    assert sound(paint_standing(Standing(marks, 1, 1), width, PALETTE), width)
    assert sound(paint_edge(Edge("log end"), width, PALETTE), width)
    overview = Overview(0, 100, 10, 20, tuple(Pin(name, at * 20, at == 0) for at in range(5)), (3, 9), 5, 50)
    assert all(sound(strip, width) for strip in paint_overview(overview, width, PALETTE))
    topic = worlds.topic("orders", (5, 0, 7))
    assert sound(paint_tabs(Tabs(name, topic.partitions, ALL, 3), width, PALETTE)[0], width)


# The overview ------------------------------------------------------------------------------------------------


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(30, 200), st.data())
def test_every_offset_lies_in_the_cell_that_leads_back_to_it(start: int, span: int, width: int, data: Any) -> None:
    overview = Overview(start, start + span, None, None, (), (start, start), None)
    bar = bar_of(overview, width)
    offset = data.draw(st.integers(start, start + span))
    cell = bar.cell(overview, offset)
    assert 0 <= cell < bar.cells
    back = bar.offset(overview, bar.left + cell)
    assert start <= back <= start + span
    assert abs(back - offset) <= span // bar.cells + 1 or back == start + span
    assert all(sound(strip, width) for strip in paint_overview(overview, width, PALETTE))


def test_the_overview_shows_where_groups_stand_and_what_is_in_view() -> None:
    overview = Overview(0, 1_000, 500, 700, (Pin("billing", 500, True), Pin("audit", 100, False)), (200, 300), 250)
    pins, log, view = map(text, paint_overview(overview, 120, PALETTE))
    assert "◆ audit" in pins
    assert "◆ billing" in pins
    assert pins.index("◆ audit") < pins.index("◆ billing")
    assert [log.count(glyph) > 10 for glyph in "▂▄▆"] == [True] * 3
    assert "━▲━" in view


def test_choices_that_do_not_fit_are_left_out_around_the_chosen_one() -> None:
    topic = worlds.internal()
    strip, spans = paint_tabs(Tabs(topic.name, topic.partitions, 40, 1), 80, PALETTE)
    assert "P40" in text(strip)
    assert "…" in text(strip)
    chosen = next(span for span in spans if span.choice == 40)
    assert text(strip)[chosen.start : chosen.stop] == " P40 "


# Values ------------------------------------------------------------------------------------------------------

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=15,
)


@given(st.lists(json_values, max_size=4) | st.dictionaries(st.text(max_size=6), json_values, max_size=4))
def test_json_laid_out_is_the_same_json(value: Any) -> None:
    data = json.dumps(value).encode()
    laid_out = lay_out_value(data, None, 1_000)
    assert laid_out.look is Look.JSON
    shown = "\n".join("".join(part[0] for part in row) for row in laid_out.rows)
    assert json.loads(shown) == value


def test_numbers_stay_as_they_were_written() -> None:
    rows = lay_out_value(b'{"price": 1.10, "big": 12345678901234567890123, "exp": 1E5}', None, 60).rows
    shown = words(list(rows))
    assert '"price": 1.10,' in shown
    assert "12345678901234567890123" in shown
    assert "1E5" in shown


def test_short_objects_within_others_stay_in_one_row() -> None:
    rows = lay_out_value(b'{"items":[{"sku":"a","n":1}],"x":{}}', None, 60).rows
    assert ["".join(part[0] for part in row) for row in rows] == [
        "{",
        '  "items": [{"sku": "a", "n": 1}],',
        '  "x": {}',
        "}",
    ]


def test_each_value_is_read_as_what_it_is() -> None:
    assert best_look(b'{"a": 1}') is Look.JSON
    assert best_look(b"[1, 2") is Look.TEXT
    assert best_look(b"plain words") is Look.TEXT
    assert best_look(bytes(range(256))) is Look.HEX
    assert best_look(None) is Look.TEXT
    assert best_look(b"[" * 50_000 + b"]" * 50_000) is Look.TEXT
    assert best_look(b'{"a": NaN}') is Look.TEXT


@pytest.mark.parametrize("value", HOSTILE_VALUES, ids=range(len(HOSTILE_VALUES)))
@pytest.mark.parametrize("look", [None, *Look])
@pytest.mark.parametrize("width", [20, 50, 90])
def test_values_of_any_kind_are_laid_out_in_sound_rows(value: bytes | None, look: Look | None, width: int) -> None:
    rows = lay_out_value(value, look, width).rows
    assert 0 < len(rows) < 3_000
    assert all(sound(paint_parts(row, width, PALETTE), width) for row in rows)
    assert all(sum(cell_len(part[0]) for part in row) <= width for row in rows)


@given(st.binary(max_size=400), st.integers(12, 90))
def test_any_bytes_are_laid_out_in_sound_rows(value: bytes, width: int) -> None:
    for look in Look:
        rows = lay_out_value(value, look, width).rows
        assert all(sound(paint_parts(row, width, PALETTE), width) for row in rows)


def test_a_value_of_a_megabyte_says_how_much_is_left_out() -> None:
    for look in (Look.TEXT, Look.HEX):
        assert "1,000,000 bytes in all" in words(list(lay_out_value(b"x" * 1_000_000, look, 60).rows))


def test_hex_shows_offsets_bytes_and_characters() -> None:
    [first, *_] = lay_out_value(b"Hello\x00World!!!", Look.HEX, 50).rows
    assert "".join(part[0] for part in first) == "0000  48 65 6c 6c 6f 00 57 6f  Hello·Wo"


@given(st.lists(st.text(max_size=30), max_size=6), st.integers(10, 40), st.booleans())
def test_folding_loses_nothing_but_blanks_between_words(texts: list[str], width: int, by_words: bool) -> None:
    from tui.painting.text import clean

    parts = [(clean(each), "text") for each in texts]
    rows = fold(parts, width, words=by_words)
    assert all(sum(cell_len(part[0]) for part in row) <= width for row in rows)
    joined = "".join(part[0] for row in rows for part in row)
    whole = "".join(part[0] for part in parts)
    assert joined == whole or (by_words and joined.replace(" ", "") == whole.replace(" ", ""))


# The record in full ------------------------------------------------------------------------------------------


def told(row: BrowsedRecord, *marks: Mark) -> str:
    what = Told(row, 6, marks, BEGAN)
    return words([*time_row(what, worlds.NOW, 60), *lay_out_record(what, value_of(what, None, 60), 60)])


def test_a_record_is_told_in_full() -> None:
    shown = told(browsed(), mark())
    for piece in (
        "00:00:08.214 3 m 04 s ago CreateTime",
        "2023-11-14 22:13:28.214 UTC",
        "customer-94",
        "A billing: not consumed yet by billing-1; 20 come before it",
        '"total": 12.50',
        "trace = 7f3a",
        "offsets 12,320 to 12,330, 11 records",
        "825 B, zstd, leader epoch 0, producer id 7",
    ):
        assert piece in shown


def test_what_each_group_has_done_with_a_record_is_said() -> None:
    assert "consumed and committed" in told(browsed(offset=12_299), mark())
    assert "delivered to billing-1, not committed yet" in told(browsed(offset=12_309), mark())
    assert "it comes next" in told(browsed(offset=12_310), mark())
    assert "nobody of it reads here now" in told(browsed(), mark(owner="", slot=None, position=None))
    assert "committed nothing here" in told(browsed(), mark(committed=None, position=None))


def test_why_a_record_is_in_its_partition_is_said() -> None:
    assert why_here(browsed(key=b"foobar", partition=0).record, 6) == "murmur2(key) mod 6 = 0"
    assert "yet it is in 2" in why_here(browsed(key=b"foobar", partition=2).record, 6)
    assert "no key" in why_here(browsed(key=None).record, 6)


def test_compacted_batches_say_what_is_gone() -> None:
    row = BrowsedRecord(browsed().record, 12_300, 12_330, 0, "none", 825, 11, -1, False)
    assert "11 records, 20 compacted away" in told(row)
    assert "not compressed" in told(row)


def test_groups_that_stand_together_share_a_pin_and_delivered_records_reach_up_to_waiting_ones() -> None:
    pins = (Pin("billing", 10, True), Pin("audit", 10, False))
    told_pins, log, _ = map(text, paint_overview(Overview(0, 57, 2, 16, pins, (0, 9), 5), 120, PALETTE))
    assert "◆ billing, audit" in told_pins
    assert re.search("▂+▄+▆+", log)
    assert len(re.findall("[▂▄▆]+", log)) == 1


def test_marks_stay_with_the_letter_they_stand_on() -> None:
    rows = fold([("e\u0301a\u0308\u0323" * 30, "text")], 11)
    assert len(rows) > 3
    assert all(row[0][0][0] in "ea" for row in rows)
