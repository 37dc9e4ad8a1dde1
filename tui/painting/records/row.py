"""Paints the list of records: a row for each, and between them where groups stand and where the log ends."""

from __future__ import annotations

from dataclasses import dataclass

from rich.style import Style
from textual.strip import Strip

from engine.pages import BrowsedRecord
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette, letter
from tui.painting.records.json import tokens_of
from tui.painting.records.parts import style_of
from tui.painting.records.times import on_lab_clock
from tui.painting.text import clean, cut, decode, number
from tui.records.internal import said_by
from tui.records.standing import Mark, Stage

GUTTER = {Stage.COMMITTED: "▎", Stage.DELIVERED: "▌", Stage.WAITING: "▊"}
"""The nearer a record is to being done, the thinner its mark, as on the Lab's lanes."""
HERE, SCRUB, GUTTER_CELLS = "◆", "┃", 2
NAMED = 3
"""Groups that are named where several stand in one place."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What all rows of a list share."""

    merged: bool
    offset_cells: int
    partition_cells: int
    key_cells: int
    began_ms: float
    short_time: bool = False
    """Without hours, in a lab that is younger than one."""


@dataclass(frozen=True, slots=True)
class RecordRow:
    """One record in the list. `stage` is how far the group looked at has come with it, None without a group."""

    row: BrowsedRecord
    stage: Stage | None
    layout: Layout
    scrubbed: bool = False
    """The scrub's cursor is on it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Groups whose committed offset lies before the record that follows, or at the end."""

    marks: tuple[Mark, ...]
    offset: int
    left: int
    """Records from there to the end."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Where the list ends for now, in words."""

    text: str
    bright: bool = False
    scrubbed: bool = False


def paint_row(model: RecordRow, width: int, palette: Palette, cursor: bool = False) -> Strip:
    """Group's mark, offset, time, key, value; time is left out where there is no room for it."""
    record, layout = model.row.record, model.layout
    line = Line(width)
    if model.scrubbed:
        line.add(SCRUB, palette.lane_cursor)
    else:
        line.add("▸" if cursor else " ", palette.mark)
    line.add(GUTTER[model.stage] if model.stage is not None else " ", _stage_style(model.stage, palette))
    line.add(" ")
    if layout.merged:
        line.add(f"P{record.partition}".ljust(layout.partition_cells + 2), palette.quiet)
    offset_style = palette.lane_cursor if model.scrubbed else palette.strong if cursor else palette.text
    line.add(number(record.offset).rjust(layout.offset_cells), offset_style)
    if width >= 60:
        time = on_lab_clock(record.timestamp, layout.began_ms)
        if layout.short_time:
            time = cut(time.replace("00:", "", 1), 9).ljust(9)
        line.add("  ").add(time.ljust(9 if layout.short_time else 12), palette.quiet)
    line.add("  ")
    said = said_by(model.row)
    if said is not None:
        quiet = record.value is None or model.row.control
        return line.data(said, palette.quiet if quiet else None).strip()
    if model.row.transaction:
        line.add(f"{model.row.transaction} ", palette.warning)
    key_cells = min(layout.key_cells, max(8, (width - line.used) // 3))
    if model.row.transaction:
        text = f"{decode(record.key, key_cells * 4) if record.key is not None else '–'}  "
        value = decode(record.value, line.left * 4) if record.value is not None else "∅ tombstone"
        return line.add(cut(text + value, line.left), palette.faint).strip()
    if record.key is None:
        line.add("–".ljust(key_cells), palette.faint)
    else:
        line.add(_fit(decode(record.key, key_cells * 4), key_cells), palette.json_key)
    line.add("  ")
    _add_value(line, record.value, palette)
    return line.strip()


def _add_value(line: Line, value: bytes | None, palette: Palette) -> None:
    if value is None:
        line.add("∅ tombstone", palette.quiet)
        return
    room = line.left
    text = decode(value, room * 4)
    if text[:1] not in ("{", "["):
        line.add(cut(text, room), palette.text)
        return
    for piece, name in tokens_of(cut(text, room)):
        line.add(piece, style_of(_LIST_STYLES.get(name, "text"), palette))


_LIST_STYLES = {"json_key": "quiet", "quiet": "faint", "json_number": "json_number", "json_word": "json_word"}
"""In the list values are loud and names are quiet, so that one row can be told from the next."""


def _stage_style(stage: Stage | None, palette: Palette) -> Style:
    match stage:
        case Stage.COMMITTED:
            return palette.lane_consumed
        case Stage.DELIVERED:
            return palette.lane_pending
        case Stage.WAITING:
            return palette.lane_waiting
    return palette.faint


def paint_standing(model: Standing, width: int, palette: Palette) -> Strip:
    """Where groups stand between two records: who, and how much is left for them."""
    line = Line(width).add("  ")
    for mark in model.marks[:NAMED]:
        style = palette.lane_committed if mark.chosen else palette.quiet
        line.add(HERE if line.used <= 2 else f"  {HERE}", style).add(" ")
        if mark.slot is not None:
            line.add(letter(mark.slot), palette.member(mark.slot)).add(" ")
        line.data(cut(clean(mark.group_id), max(8, width // 5)), palette.strong if mark.chosen else palette.text)
    if len(model.marks) > NAMED:
        line.add(f" +{len(model.marks) - NAMED}", palette.quiet)
    line.add(f" committed {number(model.offset)} ", palette.quiet)
    left = f" {number(model.left)} to go" if model.left else " caught up"
    style = palette.lane_committed if any(mark.chosen for mark in model.marks) else palette.faint
    line.add("┄" * max(0, line.left - len(left) - 1), style)
    return right_aligned(line, [(left, palette.flow_lag if model.left else palette.good)], 1).strip()


def paint_edge(model: Edge, width: int, palette: Palette) -> Strip:
    """The start or the end of the log."""
    line = Line(width).add(SCRUB if model.scrubbed else " ", palette.lane_cursor).add("  ")
    line.add(model.text, palette.good if model.bright else palette.quiet).add(" ")
    return line.add("─" * max(0, line.left - 1), palette.rule).strip()


def _fit(text: str, width: int) -> str:
    text = cut(text, width)
    return text + " " * (width - Line(width).add(text).used)
