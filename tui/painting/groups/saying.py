"""A group's state in plain words: what it waits for, how long still, who is missing, and what happens then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.messages import LEAVE_STATIC_EPOCH as AWAY
from engine.snapshot import GroupProtocol, GroupState, GroupView, MemberState, MemberView, label_of
from engine.types import TopicPartition
from engine.wording import plural
from tui.painting.text import clean, countdown, cut, number

SIGNS = {
    GroupState.EMPTY: "○",
    GroupState.PREPARING_REBALANCE: "◔",
    GroupState.COMPLETING_REBALANCE: "◑",
    GroupState.ASSIGNING: "◔",
    GroupState.RECONCILING: "◑",
    GroupState.STABLE: "●",
    GroupState.DEAD: "✕",
}
SHORT = {
    GroupState.EMPTY: "Empty",
    GroupState.PREPARING_REBALANCE: "Preparing",
    GroupState.COMPLETING_REBALANCE: "Completing",
    GroupState.ASSIGNING: "Assigning",
    GroupState.RECONCILING: "Reconciling",
    GroupState.STABLE: "Stable",
    GroupState.DEAD: "Dead",
}
_NAME = 32
SILENT = 0.5
"""A member that used up this share of its session is spoken of."""


@dataclass(frozen=True, slots=True)
class Timer:
    """Something that runs down by itself."""

    label: str
    left_ms: float
    whole_ms: float

    @property
    def share(self) -> float:
        """How much of it is left, 0 to 1."""
        return min(max(self.left_ms / self.whole_ms, 0.0), 1.0) if self.whole_ms > 0 else 0.0


def held(member: MemberView, state: GroupState) -> bool:
    """Whether it waits at the coordinator for an answer: its session does not run down meanwhile."""
    return member.rejoined and state in (GroupState.PREPARING_REBALANCE, GroupState.COMPLETING_REBALANCE)


def name_of(member: MemberView) -> str:
    """How a member is named to a person, made harmless."""
    return cut(clean(label_of(member.client_id, member.member_id)), _NAME)


def names(labels: Sequence[str], most: int = 3) -> str:
    """Names in a sentence: billing-1, billing-2 and 4 more."""
    shown = [cut(clean(label), _NAME) for label in labels[:most]]
    if len(labels) > most:
        return f"{', '.join(shown)} and {len(labels) - most} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def named(partitions: Sequence[TopicPartition], most: int = 6) -> str:
    """Partitions in a sentence: by number, or by name where they are of several topics."""
    several = len({tp.topic for tp in partitions}) > 1
    shown = [clean(str(tp)) if several else f"P{tp.partition}" for tp in partitions[:most]]
    more = f" and {len(partitions) - most} more" if len(partitions) > most else ""
    return " ".join(shown) + more


def timer_of(group: GroupView, now_ms: float) -> Timer | None:
    """What ends the present state by itself; while it is stable, the session that would run out first."""
    if group.deadline_ms is not None:
        label = "for JoinGroup" if group.state is GroupState.PREPARING_REBALANCE else "for SyncGroup"
        if group.protocol is GroupProtocol.CONSUMER:
            whole = max((member.rebalance_timeout_ms for member in group.members if member.revoking), default=0)
            return Timer("to give up partitions", group.deadline_ms - now_ms, whole)
        return Timer(label, group.deadline_ms - now_ms, group.deadline_ms - group.state_since_ms)
    if group.state is GroupState.DEAD or not group.members:
        return None
    awaited = [member for member in group.members if not held(member, group.state)]
    if not awaited:
        return None
    first = min(awaited, key=lambda member: member.session_expires_ms)
    return Timer(f"session of {name_of(first)}", first.session_expires_ms - now_ms, first.session_timeout_ms)


def state_sentence(group: GroupView, now_ms: float) -> str:
    """The state and what it means just now."""
    said = {
        GroupState.EMPTY: _empty,
        GroupState.PREPARING_REBALANCE: _preparing,
        GroupState.COMPLETING_REBALANCE: _completing,
        GroupState.ASSIGNING: _assigning,
        GroupState.RECONCILING: _reconciling,
        GroupState.STABLE: _stable,
        GroupState.DEAD: _dead,
    }[group.state]
    return f"{group.state.value}: {said(group, now_ms)}"


def _empty(group: GroupView, now_ms: float) -> str:
    committed = sum(offset.committed is not None for offset in group.offsets)
    if not committed:
        return "it has no members and has committed nothing. Its first consumer begins by auto.offset.reset."
    kept = plural(committed, "committed offset stays", "committed offsets stay")
    return (
        f"it has no members. {kept}; whoever joins goes on from there, with {plural(group.lag, 'record')} to catch up."
    )


def _preparing(group: GroupView, now_ms: float) -> str:
    left = _left(group, now_ms)
    pending = ""
    if group.pending_members:
        verb = "has" if group.pending_members == 1 else "have"
        pending = f"; {plural(group.pending_members, 'newcomer')} got an id and {verb} to ask again with it"
    if not group.waiting_for:
        return f"everybody known is here; it waits a moment for more members{left}{pending}."
    return (
        f"waiting for every member to rejoin{left}; still missing: {names(group.waiting_for)}{pending}. "
        "Whoever is missing when time is up is dropped."
    )


def _completing(group: GroupView, now_ms: float) -> str:
    leader = next((member for member in group.members if member.leader), None)
    who = f"{name_of(leader)}, the leader," if leader else "the leader"
    waiting = f"; still to ask (SyncGroup): {names(group.waiting_for)}" if group.waiting_for else ""
    how = f" by {clean(group.assignor)}" if group.assignor else ""
    return f"{who} shares out the partitions{how}, the others wait for it{_left(group, now_ms)}{waiting}."


def _assigning(group: GroupView, now_ms: float) -> str:
    return (
        f"the group is in epoch {group.generation}, its target assignment still of epoch {group.assignment_epoch}. "
        "With the next heartbeat of any member the coordinator decides anew. Meanwhile everybody works on."
    )


def _reconciling(group: GroupView, now_ms: float) -> str:
    away = [member for member in group.members if member.epoch == AWAY]
    if group.waiting_for:
        moving = sum(len(member.revoking) for member in group.members)
        return (
            f"{names(group.waiting_for)} {'has' if len(group.waiting_for) == 1 else 'have'} to give up "
            f"{plural(moving, 'partition')}{_left(group, now_ms)}. Nobody else stops; the next owner waits."
        )
    if away:
        return (
            f"static {names([name_of(member) for member in away])} is away and keeps its share until its session runs "
            "out. Everybody else works on."
        )
    behind = [name_of(member) for member in group.members if member.state is not MemberState.STABLE]
    late = [name_of(member) for member in group.members if member.epoch != group.assignment_epoch]
    who = names(behind or late)
    return f"{who} {'takes' if len(behind or late) == 1 else 'take'} the next step with the next heartbeat."


def _stable(group: GroupView, now_ms: float) -> str:
    if group.waiting_for:
        return f"the partitions are shared out; {names(group.waiting_for)} still has to fetch its share."
    silent = [member for member in group.members if _has_gone_silent(member, now_ms)]
    if silent:
        worst = min(silent, key=lambda member: member.session_expires_ms)
        return (
            f"but nothing was heard of {name_of(worst)} for {countdown(now_ms - worst.last_heartbeat_ms)}. If it stays "
            f"silent for {countdown(worst.session_expires_ms - now_ms)} more, it is dropped and the others rebalance."
        )
    since = countdown(now_ms - group.state_since_ms)
    idle = [member for member in group.members if not member.assignment]
    every = "every member has its share" if not idle else f"{plural(len(idle), 'member')} without a share"
    return f"for {since}; {every} of {plural(len(group.offsets), 'partition')}."


def _dead(group: GroupView, now_ms: float) -> str:
    return "it is being removed, or has gone to another coordinator; it answers nobody."


def _left(group: GroupView, now_ms: float) -> str:
    return f"; {countdown(group.deadline_ms - now_ms)} left" if group.deadline_ms is not None else ""


def _has_gone_silent(member: MemberView, now_ms: float) -> bool:
    return member.session_expires_ms - now_ms < member.session_timeout_ms * SILENT


def idle_reason(member: MemberView, group: GroupView) -> str:
    """Why a member owns nothing; empty when it owns something."""
    if member.assignment:
        return ""
    if member.target:
        return f"waits for {named(member.target)}"
    if group.state is not GroupState.STABLE:
        return "waits for its share"
    partitions = sum(offset.topic in member.topics for offset in group.offsets)
    rivals = sum(bool(set(other.topics) & set(member.topics)) for other in group.members)
    if not partitions:
        return f"idle: {names(member.topics)} {'has' if len(member.topics) == 1 else 'have'} no partitions"
    if rivals > partitions:
        return f"idle: {plural(partitions, 'partition')} for {number(rivals)} members"
    return "idle until the next rebalance gives it a share"
