"""Paints the preview of moving a group's offsets: each partition now and then, and what comes again or never comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from textual.strip import Strip

from engine.types import TopicPartition
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import number

_FIGURE = 11


@dataclass(frozen=True, slots=True)
class Change:
    """One partition's committed offset before and after; None for no commit. The other two count offsets."""

    tp: TopicPartition
    before: int | None
    after: int | None
    again: int
    skipped: int
    owner: str | None


def paint_changes(changes: Sequence[Change], width: int, palette: Palette) -> list[Strip]:
    """A head and a line for each partition."""
    several = len({change.tp.topic for change in changes}) > 1
    label = 20 if several else 6
    top = max((max(change.again, change.skipped) for change in changes), default=0) or 1
    owner = 14 if width >= label + 66 else 0
    head = Line(width).to(label).add("now".rjust(_FIGURE), palette.faint).add("then".rjust(_FIGURE + 3), palette.faint)
    head.add("   owner" if owner else "", palette.faint)
    lines = [right_aligned(head, [("what follows", palette.faint)], margin=1).strip()]
    for change in changes:
        line = Line(width).data(str(change.tp) if several else f"P{change.tp.partition}", palette.text, width=label)
        moved = change.before != change.after
        _add_figure(line, change.before, palette.quiet, palette)
        line.add(" ━▶" if moved else "  =", palette.text if moved else palette.faint)
        _add_figure(line, change.after, palette.strong if moved else palette.quiet, palette)
        if owner:
            line.add("   ").data(change.owner or "nobody", palette.quiet, width=owner)
        lines.append(right_aligned(line, _outcome(change, top, width - line.used - 2, palette), margin=1).strip())
    return lines


def _add_figure(line: Line, offset: int | None, style: Style, palette: Palette) -> None:
    line.add(("none" if offset is None else number(offset)).rjust(_FIGURE), palette.faint if offset is None else style)


def _outcome(change: Change, top: int, room: int, palette: Palette) -> list[tuple[str, Style | None]]:
    if change.again:
        words, style, glyph = f"{number(change.again)} again", palette.lane_pending, "◀"
    elif change.skipped:
        words, style, glyph = f"{number(change.skipped)} never", palette.error, "▶"
    else:
        return [("–", palette.faint)]
    bar = max(min(room - 16, 12), 0)
    cells = max(1, round(bar * max(change.again, change.skipped) / top)) if bar else 0
    return [(glyph * cells, style), (words.rjust(14), style)]
