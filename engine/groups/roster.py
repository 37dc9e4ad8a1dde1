"""Who is in a group, and the sessions that say who still is: members come, are heard from, leave, and are dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.clock import Clock, Timer
from engine.config import BrokerConfig
from engine.coordinators.writer import LogRecord, Written
from engine.errors import FencedInstanceIdError, UnknownMemberIdError
from engine.events import EventLog, MemberJoined, MemberLeft
from engine.groups.group import Group
from engine.groups.member import Member
from engine.groups.reasons import seconds
from engine.groups.rebalance import History
from engine.types import ClientInfo

NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
"""How long a new member may wait for its first generation (`CLASSIC_GROUP_NEW_MEMBER_JOIN_TIMEOUT_MS`)."""


class Metadata(Protocol):
    """The topics there are, as this broker knows of them."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many partitions each has."""

    @property
    def ids(self) -> Mapping[str, bytes]:
        """The id of each."""

    @property
    def version(self) -> int:
        """How many changes led there."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a group needs of its coordinator."""

    clock: Clock
    config: BrokerConfig
    events: EventLog
    metadata: Metadata
    write: Callable[[Sequence[LogRecord], Written], None]
    """Append to the group's partition of `__consumer_offsets`; calls back when committed, or with what went wrong."""


class Roster:
    """The members of one group and their timers. `ran_out` is told, in words, when one has fallen silent."""

    def __init__(
        self, group: Group, history: History, surroundings: Surroundings, ran_out: Callable[[str], None]
    ) -> None:
        self.group = group
        self.history = history
        self._around = surroundings
        self._clock = surroundings.clock
        self._ran_out = ran_out
        self._pending_sessions: dict[str, Timer] = {}

    def admit(self, member: Member) -> None:
        """Add a new member, which has long enough to see its first generation."""
        self._forget(member.member_id)
        member.new = True
        self.group.add(member)
        self.history.joined(member.member_id, member.label)
        self.heard_from(member, NEW_MEMBER_JOIN_TIMEOUT_MS)
        self._publish_joined(member)

    def replace(self, old: Member, member_id: str, client: ClientInfo) -> Member:
        """A static member goes on under another member id; who still speaks as the old one is fenced."""
        old.stop_session()
        fenced = FencedInstanceIdError(f"Another member holds the group.instance.id {old.group_instance_id} by now.")
        old.answer_join(fenced)
        old.answer_sync(fenced)
        member = self.group.replace_static(old, member_id, client)
        self.history.rename(old.member_id, member_id, member.label)
        return member

    def await_pending(self, member_id: str, session_timeout_ms: int) -> None:
        """Expect a member to join again with the id it was given, within its session timeout."""
        self.group.pending_joins.add(member_id)
        self._pending_sessions[member_id] = self._clock.call_later(session_timeout_ms, self._pending_ran_out, member_id)

    def heard_from(self, member: Member, timeout_ms: float | None = None) -> None:
        """The member sent something, so its session begins anew."""
        member.heard_ms = self._clock.now_ms()
        self.restart_session(member, timeout_ms)

    def restart_session(self, member: Member, timeout_ms: float | None = None) -> None:
        """Ask for the next heartbeat within the session timeout, from now on."""
        member.stop_session()
        timeout_ms = member.session_timeout_ms if timeout_ms is None else timeout_ms
        member.session_ends_ms = self._clock.now_ms() + timeout_ms
        member.session = self._clock.call_later(timeout_ms, self._session_ran_out, member.member_id)

    def let_go(self, member_id: str, why: str) -> None:
        """A member leaves of its own will or by an administrator's; no rebalance is begun yet."""
        self._remove(member_id, "left", why, self._clock.now_ms())

    def let_go_pending(self, member_id: str) -> None:
        """A pending member leaves; nobody waits for it any more."""
        self._forget(member_id)
        self.group.remove(member_id)

    def drop(self, member: Member, why: str) -> None:
        """A member is out because nothing was heard of it; it served until it was last heard of."""
        self._remove(member.member_id, "dropped", why, member.heard_ms)

    def forget_pending(self) -> None:
        """Nobody is expected any more."""
        for timer in self._pending_sessions.values():
            timer.cancel()
        self._pending_sessions.clear()

    def refuse(self, member_id: str) -> None:
        """A full group turns a member away, also one that was in it."""
        if member_id in self.group.members:
            self._remove(member_id, "dropped", "the group is full (group.max.size)", self._clock.now_ms())
        else:
            self.let_go_pending(member_id)

    def _remove(self, member_id: str, what: str, why: str, served_until_ms: float) -> None:
        member = self.group.members[member_id]
        member.stop_session()
        gone = UnknownMemberIdError(f"{member.label} is no longer in {self.group.group_id}; it has to join again.")
        member.answer_join(gone)
        member.answer_sync(gone)
        self.group.remove(member_id)
        self.history.gone(member_id, what, served_until_ms)
        self._around.events.publish(
            MemberLeft(
                at_ms=self._clock.now_ms(),
                subject=self.group.group_id,
                member=member.label,
                why=why,
                expected=what == "left",
                remaining=len(self.group.members),
            )
        )

    def _forget(self, member_id: str) -> None:
        if timer := self._pending_sessions.pop(member_id, None):
            timer.cancel()

    def _pending_ran_out(self, member_id: str) -> None:
        self.let_go_pending(member_id)
        self._ran_out("")

    def _session_ran_out(self, member_id: str) -> None:
        member = self.group.members[member_id]
        member.session = None
        if member.waits:
            return
        if member.new:
            what = f"wait of {seconds(NEW_MEMBER_JOIN_TIMEOUT_MS)} for a first generation ran out"
        else:
            what = f"session of {seconds(member.session_timeout_ms)} ran out without a heartbeat"
        self.drop(member, f"its {what}")
        self._ran_out(f"{member.label}'s {what}")

    def _publish_joined(self, member: Member) -> None:
        self._around.events.publish(
            MemberJoined(
                at_ms=self._clock.now_ms(),
                subject=self.group.group_id,
                member=member.label,
                size=len(self.group.members),
                static=member.static,
            )
        )
