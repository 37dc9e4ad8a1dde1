"""Paints one rebalance in full: cause, who came and went, its phases to scale, where every partition went and how long
it stood still, and what is to be learned from it.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len
from rich.style import Style
from textual.strip import Strip

from engine.snapshot import GroupProtocol, Move, Phase, Rebalance
from tui.painting.groups.rebalances import moved_words, phase_style
from tui.painting.line import Line, blank, right_aligned
from tui.painting.palette import Palette, letter
from tui.painting.text import clean, clock, duration, wrap

_LABEL = 12


def paint_rebalance_page(
    rebalance: Rebalance, slots: Mapping[str, int], began_ms: float, now_ms: float, width: int, palette: Palette
) -> list[Strip]:
    """All the lines. `slots` are the present members' by label; `began_ms` is when the lab was made."""
    it = rebalance
    until = it.ended_ms if it.ended_ms is not None else now_ms
    lines = _said("Why", _sentence(it.cause), width, palette)
    lines += _said("How", _how(it), width, palette)
    for label, who in (("Joined", it.joined), ("Left", it.left), ("Dropped", it.dropped)):
        if who:
            lines += _said(label, ", ".join(map(clean, who)), width, palette)
    if it.leader:
        lines += _said("Leader", clean(it.leader), width, palette)
    took = f"{duration(until - it.began_ms)}{' so far' if it.ended_ms is None else ''}"
    lines += _said("When", f"{clock(it.began_ms - began_ms)} on the lab's clock; it took {took}", width, palette)
    lines += [blank(width), _heading("Phases", "to scale", width, palette)]
    for phase in it.phases:
        lines += _paint_phase(phase, it.began_ms, until, width, palette)
    lines += [blank(width), _heading("Partitions", moved_words(it), width, palette)]
    moves = sorted(it.moves, key=lambda move: (move.from_ == move.to, move.tp))
    longest = max(it.unserved_ms, 1.0)
    several = len({move.tp.topic for move in moves}) > 1
    labels = [clean(str(move.tp)) if several else f"P{move.tp.partition}" for move in moves]
    column = min(max(map(cell_len, labels), default=0) + 2, 22)
    named = {clean(name) for move in moves for name in (move.from_, move.to) if name}
    room = max(max(map(cell_len, named), default=0) + 2, len("nobody"))
    for label, move in zip(labels, moves, strict=True):
        lines.append(
            _paint_move(move, Line(width).add("  ").data(label, palette.text, column), slots, longest, room, palette)
        )
    if not moves:
        lines.append(Line(width).add("  Nobody has been given anything.", palette.quiet).strip())
    return lines


def paint_lesson(lesson: str, width: int, palette: Palette) -> list[Strip]:
    """What is to be learned from it, behind a rule."""
    return [
        Line(width).add(" ▌ ", palette.rule_focus).add(words, palette.text).strip()
        for words in wrap(lesson, max(width - 5, 10))
    ]


def _sentence(text: str) -> str:
    text = clean(text).strip()
    return text if text.endswith(".") else f"{text}."


def _how(it: Rebalance) -> str:
    by = f"by {clean(it.assignor)}" if it.assignor else "no assignor was chosen yet"
    if it.protocol is GroupProtocol.CONSUMER:
        return (
            f"consumer protocol, {by}: the coordinator decides, each member gives up what must move and takes over "
            "what is free with its own heartbeats, and nobody waits for anybody else."
        )
    if it.cooperative:
        return f"cooperative, {by}: members keep what they own while they rejoin, and give up only what must move."
    return f"eager, {by}: everybody gives back everything, then rejoins and is given a share anew."


def _said(label: str, text: str, width: int, palette: Palette, style: Style | None = None) -> list[Strip]:
    words = wrap(text, max(width - _LABEL - 1, 10)) or [""]
    return [
        Line(width)
        .add(f" {label}" if at == 0 else "", palette.quiet)
        .to(_LABEL)
        .add(word, style or palette.text)
        .strip()
        for at, word in enumerate(words)
    ]


def _heading(text: str, more: str, width: int, palette: Palette) -> Strip:
    return Line(width).add(f" {text}", palette.strong).add(f"  {more}", palette.quiet).strip()


def _paint_phase(phase: Phase, began_ms: float, until_ms: float, width: int, palette: Palette) -> list[Strip]:
    whole = max(until_ms - began_ms, 1.0)
    ended = phase.ended_ms if phase.ended_ms is not None else until_ms
    room = max(width - 36, 10)
    start = min(int(room * (phase.began_ms - began_ms) / whole), room - 1)
    end = min(max(round(room * (ended - began_ms) / whole), start + 1), room)
    glyph, style = phase_style(phase, palette)
    line = Line(width).add("  ").data(phase.name, style, width=21).add("▏", palette.faint)
    line.add("·" * start, palette.faint).add(glyph * (end - start), style).add("·" * (room - end), palette.faint)
    line.add("▕", palette.faint)
    right_aligned(line, [(duration(ended - phase.began_ms), palette.strong)], margin=1)
    said = wrap(clean(phase.sentence), max(width - 25, 10))
    return [line.strip(), *(Line(width).to(24).add(words, palette.quiet).strip() for words in said)]


def _paint_move(move: Move, line: Line, slots: Mapping[str, int], longest: float, room: int, palette: Palette) -> Strip:
    """From whom to whom, and for how long nobody served it; `line` begins with its name."""
    width = line.width
    room = max(min(room, (width - line.used - 20) // 2), 8)
    if move.from_ != move.to:
        _add_member(line, move.from_, slots, room, palette)
        line.add(" ━▶ ", palette.text)
        _add_member(line, move.to, slots, room, palette)
    else:
        _add_member(line, move.to, slots, room, palette)
        line.add(" stays", palette.quiet)
    bar = max(min(width - line.used - 12, 20), 0)
    cells = max(1, round(bar * move.unserved_ms / longest)) if move.unserved_ms >= 1 else 0
    tail: list[tuple[str, Style | None]] = [
        ("▪" * cells, palette.flow_lag),
        (" " * (bar - cells), None),
        (f" {duration(move.unserved_ms):>9}" if cells else f" {'–':>9}", palette.text if cells else palette.faint),
    ]
    return right_aligned(line, tail, margin=1).strip()


def _add_member(line: Line, label: str | None, slots: Mapping[str, int], room: int, palette: Palette) -> None:
    if label is None:
        line.add("nobody".ljust(room), palette.faint)
        return
    slot = slots.get(label)
    if slot is None:
        line.data(label, palette.quiet, width=room)
    else:
        line.add(f"{letter(slot)} ", palette.member(slot)).data(label, palette.text, width=room - 2)
