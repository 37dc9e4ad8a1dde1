"""How a group goes through a rebalance: its waits, who is dropped by them, and what is stored on the way.

The part of Kafka's `GroupMetadataManager` that moves a `ClassicGroup` from state to state. Everything here happens at
once; what takes time is asked of the clock and of the log, which call back.
"""

from __future__ import annotations

from collections.abc import Mapping

from engine.clock import Timer
from engine.coordinators.writer import Written
from engine.errors import KafkaError, NotCoordinatorError, RebalanceInProgressError
from engine.events import RebalanceCompleted, RebalanceStarted
from engine.groups.assignors import ASSIGNORS
from engine.groups.group import COMPLETING, DEAD, EMPTY, PREPARING, STABLE, Group
from engine.groups.member import Member, read_assignment
from engine.groups.reasons import names, seconds
from engine.groups.rebalance import History, waiting_sentence
from engine.groups.records import GroupKey, GroupValue, encode_group, encode_key
from engine.groups.roster import Roster, Surroundings
from engine.messages import SyncGroupResponse
from engine.snapshot import Rebalance


class Phases:
    """Moves one group through its states."""

    def __init__(self, group: Group, surroundings: Surroundings) -> None:
        self.group = group
        self.history = History(group.group_id, surroundings.events.rebalances_of(group.group_id))
        self.deadline: Timer | None = None
        """What ends the wait for JoinGroup or for SyncGroup."""
        self.counts: Mapping[str, int] = {}
        """The subscribed topics and their partitions when this generation was shared out."""
        self.in_log: GroupValue | None = None
        """The group as it was last stored."""
        self._around = surroundings
        self._clock = surroundings.clock
        self.roster = Roster(group, self.history, surroundings, self._ran_out)
        self._joined_meanwhile = False

    def subscribed_counts(self) -> Mapping[str, int]:
        """The topics subscribed to and their partitions, as they are now."""
        counts = self._around.metadata.counts
        return {topic: counts[topic] for topic in self.group.subscribed or () if topic in counts}

    # The join phase

    def admit(self, member: Member) -> None:
        """Take in a new member, which prolongs the wait of an empty group."""
        if self.group.state is PREPARING and self.group.previous_state is EMPTY:
            self._joined_meanwhile = True
        self.roster.admit(member)

    def _ran_out(self, cause: str) -> None:
        """Somebody fell silent, a member (`cause` says so) or a pending one."""
        if cause and self.group.state in (STABLE, COMPLETING):
            self.prepare_or_complete(cause)
        elif self.group.state is PREPARING and self.group.everybody_joined:
            self.complete_join()

    def prepare_or_complete(self, cause: str) -> None:
        """Begin a rebalance, or see whether the one under way has everybody by now."""
        if self.group.can_rebalance:
            self.prepare(cause)
        else:
            self.maybe_complete_join()

    def maybe_complete_join(self) -> None:
        """End the join phase if everybody is there; the first one of an empty group waits its time out instead."""
        group = self.group
        if group.state is PREPARING and group.previous_state is not EMPTY and group.everybody_joined:
            self.complete_join()

    def prepare(self, cause: str) -> None:
        """Begin a rebalance: everybody has to join again."""
        group, now_ms = self.group, self._clock.now_ms()
        if group.state is COMPLETING:
            for member in group.members.values():
                member.assignment = b""
                if member.answer_sync(RebalanceInProgressError()):
                    self.roster.restart_session(member)
        group.pending_syncs.clear()
        self._cancel_deadline()
        first = group.state is EMPTY
        group.become(PREPARING, now_ms)
        self._tell_of_beginning(cause, first)
        if first:
            delay_ms = self._around.config.group_initial_rebalance_delay_ms
            remaining_ms = max(group.rebalance_timeout_ms - delay_ms, 0)
            self.deadline = self._clock.call_later(delay_ms, self._initial_wait_over, delay_ms, remaining_ms)
        elif group.everybody_joined:
            self.complete_join()
        else:
            self.deadline = self._clock.call_later(group.rebalance_timeout_ms, self.complete_join)

    def _initial_wait_over(self, delay_ms: int, remaining_ms: int) -> None:
        if self._joined_meanwhile and remaining_ms:
            self._joined_meanwhile = False
            next_ms = min(self._around.config.group_initial_rebalance_delay_ms, remaining_ms)
            self.deadline = self._clock.call_later(
                next_ms, self._initial_wait_over, next_ms, max(remaining_ms - delay_ms, 0)
            )
        else:
            self.complete_join()

    def complete_join(self) -> None:
        """End the join phase: dynamic members that did not come back are out, the others get the next generation."""
        group, now_ms = self.group, self._clock.now_ms()
        self._cancel_deadline()
        missing = [member for member in group.members.values() if not member.joining and not member.static]
        for member in missing:
            why = f"it did not join again within {seconds(group.rebalance_timeout_ms)}"
            self.roster.drop(member, why)
        if not group.elect_joined_leader() and group.members:
            self.deadline = self._clock.call_later(group.rebalance_timeout_ms, self.complete_join)
            return
        self._joined_meanwhile = False
        group.next_generation(now_ms)
        if not group.members:
            self._store({}, lambda error: None)
            self._tell_of_end(self.history.emptied(group.generation, now_ms))
            return
        assignor = group.protocol or ""
        self.counts = self.subscribed_counts()
        self.history.chose(
            group.generation,
            assignor,
            cooperates(assignor),
            group.leader or "",
            [member.label for member in missing],
            now_ms,
        )
        for member in list(group.members.values()):
            group.pending_syncs.add(member.member_id)
            member.new = False
            member.answer_join(group.join_response(member.member_id))
            self.roster.restart_session(member)
        self.deadline = self._clock.call_later(group.rebalance_timeout_ms, self._sync_wait_over)

    # The sync phase

    def take_assignments(self, assignments: Mapping[str, bytes]) -> None:
        """Store what the leader has shared out; when that is committed, the group is stable."""
        generation = self.group.generation
        shares = {member_id: assignments.get(member_id, b"") for member_id in self.group.members}

        def written(error: KafkaError | None) -> None:
            # Another member may have joined meanwhile, or the partition may be another broker's.
            if self.group.state is not COMPLETING or self.group.generation != generation:
                return
            if error is None:
                self._stabilize(shares)
            else:
                self._fail_sync(error)

        self._store(shares, written)

    def _stabilize(self, shares: Mapping[str, bytes]) -> None:
        group, now_ms = self.group, self._clock.now_ms()
        kind = group.protocol_type or ""
        given = {member_id: read_assignment(kind, share) for member_id, share in shares.items()}
        self.history.assigned(given, group.subscribed, now_ms)
        group.become(STABLE, now_ms)
        for member in group.members.values():
            member.assignment = shares.get(member.member_id, b"")
            if self.hand_out(member):
                self.roster.restart_session(member)
        self.maybe_end()
        if group.pending_syncs:
            self.history.awaits(group.pending_syncs, now_ms)

    def _fail_sync(self, error: KafkaError) -> None:
        for member in self.group.members.values():
            member.assignment = b""
            if member.answer_sync(error):
                self.roster.restart_session(member)
        self.prepare_or_complete(f"the assignment could not be stored ({error})")

    def hand_out(self, member: Member) -> bool:
        """Answer the member's SyncGroup with its assignment; whether it was waiting for that."""
        if member.syncing is None:
            return False
        share = read_assignment(member.protocol_type, member.assignment)
        self.history.serves(member.member_id, share, self._clock.now_ms())
        return member.answer_sync(SyncGroupResponse(member.assignment, self.group.protocol))

    def synced(self, member_id: str) -> None:
        """The member has sent SyncGroup for this generation."""
        self.group.pending_syncs.discard(member_id)
        if not self.group.pending_syncs:
            self._cancel_deadline()

    def maybe_end(self) -> None:
        """The rebalance is over once every member has its assignment."""
        if self.group.state is STABLE and not self.group.pending_syncs:
            self._tell_of_end(self.history.ended(self._clock.now_ms()))

    def _sync_wait_over(self) -> None:
        group = self.group
        missing = [group.members[member_id] for member_id in group.members if member_id in group.pending_syncs]
        if group.state not in (COMPLETING, STABLE) or not missing:
            return
        for member in missing:
            why = f"it did not ask for its assignment within {seconds(group.rebalance_timeout_ms)}"
            self.roster.drop(member, why)
        labels = names(member.label for member in missing)
        self.prepare(f"{labels} did not ask for an assignment (SyncGroup) in time")

    # The end of it

    def send_back(self) -> None:
        """Whoever waits has to join again, for the group goes over to the consumer protocol."""
        for member in self.group.members.values():
            member.answer_join(RebalanceInProgressError())
            member.answer_sync(RebalanceInProgressError())

    def die(self) -> None:
        """Stop: the group is deleted, or another broker's. What waits is sent to look for the coordinator."""
        elsewhere = NotCoordinatorError(f"This broker does not coordinate {self.group.group_id} any more.")
        for member in self.group.members.values():
            member.stop_session()
            member.answer_join(elsewhere)
            member.answer_sync(elsewhere)
        self.roster.forget_pending()
        self._cancel_deadline()
        self.group.become(DEAD, self._clock.now_ms())

    def store_as_is(self, then: Written) -> None:
        """Write the group with the assignments it has."""
        self._store({member.member_id: member.assignment for member in self.group.members.values()}, then)

    def _store(self, assignments: dict[str, bytes], then: Written) -> None:
        value = self.group.stored(assignments)

        def written(error: KafkaError | None) -> None:
            if error is None:
                self.in_log = value
            then(error)

        self._around.write([(encode_key(GroupKey(self.group.group_id)), encode_group(value))], written)

    def _cancel_deadline(self) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None

    # What is told

    def _tell_of_beginning(self, cause: str, first: bool) -> None:
        group, now_ms = self.group, self._clock.now_ms()
        if first:
            delay_ms = self._around.config.group_initial_rebalance_delay_ms
            sentence = f"an empty group waits {seconds(delay_ms)} for more members (group.initial.rebalance.delay.ms)"
        else:
            labels = [member.label for member in group.in_slot_order() if not member.joining]
            sentence = waiting_sentence(labels, group.rebalance_timeout_ms)
        assignor = group.protocol or ""
        offered = [member.assignors[0] for member in group.members.values() if member.assignors]
        cooperative = cooperates(assignor or (offered[0] if offered else ""))
        self.history.began(cause, sentence, group.generation, assignor, cooperative, now_ms)
        self._around.events.publish(
            RebalanceStarted(
                at_ms=now_ms,
                subject=group.group_id,
                cause=cause,
                generation=group.generation,
                cooperative=cooperative,
                assignor=assignor,
                members=len(group.members),
            )
        )

    def _tell_of_end(self, rebalance: Rebalance | None) -> None:
        if rebalance is not None:
            self._around.events.publish(
                RebalanceCompleted(at_ms=self._clock.now_ms(), subject=self.group.group_id, rebalance=rebalance)
            )


def cooperates(assignor: str) -> bool:
    """Whether members keep what they own while they rejoin under this assignor."""
    return assignor in ASSIGNORS and ASSIGNORS[assignor].cooperative
