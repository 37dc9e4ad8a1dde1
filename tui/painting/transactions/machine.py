"""Draws the states a transactional id goes through (`TransactionState`), the present one lit, with the arrows."""

from __future__ import annotations

from collections.abc import Sequence

from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from engine.snapshot import TransactionState
from tui.painting.groups.canvas import Canvas
from tui.painting.line import Line
from tui.painting.palette import Palette
from tui.painting.transactions.saying import style_of

EMPTY, OPEN = TransactionState.EMPTY, TransactionState.ONGOING
COMMIT = (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT)
ABORT = (TransactionState.PREPARE_ABORT, TransactionState.COMPLETE_ABORT)
DRAWN_HEIGHT, CHAIN_HEIGHT = 7, 2
_BOXES = sum(len(state.value) + 4 for state in (EMPTY, OPEN, *COMMIT))
LEAST_WIDTH = _BOXES + 30
_MOST_GAP = 20
_AGAIN = "the next record begins another"


def lit(state: TransactionState, palette: Palette) -> Style:
    """The label of the present state, dark on its colour."""
    return Style(color=Color.parse(palette.background), bgcolor=style_of(state, palette).color, bold=True)


def paint_machine(state: TransactionState | None, width: int, palette: Palette) -> list[Strip]:
    """The drawing in `DRAWN_HEIGHT` lines; needs `LEAST_WIDTH`."""
    gap = min((width - _BOXES) // 3, _MOST_GAP)
    left = max(0, (width - _BOXES - 3 * gap) // 2)
    canvas = Canvas(width, DRAWN_HEIGHT)
    ongoing = left + len(EMPTY.value) + 4 + gap
    fork = ongoing + len(OPEN.value) + 4
    prepared = fork + gap
    completed = prepared + len(COMMIT[0].value) + 4 + gap

    def line(*sources: TransactionState) -> Style:
        return palette.text if state in sources else palette.faint

    def word(*sources: TransactionState) -> Style:
        return palette.strong if state in sources else palette.quiet

    def box(x: int, y: int, which: TransactionState) -> None:
        here = which is state
        frame = style_of(which, palette) if here else palette.rule_focus if state is None else palette.faint
        canvas.box(x, y, which.value, frame, lit(which, palette) if here else palette.quiet, here)

    def arrow(x: int, y: int, cells: int, said: str, *sources: TransactionState) -> None:
        canvas.put(x + 1, y, "─" * (cells - 3) + "▶", line(*sources))
        canvas.put_centred(x + cells // 2, y - 1, said, word(*sources))

    arrow(left + len(EMPTY.value) + 4, 3, gap, "a record", EMPTY)
    canvas.put(fork, 3, "─┤", line(OPEN))
    for y, corner, said in ((1, "╭", "commit"), (5, "╰", "abort")):
        canvas.put(fork + 1, y, corner + "─" * (gap - 4) + "▶", line(OPEN))
        canvas.put(fork + 1, 2 if y == 1 else 4, "│", line(OPEN))
        canvas.put_centred(fork + 1 + gap // 2, 0 if y == 1 else 4, said, word(OPEN))
    canvas.put_centred(fork + 1 + gap // 2, 6, "timeout", word(OPEN))
    for y, (first, last) in ((1, COMMIT), (5, ABORT)):
        before = prepared + len(first.value) + 4
        arrow(before, y, completed - before, "markers", first)
        box(prepared, y - 1, first)
        box(completed, y - 1, last)
    box(left, 2, EMPTY)
    box(ongoing, 2, OPEN)
    canvas.put(prepared, 3, _AGAIN[: max(0, width - prepared)], word(COMMIT[1], ABORT[1]))
    return canvas.strips()


def paint_chain(state: TransactionState | None, width: int, palette: Palette) -> list[Strip]:
    """The states on two lines, which part behind Ongoing."""
    upper, lower = Line(width).add(" "), Line(width)
    _names(upper, (EMPTY, OPEN, *COMMIT), state, palette)
    indent = 1 + len(EMPTY.value) + 4 + (len(OPEN.value) + (4 if state is OPEN else 0)) + (4 if state is EMPTY else 0)
    lower.to(indent + 1).add("╰▶ ", palette.faint)
    _names(lower, ABORT, state, palette)
    return [upper.strip(), lower.strip()]


def _names(line: Line, states: Sequence[TransactionState], present: TransactionState | None, palette: Palette) -> None:
    for at, each in enumerate(states):
        line.add(" ─▶ " if at else "", palette.faint)
        here = each is present
        line.add(f" ● {each.value} " if here else each.value, lit(each, palette) if here else palette.quiet)
