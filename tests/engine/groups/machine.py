"""What drives a group that is left to chance, whichever protocol its members speak, and what always holds of it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from engine.errors import KafkaError, NotEnoughReplicasError
from engine.snapshot import GroupState, GroupView, Rebalance
from engine.types import TopicPartition
from tests.engine.groups.group_world import World, new_world

NAMES = ("billing-1", "billing-2", "billing-3", "billing-4")
STATIC = "billing-4"

SETTINGS = settings(
    stateful_step_count=40,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


class GroupMachine(RuleBasedStateMachine):
    """One group of four possible members, the last of them static."""

    world: World

    def open(self, **config: object) -> None:
        self.loop = asyncio.new_event_loop()
        self.world = self.run(new_world(offsets_retention_minutes=10_000_000, **config))
        self.committed: dict[TopicPartition, int] = {}
        self.generation = 0
        self.next_offset = 0

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(coroutine)

    def settle(self) -> None:
        """Let everything happen that needs no time."""
        self.run(self.world.settle())

    def view(self) -> GroupView | None:
        return next(iter(self.world.views()), None)

    @property
    def history(self) -> tuple[Rebalance, ...]:
        view = self.view()
        return view.rebalances if view else ()

    # What may happen

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

    def commit_as(self, member: Any, refusals: tuple[type[KafkaError], ...]) -> None:
        """The member commits a new offset of everything it works on, or is refused."""
        self.next_offset += 1
        offsets = dict.fromkeys(member.owned, self.next_offset)
        if not offsets:
            return
        try:
            self.run(member.commit(offsets))
            self.committed.update(offsets)
        except refusals:
            pass

    # What holds at any time

    @invariant()
    def committed_offsets_are_those_that_were_committed(self) -> None:
        assert self.run(self.world.committed()) == self.committed

    @invariant()
    def the_generation_never_goes_back(self) -> None:
        view = self.view()
        generation = view.generation if view else 0
        assert generation >= self.generation
        self.generation = generation

    @invariant()
    def nobody_is_shown_with_what_is_anothers(self) -> None:
        view = self.view()
        shown = [tp for member in view.members for tp in member.assignment] if view else []
        assert len(shown) == len(set(shown))

    @invariant()
    def every_rebalance_is_told_from_beginning_to_end(self) -> None:
        for it in self.history:
            assert it.from_generation < it.to_generation
            assert [phase.began_ms for phase in it.phases[1:]] == [phase.ended_ms for phase in it.phases[:-1]]
            assert all(0 <= move.unserved_ms < 1e9 for move in it.moves)

    # In the end

    def at_rest(self, after_ms: int) -> None:
        """Left alone, every group comes to rest."""
        self.run(self.world.clock.advance(after_ms))
        self.settle()
        view = self.view()
        assert view is None or view.state is GroupState.EMPTY
        assert all(it.ended_ms is not None for it in self.history)

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        try:
            self.ends()
            self.world.coordinator.close()
            self.run(self.world.settle())
        except KafkaError as error:
            raise AssertionError from error
        finally:
            self.loop.close()

    def ends(self) -> None:
        """What it must come to in the end."""
