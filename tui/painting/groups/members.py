"""Paints the members of a group: who they are, how long nothing was heard of them, and when their session runs out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.strip import Strip

from engine.snapshot import ClientState, ConsumerView, GroupState, GroupView, MemberState, MemberView, label_of
from tui.painting.groups.meter import halves, meter, urgency
from tui.painting.groups.saying import SILENT, held, idle_reason, named
from tui.painting.line import Line
from tui.painting.outside.sign import OUTSIDE
from tui.painting.palette import Palette, letter
from tui.painting.text import clean, countdown, rate

SIGNS = {
    ClientState.RUNNING: "▶",
    ClientState.PAUSED: "‖",
    ClientState.HUNG: "◌",
    ClientState.STOPPED: "■",
    ClientState.CRASHED: "✕",
}
_GAP = "  "
_BEAT, _LEFT, _PHASE, _EPOCH = 8, 7, 10, 5
_BEAT_MS = 350
"""For so long a heartbeat is seen to have come."""


@dataclass(frozen=True, slots=True)
class MemberRow:
    """A member as its row shows it, times rounded to what is shown. `slot` None: a consumer outside of its group."""

    slot: int | None
    name: str
    leader: bool = False
    member_id: str = ""
    instance: str = ""
    assignors: str = ""
    beat: str = ""
    """How long ago it was last heard."""
    fresh: bool = False
    heartbeating: bool = True
    left: str = ""
    share: float = 0.0
    held: bool = False
    phase: str = ""
    awaited: bool = False
    owns: int = 0
    epoch: str = ""
    """The epoch it is in, with the consumer protocol."""
    client: ClientState | None = None
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Columns:
    """How wide each column is; 0 leaves it out."""

    name: int
    member_id: int
    instance: int
    assignors: int
    meter: int
    owns: int
    epoch: int = 0


def columns_for(members: Sequence[MemberView], width: int) -> Columns:
    """As wide as what is in them, while there is room."""

    def widest(texts: Iterable[str], least: int, most: int) -> int:
        return max(min(max((cell_len(text) for text in texts), default=0), most), least)

    epoch = _EPOCH if any(member.state for member in members) else 0
    names = (clean(label_of(member.client_id, member.member_id)) for member in members)
    if width < 110:
        return Columns(widest(names, 9, 15 if width >= 76 else 11), 0, 0, 0, 8, 0, epoch)
    wide = width >= 150
    instances = [clean(member.group_instance_id) for member in members if member.group_instance_id]
    return Columns(
        widest(names, 9, 25 if wide else 15),
        widest((clean(short_id(member)) for member in members), 9, 14 if wide else 10),
        widest(instances, 11, 19 if wide else 12) if instances else 0,
        widest(map(_assignors, members), 9, 24 if wide else 19),
        16 if wide else 10,
        4,
        epoch,
    )


def member_row(member: MemberView, group: GroupView, consumer: ConsumerView | None, now_ms: float) -> MemberRow:
    """What is shown of a member; `consumer` is the lab's own consumer behind it."""
    silent, left = now_ms - member.last_heartbeat_ms, member.session_expires_ms - now_ms
    waits = held(member, group.state)
    label = label_of(member.client_id, member.member_id)
    whole = member.session_timeout_ms
    phase, awaited = _phase(member, group, label)
    if group.state is GroupState.STABLE and left < whole * SILENT:
        phase, awaited = "silent", True
    return MemberRow(
        member.slot,
        label,
        member.leader,
        short_id(member),
        member.group_instance_id or "",
        _assignors(member),
        countdown(silent),
        silent < _BEAT_MS,
        consumer is None or (consumer.heartbeating and consumer.state is not ClientState.CRASHED),
        "" if waits else countdown(left),
        1.0 if waits else round(min(max(left / whole, 0.0), 1.0), 2) if whole else 0.0,
        waits,
        phase,
        awaited,
        len(member.assignment),
        "" if member.state is None else "–" if member.epoch < 0 else str(member.epoch),
        consumer.state if consumer else None,
        _doing(member, group, consumer),
    )


def _assignors(member: MemberView) -> str:
    return ", ".join(map(clean, member.assignors))


def outsider_row(consumer: ConsumerView) -> MemberRow:
    """A consumer of the lab that is not in its group now."""
    gone = consumer.state in (ClientState.STOPPED, ClientState.CRASHED)
    doing = f"{consumer.state.value}; r starts it again, D removes it" if gone else consumer.activity or "joining"
    if consumer.last_error and gone:
        doing = f"{consumer.last_error}; r starts it again"
    return MemberRow(None, consumer.name, client=consumer.state, doing=doing)


