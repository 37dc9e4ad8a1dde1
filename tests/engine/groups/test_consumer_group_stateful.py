"""A group of the consumer protocol left to chance: no partition is ever two members', and offsets stay where they are.

Members join, follow the target or dawdle, commit, leave, step away and crash in any order; topics grow; appends fail;
the partition moves to a coordinator that has to read it anew, sometimes compacted.
"""

from __future__ import annotations

from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from engine.errors import (
    CoordinatorNotAvailableError,
    FencedInstanceIdError,
    FencedMemberEpochError,
    GroupIdNotFoundError,
    NotCoordinatorError,
    StaleMemberEpochError,
    UnknownMemberIdError,
    UnreleasedInstanceIdError,
)
from engine.snapshot import GroupState
from engine.types import TopicPartition
from tests.engine.groups.group_world import PARTITION
from tests.engine.groups.machine import NAMES, SETTINGS, STATIC, GroupMachine
from tests.engine.groups.modern_world import Consumer

LOST = (FencedMemberEpochError, UnknownMemberIdError, FencedInstanceIdError, GroupIdNotFoundError)
UNSTORED = (CoordinatorNotAvailableError, NotCoordinatorError)


class ConsumerGroupMachine(GroupMachine):
    """Its members send heartbeats, and nothing else."""

    @initialize(assignor=st.sampled_from((None, "uniform", "range")))
    def begin(self, assignor: str | None) -> None:
        self.open(group_consumer_session_timeout_ms=10_000)
        self.assignor = assignor
        self.consumers = {name: self.new(name) for name in NAMES}

    def new(self, name: str) -> Consumer:
        return Consumer(
            self.world,
            name,
            assignor=self.assignor,
            group_instance_id="four" if name == STATIC else None,
            rebalance_timeout_ms=4_000,
        )

    def ask(self, name: str, work: Coroutine[Any, Any, Any]) -> bool:
        """Whether it was answered; a member that is told it is out gives everything up."""
        consumer = self.consumers[name]
        try:
            self.run(work)
            return True
        except LOST:
            consumer.owned, consumer.told, consumer.epoch = set(), frozenset(), 0
        except (*UNSTORED, UnreleasedInstanceIdError):
            pass
        return False

    # What may happen

    @rule(name=st.sampled_from(NAMES))
    def beat(self, name: str) -> None:
        """A heartbeat that joins if it has to, and gives nothing up."""
        consumer = self.consumers[name]
        self.ask(name, consumer.beat() if consumer.epoch > 0 else consumer.join())

    @rule(name=st.sampled_from(NAMES))
    def do_as_told(self, name: str) -> None:
        consumer = self.consumers[name]
        if consumer.epoch > 0:
            self.ask(name, consumer.give_up())

    @rule(working=st.sets(st.sampled_from(NAMES), min_size=1), seconds=st.integers(1, 12))
    def some_work_as_they_should(self, working: set[str], seconds: int) -> None:
        for _ in range(seconds):
            for name in sorted(working):
                self.beat(name)
                if self.consumers[name].owned - self.consumers[name].told:
                    self.do_as_told(name)
            self.time_passes(1_000)

    @rule(name=st.sampled_from(NAMES))
    def commit(self, name: str) -> None:
        if self.consumers[name].epoch > 0:
            self.commit_as(self.consumers[name], (*LOST, *UNSTORED, StaleMemberEpochError))

    @rule(name=st.sampled_from(NAMES))
    def leave(self, name: str) -> None:
        if self.consumers[name].epoch > 0 and self.ask(name, self.consumers[name].leave()):
            self.consumers[name] = self.new(name)

    @rule()
    def step_away(self) -> None:
        if self.consumers[STATIC].epoch > 0 and self.ask(STATIC, self.consumers[STATIC].step_away()):
            self.consumers[STATIC] = self.new(STATIC)

    @rule(name=st.sampled_from(NAMES))
    def crash(self, name: str) -> None:
        self.consumers[name] = self.new(name)

    @rule(ms=st.sampled_from((1, 700, 3_000, 4_000, 9_999, 10_000)))
    def time_passes(self, ms: int) -> None:
        self.run(self.world.clock.advance(ms))

    @rule(compacted=st.booleans())
    def the_partition_moves(self, compacted: bool) -> None:
        records = self.world.log.records.get(PARTITION, [])
        if compacted:
            latest = {key: at for at, (key, *_) in enumerate(records)}
            self.world.log.records[PARTITION] = [records[at] for at in sorted(latest.values())]
        self.run(self.world.reload())

    # What holds at any time

    @invariant()
    def no_partition_is_two_members_at_once(self) -> None:
        view = self.view()
        members = {member.member_id: member for member in view.members} if view else {}
        worked: dict[TopicPartition, str] = {}
        for name, consumer in self.consumers.items():
            member = members.get(consumer.member_id)
            if member is None:
                continue  # dropped without knowing: it works on until it is told
            for tp in consumer.owned:
                assert worked.setdefault(tp, name) == name, tp
                assert tp in member.assignment, f"{name} works on {tp}, which its coordinator takes to be free"

    @invariant()
    def no_member_is_ahead_of_its_group(self) -> None:
        view = self.view()
        assert view is None or all(member.epoch <= view.generation for member in view.members)

    @invariant()
    def a_target_covers_every_partition_once(self) -> None:
        view = self.view()
        if view is None or view.state in (GroupState.EMPTY, GroupState.ASSIGNING):
            return
        targets = [tp for member in view.members for tp in member.target]
        assert len(targets) == len(set(targets))
        assert len(targets) <= self.world.topics["orders"]
        if view.state is GroupState.STABLE:
            assert all(member.assignment == member.target for member in view.members)

    @invariant()
    def one_rebalance_goes_on_where_the_one_before_ended(self) -> None:
        for before, after in pairwise(self.history):
            assert before.ended_ms is not None
            assert before.ended_ms <= after.began_ms
            assert before.to_generation == after.from_generation

    def ends(self) -> None:
        """When all work as they should, every partition is soon somebody's."""
        self.world.log.error = None
        self.some_work_as_they_should(set(NAMES), 25)
        view = self.view()
        assert view is not None
        assert (view.state, len(view.members)) == (GroupState.STABLE, len(NAMES))
        owned = [tp for consumer in self.consumers.values() for tp in consumer.owned]
        assert len(owned) == len(set(owned)) == self.world.topics["orders"]
        self.at_rest(100_000)


TestConsumerGroup = ConsumerGroupMachine.TestCase
TestConsumerGroup.settings = settings(SETTINGS, max_examples=100)
