"""Real clients produce, with every acks and compression they offer; the lab's own consumer reads what came."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from kafka import KafkaProducer

from engine.cluster import Cluster
from engine.records import BatchHeader
from engine.types import TopicPartition
from tests.wire.clients.members import values_in

VALUES = sorted(b"value %03d " % number * 5 for number in range(60))
ACKS = ("0", "1", "all")
COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


async def check(lab: Cluster, compression: str) -> None:
    assert await values_in(lab, "orders", len(VALUES)) == VALUES
    stored = [
        BatchHeader.parse(batch).compression
        for partition in range(3)
        for batch in await lab.nodes.leader(TopicPartition("orders", partition)).log.read(0, 1 << 20)
    ]
    assert set(stored) == {compression}, "what was sent is what is stored"


@pytest.fixture
async def topic(lab: Cluster) -> str:
    await lab.create_topic("orders", partitions=3, replication_factor=1)
    return "orders"


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("acks", ACKS)
async def test_confluent_kafka_produces(lab: Cluster, topic: str, bootstrap: str, acks: str, compression: str) -> None:
    def work() -> int:
        settings = {"bootstrap.servers": bootstrap, "acks": acks, "compression.type": compression, "linger.ms": 20}
        producer = Producer(settings)
        for value in VALUES:
            producer.produce(topic, value)
        return producer.flush(30)

    assert await asyncio.to_thread(work) == 0
    await check(lab, compression)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("acks", ACKS)
async def test_aiokafka_produces(lab: Cluster, topic: str, bootstrap: str, acks: str, compression: str) -> None:
    chosen = None if compression == "none" else compression
    level = {"0": 0, "1": 1}.get(acks, "all")
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks=level, compression_type=chosen, linger_ms=20
    ) as producer:
        await asyncio.gather(*[await producer.send(topic, value) for value in VALUES])
    await check(lab, compression)


@pytest.mark.parametrize("compression", COMPRESSIONS)
@pytest.mark.parametrize("acks", ACKS)
async def test_kafka_python_produces(lab: Cluster, topic: str, bootstrap: str, acks: str, compression: str) -> None:
    def work() -> None:
        chosen = None if compression == "none" else compression
        level = {"0": 0, "1": 1}.get(acks, "all")
        producer = KafkaProducer(
            bootstrap_servers=bootstrap.split(","),
            acks=level,
            compression_type=chosen,
            linger_ms=20,
            enable_idempotence=False,
        )
        for value in VALUES:
            producer.send(topic, value)
        producer.flush(30)
        producer.close()

    await asyncio.to_thread(work)
    await check(lab, compression)
