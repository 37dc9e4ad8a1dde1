"""A real cluster on a clock turned by hand, whose network can be listened to and meddled with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import ClientClosedError
from engine.messages import Request
from engine.records import ConsumerRecord
from engine.snapshot import GroupView
from engine.types import ClientInfo, TopicPartition

BEGAN_MS = 1_700_000_000_000
"""When every lab begins, by its own clock."""

T = TypeVar("T")
Serve = Callable[[], Awaitable[Any]]
Meddler = Callable[[int, Any, Serve], Awaitable[Any]]


class Lab:
    """`asked` is every request in order, as (client id, broker, request)."""

    def __init__(self, cluster: Cluster, clock: ManualClock) -> None:
        self.cluster = cluster
        self.clock = clock
        self.asked: list[tuple[str, int, Any]] = []
        self.clients: list[Producer | Consumer] = []
        self._meddlers: dict[type, Meddler] = {}
        for broker_id, broker in cluster.nodes.alive.items():
            cluster.network.attach(broker_id, self._serving(broker_id, broker.handle))

    def _serving(self, broker_id: int, handle: Any) -> Callable[[ClientInfo, Request[Any]], Awaitable[Any]]:
        async def serve(client: ClientInfo, request: Request[Any]) -> Any:
            self.asked.append((client.client_id, broker_id, request))
            meddler = self._meddlers.get(type(request))
            if meddler is not None:
                return await meddler(broker_id, request, lambda: handle(client, request))
            return await handle(client, request)

        return serve

    def meddle(self, kind: type, meddler: Meddler) -> None:
        """From now on `meddler(broker, request, serve)` answers requests of this kind."""
        self._meddlers[kind] = meddler

    def leave_alone(self, kind: type) -> None:
        """Let the brokers answer these again."""
        self._meddlers.pop(kind, None)

    def requests(self, kind: type[T], client_id: str | None = None) -> list[T]:
        """The requests of one kind so far, of one client or of all."""
        return [r for client, _, r in self.asked if isinstance(r, kind) and client_id in (None, client)]

    async def run(self, work: Coroutine[Any, Any, T], within_ms: float = 120_000) -> T:
        """The result of something that needs time to pass."""
        task = asyncio.create_task(work)
        try:
            await self.clock.until(task.done, within_ms)
        except BaseException:
            task.cancel()
            raise
        return task.result()

    async def producer(self, **options: Any) -> Producer:
        """A producer, started."""
        producer = self.cluster.producer(**options)
        self.clients.append(producer)
        await producer.start()
        return producer

    async def consumer(self, *topics: str, **options: Any) -> Consumer:
        """A consumer, started."""
        consumer = self.cluster.consumer(*topics, **options)
        self.clients.append(consumer)
        await consumer.start()
        return consumer

    async def fill(self, topic: str, number: int, partition: int | None = None) -> None:
        """Produce records 0, 1, 2 ... into a partition, or round them all in turn."""
        producer = await self.producer(partitioner="roundrobin")
        for n in range(number):
            await producer.send(topic, b"%d" % n, partition=partition, timestamp_ms=BEGAN_MS + n)
        await self.run(producer.flush())
        await self.run(producer.stop())

    async def read(self, consumer: Consumer, number: int, **options: Any) -> list[ConsumerRecord]:
        """The next `number` records, in the order they are handed out."""
        records: list[ConsumerRecord] = []

        async def read() -> None:
            while len(records) < number:
                for each in (await consumer.getmany(timeout_ms=1_000, **options)).values():
                    records.extend(each)

        await self.run(read())
        return records

    async def close(self) -> None:
        for client in self.clients:
            client.crash()


def group(lab: Lab, group_id: str = "g") -> GroupView:
    found = lab.cluster.snapshot().group(group_id)
    assert found is not None
    return found


async def member(lab: Lab, name: str, assignor: Any = "range", listener: Any = None, **options: Any) -> Consumer:
    """A member of group g that reads orders from the start."""
    options.setdefault("session_timeout_ms", 10_000)
    options.setdefault("auto_offset_reset", "earliest")
    consumer = lab.cluster.consumer(group_id="g", client_id=name, partition_assignment_strategy=assignor, **options)
    lab.clients.append(consumer)
    consumer.subscribe(["orders"], listener=listener)
    await consumer.start()
    return consumer


class App:
    """An application that polls for ever, and keeps what it got, and what went wrong."""

    def __init__(self, consumer: Consumer, processing_ms: float = 0) -> None:
        self.consumer = consumer
        self.processing_ms = processing_ms
        self.records: list[ConsumerRecord] = []
        self.errors: list[BaseException] = []
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            try:
                got = await self.consumer.getmany(timeout_ms=100)
            except ClientClosedError:
                return
            except Exception as error:  # an application's own log
                self.errors.append(error)
                await self.consumer._clock.sleep(50)
                continue
            for records in got.values():
                self.records += records
            if self.processing_ms:
                await self.consumer._clock.sleep(self.processing_ms)

    def values(self) -> list[bytes | None]:
        return [record.value for record in self.records]


class Told:
    """A rebalance listener that keeps what it was told, in one list that several may share."""

    def __init__(self, name: str = "", story: list[tuple[str, str, set[int]]] | None = None) -> None:
        self.name = name
        self.story: list[tuple[str, str, set[int]]] = [] if story is None else story

    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self.story.append((self.name, "revoked", {tp.partition for tp in revoked}))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.story.append((self.name, "assigned", {tp.partition for tp in assigned}))

    async def on_partitions_lost(self, lost: set[TopicPartition]) -> None:
        self.story.append((self.name, "lost", {tp.partition for tp in lost}))

    def said(self) -> list[tuple[str, set[int]]]:
        return [(what, partitions) for _, what, partitions in self.story]


def spread(*consumers: Consumer) -> list[set[int]]:
    """The partitions each has."""
    return [{tp.partition for tp in consumer.assignment()} for consumer in consumers]


def shares_all(partitions: int, *consumers: Consumer) -> Callable[[], bool]:
    """Whether every partition has exactly one of these, and each has some where there are enough."""

    def holds() -> bool:
        found = [p for share in spread(*consumers) for p in share]
        least = 1 if partitions >= len(consumers) else 0
        return sorted(found) == list(range(partitions)) and min(map(len, spread(*consumers))) >= least

    return holds
