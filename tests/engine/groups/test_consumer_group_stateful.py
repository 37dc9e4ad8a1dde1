"""A group of the consumer protocol left to chance: no partition is ever two members', and offsets stay where they are.

Members join, follow the target or dawdle, commit, leave, step away and crash in any order; topics grow; appends fail;
the partition moves to a coordinator that has to read it anew, sometimes compacted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from engine.errors import (
    CoordinatorNotAvailableError,
    FencedInstanceIdError,
    FencedMemberEpochError,
    GroupIdNotFoundError,
    KafkaError,
    NotCoordinatorError,
    NotEnoughReplicasError,
    StaleMemberEpochError,
    UnknownMemberIdError,
    UnreleasedInstanceIdError,
)
from engine.snapshot import GroupState, GroupView
from engine.types import TopicPartition
from tests.engine.groups.group_world import PARTITION, World, new_world
from tests.engine.groups.modern_world import Consumer

NAMES = ("billing-1", "billing-2", "billing-3", "billing-4")
STATIC = "billing-4"
LOST = (FencedMemberEpochError, UnknownMemberIdError, FencedInstanceIdError, GroupIdNotFoundError)
UNSTORED = (CoordinatorNotAvailableError, NotCoordinatorError)


class ConsumerGroupMachine(RuleBasedStateMachine):
    """One group of four possible members, the last of them static."""

    @initialize(assignor=st.sampled_from((None, "uniform", "range")))
    def begin(self, assignor: str | None) -> None:
        self.loop = asyncio.new_event_loop()
        self.assignor = assignor
        self.world: World = self.run(
            new_world(offsets_retention_minutes=10_000_000, group_consumer_session_timeout_ms=10_000)
        )
        self.consumers = {name: self.new(name) for name in NAMES}
        self.committed: dict[TopicPartition, int] = {}
        self.epoch = 0
        self.next_offset = 0

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def new(self, name: str) -> Consumer:
        return Consumer(
            self.world,
            name,
            assignor=self.assignor,
            group_instance_id="four" if name == STATIC else None,
            rebalance_timeout_ms=4_000,
        )

    def view(self) -> GroupView | None:
        return next(iter(self.world.views()), None)

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
        consumer = self.consumers[name]
        self.next_offset += 1
        offsets = dict.fromkeys(consumer.owned, self.next_offset)
        if not offsets or consumer.epoch <= 0:
            return
        try:
            self.run(consumer.commit(offsets))
            self.committed.update(offsets)
        except (*LOST, *UNSTORED, StaleMemberEpochError):
            pass

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

    @rule()
    def the_topic_grows(self) -> None:
        self.world.topics["orders"] = min(8, self.world.topics["orders"] + 1)

    @precondition(lambda self: self.world.log.error is None)
    @rule()
    def appends_fail_from_now_on(self) -> None:
        self.world.log.error = NotEnoughReplicasError()

    @precondition(lambda self: self.world.log.error is not None)
    @rule()
    def appends_work_again(self) -> None:
        self.world.log.error = None

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
        shown = [tp for member in view.members for tp in member.assignment] if view else []
        assert len(shown) == len(set(shown))
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
    def committed_offsets_are_those_that_were_committed(self) -> None:
        assert self.run(self.world.committed()) == self.committed

    @invariant()
    def epochs_never_go_back(self) -> None:
        view = self.view()
        epoch = view.generation if view else 0
        assert epoch >= self.epoch
        self.epoch = epoch
        for member in view.members if view else ():
            assert member.epoch <= epoch

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
    def the_history_tells_one_story(self) -> None:
        view = self.view()
        history = view.rebalances if view else ()
        for before, after in pairwise(history):
            assert before.ended_ms is not None
            assert before.ended_ms <= after.began_ms
            assert before.to_generation == after.from_generation
        for it in history:
            assert it.from_generation < it.to_generation
            assert [phase.began_ms for phase in it.phases[1:]] == [phase.ended_ms for phase in it.phases[:-1]]
            assert all(0 <= move.unserved_ms < 1e9 for move in it.moves)

    def teardown(self) -> None:
        """When all work as they should, every partition is soon somebody's; left alone, every group comes to rest."""
        if not hasattr(self, "world"):
            return
        try:
            self.world.log.error = None
            self.some_work_as_they_should(set(NAMES), 25)
            view = self.view()
            assert view is not None
            assert (view.state, len(view.members)) == (GroupState.STABLE, len(NAMES))
            owned = [tp for consumer in self.consumers.values() for tp in consumer.owned]
            assert len(owned) == len(set(owned)) == self.world.topics["orders"]
            self.run(self.world.clock.advance(100_000))
            view = self.view()
            assert view is None or view.state is GroupState.EMPTY
            assert all(it.ended_ms is not None for it in (view.rebalances if view else ()))
            self.world.coordinator.close()
            self.run(self.world.settle())
        except KafkaError as error:
            raise AssertionError from error
        finally:
            self.loop.close()


TestConsumerGroup = ConsumerGroupMachine.TestCase
TestConsumerGroup.settings = settings(
    max_examples=100,
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
