"""Real clients commit, seek and look offsets up by time."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as AioTopicPartition
from confluent_kafka import Consumer, TopicPartition
from kafka import KafkaConsumer
from kafka import TopicPartition as PyTopicPartition

from engine.cluster import Cluster
from engine.records import BatchBuilder


@pytest.fixture
async def stocked(lab: Cluster) -> str:
    """A topic with ten records, one a second by their own clock."""
    from engine import TopicPartition as EngineTopicPartition

    await lab.create_topic("orders", partitions=1, replication_factor=1)
    partition = lab.nodes.leader(EngineTopicPartition("orders", 0))
    for number in range(10):
        builder = BatchBuilder(1 << 20)
        builder.append(1_000 * number, b"key", b"%d" % number)
        await partition.append(builder.build())
    return "orders"


def committed(lab: Cluster, group_id: str) -> list[tuple[int | None, str]]:
    group = lab.snapshot().group(group_id)
    assert group is not None
    return [(offset.committed, offset.metadata) for offset in group.offsets]


async def test_confluent_kafka_commits_seeks_and_finds_a_time(lab: Cluster, bootstrap: str, stocked: str) -> None:
    def work() -> None:
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "g", "enable.auto.commit": False})
        consumer.assign([TopicPartition(stocked, 0, 3)])
        first = consumer.poll(30)
        assert first is not None
        assert (first.offset(), first.value()) == (3, b"3")
        consumer.seek(TopicPartition(stocked, 0, 8))
        again = consumer.poll(30)
        assert again is not None
        assert again.value() == b"8"
        [found] = consumer.offsets_for_times([TopicPartition(stocked, 0, 4_500)], timeout=30)
        assert found.offset == 5
        assert consumer.get_watermark_offsets(TopicPartition(stocked, 0), timeout=30) == (0, 10)
        given = TopicPartition(stocked, 0, 9, metadata="half way")
        consumer.commit(offsets=[given], asynchronous=False)
        [kept] = consumer.committed([TopicPartition(stocked, 0)], timeout=30)
        assert (kept.offset, kept.metadata) == (9, "half way")
        consumer.close()

    await asyncio.to_thread(work)
    [(offset, metadata)] = committed(lab, "g")
    assert offset == 9
    assert metadata.rstrip("\0") == "half way", "confluent-kafka 2.16 sends the byte that ends its string along"


async def test_aiokafka_commits_seeks_and_finds_a_time(lab: Cluster, bootstrap: str, stocked: str) -> None:
    tp = AioTopicPartition(stocked, 0)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, group_id="g", enable_auto_commit=False)
    async with consumer:
        consumer.assign([tp])
        consumer.seek(tp, 3)
        assert (await consumer.getone()).value == b"3"
        await consumer.seek_to_end(tp)
        assert await consumer.position(tp) == 10
        found = await consumer.offsets_for_times({tp: 4_500})
        assert (found[tp].offset, found[tp].timestamp) == (5, 5_000)
        await consumer.commit({tp: (7, "half way")})
        assert await consumer.committed(tp) == 7
    assert committed(lab, "g") == [(7, "half way")]


async def test_kafka_python_commits_seeks_and_finds_a_time(lab: Cluster, bootstrap: str, stocked: str) -> None:
    def work() -> None:
        tp = PyTopicPartition(stocked, 0)
        consumer = KafkaConsumer(bootstrap_servers=bootstrap.split(","), group_id="g", enable_auto_commit=False)
        consumer.assign([tp])
        consumer.seek(tp, 3)
        assert next(consumer).value == b"3"
        assert consumer.beginning_offsets([tp]) == {tp: 0}
        assert consumer.end_offsets([tp]) == {tp: 10}
        assert consumer.offsets_for_times({tp: 4_500})[tp].offset == 5
        consumer.commit()
        assert consumer.committed(tp) == 4
        consumer.close()

    await asyncio.to_thread(work)
    assert committed(lab, "g") == [(4, "")]
