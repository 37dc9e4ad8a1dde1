"""The world a new lab begins with: enough to see records flow, keys stay together, and a group share the work."""

from __future__ import annotations

from engine.cluster.cluster import Cluster
from engine.workload.spec import ConsumerSpec, KeyRule, ProducerSpec

TOPIC, GROUP = "orders", "billing"


async def populate(cluster: Cluster) -> None:
    """Topic `orders`, 6 partitions in 3 copies, a producer with keys, one without, and two consumers of `billing`."""
    copies = min(3, len(cluster.snapshot().brokers))
    await cluster.create_topic(TOPIC, partitions=6, replication_factor=copies)
    keys = KeyRule("zipf", 40)
    await cluster.workload.spawn_producer(ProducerSpec(TOPIC, name="web-1", keys=keys, rate=24))
    await cluster.workload.spawn_producer(ProducerSpec(TOPIC, name="web-2", rate=16))
    for _ in range(2):
        await cluster.workload.spawn_consumer(ConsumerSpec(GROUP, (TOPIC,), processing_ms=20))
