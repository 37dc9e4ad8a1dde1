"""Draws the state machine of a group (`ClassicGroupState`, `ConsumerGroupState`), the present state lit, arrows saying
what causes each transition, and below it the timer and the sentence of the state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.color import Color
from rich.style import Style
from textual.strip import Strip

from engine.snapshot import GroupProtocol, GroupState, GroupView
from tui.painting.groups.canvas import Canvas
from tui.painting.groups.meter import halves, meter, urgency
from tui.painting.groups.saying import SHORT, Timer, state_sentence, timer_of
from tui.painting.line import Line, right_aligned
from tui.painting.palette import Palette
from tui.painting.text import countdown, wrap

E, P, C, S, D = (
    GroupState.EMPTY,
    GroupState.PREPARING_REBALANCE,
    GroupState.COMPLETING_REBALANCE,
    GroupState.STABLE,
    GroupState.DEAD,
)


@dataclass(frozen=True, slots=True)
class Diagram:
    """What is drawn: five states, three in the upper row, Dead and Stable below, and what leads from one to another."""

    states: tuple[GroupState, GroupState, GroupState, GroupState, GroupState]
    causes: Mapping[tuple[GroupState, GroupState], str]
    longer: str
    """What leads out of Stable, where there is room for it."""


CLASSIC = Diagram(
    (E, P, C, S, D),
    {
        (E, P): "a member joins",
        (P, C): "all back, or time is up",
        (C, S): "the leader has assigned",
        (S, P): "a member joins or goes",
        (C, P): "a member joins or goes",
        (P, E): "nobody is left",
        (E, D): "deleted or expired",
    },
    "a member joins, leaves or falls silent",
)
_A, _R = GroupState.ASSIGNING, GroupState.RECONCILING
CONSUMER = Diagram(
    (E, _A, _R, S, D),
    {
        (E, _A): "a member joins",
        (_A, _R): "a new target is set",
        (_R, S): "all have what they should",
        (S, _A): "the epoch grows",
        (_R, _A): "the epoch grows",
        (_A, E): "nobody is left",
        (E, D): "deleted or expired",
    },
    "members or partitions change: the epoch grows",
)
DIAGRAMS = {GroupProtocol.CLASSIC: CLASSIC, GroupProtocol.CONSUMER: CONSUMER}
DRAWN_HEIGHT, CHAIN_HEIGHT, SAID_HEIGHT = 9, 2, 3
LEAST_WIDTH, _MOST_WIDTH = 72, 104


@dataclass(frozen=True, slots=True)
class Said:
    """What stands below the drawing, rounded to what is shown."""

    sentence: str
    state: GroupState | None
    timer: str = ""
    left: str = ""
    share: float = 0.0


def said_of(group: GroupView | None, now_ms: float) -> Said:
    """The sentence and the timer of a group, or what to press when there is none."""
    if group is None:
        return Said("A group begins with its first member: n makes a topic, c starts a consumer.", None)
    sentence, timer = state_sentence(group, now_ms), timer_of(group, now_ms)
    if timer is None:
        return Said(sentence, group.state)
    return Said(sentence, group.state, timer.label, countdown(timer.left_ms), _steps(timer))


def _steps(timer: Timer) -> float:
    return round(timer.share, 2)


def lit(state: GroupState, palette: Palette) -> Style:
    """The label of the present state, dark on its colour."""
    return Style(color=Color.parse(palette.background), bgcolor=palette.states[state].color, bold=True)


def paint_machine(
    state: GroupState | None, width: int, palette: Palette, protocol: GroupProtocol = GroupProtocol.CLASSIC
) -> list[Strip]:
    """The drawing in `DRAWN_HEIGHT` lines; needs `LEAST_WIDTH`."""
    diagram = DIAGRAMS[protocol]
    (empty, first, second, calm, dead), causes = diagram.states, diagram.causes
    used = min(width, _MOST_WIDTH)
    gap = (used - 54) // 2
    left = (width - 54 - gap * 2) // 2
    canvas = Canvas(width, DRAWN_HEIGHT)
    preparing, completing = left + 9 + gap, left + 9 + gap + 22 + gap
    empty_middle, preparing_middle, completing_middle = left + 4, preparing + 11, completing + 11
    stable = completing_middle - 5

    def line(source: GroupState) -> Style:
        return palette.text if source is state else palette.faint

    def word(source: GroupState) -> Style:
        return palette.strong if source is state else palette.quiet

    def box(x: int, y: int, which: GroupState) -> None:
        here = which is state
        frame = palette.states[which] if here else palette.rule_focus if state is None else palette.faint
        canvas.box(x, y, which.value, frame, lit(which, palette) if here else palette.quiet, here)

    # there and back between the three of the upper row
    to_first, to_second = (empty, first), (first, second)
    for x, there, back in ((left + 9, to_first, to_first[::-1]), (preparing + 22, to_second, to_second[::-1])):
        middle = x + gap // 2
        canvas.put_centred(middle, 0, causes[there], word(there[0]))
        canvas.put(x + 1, 1, "─" * (gap - 3) + "▶", line(there[0]))
        canvas.put(x + 1, 3, "◀" + "─" * (gap - 3), line(back[0]))
        canvas.put_centred(middle, 4, causes[back], word(back[0]))
    # down to Dead and to Stable
    for x, source in ((empty_middle, empty), (completing_middle, second)):
        canvas.put(x, 4, "│", line(source))
        canvas.put(x, 5, "▼", line(source))
    canvas.put(empty_middle + 2, 5, causes[empty, dead], word(empty))
    arrived = causes[second, calm]
    canvas.put(completing_middle - 1 - len(arrived), 5, arrived, word(second))
    # from Stable round to the first of the three
    canvas.put(preparing_middle, 4, "▲", line(calm))
    canvas.put(preparing_middle, 5, "│", line(calm))
    canvas.put(preparing_middle, 6, "│", line(calm))
    canvas.put(preparing_middle, 7, "╰" + "─" * (stable - preparing_middle - 2), line(calm))
    room = stable - preparing_middle - 3
    said = diagram.longer if len(diagram.longer) <= room else causes[calm, first]
    canvas.put_centred(preparing_middle + 1 + room // 2, 8, said, word(calm))
    box(left, 1, empty)
    box(preparing, 1, first)
    box(completing, 1, second)
    box(left, 6, dead)
    box(stable, 6, calm)
    return canvas.strips()


def paint_chain(
    state: GroupState | None, width: int, palette: Palette, protocol: GroupProtocol = GroupProtocol.CLASSIC
) -> list[Strip]:
    """The states on one line, and on a second what leads out of the present one."""
    diagram = DIAGRAMS[protocol]
    names = {each: each.value if width >= 74 else SHORT[each] for each in diagram.states}
    chain = Line(width).add(" ")
    for at, each in enumerate(diagram.states):
        here = each is state
        chain.add(" ─▶ " if 0 < at < 4 else "   " if at else "", palette.faint)
        chain.add(f" ● {names[each]} " if here else names[each], lit(each, palette) if here else palette.quiet)
    ways = Line(width).add(" ")
    for at, ((_, to), cause) in enumerate(pair for pair in diagram.causes.items() if pair[0][0] is state):
        ways.add(" · " if at else "", palette.faint).add(cause, palette.text).add(" → ", palette.faint)
        ways.add(SHORT[to], palette.states[to])
    return [chain.strip(), ways.strip()]


def paint_said(said: Said, width: int, palette: Palette) -> list[Strip]:
    """Timer and sentence in `SAID_HEIGHT` lines."""
    room = max(width - 2, 1)
    words = wrap(said.sentence, room)
    if len(words) > SAID_HEIGHT - 1:
        words = [*words[: SAID_HEIGHT - 2], " ".join(words[SAID_HEIGHT - 2 :])]
    painted = [_timer(said, width, palette).strip()]
    for at, text in enumerate(words):
        line = Line(width).add(" ")
        head, colon, rest = text.partition(":")
        if at == 0 and said.state is not None and colon:
            line.add(head + colon, palette.states[said.state] + Style(bold=True)).add(rest, palette.text)
        else:
            line.add(text, palette.text)
        painted.append(line.strip())
    return [*painted, *(Line(width).strip() for _ in range(SAID_HEIGHT - len(painted)))]


def _timer(said: Said, width: int, palette: Palette) -> Line:
    line = Line(width).add(" ")
    if not said.timer:
        return line
    tail = _fitting(
        [
            [(f"{said.left} left ", palette.strong), (said.timer, palette.quiet)],
            [(f"{said.left} left", palette.strong)],
        ],
        width // 2,
    )
    length = sum(cell_len(text) for text, _ in tail)
    room = max(width - length - 3, 4)
    meter(line, halves(said.share, room), room, urgency(said.share, palette), palette)
    return right_aligned(line, tail, margin=1)


def _fitting(choices: Sequence[list[tuple[str, Style | None]]], room: int) -> list[tuple[str, Style | None]]:
    return next((parts for parts in choices if sum(cell_len(text) for text, _ in parts) <= room), choices[-1])
