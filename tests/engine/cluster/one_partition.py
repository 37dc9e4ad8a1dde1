"""What is done again and again in tests of brokers: one partition in three copies, and a record sent to it."""

from __future__ import annotations

from engine.clients.producer import Producer
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.snapshot import PartitionView
from engine.types import RecordMetadata, TopicPartition

TP = TopicPartition("orders", 0)


async def three_copies(cluster: Cluster, clock: ManualClock, **config: str) -> None:
    overrides = {name.replace("_", "."): value for name, value in config.items()}
    await cluster.create_topic("orders", replication_factor=3, config=overrides)
    await clock.advance(2_000)


def orders(cluster: Cluster) -> PartitionView:
    return cluster.describe_topic("orders").partitions[0]


async def send(cluster: Cluster, clock: ManualClock, value: bytes, acks: str | int = "all") -> RecordMetadata:
    producer: Producer = cluster.producer(acks=acks)
    await clock.complete(producer.start())
    meta = await clock.complete(producer.send_and_wait("orders", value))
    await clock.complete(producer.stop())
    return meta


async def values(cluster: Cluster) -> list[bytes | None]:
    return [row.record.value for row in (await cluster.browser.read(TP, 0)).rows]