def short_id(member: MemberView) -> str:
    """The part of a member id that is not its client id."""
    prefix = f"{member.group_instance_id or member.client_id}-"
    return f"…{member.member_id.removeprefix(prefix)}" if member.member_id.startswith(prefix) else member.member_id


def _phase(member: MemberView, group: GroupView, label: str) -> tuple[str, bool]:
    match member.state:
        case MemberState.UNREVOKED_PARTITIONS:
            return "gives up", True
        case MemberState.UNRELEASED_PARTITIONS:
            return "… waits", False
        case MemberState.STABLE if member.epoch < 0:
            return "away", True
    match group.state:
        case GroupState.PREPARING_REBALANCE:
            return ("✓ rejoined", False) if member.rejoined else ("… awaited", True)
        case GroupState.COMPLETING_REBALANCE:
            return ("✓ synced", False) if member.rejoined else ("… awaited", True)
    if label in group.waiting_for:
        return "… awaited", True
    return ("serves", False) if member.assignment else ("idle", False)


def _doing(member: MemberView, group: GroupView, consumer: ConsumerView | None) -> str:
    idle = f"has yet to give up {named(member.revoking)}" if member.revoking else idle_reason(member, group)
    if consumer is None:
        said = f"{OUTSIDE} {member.software or 'unknown software'}, {member.host}"
        return f"{said}; {idle}" if idle else said
    match consumer.state:
        case ClientState.CRASHED:
            return "crashed; dropped at session end"
        case ClientState.STOPPED:
            return "stopped"
        case ClientState.HUNG:
            return consumer.activity or "hangs in processing"
        case ClientState.PAUSED:
            return "rests; it stays a member"
    if not consumer.heartbeating:
        return "no heartbeats; dropped at session end"
    if idle:
        return idle
    return f"{rate(consumer.measured)}  {consumer.activity}" if consumer.activity else rate(consumer.measured)


def paint_member_head(columns: Columns, width: int, palette: Palette) -> Strip:
    """The headings."""
    line = Line(width).add("    ")
    for title, cells in (
        ("client id", columns.name), ("member id", columns.member_id), ("instance id", columns.instance),
        ("assignors", columns.assignors), ("epoch", columns.epoch), ("heard", _BEAT),
        ("session left", columns.meter + _LEFT), ("phase", _PHASE), ("owns", columns.owns),
    ):  # fmt: skip
        if cells:
            line.add(title.ljust(cells), palette.faint).add(_GAP)
    return line.add("doing", palette.faint).strip()


def paint_member(row: MemberRow, columns: Columns, width: int, palette: Palette) -> Strip:
    """One row."""
    line = Line(width)
    if row.slot is None:
        line.add("  · ", palette.faint).data(row.name, palette.quiet, width=columns.name).add(_GAP)
        _say_doing(line, row, palette)
        return line.strip()
    line.add(f"{letter(row.slot):>2} "[:3], palette.member(row.slot)).add("★" if row.leader else " ", palette.warning)
    line.data(row.name, palette.text, width=columns.name).add(_GAP)
    for text, cells in (
        (row.member_id, columns.member_id), (row.instance or "–", columns.instance), (row.assignors, columns.assignors)
    ):  # fmt: skip
        if cells:
            line.data(text, palette.quiet, width=cells).add(_GAP)
    if columns.epoch:
        line.add(row.epoch.rjust(columns.epoch), palette.text).add(_GAP)
    beat = palette.good if row.fresh else palette.quiet
    line.add("♥" if row.heartbeating else "♡", beat if row.heartbeating else palette.error)
    line.add(row.beat.rjust(_BEAT - 1), beat).add(_GAP)
    if row.held:
        line.add("═" * columns.meter, palette.faint).add("held".rjust(_LEFT), palette.quiet)
    else:
        colour = urgency(row.share, palette)
        meter(line, halves(row.share, columns.meter), columns.meter, colour, palette)
        line.add(row.left.rjust(_LEFT), palette.text if row.share > 0.5 else colour)
    line.add(_GAP).add(row.phase.ljust(_PHASE), palette.warning if row.awaited else palette.quiet).add(_GAP)
    if columns.owns:
        line.add(str(row.owns).rjust(columns.owns), palette.text if row.owns else palette.faint).add(_GAP)
    _say_doing(line, row, palette)
    return line.strip()


def _say_doing(line: Line, row: MemberRow, palette: Palette) -> None:
    if row.client is not None:
        line.add(f"{SIGNS[row.client]} ", palette.clients[row.client])
    line.add(clean(row.doing), palette.quiet)
