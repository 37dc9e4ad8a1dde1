from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.strip import Strip

from engine.snapshot import GroupOffsetView, ReplicaView
from tests.tui import worlds
from themes.variables import DEFAULTS
from tui.painting.lab.lanes import Lane, Owner, Pinned, columns, paint_lane
from tui.painting.palette import palette_from

PALETTE = palette_from(DEFAULTS)


def standing(committed: int | None, position: int | None, end: int) -> GroupOffsetView:
    return GroupOffsetView("orders", 0, committed, position, None if committed is None else end - committed, "m")


def lane(start: int, end: int, committed: int | None = None, position: int | None = None, **more: Any) -> Lane:
    log = worlds.partition("orders", 0, start, end)
    values: dict[str, Any] = {
        "partition": log, "standing": standing(committed, position, end), "owner": Owner(0), "per": 1, "widest": 6,
    }  # fmt: skip
    return Lane(**{**values, **more})


def bar(strip: Strip, width: int = 48, lines: int = 1) -> str:
    at = columns(width, 1, 6, lines)
    return strip.text[at.bar : at.bar + at.cells]


def colours(strip: Strip, width: int = 48) -> list[str]:
    at = columns(width, 1, 6)
    names = {
        PALETTE.lane_consumed: "committed", PALETTE.lane_pending: "processed", PALETTE.lane_waiting: "pending",
        PALETTE.lane_unreplicated: "not replicated", PALETTE.lane_ahead: "ahead",
        PALETTE.lane_head: "head", PALETTE.lane_cursor: "cursor",
    }  # fmt: skip
    cells = [segment.style for segment in strip for _ in segment.text]
    return [names.get(style, "") if style else "" for style in cells[at.bar : at.bar + at.cells]]


def test_a_lane_reads_committed_then_processed_then_pending_then_room() -> None:
    (strip,) = paint_lane(lane(0, 12, committed=5, position=8), 48, PALETTE)
    assert colours(strip)[:14] == ["committed"] * 5 + ["processed"] * 3 + ["pending"] * 4 + ["ahead"] * 2


def test_the_nearer_a_record_is_to_done_the_lower_its_mark() -> None:
    (strip,) = paint_lane(lane(1, 13, committed=5, position=9), 48, PALETTE)
    assert bar(strip)[1:10] == "▂▂▂▄▄▄▄▆▅"


def test_one_record_of_lag_is_seen_whatever_the_scale() -> None:
    (strip,) = paint_lane(lane(0, 5_000_000, committed=4_999_999, per=200_000), 48, PALETTE)
    assert colours(strip).count("pending") == 1


def test_a_caught_up_group_leaves_nothing_pending() -> None:
    (strip,) = paint_lane(lane(0, 10, committed=10, position=10), 48, PALETTE)
    assert set(colours(strip)) == {"committed", "ahead"}


def test_a_log_longer_than_the_lane_is_clipped_at_the_left() -> None:
    (clipped,) = paint_lane(lane(0, 500, committed=500), 48, PALETTE)
    (whole,) = paint_lane(lane(0, 9, committed=9), 48, PALETTE)
    assert "‹" in clipped.text
    assert "‹" not in whole.text


def test_what_is_not_committed_at_all_is_pending() -> None:
    (strip,) = paint_lane(lane(0, 10), 48, PALETTE)
    assert colours(strip)[:10] == ["pending"] * 10


def above(end: int, high: int, **more: Any) -> Lane:
    """A lane whose followers have no more than what is below `high`."""
    log = replace(worlds.partition("orders", 0, 0, end), replicas=(1, 2, 3), isr=(1, 2), high_watermark=high)
    return lane(0, end, committed=high, partition=log, **more)


def test_what_is_not_replicated_is_a_shade_and_not_a_block() -> None:
    (strip,) = paint_lane(above(12, 8), 48, PALETTE)
    assert colours(strip)[:12] == ["committed"] * 8 + ["not replicated"] * 4
    assert bar(strip)[8:12] == "░░░░"
    high, low, *_ = paint_lane(above(12, 8, lines=4), 48, PALETTE)
    assert bar(high, lines=4)[8:12] == bar(low, lines=4)[8:12] == "░░░░"


def test_less_than_a_cell_above_the_high_watermark_does_not_flicker() -> None:
    (strip,) = paint_lane(above(120, 113, per=10), 48, PALETTE)
    assert "not replicated" not in colours(strip)


