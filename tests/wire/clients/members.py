"""Members of a group, each of another client, that take whatever they are given; and ways to wait for the lab.

Clients that block run in threads of their own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from confluent_kafka import Consumer
from kafka import KafkaConsumer
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.coordinator.assignors.range import RangePartitionAssignor as Range
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor as RoundRobin
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor as Sticky

from engine.cluster import Cluster
from engine.records import read_all
from engine.snapshot import GroupState, GroupView

Taken = list[bytes]
Member = Callable[[Cluster, str, str, str, str], AbstractAsyncContextManager[Taken]]
"""Called with the lab, the bootstrap addresses, group, topic and assignor; gives the values taken so far."""

_AIOKAFKA = {
    "range": RangePartitionAssignor,
    "roundrobin": RoundRobinPartitionAssignor,
    "sticky": StickyPartitionAssignor,
}
_KAFKA_PYTHON = {
    "range": Range,
    "roundrobin": RoundRobin,
    "sticky": Sticky,
    "cooperative-sticky": CooperativeStickyAssignor,
}
_SESSION_MS = 30_000


@asynccontextmanager
async def _thread(work: Callable[[threading.Event], None]) -> AsyncIterator[None]:
    stop = threading.Event()
    task = asyncio.create_task(asyncio.to_thread(work, stop))
    try:
        yield
    finally:
        stop.set()
        await task


@asynccontextmanager
async def librdkafka(lab: Cluster, bootstrap: str, group: str, topic: str, assignor: str) -> AsyncIterator[Taken]:
    """confluent-kafka."""
    taken: Taken = []

    def work(stop: threading.Event) -> None:
        consumer = Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group,
                "client.id": "librdkafka",
                "partition.assignment.strategy": assignor,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": _SESSION_MS,
                "topic.metadata.refresh.interval.ms": 1_000,
            }
        )
        consumer.subscribe([topic])
        while not stop.is_set():
            message = consumer.poll(0.1)
            if message is not None and not message.error():
                taken.append(message.value() or b"")
        consumer.close()

    async with _thread(work):
        yield taken


@asynccontextmanager
async def kafka_python(lab: Cluster, bootstrap: str, group: str, topic: str, assignor: str) -> AsyncIterator[Taken]:
    """kafka-python."""
    taken: Taken = []

    def work(stop: threading.Event) -> None:
        consumer = KafkaConsumer(
            topic,
            bootstrap_servers=bootstrap.split(","),
            group_id=group,
            client_id="kafka-python",
            partition_assignment_strategy=[_KAFKA_PYTHON[assignor]],
            auto_offset_reset="earliest",
            session_timeout_ms=_SESSION_MS,
            metadata_max_age_ms=1_000,
        )
        while not stop.is_set():
            for records in consumer.poll(timeout_ms=100).values():
                taken.extend(record.value for record in records)
        consumer.close()

    async with _thread(work):
        yield taken


@asynccontextmanager
async def aiokafka(lab: Cluster, bootstrap: str, group: str, topic: str, assignor: str) -> AsyncIterator[Taken]:
    """aiokafka."""
    taken: Taken = []
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        client_id="aiokafka",
        partition_assignment_strategy=[_AIOKAFKA[assignor]],
        auto_offset_reset="earliest",
        session_timeout_ms=_SESSION_MS,
        metadata_max_age_ms=1_000,
    )

    async def work() -> None:
        async for record in consumer:
            taken.append(record.value)

    async with consumer:
        task = asyncio.create_task(work())
        try:
            yield taken
        finally:
            task.cancel()
            await asyncio.wait({task})


@asynccontextmanager
async def of_the_lab(lab: Cluster, bootstrap: str, group: str, topic: str, assignor: str) -> AsyncIterator[Taken]:
    """The lab's own consumer, which needs no wire."""
    taken: Taken = []
    consumer = lab.consumer(
        topic,
        group_id=group,
        client_id="lab",
        partition_assignment_strategy=[assignor],
        auto_offset_reset="earliest",
        session_timeout_ms=_SESSION_MS,
    )

    async def work() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                taken.extend(record.value or b"" for record in records)

    async with consumer:
        task = asyncio.create_task(work())
        try:
            yield taken
        finally:
            task.cancel()
            await asyncio.wait({task})


async def until(lab: Cluster, condition: Callable[[], bool], within_s: float = 60) -> None:
    """Return when it holds; it is looked at whenever something happens in the lab, and each quarter of a second."""
    news = asyncio.Event()
    stop = lab.events.listen(lambda _: news.set())
    try:
        async with asyncio.timeout(within_s):
            while not condition():
                try:
                    await asyncio.wait_for(news.wait(), 0.25)
                except TimeoutError:
                    pass
                news.clear()
    except TimeoutError:
        told = "\n".join(event.sentence() for event in lab.events.last(20))
        raise AssertionError(f"not so within {within_s} s; the last that happened:\n{told}") from None
    finally:
        stop()


def shared(lab: Cluster, group_id: str, members: int) -> bool:
    """Whether the group is stable with so many members and somebody owns each partition of its topic."""
    group = lab.snapshot().group(group_id)
    return group is not None and group.state is GroupState.STABLE and _complete(group, members)


def _complete(group: GroupView, members: int) -> bool:
    owned = [tp for member in group.members for tp in member.assignment]
    return len(group.members) == members and len(owned) == len(set(owned)) == 6


async def values_in(lab: Cluster, topic: str, count: int) -> list[bytes]:
    """The values of a topic's records, sorted, once there are `count`."""
    leaders = [lab.nodes.leader(partition.tp) for partition in lab.describe_topic(topic).partitions]
    await until(lab, lambda: sum(leader.high_watermark for leader in leaders) >= count)
    found: list[bytes] = []
    for leader in leaders:
        batches = await leader.log.read(0, 1 << 30)
        found += [record.value or b"" for record in read_all(batches, *leader.tp)]
    return sorted(found)
