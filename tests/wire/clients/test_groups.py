"""Members of different clients share the partitions of a topic, with each assignor that they have in common."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from confluent_kafka import Consumer, Producer

from engine.cluster import Cluster
from engine.config import INTERNAL_TOPIC
from engine.errors import CoordinatorLoadInProgressError
from engine.messages import FindCoordinatorRequest, OffsetFetchRequest
from engine.types import ClientInfo
from tests.wire.clients.members import Member, aiokafka, kafka_python, librdkafka, of_the_lab, shared, until

ME = ClientInfo("me")
TOGETHER: list[tuple[str, list[Member]]] = [
    ("range", [librdkafka, aiokafka, kafka_python, of_the_lab]),
    ("roundrobin", [kafka_python, of_the_lab, librdkafka, aiokafka]),
    ("sticky", [aiokafka, of_the_lab]),
    ("sticky", [of_the_lab, kafka_python]),
    ("cooperative-sticky", [librdkafka, of_the_lab]),
    ("cooperative-sticky", [of_the_lab, kafka_python, librdkafka]),
]


def produce(bootstrap: str, values: list[bytes]) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for number, value in enumerate(values):
        producer.produce("orders", value, partition=number % 6)
    assert producer.flush(30) == 0


@pytest.mark.parametrize(
    ("assignor", "kinds"),
    TOGETHER,
    ids=[f"{assignor}-{'-'.join(kind.__name__ for kind in kinds)}" for assignor, kinds in TOGETHER],
)
async def test_members_of_different_clients_share_a_topic(
    lab: Cluster, bootstrap: str, assignor: str, kinds: list[Member]
) -> None:
    await lab.create_topic("orders", partitions=6, replication_factor=1)
    async with AsyncExitStack() as members:
        taken = []
        for number, kind in enumerate(kinds, start=1):
            taken.append(await members.enter_async_context(kind(lab, bootstrap, "billing", "orders", assignor)))
            await until(lab, lambda number=number: shared(lab, "billing", number))  # type: ignore[misc]
        group = lab.snapshot().group("billing")
        assert group is not None
        assert group.assignor == assignor
        assert min(len(member.assignment) for member in group.members) >= 1
        assert {member.software for member in group.members} >= {"kafkarium"}
        values = [b"%03d" % number for number in range(300)]
        await asyncio.to_thread(produce, bootstrap, values)
        await until(lab, lambda: len(set().union(*taken)) == len(values))
        assert sorted(value for each in taken for value in each) == values, "each record once"
        assert all(taken), "everybody took some"
    group = lab.snapshot().group("billing")
    assert group is not None
    assert group.members == ()
    assert group.lag == 0, "what was taken was committed on leaving"


async def test_no_coordinator_is_named_before_it_has_heard_that_it_is_one(lab: Cluster) -> None:
    async def found_by(broker_id: int) -> None:
        answer = await lab.network.call(ME, broker_id, FindCoordinatorRequest("billing"))
        try:
            await lab.network.call(ME, answer.broker_id, OffsetFetchRequest("billing", ()))
        except CoordinatorLoadInProgressError:
            pass  # it knows, and reads its log

    async def found_as_soon_as_it_is_known(broker_id: int) -> None:
        while INTERNAL_TOPIC not in lab.nodes.alive[broker_id].image.topics:
            await asyncio.sleep(0)
        await found_by(broker_id)

    await asyncio.gather(found_by(1), *map(found_as_soon_as_it_is_known, (1, 2, 3)))


async def test_a_static_member_that_comes_back_keeps_its_partitions_and_nobody_rebalances(
    lab: Cluster, bootstrap: str
) -> None:
    await lab.create_topic("orders", partitions=6, replication_factor=1)
    async with AsyncExitStack() as members:
        await members.enter_async_context(of_the_lab(lab, bootstrap, "billing", "orders", "range"))
        await until(lab, lambda: shared(lab, "billing", 1))

        def work() -> set[int]:
            consumer = Consumer(
                {
                    "bootstrap.servers": bootstrap,
                    "group.id": "billing",
                    "group.instance.id": "worker-1",
                    "partition.assignment.strategy": "range",
                    "session.timeout.ms": 30_000,
                    "auto.offset.reset": "earliest",
                }
            )
            consumer.subscribe(["orders"])
            while not (mine := {tp.partition for tp in consumer.assignment()}):
                consumer.poll(0.1)
            consumer.close()  # a static member does not leave the group
            return mine

        first = await asyncio.to_thread(work)
        await until(lab, lambda: shared(lab, "billing", 2))
        before = lab.snapshot().group("billing")
        assert await asyncio.to_thread(work) == first
        after = lab.snapshot().group("billing")
        assert before is not None
        assert after is not None
        assert len(first) == 3
        assert after.generation == before.generation
