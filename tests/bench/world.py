"""One snapshot of a large world, against the 2 ms it may take."""

from __future__ import annotations

import asyncio
import time

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.workload.spec import ConsumerSpec
from tests.bench.row import Row

PARTITIONS, MEMBERS, ROUNDS = 200, 50, 200


def rows() -> list[Row]:
    """A snapshot while nothing changes, and one after every partition and member has changed."""
    still, moving = asyncio.run(_measure())
    what = f"snapshot of {PARTITIONS} partitions, {MEMBERS} members"
    return [
        Row(f"{what}, nothing changed", still, 2.0, "ms", "the 2 ms asked for", 1.0, higher_is_better=False),
        Row(f"{what}, every partition changed", moving, 2.0, "ms", "the 2 ms asked for", 1.0, higher_is_better=False),
    ]


async def _measure() -> tuple[float, float]:
    clock = ManualClock(1_700_000_000_000)
    config = BrokerConfig(offsets_topic_num_partitions=50)
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=1, config=config) as cluster:
        await cluster.create_topic("orders", partitions=PARTITIONS)
        for _ in range(MEMBERS):
            await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), processing_ms=0))
        await clock.advance(20_000)
        still = _median_ms(cluster)
        moving = []
        async with cluster.producer() as producer:
            for _ in range(20):
                sent = [await producer.send("orders", b"v", partition=number) for number in range(PARTITIONS)]
                await clock.advance(100)
                await asyncio.gather(*sent)
                moving.append(_once_ms(cluster))
        return still, sorted(moving)[len(moving) // 2]


def _once_ms(cluster: Cluster) -> float:
    """The time of the thread, so that what else the machine does is not counted."""
    began = time.thread_time()
    cluster.snapshot()
    return (time.thread_time() - began) * 1000


def _median_ms(cluster: Cluster) -> float:
    return sorted(_once_ms(cluster) for _ in range(ROUNDS))[ROUNDS // 2]
