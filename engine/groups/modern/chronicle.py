"""What follows from a change of a group: its history, its members' timers, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping

from engine.clock import Clock
from engine.events import EventLog, MemberJoined, MemberLeft, RebalanceCompleted, RebalanceStarted
from engine.groups.modern.draft import Draft
from engine.groups.modern.group import ModernGroup
from engine.groups.modern.history import EpochHistory
from engine.groups.modern.member import Member
from engine.groups.modern.presence import Presences
from engine.snapshot import GroupProtocol, GroupState, Rebalance
from engine.types import ClientInfo


class Chronicle:
    """Follows one group from change to change."""

    def __init__(self, group_id: str, presences: Presences, clock: Clock, events: EventLog) -> None:
        self.history = EpochHistory(group_id, events.rebalances_of(group_id))
        self.state_since_ms = clock.now_ms()
        self._group_id = group_id
        self._presences = presences
        self._clock = clock
        self._events = events

    def take_up(self, group: ModernGroup, assignor: str) -> None:
        """The group was read from the log; a rebalance that is under way goes on."""
        members = group.members.values()
        self.history.loaded(
            {member.member_id: member.label for member in members},
            {member.member_id: member.owned for member in members if not member.away},
        )
        told = self.history.latest_generation
        if group.state in (GroupState.ASSIGNING, GroupState.RECONCILING) and told < group.epoch:
            now_ms = self._clock.now_ms()
            before = group.epoch - 1 if told < 0 else told
            self.history.bumped("the group has another coordinator", before, group.epoch, now_ms)
            if group.state is GroupState.RECONCILING:
                self._decided(group, assignor)

    def follow(
        self,
        before: ModernGroup,
        after: ModernGroup,
        draft: Draft,
        heard: tuple[str, ClientInfo] | None,
        gone: Mapping[str, tuple[str, str]],
        assignor: str,
    ) -> None:
        """A change took effect; `gone` members "left" or were "dropped", each for a reason in a clause."""
        now_ms = self._clock.now_ms()
        if draft.renamed is not None:
            self._returned(after.members[draft.renamed[1]], *draft.renamed)
        for member_id, (what, why) in gone.items():
            self._departed(before.members[member_id], what, why, len(after.members))
        known = {*before.members, *(draft.renamed or ())}
        for member in after.members.values():
            if member.member_id not in known and heard is not None:
                self._arrived(member, heard[1], len(after.members))
        if after.epoch > before.epoch:
            self._entered_epoch(before.epoch, after, " and ".join(draft.causes), assignor)
        if after.assignment_epoch > before.assignment_epoch:
            self._decided(after, assignor)
        for member in after.members.values():
            self._moved(before.members.get(member.member_id), member)
        if before.state is not after.state:
            self.state_since_ms = now_ms
        if after.state is GroupState.STABLE:
            self._ended(self.history.ended(now_ms))
        elif after.state is GroupState.EMPTY:
            self._ended(self.history.emptied_at(now_ms))

    def _moved(self, before: Member | None, member: Member) -> None:
        """Take note of what a member has from now on, and of how long it may take to give up what it has to."""
        if before is member:
            return
        if member.away:
            self.history.stops(member.member_id, self._clock.now_ms())
        else:
            self.history.serves(member.member_id, member.owned, self._clock.now_ms())
        if before is None or (before.state, before.revoking) != (member.state, member.revoking):
            self._presences.await_giving_up(member)

    def _arrived(self, member: Member, client: ClientInfo, size: int) -> None:
        self._presences.admit(member, client)
        self.history.joined(member.member_id, member.label)
        self._events.publish(
            MemberJoined(
                at_ms=self._clock.now_ms(),
                subject=self._group_id,
                member=member.label,
                size=size,
                static=member.said.instance_id is not None,
            )
        )

    def _returned(self, member: Member, old_id: str, new_id: str) -> None:
        if old_id != new_id:
            self._presences.rename(old_id, new_id)
            self.history.rename(old_id, new_id, member.label)
        self._events.tell(
            self._clock.now_ms(),
            self._group_id,
            f"static member {member.label} came back to {self._group_id} within its session: "
            "it keeps its partitions, and nobody rebalances.",
        )

    def _departed(self, member: Member, what: str, why: str, remaining: int) -> None:
        heard_ms = self._presences.of(member.member_id).heard_ms
        self._presences.gone(member.member_id)
        self.history.gone(member.member_id, what, self._clock.now_ms() if what == "left" else heard_ms)
        self._events.publish(
            MemberLeft(
                at_ms=self._clock.now_ms(),
                subject=self._group_id,
                member=member.label,
                why=why,
                expected=what == "left",
                remaining=remaining,
            )
        )

    def _entered_epoch(self, before: int, group: ModernGroup, cause: str, assignor: str) -> None:
        self.history.bumped(cause, before, group.epoch, self._clock.now_ms())
        self._events.publish(
            RebalanceStarted(
                at_ms=self._clock.now_ms(),
                subject=self._group_id,
                cause=cause,
                generation=group.epoch,
                cooperative=True,
                assignor=assignor,
                members=len(group.members),
                protocol=GroupProtocol.CONSUMER,
            )
        )

    def _decided(self, group: ModernGroup, assignor: str) -> None:
        shares = {member_id: group.target_of(member_id) for member_id in group.members}
        self.history.decided(assignor, shares, group.subscribed, self._clock.now_ms())

    def _ended(self, rebalance: Rebalance | None) -> None:
        if rebalance is not None:
            self._events.publish(
                RebalanceCompleted(at_ms=self._clock.now_ms(), subject=self._group_id, rebalance=rebalance)
            )