@pytest.mark.parametrize(
    ("changed", "sign", "words"),
    [
        ({"isr": (1, 2)}, "b1!", "2/3 in sync"),
        ({"isr": (1,)}, "b1‼", "1/3 in sync"),
        ({"leader": None}, "b✗", "no leader"),
        ({"copies": (ReplicaView(1, False, 10, 10, 0),)}, "b1✗", "b1 is down"),
    ],
)
def test_a_partition_whose_copies_are_not_well_says_so_without_colour(
    changed: dict[str, Any], sign: str, words: str
) -> None:
    log = replace(worlds.partition("orders", 0, 0, 10), replicas=(1, 2, 3), isr=(1, 2, 3))
    well = lane(0, 10, partition=log, least=2, lines=2)
    _, figures = paint_lane(well._replace(partition=replace(log, **changed)), 48, PALETTE)
    assert sign in figures.text
    assert words in figures.text
    _, figures = paint_lane(well, 48, PALETTE)
    assert sign not in figures.text
    for width in (28, 48, 90):
        (single,) = paint_lane(well._replace(partition=replace(log, **changed), lines=1), width, PALETTE)
        assert sign[-1] in single.text


def test_a_lane_of_one_line_names_its_leader_and_says_when_there_is_none() -> None:
    assert " b1 " in paint_lane(lane(0, 10), 48, PALETTE)[0].text
    log = replace(worlds.partition("orders", 0, 0, 10), leader=None)
    assert "no leader" in paint_lane(lane(0, 10, partition=log), 48, PALETTE)[0].text


def test_the_newest_record_shines_when_it_has_just_arrived() -> None:
    (strip,) = paint_lane(lane(0, 10, committed=2, arrived=True), 48, PALETTE)
    assert colours(strip)[9] == "head"


def test_the_owner_is_a_letter_and_one_that_is_gone_is_marked() -> None:
    assert " A" in paint_lane(lane(0, 10, committed=2), 48, PALETTE)[0].text[-5:]
    assert "C✗" in paint_lane(lane(0, 10, committed=2, owner=Owner(2, gone=True)), 48, PALETTE)[0].text
    assert "·" in paint_lane(lane(0, 10, committed=2, owner=None), 48, PALETTE)[0].text[-5:]


def test_the_cursor_of_a_scrub_brings_old_records_into_view() -> None:
    (strip,) = paint_lane(lane(0, 5_000, committed=5_000, cursor=40), 48, PALETTE)
    assert colours(strip).count("cursor") == 1
    assert strip.text.count("›") == 1


def test_the_committed_offset_stands_under_its_place() -> None:
    rows = paint_lane(lane(0, 30, committed=12, position=14, lines=2), 80, PALETTE)
    at = columns(80, 1, 6)
    assert rows[1].text.index("▴12") == at.bar + 12


def test_records_deleted_before_the_group_read_them_are_told() -> None:
    rows = paint_lane(lane(100, 130, committed=40, lines=2), 80, PALETTE)
    assert "✗ committed 40 is gone" in rows[1].text


def test_each_group_has_a_row_of_its_own_when_all_are_shown() -> None:
    pins = (Pinned("billing", 12, 18, True), Pinned("audit", None, None, False), None)
    rows = paint_lane(lane(0, 30, committed=12, pins=pins), 60, PALETTE)
    assert len(rows) == 4
    assert "◆ billing" in rows[1].text
    assert rows[1].text.rstrip().endswith("-18")
    assert "audit: nothing committed yet" in rows[2].text
    assert not rows[3].text.strip()


@settings(max_examples=150, deadline=None)
@given(
    width=st.integers(14, 160),
    start=st.integers(0, 10_000),
    span=st.integers(0, 100_000),
    back=st.integers(0, 120_000),
    read=st.integers(0, 500),
    per=st.sampled_from((1, 2, 5, 1_000)),
    lines=st.integers(1, 7),
    cursor=st.integers(0, 200_000) | st.none(),
    arrived=st.booleans(),
)
def test_every_lane_fills_its_rows_exactly(
    width: int, start: int, span: int, back: int, read: int, per: int, lines: int, cursor: int | None, arrived: bool
) -> None:
    end = start + span
    painted = lane(
        start, end, committed=max(0, end - back), position=max(0, end - back) + read, per=per, lines=lines,
        cursor=None if cursor is None else start + cursor % (span + 1), arrived=arrived,
        pins=(Pinned("[b]\x1b订单", max(0, end - back), back, True), None),
    )  # fmt: skip
    rows = paint_lane(painted, width, PALETTE, cursor=True)
    assert len(rows) == lines + 2
    assert all(cell_len(row.text) == width for row in rows)


def test_a_partition_without_a_leader_says_so() -> None:
    log = replace(worlds.partition("orders", 0, 0, 10), leader=None)
    rows = paint_lane(Lane(log, None, None, 1, lines=2, widest=6), 48, PALETTE)
    assert "b✗  no leader" in rows[1].text
