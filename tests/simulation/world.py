"""One run: a cluster, its clients and its faults, drawn from a seed, and what did not hold."""

from __future__ import annotations

import asyncio
import gc
import signal
import traceback
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Any

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.types import TopicPartition
from tests.simulation.chaos import Chaos
from tests.simulation.clients import DELIVERY_MS, Reading, Sending
from tests.simulation.invariants import Watch, at_rest
from tests.simulation.plan import PARCELS, TOPIC, Plan
from tests.simulation.transactions import Book, Checking, Packing

START_MS = 1_700_000_000_000.0
SETTLE_MS = 60_000.0

CONFIG = BrokerConfig.of(
    {
        "offsets.topic.num.partitions": "1",
        "transaction.state.log.num.partitions": "1",
        "replica.lag.time.max.ms": "2000",
        "replica.fetch.backoff.ms": "200",
        "broker.heartbeat.interval.ms": "500",
        "broker.session.timeout.ms": "2500",
        "group.min.session.timeout.ms": "500",
        "group.consumer.session.timeout.ms": "4000",
        "group.consumer.heartbeat.interval.ms": "800",
        "leader.imbalance.check.interval.seconds": "10",
    }
)
"""Faster than by default, so that a short run sees many elections."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to; `digest` tells two runs of one seed apart, should they differ."""

    plan: Plan
    failures: tuple[str, ...]
    told: tuple[str, ...]
    acknowledged: int
    lab_ms: float
    digest: str


MOST_S = 30


def simulate(seed: int, broken: AbstractContextManager[None] | None = None) -> Outcome:
    """Run a seed, with a rule broken if given. A run that never comes to rest is ended after `MOST_S` of computing."""
    plan = Plan.of(seed)
    before = signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, MOST_S, 1)  # again and again, for where it meets a destructor it is lost
    try:
        with broken or nullcontext():
            return asyncio.run(_simulate(plan))
    except RestlessError as error:
        where = "".join(traceback.format_list(traceback.extract_tb(error.__traceback__)[-6:]))
        return Outcome(plan, (f"the run did not come to rest within {MOST_S} s:\n{where}",), (), 0, 0.0, "")
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class RestlessError(SystemExit):
    """Something goes on and on while no lab time passes. Of the two kinds that asyncio lets out of any task."""


def _too_long(*_: object) -> None:
    raise RestlessError


async def _simulate(plan: Plan) -> Outcome:
    clock = ManualClock(START_MS)
    chance = Random(plan.seed)
    cluster = Cluster.open(None, 3, clock, inline_storage=True, seed=plan.seed, config=CONFIG)
    watch = Watch(cluster, plan.deletes_files)
    failed: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failed.append(_in_words(context)))
    told: list[str] = []
    sendings = [Sending(f"producer-{n}", idempotent) for n, idempotent in enumerate(plan.idempotent)]
    try:
        async with cluster:
            await _live(plan, cluster, clock, chance, watch, sendings, told)
    except Exception as error:
        watch.fail(f"the run ended in {error!r}")
    gc.collect(0)
    for sentence in failed:
        watch.fail(sentence)
    acknowledged = sum(_acknowledged(sending) for sending in sendings)
    lab_ms = clock.now_ms() - START_MS
    digest = sha256(repr((told, acknowledged, lab_ms, watch.failures, watch.shown)).encode()).hexdigest()[:12]
    return Outcome(plan, tuple(watch.failures), tuple(told), acknowledged, lab_ms, digest)


