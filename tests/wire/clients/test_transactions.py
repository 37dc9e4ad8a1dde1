"""Transactional producers of each client; who reads committed records alone sees nothing of what was aborted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka import TopicPartition as AioTopicPartition
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from kafka import KafkaConsumer, KafkaProducer

from engine.cluster import Cluster

Work = Callable[[str], None]
COMMITTED, ABORTED = [b"one", b"two"], [b"never", b"nowhere"]


def by_librdkafka(bootstrap: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "shop"})
    producer.init_transactions(30)
    for values in (COMMITTED, ABORTED):
        producer.begin_transaction()
        for value in values:
            producer.produce("orders", value, partition=0)
        producer.flush(30)
        if values is COMMITTED:
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)


def by_kafka_python(bootstrap: str) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap.split(","), transactional_id="shop")
    producer.init_transactions()
    for values in (COMMITTED, ABORTED):
        producer.begin_transaction()
        for value in values:
            producer.send("orders", value, partition=0)
        producer.flush(30)
        if values is COMMITTED:
            producer.commit_transaction()
        else:
            producer.abort_transaction()
    producer.close()


async def by_aiokafka(bootstrap: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, transactional_id="shop") as producer:
        for values in (COMMITTED, ABORTED):
            await producer.begin_transaction()
            for value in values:
                await producer.send_and_wait("orders", value, partition=0)
            if values is COMMITTED:
                await producer.commit_transaction()
            else:
                await producer.abort_transaction()


async def read_by_librdkafka(bootstrap: str, isolation: str, until: bytes) -> list[bytes]:
    def work() -> list[bytes]:
        consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "r", "isolation.level": isolation})
        consumer.assign([TopicPartition("orders", 0, 0)])
        found: list[bytes] = []
        while until not in found:
            message = consumer.poll(30)
            assert message is not None
            found.append(message.value() or b"")
        consumer.close()
        return found

    return await asyncio.to_thread(work)


async def read_by_aiokafka(bootstrap: str, isolation: str, until: bytes) -> list[bytes]:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation, auto_offset_reset="earliest")
    found: list[bytes] = []
    async with consumer, asyncio.timeout(30):
        consumer.assign([AioTopicPartition("orders", 0)])
        while until not in found:
            found.append((await consumer.getone()).value)
    return found


async def read_by_kafka_python(bootstrap: str, isolation: str, until: bytes) -> list[bytes]:
    def work() -> list[bytes]:
        consumer = KafkaConsumer(
            "orders",
            bootstrap_servers=bootstrap.split(","),
            isolation_level=isolation,
            auto_offset_reset="earliest",
            consumer_timeout_ms=30_000,
        )
        found: list[bytes] = []
        for record in consumer:
            found.append(record.value)
            if record.value == until:
                break
        consumer.close()
        return found

    return await asyncio.to_thread(work)


@pytest.mark.parametrize("client", ["librdkafka", "aiokafka", "kafka_python"])
async def test_what_is_committed_is_read_and_what_is_aborted_is_not(lab: Cluster, bootstrap: str, client: str) -> None:
    await lab.create_topic("orders", partitions=1, replication_factor=3)
    if client == "aiokafka":
        await by_aiokafka(bootstrap)
    else:
        work: Work = by_librdkafka if client == "librdkafka" else by_kafka_python
        await asyncio.to_thread(work, bootstrap)
    async with lab.producer() as producer:
        await producer.send_and_wait("orders", b"the end", partition=0)
    for read in (read_by_librdkafka, read_by_aiokafka, read_by_kafka_python):
        assert await read(bootstrap, "read_committed", b"the end") == [*COMMITTED, b"the end"]
        assert await read(bootstrap, "read_uncommitted", b"the end") == [*COMMITTED, *ABORTED, b"the end"]


async def test_a_second_producer_with_the_same_id_fences_the_first(lab: Cluster, bootstrap: str) -> None:
    await lab.create_topic("orders", partitions=1, replication_factor=1)

    def work() -> None:
        settings = {"bootstrap.servers": bootstrap, "transactional.id": "shop"}
        first, second = Producer(settings), Producer(settings)
        first.init_transactions(30)
        first.begin_transaction()
        first.produce("orders", b"never")
        first.flush(30)
        second.init_transactions(30)
        with pytest.raises(KafkaException) as refused:
            first.commit_transaction(30)
        assert refused.value.args[0].fatal()
        second.begin_transaction()
        second.produce("orders", b"one")
        second.commit_transaction(30)

    await asyncio.to_thread(work)
    assert await read_by_aiokafka(bootstrap, "read_committed", b"one") == [b"one"]


@pytest.mark.parametrize("outcome", ["commit", "abort"])
async def test_offsets_committed_in_a_transaction_count_when_it_does(
    lab: Cluster, bootstrap: str, outcome: str
) -> None:
    await lab.create_topic("orders", partitions=1, replication_factor=1)
    await lab.create_topic("bills", partitions=1, replication_factor=1)
    async with lab.producer() as producer:
        for value in (b"one", b"two"):
            await producer.send_and_wait("orders", value, partition=0)

    def work() -> int:
        consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": "billing",
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        consumer.subscribe(["orders"])
        producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": "biller"})
        producer.init_transactions(30)
        producer.begin_transaction()
        for _ in range(2):
            message = consumer.poll(30)
            assert message is not None
            producer.produce("bills", b"bill for " + (message.value() or b""))
        mine = consumer.assignment()
        producer.send_offsets_to_transaction(consumer.position(mine), consumer.consumer_group_metadata(), 30)
        if outcome == "commit":
            producer.commit_transaction(30)
        else:
            producer.abort_transaction(30)
        [committed] = consumer.committed(mine, timeout=30)
        consumer.close()
        return int(committed.offset)

    committed = await asyncio.to_thread(work)
    assert committed == (2 if outcome == "commit" else -1001), "-1001 is librdkafka's word for none"
