"""What a coordinator knows of members apart from their group's records: where they are, and when they were last heard.

A member that is silent for `group.consumer.session.timeout.ms`, or takes longer than its rebalance timeout to give up
what it has to, is out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.clock import Clock, Timer
from engine.groups.modern.member import Member
from engine.groups.reasons import names, seconds
from engine.snapshot import MemberState
from engine.types import ClientInfo

RETRY_MS = 500
"""How soon a member is fenced after all whose fencing could not be stored (`EventBasedCoordinatorTimer`)."""


@dataclass(slots=True, eq=False)
class Presence:
    """One member as it was last heard."""

    client: ClientInfo
    slot: int
    heard_ms: float
    session_ends_ms: float = 0.0
    session: Timer | None = None
    giving_up: Timer | None = None
    """What ends the wait for it to give up partitions."""
    rejoining: Timer | None = None
    """What ends the wait for JoinGroup or SyncGroup of a member that speaks the classic protocol."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """A member whose time has run out: why it is dropped, in a clause, and the cause of what follows."""

    member_id: str
    why: str
    cause: str
    stands: Callable[[], bool]
    """Whether it is still so: the member may have been heard before it is fenced."""
    again: Callable[[], None]
    """Fence it a little later."""


class Presences:
    """The members of one group, by id. `fence` is asked for when one's time has run out."""

    def __init__(self, clock: Clock, session_timeout_ms: int, fence: Callable[[Overdue], None]) -> None:
        self._clock = clock
        self._session_timeout_ms = session_timeout_ms
        self._fence = fence
        self._present: dict[str, Presence] = {}
        self._slots: dict[str, int] = {}
        """Of static members, by instance id: the place is theirs when they are back."""

    def of(self, member_id: str) -> Presence:
        """How a member was last heard."""
        return self._present[member_id]

    def admit(self, member: Member, client: ClientInfo, slot: int | None = None) -> None:
        """A member is in the group, and gets the smallest free slot, or that which it had."""
        taken = {presence.slot for presence in self._present.values()}
        free = next(slot for slot in range(len(taken) + 1) if slot not in taken) if slot is None else slot
        instance_id = member.said.instance_id
        slot = self._slots.get(instance_id, free) if instance_id is not None else free
        slot = free if slot in taken else slot
        if instance_id is not None:
            self._slots[instance_id] = slot
        self._present[member.member_id] = Presence(client, slot, self._clock.now_ms())

    def rename(self, old_id: str, new_id: str) -> None:
        """A static member goes on under another id."""
        presence = self._present[new_id] = self._present.pop(old_id)
        self._stop(presence)

    def heard(self, member: Member, client: ClientInfo) -> None:
        """It sent a heartbeat, so its session begins anew."""
        presence = self._present[member.member_id]
        presence.client, presence.heard_ms = client, self._clock.now_ms()
        self.restart(member)

    def restart(self, member: Member) -> None:
        """Ask for the next heartbeat within the session timeout, from now on."""
        presence = self._present[member.member_id]
        if presence.session is not None:
            presence.session.cancel()
        timeout_ms = self.session_timeout_of(member)
        presence.session_ends_ms = self._clock.now_ms() + timeout_ms
        presence.session = self._clock.call_later(timeout_ms, self._ran_out, member)

    def session_timeout_of(self, member: Member) -> int:
        """The coordinator's, or its own where it speaks the classic protocol."""
        return self._session_timeout_ms if member.classic is None else member.classic.session_timeout_ms

    def beats(self, member: Member) -> None:
        """It sent a heartbeat of the classic protocol."""
        self.heard(member, self._present[member.member_id].client)

    def await_join(self, member: Member) -> None:
        """It was told to join again, and has as long as its rebalance timeout since it was told first."""
        presence = self._present[member.member_id]
        if presence.rejoining is None:
            self._await(presence, member, "join again")

    def await_sync(self, member: Member) -> None:
        """It has joined, and has as long as its rebalance timeout to ask for its assignment."""
        presence = self._present[member.member_id]
        self.synced(member)
        self._await(presence, member, "ask for its assignment (SyncGroup)")

    def synced(self, member: Member) -> None:
        """It has what it is to have."""
        presence = self._present[member.member_id]
        if presence.rejoining is not None:
            presence.rejoining.cancel()
            presence.rejoining = None

    def _await(self, presence: Presence, member: Member, what: str) -> None:
        timeout_ms = member.said.rebalance_timeout_ms
        presence.rejoining = self._clock.call_later(timeout_ms, self._stayed_away, member, what)

    def await_giving_up(self, member: Member) -> None:
        """It has as long as its rebalance timeout to give up what it was told to, or longer if it need not."""
        presence = self._present[member.member_id]
        if presence.giving_up is not None:
            presence.giving_up.cancel()
            presence.giving_up = None
        if member.state is MemberState.UNREVOKED_PARTITIONS:
            timeout_ms = member.said.rebalance_timeout_ms
            presence.giving_up = self._clock.call_later(timeout_ms, self._kept_too_long, member)

    def gone(self, member_id: str) -> None:
        """It is in the group no more."""
        self._stop(self._present.pop(member_id))

    def close(self) -> None:
        """No timer fires any more."""
        for presence in self._present.values():
            self._stop(presence)

    @property
    def deadline_ms(self) -> float | None:
        """When the first wait for partitions to be given up ends."""
        waits = [p.giving_up.deadline for p in self._present.values() if p.giving_up and not p.giving_up.cancelled]
        return min(waits, default=None)

    def _stop(self, presence: Presence) -> None:
        for timer in (presence.session, presence.giving_up, presence.rejoining):
            if timer is not None:
                timer.cancel()
        presence.session = presence.giving_up = presence.rejoining = None

    def _ran_out(self, member: Member) -> None:
        presence = self._present[member.member_id]
        timer = presence.session

        def again() -> None:
            presence.session = self._clock.call_later(RETRY_MS, self._ran_out, member)

        what = f"session of {seconds(self.session_timeout_of(member))} ran out without a heartbeat"
        cause = f"{member.label}'s {what}"
        self._fence(Overdue(member.member_id, f"its {what}", cause, lambda: presence.session is timer, again))

    def _kept_too_long(self, member: Member) -> None:
        presence = self._present[member.member_id]
        timer = presence.giving_up

        def again() -> None:
            presence.giving_up = self._clock.call_later(RETRY_MS, self._kept_too_long, member)

        what = f"did not give up {names(sorted(member.revoking))} within {seconds(member.said.rebalance_timeout_ms)}"
        cause = f"{member.label} {what}"
        self._fence(Overdue(member.member_id, f"it {what}", cause, lambda: presence.giving_up is timer, again))

    def _stayed_away(self, member: Member, what: str) -> None:
        presence = self._present[member.member_id]
        timer = presence.rejoining

        def again() -> None:
            presence.rejoining = self._clock.call_later(RETRY_MS, self._stayed_away, member, what)

        why = f"did not {what} within {seconds(member.said.rebalance_timeout_ms)}"
        cause = f"{member.label} {why}"
        self._fence(Overdue(member.member_id, f"it {why}", cause, lambda: presence.rejoining is timer, again))
