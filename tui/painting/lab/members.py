"""Paints a group: its state in a sentence, each member with its partitions, lag and heartbeat, and who is not in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.style import Style
from textual.strip import Strip

from engine.snapshot import ClientState, ConsumerView, GroupState, GroupView, MemberView, label_of
from engine.types import TopicPartition
from engine.wording import plural
from tui.painting.lab.clients import GONE, SYMBOLS, parts_that_fit, what_can_be_done
from tui.painting.lab.flow import chart, softened
from tui.painting.line import Line, blank, right_aligned
from tui.painting.outside.sign import OUTSIDE, is_outside
from tui.painting.palette import Palette, letter
from tui.painting.text import clean, countdown, cut, duration, number, rate, short, wrap

SPARKS = 24
BEAT_MS = 450.0
"""For so long after a heartbeat the heart is bright."""


@dataclass(frozen=True, slots=True)
class Heart:
    """A member's heartbeat as it is shown."""

    beats: bool
    """One arrived a moment ago."""
    silent_s: float = 0.0
    """For how long none arrived, in tenths; 0 while that is no longer than usual."""
    left_s: float = 0.0
    """What is left of the session then."""
    share: float = 1.0
    """The same as a share of the session, 0 to 1."""


def heart_of(member: MemberView, now_ms: float, speed: float = 1.0, *, gone: bool = False) -> Heart:
    """Heartbeats come every third of a session or sooner; a member that is later than that is silent.

    Of one that is known to be `gone` nothing more is expected, and its session is seen to run down from the first.
    """
    age = max(0.0, now_ms - member.last_heartbeat_ms)
    if age <= member.session_timeout_ms * 0.4 and not gone:
        return Heart(age < BEAT_MS * max(1.0, speed))
    left = max(0.0, member.session_expires_ms - now_ms)
    return Heart(False, round(age / 1000, 1), round(left / 1000, 1), round(left / member.session_timeout_ms, 2))


@dataclass(frozen=True, slots=True)
class Seat:
    """What a member is painted from."""

    member: MemberView
    consumer: ConsumerView | None
    """The consumer of this lab that it is; None for one from outside."""
    state: GroupState
    lag: int | None
    """None while nothing is committed in its partitions."""
    heart: Heart
    topic: str
    idle: str = ""
    """Why it has no partitions; empty when it has."""
    waited_for: bool = False
    gained: tuple[TopicPartition, ...] = ()
    """What the last rebalance gave it, while that is news."""
    lost: tuple[TopicPartition, ...] = ()
    """What the last rebalance took from it, while that is news."""
    ghost: bool = False
    """Its consumer ended without a word."""
    lines: int = 2


def state_sentence(group: GroupView, partitions: int, now_ms: float) -> str:
    """What the group's state means just now, and how long that can last."""
    left = "" if group.deadline_ms is None else f"; {countdown(group.deadline_ms - now_ms)} left"
    count = plural(len(group.members), "member")
    waited = _names([clean(name) for name in group.waiting_for])
    match group.state:
        case GroupState.EMPTY:
            return "Empty: nobody reads for it. Its committed offsets stay. Press c to start a consumer."
        case GroupState.PREPARING_REBALANCE if waited:
            return f"PreparingRebalance: waiting for {waited} to rejoin{left}."
        case GroupState.PREPARING_REBALANCE:
            return f"PreparingRebalance: {count} here, waiting for more{left}."
        case GroupState.COMPLETING_REBALANCE:
            for_whom = f"waiting for {waited}" if waited else "members fetch their shares"
            return f"CompletingRebalance: {_leader(group)} shares out the partitions; {for_whom}{left}."
        case GroupState.ASSIGNING:
            return "Assigning: with the next heartbeat the coordinator decides anew who gets what; all work on."
        case GroupState.RECONCILING if waited:
            return f"Reconciling: {waited} gives up what moves{left}; all others work on."
        case GroupState.RECONCILING:
            return "Reconciling: members take over what is free with their next heartbeats; the others work on."
        case GroupState.STABLE if waited:
            return f"Stable: {waited} has yet to fetch its share{left}."
        case GroupState.STABLE:
            return f"Stable: {count} {'share' if len(group.members) != 1 else 'has'} {plural(partitions, 'partition')}."
    return "Dead: the group is being deleted."


def _leader(group: GroupView) -> str:
    leader = next((member for member in group.members if member.member_id == group.leader), None)
    return clean(label_of(leader.client_id, leader.member_id)) if leader else "the leader"


def _names(names: Sequence[str]) -> str:
    if len(names) <= 2:
        return " and ".join(names)
    return f"{names[0]}, {names[1]} and {len(names) - 2} more"