async def _live(
    plan: Plan,
    cluster: Cluster,
    clock: ManualClock,
    chance: Random,
    watch: Watch,
    sendings: list[Sending],
    told: list[str],
) -> None:
    await cluster.create_topic(TOPIC, plan.partitions, 3, {"min.insync.replicas": "2"})
    await cluster.controller.ensure_offsets_topic()
    await cluster.alter_topic_config("__consumer_offsets", {"min.insync.replicas": "2"})
    if plan.packers:
        await cluster.create_topic(PARCELS, 2, 3, {"min.insync.replicas": "2"})
        await cluster.controller.ensure_transaction_topic()
    watch.listen(cluster.network)
    chaos = Chaos(cluster, clock, plan, Random(chance.random()))
    over, calm = asyncio.Event(), asyncio.Event()
    readings = [Reading(f"consumer-{n}", plan.protocol, "client" in plan.kinds) for n in range(plan.consumers)]
    senders = [
        asyncio.ensure_future(sending.run(cluster, clock, Random(chance.random()), over)) for sending in sendings
    ]
    readers = [
        asyncio.ensure_future(reading.run(cluster, clock, Random(chance.random()), calm)) for reading in readings
    ]
    book = Book()
    checking = Checking(watch, book)
    packings = [Packing(f"packer-{n}", book, "client" in plan.kinds) for n in range(plan.packers)]
    packers = [
        asyncio.ensure_future(packing.run(cluster, clock, Random(chance.random()), calm)) for packing in packings
    ]
    if packers:
        packers.append(asyncio.ensure_future(checking.run(cluster, clock)))
    filling = asyncio.ensure_future(chaos.fill(Random(f"no room in {plan.seed}")))
    try:
        await clock.complete(chaos.rage(), plan.faults_ms * 4)
        await clock.complete(filling, plan.faults_ms * 4)
        calm.set()
        await clock.complete(chaos.calm(), SETTLE_MS)
        over.set()
        await _within(clock, DELIVERY_MS + 10_000, watch, "not every send came to an end", *senders)
        await clock.advance(8_000)
        await at_rest(watch, sendings)
        ends = {
            TopicPartition(TOPIC, number): cluster.nodes.leader(TopicPartition(TOPIC, number)).high_watermark
            for number in range(plan.partitions)
        }
        await _read_to_the_end(clock, watch, readings, ends)
        if packers:
            await _packed(clock, watch, checking, ends)
    except AssertionError as error:
        watch.fail(f"somebody waits for ever: {error}")
    finally:
        told += chaos.told
        for sentence in chaos.failed:
            watch.fail(sentence)
        for task in (*senders, *readers, *packers):
            if task.done() and not task.cancelled() and (ended := task.exception()) is not None:
                watch.fail(f"a client ended in {ended!r}")
            task.cancel()
        await asyncio.gather(*senders, *readers, *packers, return_exceptions=True)
        for reading in readings:
            if reading.consumer is not None:
                reading.consumer.crash()


async def _packed(clock: ManualClock, watch: Watch, checking: Checking, ends: dict[TopicPartition, int]) -> None:
    try:
        await clock.until(lambda: checking.all_packed(ends), 60_000)
    except AssertionError:
        watch.fail("not every order was packed in time")
    await clock.advance(2_000)
    checking.settle(ends)


async def _within(clock: ManualClock, ms: float, watch: Watch, otherwise: str, *tasks: asyncio.Task[None]) -> None:
    try:
        await clock.until(lambda: all(task.done() for task in tasks), ms)
    except AssertionError:
        watch.fail(otherwise)


async def _read_to_the_end(
    clock: ManualClock, watch: Watch, readings: list[Reading], ends: dict[TopicPartition, int]
) -> None:
    def all_read() -> bool:
        owned = [tp for reading in readings if reading.consumer for tp in reading.consumer.assignment()]
        return sorted(owned) == sorted(ends) and all(reading.at_end(ends) for reading in readings)

    try:
        await clock.until(all_read, 40_000)
    except AssertionError:
        owned = {
            reading.name: sorted(map(str, reading.consumer.assignment())) for reading in readings if reading.consumer
        }
        watch.fail(f"the group did not come to read everything; it owns {owned}")


def _acknowledged(sending: Sending) -> int:
    return sum(
        future.done() and not future.cancelled() and future.exception() is None for future in sending.futures.values()
    )


def _in_words(context: dict[str, Any]) -> str:
    return f"{context.get('message')}: {context.get('exception')!r}"
