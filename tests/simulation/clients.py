"""Who is at work in a run: producers whose records say who sent them and as which, consumers of one group."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import KafkaError
from engine.types import RecordMetadata, TopicPartition
from tests.simulation.plan import GROUP, TOPIC

DELIVERY_MS = 20_000.0
_KEYS = (b"anna", b"ben", b"cleo", b"dora")


@dataclass(slots=True)
class Sending:
    """One producer: what it was told of each sequence number it sent."""

    name: str
    idempotent: bool
    futures: dict[int, asyncio.Future[RecordMetadata]] = field(default_factory=dict)
    keys: dict[int, bytes] = field(default_factory=dict)

    async def run(self, cluster: Cluster, clock: ManualClock, rng: Random, over: asyncio.Event) -> None:
        """Send until it is over, then wait until everything is acknowledged or given up."""
        producer = cluster.producer(
            client_id=self.name,
            acks="all",
            enable_idempotence=self.idempotent,
            linger_ms=rng.choice((0, 20)),
            request_timeout_ms=2_000,
            delivery_timeout_ms=DELIVERY_MS,
            max_block_ms=DELIVERY_MS,
            metadata_max_age_ms=5_000,
            rng=rng,
        )
        await started(producer.start, clock)
        pause = rng.choice((30.0, 120.0, 400.0))
        while not over.is_set():
            for _ in range(rng.choice((1, 1, 3, 8))):
                await self._send(producer, rng)
            await clock.sleep(rng.expovariate(1 / pause))
        await producer.stop()

    async def _send(self, producer: Producer, rng: Random) -> None:
        sequence = len(self.keys)
        key = self.keys[sequence] = rng.choice(_KEYS)
        headers = [("producer", self.name.encode()), ("sequence", b"%d" % sequence)]
        try:
            self.futures[sequence] = await producer.send(TOPIC, b"v%d" % sequence, key, headers=headers)
        except KafkaError:
            return  # it never left; only what was acknowledged is of interest


class Reading:
    """One place in the group, held by one consumer after another; `faulty`: they crash, close and begin again."""

    def __init__(self, name: str, protocol: str, faulty: bool) -> None:
        self.name = name
        self._protocol = protocol
        self.consumer: Consumer | None = None
        self._faulty = faulty

    async def run(self, cluster: Cluster, clock: ManualClock, rng: Random, calm: asyncio.Event) -> None:
        """Read and commit, for ever."""
        lives = 0
        while True:
            lives += 1
            automatic = rng.random() < 0.5
            self.consumer = consumer = cluster.consumer(
                TOPIC,
                client_id=f"{self.name}.{lives}",
                group_id=GROUP,
                group_protocol=self._protocol,
                auto_offset_reset="earliest",
                enable_auto_commit=automatic,
                auto_commit_interval_ms=700,
                request_timeout_ms=3_000,
                session_timeout_ms=4_000,
                heartbeat_interval_ms=800,
                metadata_max_age_ms=5_000,
                partition_assignment_strategy=("cooperative-sticky", "range"),
            )
            await started(consumer.start, clock)
            dies_at = clock.now_ms() + rng.expovariate(1 / 8_000)
            while not self._faulty or calm.is_set() or clock.now_ms() < dies_at:
                await self._poll(consumer, automatic)
            if rng.random() < 0.5:
                consumer.crash()
            else:
                await consumer.stop()

    async def _poll(self, consumer: Consumer, automatic: bool) -> None:
        try:
            if await consumer.getmany(timeout_ms=500) and not automatic:
                await consumer.commit()
        except KafkaError:
            return  # the group went on without it, or nobody could be reached: it polls again

    def at_end(self, ends: dict[TopicPartition, int]) -> bool:
        """Whether it has been assigned something and has read all of that."""
        consumer = self.consumer
        if consumer is None:
            return False
        states = consumer._subscription.assigned
        return all(state.position == ends[tp] for tp, state in states.items())


async def started(start: Callable[[], Awaitable[None]], clock: ManualClock) -> None:
    """Start a client, again and again until a broker answers."""
    while True:
        try:
            await start()
            return
        except KafkaError:
            await clock.sleep(500)
