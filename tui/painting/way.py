"""One record's way: the stations it has passed, where it lies in every copy of its partition, and what its leader's
death would mean now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.style import Style
from textual.strip import Strip

from engine.events import Tone
from engine.journey import Answer, Copy, Journey, Stage, if_leader_died
from engine.snapshot import ProducerLedger
from engine.wording import plural
from tui.painting.line import Line, blank
from tui.painting.palette import Palette
from tui.painting.text import clean, countdown, duration, number, wrap

_NAME, _WORDS = 11, 18
_MOST_CELLS, _ROOMY = 12, 90
_BEFORE = 3
"""How many records before the followed one stay in view."""
_LOSSES = (Stage.DIED, Stage.CUT, Stage.GIVEN_UP)


@dataclass(frozen=True, slots=True)
class Station:
    """One station of the way: its name, and whether the record has passed it."""

    name: str
    passed: bool


def stations(journey: Journey) -> list[Station]:
    """The way, in the order that these acks have."""
    leader = journey.copy(journey.leader)
    has = leader is not None and bool(leader.offsets)
    sent = [Station("buffer", True), Station("sent", journey.attempts > 0)]
    led = Station(f"leader {journey.leader}" if leader else "leader", has)
    copies = [
        Station(f"copy {copy.broker_id}", bool(copy.offsets))
        for copy in journey.copies
        if copy.broker_id != journey.leader
    ]
    seen, answered = Station("visible", journey.visible), Station("answer", journey.answer is Answer.ACKED)
    match journey.acks:
        case "0":
            return [*sent, led, *copies, seen]
        case "1":
            return [*sent, led, answered, *copies, seen]
    return [*sent, led, *copies, seen, answered]


def paint_way(
    journey: Journey, left_ms: Mapping[int, float], book: ProducerLedger | None, width: int, palette: Palette
) -> list[Strip]:
    """The whole page. `left_ms`: until the controller notices that a broker is silent; `book`: the ledger's page."""
    return [
        _paint_chain(stations(journey), width, palette),
        blank(width),
        _paint_producer(journey, width, palette),
        *_paint_copies(journey, left_ms, width, palette),
        blank(width),
        *_paint_said(journey, width, palette),
        _paint_ledger(book, width, palette),
        blank(width),
        *_paint_steps(journey, width, palette),
    ]


def _paint_chain(way: list[Station], width: int, palette: Palette) -> Strip:
    joint = " ─ " if sum(len(each.name) + 5 for each in way) <= width else " "
    line = Line(width).add(" ")
    for at, station in enumerate(way):
        line.add(joint if at else "", palette.faint)
        sign, style = ("● ", palette.good) if station.passed else ("○ ", palette.faint)
        line.add(sign, style).add(station.name, palette.text if station.passed else palette.quiet)
    return line.strip()


def _paint_producer(journey: Journey, width: int, palette: Palette) -> Strip:
    holds = journey.pending or journey.answer is Answer.BUFFERED
    style = {Answer.ACKED: palette.good, Answer.NONE: palette.warning, Answer.GIVEN_UP: palette.error}
    line = Line(width).add(" producer".ljust(_NAME), palette.quiet)
    line.add("◆ " if holds else "  ", palette.lane_cursor)
    line.add(journey.answer.value, style.get(journey.answer, palette.text))
    if journey.attempts > 1:
        line.add(f" · sent {plural(journey.attempts, 'time')}", palette.warning)
    return line.strip()


# Copies ------------------------------------------------------------------------------------------------------