def paint_state(sentence: str, state: GroupState, cause: str, width: int, palette: Palette, lines: int) -> list[Strip]:
    """The sentence in exactly `lines` rows, its first word in the state's colour, and the cause where there is room."""
    rows = wrap(sentence, width - 2)
    cause_rows = wrap(cause, width - 2) if cause else []
    painted: list[Strip] = []
    for at, text in enumerate(rows[:lines]):
        line = Line(width).add(" ")
        if at == lines - 1 < len(rows) - 1:
            text = cut(f"{text} {rows[at + 1]}", width - 2)
        if at == 0:
            head, _, tail = text.partition(":")
            line.add(f"{head}:" if ":" in text else head, palette.states[state]).add(tail, palette.text)
        else:
            line.add(text, palette.text)
        painted.append(line.strip())
    for text in cause_rows[: lines - len(painted)]:
        painted.append(Line(width).add(" ").add(text, palette.quiet).strip())
    return painted + [blank(width)] * (lines - len(painted))


def paint_seat(seat: Seat, width: int, palette: Palette, cursor: bool = False) -> list[Strip]:
    """The rows of a member; with one, its partitions stand beside its name."""
    if seat.lines == 1:
        return [_head(seat, width, palette, cursor, partitions=True)]
    rows = [_head(seat, width, palette, cursor), _doing(seat, width, palette)]
    if seat.lines > 2:
        rows.append(_at_work(seat, width, palette))
    if seat.lines > 4:
        rows.append(_sum(seat, width, palette))
    return rows + [blank(width)] * (seat.lines - len(rows))


def _head(seat: Seat, width: int, palette: Palette, cursor: bool, partitions: bool = False) -> Strip:
    member, heart = seat.member, seat.heart
    colour = palette.member(member.slot)
    line = Line(width).add("▸" if cursor else " ", palette.mark).add(f"{letter(member.slot)} ", colour)
    right: list[tuple[str, Style]] = []
    if partitions and (heart.silent_s or seat.ghost):
        right.append((f"{heart.left_s:.1f} s left ", palette.error))
    elif seat.lag is not None:
        said = f"lag {short(seat.lag)}"
        if partitions and width < 30:
            said = f"-{short(seat.lag)}" if seat.lag else "✓"
        right.append((f"{said} ", palette.flow_lag if seat.lag else palette.quiet))
    right.append(_heart(heart, palette))
    room = width - line.used - 1 - sum(len(text) for text, _ in right) - 1
    name = clean(label_of(member.client_id, member.member_id))
    extra = " leader" if member.leader and room >= len(name) + 12 else ""
    if is_outside(member):
        extra = f" {OUTSIDE}{extra}"
    if partitions:
        held = "idle" if seat.idle else ranges(member.assignment, seat.topic)
        named = cut(f"{name}{f' {OUTSIDE}' if is_outside(member) else ''}", max(4, room - len(held) - 1))
        line.add(named, palette.strong)
        line.add(" ").add(cut(held, max(0, room - (line.used - 3))), colour)
    else:
        line.add(cut(name, max(4, room - len(extra))), palette.strong).add(extra, palette.faint)
    return right_aligned(line, right, 1).strip()


def _heart(heart: Heart, palette: Palette) -> tuple[str, Style]:
    if heart.silent_s:
        return "♡", palette.error if heart.share < 0.34 else palette.warning
    return "♥", palette.error if heart.beats else palette.faint


def _doing(seat: Seat, width: int, palette: Palette) -> Strip:
    """Partitions, or what stands in the way of reading them."""
    member, consumer, heart = seat.member, seat.consumer, seat.heart
    line = Line(width).to(3)
    room = width - 4
    if heart.silent_s or seat.ghost:
        ended = consumer is not None and consumer.state in GONE
        word = consumer.state.value if consumer is not None and ended else "gone" if seat.ghost else "silent"
        style = palette.error if heart.share < 0.34 else palette.warning
        head = f"✗ {word} " if seat.ghost else f"{word} {heart.silent_s:.1f} s "
        tail = f" {heart.left_s:.1f} s left"
        cells = min(20, room - len(head) - len(tail))
        line.add(head, palette.error if seat.ghost else style)
        if cells >= 3:
            filled = round(heart.share * cells)
            line.add("━" * filled, style).add("╌" * (cells - filled), palette.faint)
        return right_aligned(line, [(tail if cells >= 3 else tail.removesuffix(" left"), style)], 1).strip()
    held = "" if seat.idle else ranges(member.assignment, seat.topic)
    if seat.state is GroupState.PREPARING_REBALANCE:
        word, style = ("waited for", palette.warning) if seat.waited_for else ("rejoined ✓", palette.good)
        return _with_right(line, held, word, room, palette.member(member.slot), style)
    if member.revoking:
        word = f"gives up {ranges(member.revoking, seat.topic)}"
        return _with_right(line, held, word, room, palette.member(member.slot), palette.warning)
    if seat.gained or seat.lost:
        news = [f"+{ranges(seat.gained, seat.topic)}"] if seat.gained else []
        news += [f"-{ranges(seat.lost, seat.topic)}"] if seat.lost else []
        return _with_right(line, held, " ".join(news), room, palette.member(member.slot), palette.strong)
    if seat.idle:
        return line.add(cut(seat.idle, room), palette.quiet).strip()
    line.add(cut(held, room), palette.member(member.slot))
    if consumer is None:
        software = clean(member.software) if seat.lines == 2 else ""
        return right_aligned(line, [(cut(software, room - len(held) - 1), palette.quiet)], 1).strip()
    right = rate(consumer.measured)
    sparks = min(room - len(held) - len(right) - 3, SPARKS)
    if sparks >= 4 and consumer.history:
        history = consumer.history[-sparks:]
        blocks = chart(history, sparks, 1, max(*history, 1) * 1.5)[0]
        line.add("  ").add(blocks, softened(palette.flow_out, palette.background))
    return right_aligned(line, [(right, palette.quiet)], 1).strip()


