"""Faults by chance: what happens to brokers, lines, requests and disks, and how all of it is put right in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import ElectionNotNeededError, NetworkError, RefusedError
from engine.faults import Rule
from engine.messages import (
    AddPartitionsToTxnRequest,
    AlterPartitionRequest,
    BrokerHeartbeatRequest,
    BrokerRegistrationRequest,
    EndTxnRequest,
    FetchRequest,
    HeartbeatRequest,
    InitProducerIdRequest,
    JoinGroupRequest,
    OffsetCommitRequest,
    ProduceRequest,
    ReadMetadataRequest,
    Request,
    SyncGroupRequest,
    TxnOffsetCommitRequest,
    WriteTxnMarkersRequest,
)
from engine.storage.store import BrokerStore
from tests.simulation.plan import BROKERS, Plan

REQUESTS: tuple[type[Request[Any]] | None, ...] = (
    None,
    ProduceRequest,
    FetchRequest,
    AlterPartitionRequest,
    BrokerHeartbeatRequest,
    BrokerRegistrationRequest,
    ReadMetadataRequest,
    HeartbeatRequest,
    JoinGroupRequest,
    SyncGroupRequest,
    OffsetCommitRequest,
    InitProducerIdRequest,
    AddPartitionsToTxnRequest,
    TxnOffsetCommitRequest,
    EndTxnRequest,
    WriteTxnMarkersRequest,
)


class Chaos:
    """Draws faults from a plan's kinds; `told` says what was done and when, for whoever replays a seed."""

    def __init__(self, cluster: Cluster, clock: ManualClock, plan: Plan, rng: Random) -> None:
        self.told: list[str] = []
        self.failed: list[str] = []
        self._cluster = cluster
        self._clock = clock
        self._plan = plan
        self._rng = rng
        self._began_ms = clock.now_ms()
        self._down: set[int] = set()
        self._moving: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._rules: list[Rule] = []
        self._do: dict[str, Callable[[], None]] = {
            "crash": self._crash,
            "stop": self._stop,
            "cut": self._cut,
            "isolate": self._isolate,
            "lose": self._lose,
            "delay": self._delay,
            "slow_disk": self._slow_disk,
            "full_disk": self._full_disk,
            "preferred": self._preferred,
            "delete_file": self._delete_file,
        }

    async def rage(self) -> None:
        """Faults for as long as the plan says, each put right again after a while."""
        until = self._clock.now_ms() + self._plan.faults_ms
        kinds = [kind for kind in self._plan.kinds if kind in self._do]
        while self._clock.now_ms() < until:
            if kinds and self._rng.random() < 0.7:
                self._do[self._rng.choice(kinds)]()
            else:
                self._start()
            await self._clock.sleep(self._rng.expovariate(1 / self._plan.calm_every_ms))

    async def fill(self, rng: Random) -> None:
        """Let the files of brokers grow no further, one after the other, for as long as faults go on."""
        until = self._clock.now_ms() + self._plan.faults_ms
        while self._plan.no_room and self._clock.now_ms() < until:
            await self._clock.sleep(rng.expovariate(1 / 3_000))
            alive = self._cluster.nodes.alive
            if not alive:
                continue
            broker_id = rng.choice(sorted(alive))
            store = alive[broker_id].store
            self._say(f"no room for broker {broker_id}")
            await _allow_pages(store, 1)
            await self._clock.sleep(rng.choice((300.0, 2_000.0, 6_000.0)))
            self._say(f"room for broker {broker_id}")
            await _allow_pages(store, 1 << 30)

    async def calm(self) -> None:
        """Every line whole, every disk sound, every broker up."""
        faults = self._cluster.faults
        for rule in self._rules:
            faults.end(rule)
        for one, other in faults.cuts():
            faults.heal(one, other)
        for broker_id in BROKERS:
            faults.slow_disk(broker_id, 0)
            faults.free_disk(broker_id)
        self._say("all put right")
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))
        for broker_id in sorted(self._down):
            self._turn(broker_id, "start")
        while self._tasks:
            await asyncio.wait(tuple(self._tasks))

    # Brokers

    def _crash(self) -> None:
        self._up_then("crash")

    def _stop(self) -> None:
        self._up_then("stop")

    def _start(self) -> None:
        down = sorted(self._down - self._moving)
        if down:
            self._turn(self._rng.choice(down), "start")

    def _delete_file(self) -> None:
        """Of a broker that is down, while another one lives that has the records."""
        down = sorted(self._down - self._moving)
        if len(down) == 1:
            self._turn(down[0], "delete_file")

    def _up_then(self, verb: str) -> None:
        up = sorted(set(BROKERS) - self._down - self._moving)
        if up:
            self._turn(self._rng.choice(up), verb)

    def _turn(self, broker_id: int, verb: str) -> None:
        """A verb that takes time, one at a time for each broker."""
        self._say(f"{verb} broker {broker_id}")
        self._moving.add(broker_id)
        self._spawn(self._carry_out(broker_id, verb))

    async def _carry_out(self, broker_id: int, verb: str) -> None:
        try:
            await getattr(self._cluster.faults, verb)(broker_id)
        except NetworkError as error:
            self._say(f"{verb} broker {broker_id}: {error}")
        except RefusedError as error:
            self.failed.append(f"{verb} broker {broker_id} was refused: {error}")
        finally:
            self._moving.discard(broker_id)
            alive = broker_id in self._cluster.nodes.alive
            (self._down.discard if alive else self._down.add)(broker_id)

    def _preferred(self) -> None:
        self._say("elect preferred leaders")
        self._spawn(self._elect())

    async def _elect(self) -> None:
        try:
            await self._cluster.faults.elect_preferred()
        except ElectionNotNeededError:
            pass

    # Lines and requests

    def _cut(self) -> None:
        one, other = self._rng.sample((0, *BROKERS), 2)
        self._say(f"cut {one} from {other}")
        self._cluster.faults.cut(one, other)
        self._later(lambda: self._cluster.faults.heal(one, other), f"heal {one} and {other}")

    def _isolate(self) -> None:
        broker_id = self._rng.choice(BROKERS)
        self._say(f"isolate broker {broker_id}")
        self._cluster.faults.isolate(broker_id)
        self._later(lambda: self._cluster.faults.rejoin(broker_id), f"rejoin broker {broker_id}")

    def _lose(self) -> None:
        rule = self._cluster.faults.lose(
            self._rng.choice(REQUESTS),
            share=self._rng.choice((0.05, 0.3, 1.0)),
            answers=self._rng.random() < 0.5,
            node=self._rng.choice((None, 0, *BROKERS)),
        )
        self._ruled(rule)

    def _delay(self) -> None:
        rule = self._cluster.faults.delay(
            self._rng.choice((5.0, 50.0, 400.0)),
            self._rng.choice(REQUESTS),
            share=self._rng.choice((0.2, 1.0)),
            answers=self._rng.random() < 0.5,
            node=self._rng.choice((None, 0, *BROKERS)),
        )
        self._ruled(rule)

    def _ruled(self, rule: Rule) -> None:
        self._say(f"{rule.words()} (node {rule.node})")
        self._rules.append(rule)
        self._later(lambda: self._cluster.faults.end(rule), f"no longer: {rule.words()}")

    # Disks

    def _slow_disk(self) -> None:
        broker_id, ms = self._rng.choice(BROKERS), self._rng.choice((5.0, 100.0, 700.0))
        self._say(f"slow disk of broker {broker_id}: {ms:g} ms")
        self._cluster.faults.slow_disk(broker_id, ms)
        self._later(lambda: self._cluster.faults.slow_disk(broker_id, 0), f"sound disk of broker {broker_id}")

    def _full_disk(self) -> None:
        broker_id = self._rng.choice(BROKERS)
        self._say(f"full disk of broker {broker_id}")
        self._cluster.faults.fill_disk(broker_id)
        self._later(lambda: self._cluster.faults.free_disk(broker_id), f"room on the disk of broker {broker_id}")

    # Its own

    def _later(self, put_right: Callable[[], None], what: str) -> None:
        async def wait() -> None:
            await self._clock.sleep(self._rng.choice((200.0, 1_500.0, 6_000.0)))
            self._say(what)
            put_right()

        self._spawn(wait())

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.failed.append(f"a fault ended in {error!r}")

    def _say(self, what: str) -> None:
        self.told.append(f"{self._clock.now_ms() - self._began_ms:9.1f}  {what}")


async def _allow_pages(store: BrokerStore, most: int) -> None:
    """Let a file grow to so many pages, or as many as it has; nothing where it was deleted meanwhile."""
    if not store._closed:
        await store._writing.execute(f"PRAGMA max_page_count = {most}")
