"""A group whose members speak either protocol, left to chance: it goes over from one to the other while they work.

Members go about their work by themselves, a heartbeat a second; what happens to them is a matter of chance.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from engine.errors import (
    FencedInstanceIdError,
    FencedMemberEpochError,
    GroupIdNotFoundError,
    KafkaError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.snapshot import GroupProtocol, GroupState
from engine.types import TopicPartition
from tests.engine.groups.group_world import Client
from tests.engine.groups.machine import NAMES, SETTINGS, STATIC, GroupMachine
from tests.engine.groups.modern_world import Consumer

OUT = (UnknownMemberIdError, FencedInstanceIdError, FencedMemberEpochError, GroupIdNotFoundError)
"""What tells a member that its partitions are others' by now."""


class MixedGroupMachine(GroupMachine):
    """Each of its members is started in either protocol, and does as it is told until it is stopped or crashes."""

    @initialize(assignor=st.sampled_from(("range", "cooperative-sticky")))
    def begin(self, assignor: str) -> None:
        self.open(group_consumer_session_timeout_ms=10_000, group_initial_rebalance_delay_ms=500)
        self.assignor = assignor
        self.members: dict[str, Client | Consumer] = {}
        self.at_work: dict[str, asyncio.Task[None]] = {}
        self.was_empty = True
        self.protocol: GroupProtocol | None = None
        self.shared_out = 0
        """How many partitions a leader knew of."""

    async def works(self, member: Client | Consumer) -> None:
        while True:
            try:
                await (self.consumer_step(member) if isinstance(member, Consumer) else self.classic_step(member))
            except OUT:
                self.lose(member)
            except KafkaError:
                pass  # it tries again
            await self.world.clock.sleep(1_000)

    async def consumer_step(self, member: Consumer) -> None:
        await (member.beat() if member.epoch > 0 else member.join())
        if member.owned - member.told:
            await member.give_up()

    async def classic_step(self, member: Client) -> None:
        """A heartbeat, or joining again: the group rebalances, a leader sees growth, something was given up."""
        grown = member.leads and self.shared_out != self.world.topics["orders"]
        if member.joined is not None and not grown:
            with suppress(RebalanceInProgressError):
                await member.heartbeat()
                return
        before, member.joined = set(member.owned), None
        await member.join()
        if member.leads:
            self.shared_out = self.world.topics["orders"]
        try:
            await member.sync()
        except KafkaError:
            member.joined = None
            raise
        if member.cooperative and before.difference(member.owned):
            member.joined = None

    def lose(self, member: Client | Consumer) -> None:
        if isinstance(member, Consumer):
            member.owned, member.told, member.epoch = set(), frozenset(), 0
        else:
            member.owned, member.joined, member.generation, member.member_id = (), None, -1, ""

    # What may happen

    @rule(name=st.sampled_from(NAMES), classic=st.booleans())
    def start(self, name: str, classic: bool) -> None:
        if name in self.at_work:
            return
        instance = "four" if name == STATIC else None
        member: Client | Consumer
        if classic:
            member = self.world.client(
                name, assignors=(self.assignor,), group_instance_id=instance, rebalance_timeout_ms=4_000
            )
        else:
            member = Consumer(self.world, name, group_instance_id=instance, rebalance_timeout_ms=4_000)
        self.members[name] = member
        self.at_work[name] = self.loop.create_task(self.works(member))
        self.settle()

    @rule(name=st.sampled_from(NAMES))
    def crash(self, name: str) -> None:
        if name in self.at_work:
            self.at_work.pop(name).cancel()
            del self.members[name]
            self.settle()

    @rule(name=st.sampled_from(NAMES))
    def stop(self, name: str) -> None:
        member = self.members.get(name)
        self.crash(name)
        if member is not None and member.member_id:
            self.loop.create_task(self.leaves(member))
            self.settle()

    async def leaves(self, member: Client | Consumer) -> None:
        away = isinstance(member, Consumer) and member.name == STATIC
        with suppress(KafkaError, AssertionError):  # its group may know it no more
            await (member.step_away() if away and isinstance(member, Consumer) else member.leave())

    @rule(name=st.sampled_from(NAMES))
    def commit(self, name: str) -> None:
        if name in self.members:
            self.commit_as(self.members[name], (KafkaError,))

    @rule(ms=st.sampled_from((1, 700, 3_000, 5_000, 12_000)))
    def time_passes(self, ms: int) -> None:
        self.run(self.world.clock.advance(ms))

    @rule()
    def the_partition_moves(self) -> None:
        self.run(self.world.reload())
        self.settle()
        view = self.view()
        self.generation = min(self.generation, view.generation if view else 0)

    # What holds at any time

    @invariant()
    def the_generation_never_goes_back(self) -> None:
        """Except where a group without members gives way to one of the other protocol."""
        view = self.view()
        if self.was_empty and view is not None and view.protocol is not self.protocol:
            self.generation = 0
        super().the_generation_never_goes_back()
        self.was_empty = view is None or view.state is GroupState.EMPTY
        self.protocol = view.protocol if view is not None else None

    @invariant()
    def nobody_works_on_what_another_member_has(self) -> None:
        view = self.view()
        if view is None:
            return
        shown = {tp: member.member_id for member in view.members for tp in member.assignment}
        members = {member.member_id for member in view.members}
        worked: dict[TopicPartition, str] = {}
        for name, member in self.members.items():
            generation = member.epoch if isinstance(member, Consumer) else member.generation
            if member.member_id not in members or (isinstance(member, Client) and member.joined is None):
                continue  # dropped without knowing, or about to join again with less
            if view.protocol is GroupProtocol.CLASSIC and generation != view.generation:
                continue
            for tp in member.owned:
                assert worked.setdefault(tp, name) == name, tp
                assert shown.get(tp, member.member_id) == member.member_id, tp

    def ends(self) -> None:
        """When all work, every partition is soon somebody's."""
        self.world.log.error = None
        for name in NAMES:
            self.start(name, True)
        self.run(self.world.clock.advance(25_000))
        view = self.view()
        assert view is not None
        assert (view.state, len(view.members)) == (GroupState.STABLE, len(NAMES))
        owned = [tp for member in self.members.values() for tp in member.owned]
        assert len(owned) == len(set(owned)) == self.world.topics["orders"]
        kinds = {isinstance(member, Consumer) for member in self.members.values()}
        assert (view.protocol is GroupProtocol.CONSUMER) == (True in kinds)
        for name in NAMES:
            self.crash(name)
        self.at_rest(100_000)


TestMixedGroup = MixedGroupMachine.TestCase
TestMixedGroup.settings = settings(SETTINGS, max_examples=40, stateful_step_count=25)