def _with_right(line: Line, left: str, right: str, room: int, style: Style, right_style: Style) -> Strip:
    left = cut(left, room)
    line.add(left, style)
    right = cut(right, room - len(left) - 2) if room - len(left) - 2 >= 6 else ""
    return right_aligned(line, [(right, right_style)], 1).strip() if right else line.strip()


def _activity(consumer: ConsumerView | None, palette: Palette) -> tuple[str, Style]:
    if consumer is None:
        return "not of this lab", palette.faint
    if consumer.state is not ClientState.RUNNING:
        return f"{SYMBOLS[consumer.state]} {consumer.state.value}", palette.clients[consumer.state]
    if not consumer.heartbeating:
        return "sends no heartbeats", palette.warning
    return clean(consumer.activity), palette.quiet


def _at_work(seat: Seat, width: int, palette: Palette) -> Strip:
    line, consumer = Line(width).to(3), seat.consumer
    room = width - 4
    if consumer is None:
        outside = f"{clean(seat.member.software) or 'of no known software'} · {clean(seat.member.host)}"
        return line.add(cut(outside, room), palette.quiet).strip()
    if seat.ghost:
        follows = what_can_be_done(consumer.state, room) or "it is back as another member"
        return line.add(cut(follows, room), palette.quiet).strip()
    activity, style = _activity(consumer, palette)
    line.add(cut(activity, room), style)
    return right_aligned(line, [(f"  {duration(consumer.processing_ms)} each", palette.faint)], 1).strip()


def _sum(seat: Seat, width: int, palette: Palette) -> Strip:
    member, consumer = seat.member, seat.consumer
    parts = (
        [
            f"{number(consumer.processed)} done",
            "in transactions" if consumer.transactional else f"commits {consumer.commit}",
        ]
        if consumer
        else []
    )
    parts.append(f"static {clean(member.group_instance_id)}" if member.group_instance_id else clean(member.member_id))
    return parts_that_fit(Line(width).to(3), parts, palette.quiet, palette).strip()


def ranges(partitions: Sequence[TopicPartition], topic: str) -> str:
    """Partitions in few words: "P0-2 P5", and how many of other topics there are besides."""
    numbers = sorted(tp.partition for tp in partitions if tp.topic == topic)
    parts: list[str] = []
    at = 0
    while at < len(numbers):
        to = at
        while to + 1 < len(numbers) and numbers[to + 1] == numbers[to] + 1:
            to += 1
        if to - at >= 2:
            parts.append(f"P{numbers[at]}-{numbers[to]}")
        else:
            parts += [f"P{number}" for number in numbers[at : to + 1]]
        at = to + 1
    others = len(partitions) - len(numbers)
    if others:
        parts.append(f"+{others} elsewhere")
    return " ".join(parts)


def paint_outsider(consumer: ConsumerView, why: str, width: int, palette: Palette, cursor: bool = False) -> list[Strip]:
    """A consumer of this lab that the group does not count among its members: what is the matter, what can be done."""
    style = palette.clients[consumer.state]
    line = Line(width).add("▸" if cursor else " ", palette.mark).add(f"{SYMBOLS[consumer.state]} ", style)
    line.add(cut(clean(consumer.name), max(4, width - 6 - len(why))), palette.text)
    head = right_aligned(line, [(why, style)], 1).strip()
    doing = what_can_be_done(consumer.state, width - 4) or clean(consumer.last_error or consumer.activity)
    if consumer.state not in GONE and not consumer.heartbeating:
        doing = f"b heartbeats  {clean(consumer.activity)}"
    return [head, Line(width).to(3).add(cut(doing, width - 4), palette.quiet).strip()]


def paint_heading(text: str, width: int, palette: Palette) -> Strip:
    """A quiet line between two lists."""
    return Line(width).add(f" {text} ", palette.quiet).add("─" * max(0, width - len(text) - 3), palette.rule).strip()