def _paint_copies(journey: Journey, left_ms: Mapping[int, float], width: int, palette: Palette) -> list[Strip]:
    end = max((copy.log_end for copy in journey.copies), default=0)
    offset = journey.offset
    digits = len(str(max(end, 1)))
    count = max(1, min(_MOST_CELLS, (width - _NAME - _WORDS - 3) // (digits + 2)))
    first = max(0, end + 1 - count if offset is None else min(offset - _BEFORE, end - 1))
    window = range(first, first + count)
    lines = []
    for copy in journey.copies:
        sign, words, style = _standing(journey, copy, left_ms.get(copy.broker_id), palette)
        line = Line(width).add(f" broker {copy.broker_id}".ljust(_NAME), palette.text)
        line.add(f"{sign} ", style).add(words.ljust(_WORDS), style)
        known = palette.text if copy.alive else palette.faint
        lines.append(_cells(line, window, digits, copy.log_start, copy.log_end, copy.offsets, known, palette))
    sees = journey.high_watermark
    line = Line(width).add(" consumers".ljust(_NAME), palette.quiet).add("  ")
    line.add((f"see up to {number(sees - 1)}" if sees else "see nothing yet").ljust(_WORDS), palette.quiet)
    leader = journey.copy(journey.leader)
    seen = tuple(each for each in leader.offsets if each < sees) if leader is not None else ()
    start = leader.log_start if leader is not None else 0
    lines.append(_cells(line, window, digits, start, sees, seen, palette.quiet, palette))
    return lines


def _standing(journey: Journey, copy: Copy, left_ms: float | None, palette: Palette) -> tuple[str, str, Style]:
    if copy.starting:
        return "◐", "starts", palette.warning
    if not copy.alive:
        noticed = f"dead, {countdown(left_ms)} left" if left_ms is not None else "down"
        return "✗", noticed, palette.error
    if copy.broker_id == journey.leader:
        return "★", f"leads, epoch {journey.leader_epoch}", palette.strong
    if copy.in_sync:
        return "●", "in sync", palette.good
    return "○", "out of sync", palette.warning


def _cells(
    line: Line,
    window: range,
    digits: int,
    start: int,
    end: int,
    offsets: tuple[int, ...],
    known: Style,
    palette: Palette,
) -> Strip:
    line.add("▕", palette.rule)
    for offset in window:
        if offset in offsets:
            line.add(f"◆{offset:<{digits}} ", palette.lane_cursor)
        elif start <= offset < end:
            line.add(f" {offset:<{digits}} ", known)
        else:
            line.add(" " * (digits + 2))
    return line.strip()


# Words -------------------------------------------------------------------------------------------------------


def _paint_said(journey: Journey, width: int, palette: Palette) -> list[Strip]:
    said = if_leader_died(journey)
    worse = palette.tones[Tone.LOSS] if "lost" in said and "nothing is lost" not in said else palette.text
    lines = [Line(width).add(" ▌ ", palette.rule_focus).data(words, worse).strip() for words in wrap(said, width - 5)]
    for words in wrap(_next(journey), width - 5):
        lines.append(Line(width).add(" ▌ ", palette.rule_focus).data(words, palette.quiet).strip())
    return lines


def _next(journey: Journey) -> str:
    if journey.coming:
        return f"Next: {journey.coming}."
    if not journey.lost:
        return "It has come as far as it will. X crashes its leader, a lets time pass, esc leaves."
    held = [copy.broker_id for copy in journey.copies if copy.offsets]
    more = f" r starts broker {held[0]} again, which will cut its copy back." if held else ""
    return f"a lets time pass, until the ledger has read the logs and counted it.{more}"


def _paint_ledger(book: ProducerLedger | None, width: int, palette: Palette) -> Strip:
    line = Line(width).add(" ▌ ", palette.rule_focus).add("Ledger", palette.quiet)
    if book is None:
        return line.add(": nothing sent yet", palette.quiet).strip()
    if width >= _ROOMY:
        line.add(" of ", palette.quiet).data(book.name, palette.quiet)
    line.add(f": {number(book.sent)} sent", palette.text)
    if book.acks != "0":
        line.add(f", {number(book.acked)} acknowledged", palette.text)
        _paint_loss(line, book.lost_acked, "lost acked", palette)
    _paint_loss(line, book.lost_unacked, "lost unacked", palette)
    return line.strip()


def _paint_loss(line: Line, count: int, words: str, palette: Palette) -> None:
    text = f"✗ {number(count)} {words}" if count else f"none {words}"
    line.add(", ", palette.quiet).add(text, palette.tones[Tone.LOSS] if count else palette.quiet)


def _paint_steps(journey: Journey, width: int, palette: Palette) -> list[Strip]:
    """What happened, newest first, each with the time since the record was handed over."""
    lines = []
    began = journey.steps[0].at_ms if journey.steps else 0.0
    for at in range(len(journey.steps), 0, -1):
        step = journey.steps[at - 1]
        newest = at == len(journey.steps)
        head = Line(width).add(f" {at:>2} ", palette.accent if newest else palette.faint)
        head.add(f"+{duration(step.at_ms - began)}".ljust(9), palette.faint)
        lost = "lost" in step.sentence or step.stage in _LOSSES
        style = palette.tones[Tone.LOSS] if lost else palette.strong if newest else palette.quiet
        room = max(10, width - head.used - 2)
        for part, words in enumerate(wrap(clean(step.sentence), room)):
            line = head if part == 0 else Line(width).to(head.width - room - 2)
            lines.append(line.add(words, style))
    return [line.strip() for line in lines]
