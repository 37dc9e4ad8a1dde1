from __future__ import annotations

import asyncio
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from engine.errors import (
    DeliveryTimeoutError,
    ErrorCode,
    KafkaStorageError,
    NetworkError,
    NotLeaderOrFollowerError,
    RequestTimedOutError,
)
from engine.messages import FetchRequest, MetadataRequest, ProducedPartition, ProduceRequest, ProduceResponse
from engine.types import TopicPartition
from tests.engine.clients.lab import Lab, Serve


async def test_a_retriable_error_is_tried_again_after_the_backoff(lab: Lab) -> None:
    times: list[float] = []

    async def fail_twice(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        times.append(lab.clock.now_ms())
        if len(times) <= 2:
            raise KafkaStorageError("the disk is busy")
        return await serve()

    lab.meddle(ProduceRequest, fail_twice)
    producer = await lab.producer(retry_backoff_ms=100)
    metadata = await lab.run(producer.send_and_wait("single", b"v"))
    assert metadata.offset == 0
    assert [at - times[0] for at in times] == [0, 100, 200]


async def test_order_is_kept_within_each_partition_however_often_requests_fail(lab: Lab) -> None:
    chance = Random(11)

    async def fail_often(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        await lab.clock.sleep(chance.randrange(1, 30))
        if chance.random() < 0.5:
            raise NetworkError("cut off")
        return await serve()

    lab.meddle(ProduceRequest, fail_often)
    producer = await lab.producer(max_batch_size=400)
    keys = [b"key-%d" % (n % 9) for n in range(300)]
    for n, key in enumerate(keys):
        await producer.send("orders", b"%d" % n, key=key)
        if n % 20 == 0:
            await lab.clock.advance(7)
    await lab.run(producer.flush())
    assert producer.acked == 300
    lab.leave_alone(ProduceRequest)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign(TopicPartition("orders", p) for p in range(6))
    read: dict[bytes | None, list[int]] = {}
    for record in await lab.read(consumer, 300):
        read.setdefault(record.key, []).append(int(record.value or b""))
    assert read == {key: [n for n in range(300) if keys[n] == key] for key in set(keys)}


async def test_a_record_that_cannot_be_delivered_fails_in_time_and_names_the_last_error(lab: Lab) -> None:
    async def fail(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        return ProduceResponse(
            {tp: ProducedPartition(ErrorCode.NOT_ENOUGH_REPLICAS, message="1 in sync of 2") for tp in request.batches}
        )

    lab.meddle(ProduceRequest, fail)
    producer = await lab.producer(request_timeout_ms=500, delivery_timeout_ms=2_000)
    future = await producer.send("single", b"v")
    await lab.clock.advance(1_999)
    assert not future.done()
    await lab.clock.advance(2)
    with pytest.raises(DeliveryTimeoutError, match="1 in sync of 2"):
        await future
    assert (producer.failed, producer.buffered) == (1, 0)


async def test_a_broker_that_never_answers_is_given_up_after_the_request_timeout(lab: Lab) -> None:
    asked = 0

    async def silent_once(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        nonlocal asked
        asked += 1
        return await (asyncio.Event().wait() if asked == 1 else serve())

    lab.meddle(ProduceRequest, silent_once)
    producer = await lab.producer(request_timeout_ms=1_000)
    future = await producer.send("single", b"v")
    await lab.clock.advance(1_050)
    assert not future.done()
    await lab.clock.advance(60)
    assert future.result().offset == 0


async def test_an_error_that_will_not_pass_fails_at_once_with_the_brokers_own_words(lab: Lab) -> None:
    async def fail(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        return ProduceResponse(
            {tp: ProducedPartition(ErrorCode.INVALID_TIMESTAMP, message="too old by a year") for tp in request.batches}
        )

    lab.meddle(ProduceRequest, fail)
    producer = await lab.producer()
    future = await producer.send("single", b"v")
    await lab.clock.settle()
    with pytest.raises(Exception, match="too old by a year"):
        await future
    assert len(lab.requests(ProduceRequest)) == 1


async def test_when_the_leader_has_changed_metadata_is_asked_for_before_the_next_try(lab: Lab) -> None:
    async def elsewhere_once(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        lab.leave_alone(ProduceRequest)
        raise NotLeaderOrFollowerError

    producer = await lab.producer()
    await producer.partitions_for("single")
    asked = len(lab.requests(MetadataRequest))
    lab.meddle(ProduceRequest, elsewhere_once)
    assert (await lab.run(producer.send_and_wait("single", b"v"))).offset == 0
    assert len(lab.requests(MetadataRequest)) > asked


async def test_records_wait_while_their_broker_cannot_be_reached(lab: Lab) -> None:
    producer = await lab.producer()
    await producer.partitions_for("single")
    leader = lab.cluster.describe_topic("single").partitions[0].leader
    assert leader is not None
    handler = lab.cluster.network._handlers[leader]
    lab.cluster.network.detach(leader)
    future = await producer.send("single", b"v")
    await lab.clock.advance(1_000)
    assert not future.done()
    lab.cluster.network.attach(leader, handler)
    await lab.clock.until(future.done)
    assert future.result().offset == 0


async def test_a_client_that_finds_no_broker_at_all_says_so(lab: Lab) -> None:
    for broker in lab.cluster.network.reachable():
        lab.cluster.network.detach(broker)
    with pytest.raises(NetworkError, match="No broker"):
        await lab.cluster.producer().start()
    with pytest.raises(NetworkError, match="No broker"):
        await lab.cluster.consumer().start()


async def test_a_fetch_that_fails_is_tried_again(lab: Lab) -> None:
    await lab.fill("single", 5)
    failed = 0

    async def fail_some(broker: int, request: FetchRequest, serve: Serve) -> Any:
        nonlocal failed
        failed += 1
        if failed < 4:
            raise RequestTimedOutError if failed % 2 else NetworkError
        return await serve()

    lab.meddle(FetchRequest, fail_some)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([TopicPartition("single", 0)])
    assert len(await lab.read(consumer, 5)) == 5


async def test_with_one_request_at_a_time_a_partition_is_sent_to_no_other_broker_meanwhile(lab: Lab) -> None:
    producer = await lab.producer(metadata_max_age_ms=500, max_in_flight_requests_per_connection=1)
    await producer.partitions_for("single")
    first_leader = lab.cluster.describe_topic("single").partitions[0].leader
    held = asyncio.Event()
    sent: list[tuple[int, int]] = []

    async def hold(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        sent.append((broker, len(sent)))
        await held.wait()
        return ProduceResponse({tp: ProducedPartition(base_offset=0) for tp in request.batches})

    async def elsewhere(broker: int, request: MetadataRequest, serve: Serve) -> Any:
        answer = await serve()
        moved = tuple(
            replace(topic, partitions=tuple(replace(p, leader=(first_leader or 0) % 3 + 1) for p in topic.partitions))
            for topic in answer.topics
        )
        return replace(answer, topics=moved)

    lab.meddle(ProduceRequest, hold)
    await producer.send("single", b"1")
    await lab.clock.settle()
    lab.meddle(MetadataRequest, elsewhere)
    await lab.clock.advance(1_000)
    second = await producer.send("single", b"2")
    await lab.clock.advance(1_000)
    assert sent == [(first_leader, 0)]
    held.set()
    await lab.clock.until(second.done)
    assert [broker for broker, _ in sent] == [first_leader, (first_leader or 0) % 3 + 1]
