"""A group left to chance: whatever its members, its log and time do, Kafka's promises hold.

Members join, sync, heartbeat, commit, leave and crash in any order; appends fail; the partition moves to a coordinator
that has to read it anew. Hypothesis derives the runs from this file alone, and prints the steps of one that fails.
"""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from engine.errors import (
    CoordinatorNotAvailableError,
    FencedInstanceIdError,
    GroupIdNotFoundError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    KafkaError,
    NotCoordinatorError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.records import GroupKey, decode_group, decode_key
from engine.snapshot import GroupState
from engine.types import TopicPartition
from tests.engine.groups.group_world import PARTITION, Client, tps
from tests.engine.groups.machine import NAMES, SETTINGS, STATIC, GroupMachine

COMMON = (UnknownMemberIdError, FencedInstanceIdError, CoordinatorNotAvailableError, NotCoordinatorError)
ANSWERS: dict[str, tuple[type[KafkaError], ...]] = {
    "join": (*COMMON, InconsistentGroupProtocolError, RebalanceInProgressError),
    "sync": (*COMMON, IllegalGenerationError, RebalanceInProgressError),
    "heartbeat": (*COMMON, IllegalGenerationError, RebalanceInProgressError),
    "commit": (*COMMON, IllegalGenerationError, RebalanceInProgressError, GroupIdNotFoundError),
}
MUST_JOIN_ANEW = (UnknownMemberIdError, FencedInstanceIdError)


class ClassicGroupMachine(GroupMachine):
    """Its members join, sync and send heartbeats."""

    @initialize(assignor=st.sampled_from(("range", "sticky", "cooperative-sticky")))
    def begin(self, assignor: str) -> None:
        self.open()
        self.assignor = assignor
        self.clients = {name: self.new_client(name) for name in NAMES}
        self.asked: dict[str, tuple[str, Client, asyncio.Task[Any]]] = {}
        self.orphans: list[asyncio.Task[Any]] = []

    def new_client(self, name: str) -> Client:
        instance = "four" if name == STATIC else None
        return self.world.client(name, assignors=(self.assignor,), group_instance_id=instance)

    def settle(self) -> None:
        """Let everything happen that needs no time, then take in what was answered."""
        super().settle()
        for name, (what, client, task) in list(self.asked.items()):
            if not task.done():
                continue
            del self.asked[name]
            error = task.exception()
            if error is None:
                client.synced = client.generation if what == "sync" else client.synced
                continue
            client.synced = -1
            assert isinstance(error, ANSWERS[what]), f"{what} of {name}: {error!r}"
            if isinstance(error, MUST_JOIN_ANEW) and self.clients[name] is client:
                self.clients[name] = self.new_client(name)
            elif what == "sync":
                client.joined = None

    def ask(self, name: str, what: str) -> None:
        client = self.clients[name]
        coroutine = client.join() if what == "join" else client.sync()
        self.asked[name] = (what, client, self.loop.create_task(coroutine))
        self.settle()

    # What may happen

    @rule(name=st.sampled_from(NAMES))
    def join(self, name: str) -> None:
        if name not in self.asked:
            self.ask(name, "join")

    @rule(name=st.sampled_from(NAMES))
    def sync(self, name: str) -> None:
        if name not in self.asked and self.clients[name].joined is not None:
            self.ask(name, "sync")

    @rule(working=st.sets(st.sampled_from(NAMES), min_size=1), seconds=st.integers(1, 12))
    def some_work_as_they_should(self, working: set[str], seconds: int) -> None:
        """For a while these do what consumers do: join, sync, heartbeat each second, and join again when told to."""
        for _ in range(seconds):
            for name in sorted(working - self.asked.keys()):
                client = self.clients[name]
                if client.joined is None:
                    self.ask(name, "join")
                elif client.synced < client.generation:
                    self.ask(name, "sync")
                elif not self.heartbeat(name):
                    self.ask(name, "join")
            self.time_passes(1_000)

    @rule(name=st.sampled_from(NAMES))
    def send_heartbeat(self, name: str) -> None:
        self.heartbeat(name)

    def heartbeat(self, name: str) -> bool:
        """Whether it was good."""
        try:
            self.run(self.clients[name].heartbeat())
            return True
        except ANSWERS["heartbeat"] as error:
            if isinstance(error, MUST_JOIN_ANEW) and name not in self.asked:
                self.clients[name] = self.new_client(name)
            return False

    @rule(name=st.sampled_from(NAMES))
    def commit(self, name: str) -> None:
        self.commit_as(self.clients[name], ANSWERS["commit"])

    @rule(number=st.integers(0, 3))
    def commit_from_outside(self, number: int) -> None:
        view = self.view()
        empty = view is None or view.state is GroupState.EMPTY
        self.next_offset += 1
        offsets = dict.fromkeys(tps(number), self.next_offset)
        try:
            self.run(self.world.commit(offsets))
            assert empty, "a commit from outside was accepted while the group had members"
            self.committed.update(offsets)
        except UnknownMemberIdError:
            assert not empty
        except CoordinatorNotAvailableError:
            assert self.world.log.error is not None

    @rule(name=st.sampled_from(NAMES))
    def leave(self, name: str) -> None:
        client = self.clients[name]
        view = self.view()
        if view is not None and client.member_id in {member.member_id for member in view.members}:
            self.run(client.leave())
        self.crash(name)

    @rule(name=st.sampled_from(NAMES))
    def crash(self, name: str) -> None:
        """It is gone without a word; what it had asked goes on without it."""
        self.clients[name] = self.new_client(name)
        if name in self.asked:
            self.orphans.append(self.asked.pop(name)[2])
        self.settle()

    @rule(ms=st.sampled_from((1, 700, 3_000, 9_999, 10_000, 60_000)))
    def time_passes(self, ms: int) -> None:
        self.run(self.world.clock.advance(ms))
        self.settle()

    @rule()
    def the_partition_moves(self) -> None:
        self.run(self.world.reload())
        self.settle()
        self.generation = self.stored_generation()
        view = self.view()
        assert (view.generation if view else 0) == self.generation

    def stored_generation(self) -> int:
        values = [
            value
            for key, value, *_ in self.world.log.records.get(PARTITION, ())
            if isinstance(decode_key(key), GroupKey)
        ]
        return decode_group(values[-1]).generation if values and values[-1] is not None else 0

    # What holds at any time

    @invariant()
    def no_two_members_own_a_partition_in_one_generation(self) -> None:
        owners: dict[tuple[int, TopicPartition], str] = {}
        for name, client in self.clients.items():
            # What it was given in a generation that was stored; one only joined is forgotten when the partition moves.
            for tp in client.owned if client.synced >= 0 else ():
                assert owners.setdefault((client.synced, tp), name) == name, (client.synced, tp)

    @invariant()
    def the_view_agrees_with_itself(self) -> None:
        view = self.view()
        if view is None:
            return
        assert len({member.slot for member in view.members}) == len(view.members)
        assert sum(member.leader for member in view.members) == bool(view.members)
        assert (view.state is GroupState.EMPTY) <= (not view.members)
        owners = {offset.owner for offset in view.offsets} - {None}
        assert owners <= {member.member_id for member in view.members}
        now_ms = self.world.clock.now_ms()
        for member in view.members:
            assert member.session_expires_ms >= now_ms or member.rejoined

    @invariant()
    def one_rebalance_goes_on_where_the_one_before_ended(self) -> None:
        for before, after in pairwise(self.history):
            assert before.ended_ms is not None
            assert before.ended_ms <= after.began_ms
            assert before.to_generation <= after.from_generation
            if before.to_generation < after.from_generation:
                continue  # a rebalance under way is lost with its coordinator
            owned = {move.tp: move.to for move in before.moves if move.to}
            assert owned == {move.tp: move.from_ for move in after.moves if move.from_} or not after.moves

    def ends(self) -> None:
        """Nobody waits for an answer for ever."""
        self.at_rest(1_000_000)
        assert not [task for task in self.orphans if not task.done()]
        assert not self.asked
        for task in self.orphans:
            task.exception()


TestGroup = ClassicGroupMachine.TestCase
TestGroup.settings = settings(SETTINGS, max_examples=150)
