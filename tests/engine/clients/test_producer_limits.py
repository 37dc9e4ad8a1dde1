"""What a producer has room for: memory, sizes, settings."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import (
    IllegalStateError,
    InvalidConfigError,
    InvalidRecordError,
    KafkaTimeoutError,
    RecordTooLargeError,
)
from engine.messages import ProduceRequest
from engine.types import TopicPartition
from tests.engine.clients.lab import Lab, Serve


async def test_a_full_buffer_makes_send_wait_in_line(lab: Lab) -> None:
    blocked = asyncio.Event()

    async def hold(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        await blocked.wait()
        return await serve()

    lab.meddle(ProduceRequest, hold)
    producer = await lab.producer(buffer_memory=2_000, max_batch_size=1_000)
    for _ in range(6):
        await producer.send("single", bytes(300))
    waiting = [asyncio.create_task(producer.send("single", b"%d" % n + bytes(900))) for n in range(2)]
    await lab.clock.advance(5_000)
    assert not any(task.done() for task in waiting)
    blocked.set()
    await lab.clock.settle()
    offsets = [(await task).result().offset for task in waiting]
    assert offsets == [6, 7]


async def test_a_buffer_that_stays_full_is_an_error_after_max_block_ms(lab: Lab) -> None:
    async def never(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        return await asyncio.Event().wait()

    lab.meddle(ProduceRequest, never)
    producer = await lab.producer(buffer_memory=1_000, max_batch_size=1_000, max_block_ms=700)
    await producer.send("single", bytes(900))
    waiting = asyncio.create_task(producer.send("single", bytes(900)))
    await lab.clock.advance(699)
    assert not waiting.done()
    await lab.clock.advance(1)
    with pytest.raises(KafkaTimeoutError, match="buffer stayed full"):
        await waiting
    assert producer.sent == 1


async def test_a_send_given_up_while_it_waits_gives_its_place_to_the_next(lab: Lab) -> None:
    blocked = asyncio.Event()

    async def hold(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        await blocked.wait()
        return await serve()

    lab.meddle(ProduceRequest, hold)
    producer = await lab.producer(buffer_memory=1_000, max_batch_size=1_000)
    await producer.send("single", bytes(900))
    first, second = (asyncio.create_task(producer.send("single", bytes(900))) for _ in range(2))
    await lab.clock.settle()
    first.cancel()
    blocked.set()
    await lab.clock.settle()
    assert (await second).result().offset == 1


async def test_a_record_above_max_request_size_is_refused_in_send(lab: Lab) -> None:
    producer = await lab.producer(max_request_size=1_000)
    with pytest.raises(RecordTooLargeError, match="max_request_size"):
        await producer.send("single", bytes(1_000))
    await producer.send("single", bytes(850))
    assert producer.sent == 1


async def test_a_record_larger_than_the_whole_buffer_is_refused(lab: Lab) -> None:
    producer = await lab.producer(buffer_memory=20_000)
    with pytest.raises(RecordTooLargeError, match="buffer_memory"):
        await producer.send("single", bytes(30_000))


async def test_a_compacted_topics_refusal_of_a_record_without_a_key_reaches_the_future(lab: Lab) -> None:
    await lab.cluster.create_topic("table", config={"cleanup.policy": "compact"})
    producer = await lab.producer()
    with pytest.raises(InvalidRecordError, match="key"):
        await lab.run(producer.send_and_wait("table", b"v"))
    assert (producer.acked, producer.failed) == (0, 1)
    assert isinstance(producer.last_error, InvalidRecordError)
    await lab.run(producer.send_and_wait("table", b"v", key=b"k"))


async def test_a_batch_too_large_for_its_topic_is_sent_in_parts_and_in_order(lab: Lab) -> None:
    await lab.cluster.alter_topic_config("single", {"max.message.bytes": "700"})
    producer = await lab.producer(linger_ms=5)
    futures = [await producer.send("single", b"%02d" % n + bytes(98)) for n in range(20)]
    await lab.run(producer.flush())
    assert [future.result().offset for future in futures] == list(range(20))
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([TopicPartition("single", 0)])
    assert [r.value and r.value[:2] for r in await lab.read(consumer, 20)] == [b"%02d" % n for n in range(20)]
    with pytest.raises(RecordTooLargeError, match=r"max\.message\.bytes"):
        await lab.run(producer.send_and_wait("single", bytes(900)))


async def test_bad_settings_are_refused_and_say_what_is_accepted(lab: Lab) -> None:
    with pytest.raises(InvalidConfigError, match="0, 1 or 'all'"):
        lab.cluster.producer(acks=2)
    with pytest.raises(InvalidConfigError, match="gzip"):
        lab.cluster.producer(compression_type="rar")
    with pytest.raises(InvalidConfigError, match="roundrobin"):
        lab.cluster.producer(partitioner="nearest")
    with pytest.raises(InvalidConfigError, match="delivery_timeout_ms"):
        lab.cluster.producer(delivery_timeout_ms=1_000)
    for name in ("linger_ms", "max_batch_size", "max_request_size", "buffer_memory", "retry_backoff_ms"):
        for number in (-1, float("nan")):
            with pytest.raises(InvalidConfigError, match=f"{name} cannot be {number}; it takes 0 or more"):
                lab.cluster.producer(**{name: number})


async def test_keys_and_values_must_be_bytes(lab: Lab) -> None:
    producer = await lab.producer()
    with pytest.raises(TypeError, match="key_serializer"):
        await producer.send("orders", b"v", key="text")
    with pytest.raises(TypeError):
        await producer.send("orders", "text")
    assert producer.buffered == 0
    await lab.run(producer.send_and_wait("orders", b"v", key=bytearray(b"k")))


async def test_a_producer_that_was_not_started_says_so(lab: Lab) -> None:
    producer = lab.cluster.producer()
    with pytest.raises(IllegalStateError, match="start"):
        await producer.send("orders", b"v")
