"""Real clients while a broker crashes that leads what they write and read, and coordinates their group."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from kafka import KafkaProducer

from engine.cluster import Cluster
from engine.types import TopicPartition
from tests.wire.clients.members import Member, aiokafka, kafka_python, librdkafka, until, values_in

Write = Callable[[str, Sequence[bytes], Callable[[], None]], None]
"""Called with addresses, values, and what makes the broker crash halfway; returns when all are acknowledged."""


def by_librdkafka(bootstrap: str, values: Sequence[bytes], crash: Callable[[], None]) -> None:
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 1,
            "topic.metadata.refresh.interval.ms": 1_000,
            "reconnect.backoff.max.ms": 500,
        }
    )
    for number, value in enumerate(values):
        producer.produce("orders", value, partition=number % 3)
        producer.poll(0)
        if number == len(values) // 3:
            producer.flush(30)
            crash()
    assert producer.flush(60) == 0


def by_kafka_python(bootstrap: str, values: Sequence[bytes], crash: Callable[[], None]) -> None:
    producer = KafkaProducer(
        bootstrap_servers=bootstrap.split(","), enable_idempotence=True, linger_ms=1, metadata_max_age_ms=1_000
    )
    sent = []
    for number, value in enumerate(values):
        sent.append(producer.send("orders", value, partition=number % 3))
        if number == len(values) // 3:
            producer.flush(30)
            crash()
    for each in sent:
        each.get(60)
    producer.close()


def by_aiokafka(bootstrap: str, values: Sequence[bytes], crash: Callable[[], None]) -> None:
    async def work() -> None:
        async with AIOKafkaProducer(
            bootstrap_servers=bootstrap, enable_idempotence=True, linger_ms=1, metadata_max_age_ms=1_000
        ) as producer:
            sent = []
            for number, value in enumerate(values):
                sent.append(await producer.send("orders", value, partition=number % 3))
                if number == len(values) // 3:
                    await producer.flush()
                    await asyncio.to_thread(crash)
            await asyncio.wait_for(asyncio.gather(*sent), 60)

    asyncio.run(work())


@pytest.mark.parametrize("write", [by_librdkafka, by_aiokafka, by_kafka_python])
async def test_an_idempotent_producer_survives_the_crash_of_a_leader_without_a_loss_or_a_copy(
    lab: Cluster, bootstrap: str, write: Write
) -> None:
    await lab.create_topic("orders", partitions=3, replication_factor=3)
    leader = lab.nodes.leader(TopicPartition("orders", 0)).broker_id
    others = ",".join(address for number, address in enumerate(bootstrap.split(","), start=1) if number != leader)
    values = [b"%06d" % number for number in range(1_500)]
    loop = asyncio.get_running_loop()

    def crash() -> None:
        asyncio.run_coroutine_threadsafe(lab.faults.crash(leader), loop).result(30)

    await asyncio.to_thread(write, others, values, crash)
    assert await values_in(lab, "orders", len(values)) == values


@pytest.mark.parametrize("member", [librdkafka, aiokafka, kafka_python])
async def test_a_consumer_goes_on_when_its_coordinator_crashes_which_leads_a_partition_too(
    lab: Cluster, bootstrap: str, member: Member
) -> None:
    await lab.create_topic("orders", partitions=3, replication_factor=3)
    values = [b"%03d" % number for number in range(60)]
    async with member(lab, bootstrap, "billing", "orders", "range") as taken, lab.producer(acks="all") as producer:

        async def produce(these: Sequence[bytes]) -> None:
            for number, value in enumerate(these):
                await producer.send_and_wait("orders", value, partition=number % 3)

        await produce(values[:30])
        await until(lab, lambda: len(taken) >= 30)
        before = lab.snapshot().group("billing")
        assert before is not None
        assert before.coordinator is not None
        await lab.faults.crash(before.coordinator)
        await produce(values[30:])
        await until(lab, lambda: len(taken) >= 60)
        after = lab.snapshot().group("billing")
        assert after is not None
        assert after.coordinator != before.coordinator
        assert after.generation == before.generation, "nobody had to join again"
        assert sorted(taken) == values, "each record once"
    group = lab.snapshot().group("billing")
    assert group is not None
    assert (group.members, group.lag) == ((), 0), "what was taken was committed at the new coordinator"
