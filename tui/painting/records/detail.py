"""Says everything about one record: key and why it is here, times, value, headers, who has read it, its batch."""

from __future__ import annotations

from dataclasses import dataclass

from engine.pages import BrowsedRecord
from engine.records import LOG_APPEND_TIME
from engine.wording import plural
from tui.painting.palette import letter
from tui.painting.records.parts import Part, Parts, clean_long, fold
from tui.painting.records.times import age, in_full, on_lab_clock
from tui.painting.records.value import LaidOut, Look, lay_out_value
from tui.painting.text import clean, decode, number, size
from tui.records.internal import fate_of, said_by
from tui.records.standing import Mark, Stage, in_words
from tui.records.why import why_here

LABEL = 9


@dataclass(frozen=True, slots=True)
class Told:
    """What a record's rows are laid out from, beside its value and the time."""

    row: BrowsedRecord
    partitions: int
    marks: tuple[Mark, ...]
    began_ms: float


def lay_out_record(told: Told, value: LaidOut, width: int) -> list[Parts]:
    """All rows but the one about time, which `time_row` gives and which stands second."""
    record = told.row.record
    rows: list[Parts] = []
    said, fate = said_by(told.row), fate_of(told.row)
    if said is not None:
        rows += _labelled("says", [(clean_long(said), "strong")], width)
    if fate:
        rows += _labelled("counts", [(fate, "warning")], width)
    key: list[Part] = [("–  no key", "quiet")]
    if record.key is not None:
        text = decode(record.key, 2_000)
        key = [(text if text else "empty: 0 bytes", "json_key" if text else "quiet")]
        if len(record.key) > 2_000:
            key.append((f" … {size(len(record.key))} in all", "warning"))
    rows += _labelled("key", key, width)[:6]
    rows += _labelled("why here", [(why_here(record, told.partitions, control=told.row.control), "quiet")], width)
    for at, mark in enumerate(told.marks):
        rows += _labelled("groups" if not at else "", _reader(mark, record.offset), width)
    rows.append(())
    rows.append(_value_head(record.value, value.look))
    rows += value.rows
    rows.append(())
    rows += _headers(told.row, width)
    rows += _batch(told.row, width)
    return rows


def time_row(told: Told, now_ms: float, width: int) -> list[Parts]:
    """When: on the lab's clock, how long ago, in full, and by whose clock."""
    record = told.row.record
    if record.timestamp < 0:
        return _labelled("time", [("none", "quiet")], width)
    whose = "LogAppendTime" if record.timestamp_type == LOG_APPEND_TIME else "CreateTime"
    return [
        *_labelled(
            "time",
            [
                (on_lab_clock(record.timestamp, told.began_ms), "text"),
                (f"  {age(record.timestamp, now_ms)}", "strong"),
                (f"  {whose}", "quiet"),
            ],
            width,
        ),
        *_labelled("", [(in_full(record.timestamp), "quiet")], width),
    ]


def value_of(told: Told, look: Look | None, width: int) -> LaidOut:
    """The value laid out; the costly part, which depends on nothing else."""
    return lay_out_value(told.row.record.value, look, width)


def _value_head(value: bytes | None, look: Look) -> Parts:
    head: list[Part] = [("value".ljust(LABEL), "quiet")]
    head.append((f"{size(len(value))}  " if value is not None else "tombstone  ", "quiet"))
    for each in Look:
        head.append((f" {each.value} ", "chosen_blurred" if each is look else "quiet"))
    return (*head, ("  v", "accent"))


def _reader(mark: Mark, offset: int) -> list[Part]:
    stage = mark.stage(offset)
    style = {Stage.COMMITTED: "good", Stage.DELIVERED: "lane_pending", Stage.WAITING: "lane_waiting"}[stage]
    sign = {Stage.COMMITTED: "✓", Stage.DELIVERED: "▌", Stage.WAITING: "▊"}[stage]
    parts: list[Part] = [(f"{sign} ", style)]
    if mark.slot is not None:
        parts.append((f"{letter(mark.slot)} ", f"member:{mark.slot}"))
    parts.append((clean(mark.group_id), "strong" if mark.chosen else "text"))
    return [*parts, (f": {clean(in_words(mark, offset))}", "quiet")]


def _headers(row: BrowsedRecord, width: int) -> list[Parts]:
    headers = row.record.headers
    if not headers:
        return _labelled("headers", [("none", "quiet")], width)
    rows: list[Parts] = []
    for at, (name, value) in enumerate(headers[:50]):
        parts: list[Part] = [(clean(name[:200]), "json_key"), (" = ", "quiet"), (decode(value, 1_000), "json_text")]
        rows += _labelled("headers" if not at else "", parts, width)
    if len(headers) > 50:
        rows += _labelled("", [(f"… {len(headers) - 50} more", "warning")], width)
    return rows


def _batch(row: BrowsedRecord, width: int) -> list[Parts]:
    span = row.last_offset - row.base_offset + 1
    gone = f", {number(span - row.batch_count)} compacted away" if span > row.batch_count else ""
    by = f"producer id {row.producer_id}" if row.producer_id >= 0 else "producer without an id"
    where = f"offsets {number(row.base_offset)} to {number(row.last_offset)}"
    return _labelled(
        "batch", [(where, "text"), (f", {plural(row.batch_count, 'record')}{gone}", "quiet")], width
    ) + _labelled(
        "",
        [
            (f"{size(row.batch_bytes)}, {_compressed(row)}, leader epoch {row.leader_epoch}, {by}", "quiet"),
        ],
        width,
    )


def _compressed(row: BrowsedRecord) -> str:
    return "not compressed" if row.compression == "none" else row.compression


def _labelled(label: str, parts: list[Part], width: int) -> list[Parts]:
    return fold([(label.ljust(LABEL), "quiet"), *parts], width, LABEL, words=True)
