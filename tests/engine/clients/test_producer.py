from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.clients.partitioners import partition_for_key
from engine.errors import (
    ClientClosedError,
    IllegalStateError,
    InvalidTopicError,
)
from engine.messages import MetadataRequest, ProduceRequest
from engine.records import BatchHeader
from engine.types import TopicPartition
from tests.engine.clients.lab import Lab, Serve


def batches(lab: Lab) -> list[BatchHeader]:
    return [BatchHeader.parse(data) for r in lab.requests(ProduceRequest) for data in r.batches.values()]


async def test_a_record_is_acknowledged_with_the_place_it_went_to(lab: Lab) -> None:
    producer = await lab.producer()
    first = await lab.run(producer.send_and_wait("orders", b"v", key=b"k"))
    second = await lab.run(producer.send_and_wait("orders", b"w", key=b"k", timestamp_ms=5))
    partition = partition_for_key(b"k", 6)
    assert first[:4] == ("orders", partition, TopicPartition("orders", partition), 0)
    assert (first.timestamp, first.timestamp_type) == (lab.clock.now(), 0)
    assert (second.offset, second.timestamp) == (1, 5)
    assert (producer.sent, producer.acked, producer.failed, producer.buffered) == (2, 2, 0, 0)


async def test_a_topic_that_stamps_its_records_says_when(lab: Lab) -> None:
    await lab.cluster.alter_topic_config("single", {"message.timestamp.type": "LogAppendTime"})
    producer = await lab.producer()
    metadata = await lab.run(producer.send_and_wait("single", b"v", timestamp_ms=5))
    assert (metadata.timestamp, metadata.timestamp_type) == (lab.clock.now(), 1)


async def test_key_value_headers_and_timestamp_arrive_as_they_were_sent(lab: Lab) -> None:
    producer = await lab.producer(key_serializer=str.encode, value_serializer=lambda v: v.upper().encode())
    headers = [("trace", b"1"), ("none", None)]
    await lab.run(producer.send_and_wait("single", "value", key="k", timestamp_ms=77, headers=headers))
    consumer = await lab.consumer(
        auto_offset_reset="earliest", value_deserializer=lambda v: v.decode(), key_deserializer=lambda k: k.decode()
    )
    consumer.assign([TopicPartition("single", 0)])
    (record,) = await lab.read(consumer, 1)
    key, value = str(record.key), str(record.value)
    assert (key, value, record.timestamp) == ("k", "VALUE", 77)
    assert record.headers == (("trace", b"1"), ("none", None))


async def test_records_of_one_turn_share_a_batch_and_keep_their_order(lab: Lab) -> None:
    producer = await lab.producer()
    futures = [await producer.send("single", b"%d" % n) for n in range(50)]
    await lab.run(producer.flush())
    assert [future.result().offset for future in futures] == list(range(50))
    assert [header.count for header in batches(lab)] == [50]


async def test_a_batch_lingers_for_more_records(lab: Lab) -> None:
    producer = await lab.producer(linger_ms=20)
    future = await producer.send("single", b"1")
    await lab.clock.advance(15)
    await producer.send("single", b"2")
    await lab.clock.advance(4)
    assert not future.done()
    await lab.clock.advance(1)
    assert future.done()
    assert [header.count for header in batches(lab)] == [2]


async def test_a_full_batch_does_not_linger(lab: Lab) -> None:
    producer = await lab.producer(linger_ms=1_000, max_batch_size=1_000)
    futures = [await producer.send("single", bytes(300)) for _ in range(4)]
    await lab.clock.settle()
    assert [future.done() for future in futures] == [True] * 3 + [False]


async def test_flush_ends_all_lingering(lab: Lab) -> None:
    producer = await lab.producer(linger_ms=60_000)
    future = await producer.send("single", b"v")
    before = lab.clock.now()
    await producer.flush()
    assert future.done()
    assert lab.clock.now() == before


async def test_stop_sends_what_is_buffered(lab: Lab) -> None:
    producer = await lab.producer(linger_ms=60_000)
    future = await producer.send("single", b"v")
    await producer.stop()
    assert future.result().offset == 0
    with pytest.raises(ClientClosedError):
        await producer.send("single", b"w")


async def test_records_with_numbers_are_told_of_by_batches_and_need_no_futures(lab: Lab) -> None:
    told: list[tuple[list[int], TopicPartition, int, str]] = []
    producer = await lab.producer(
        linger_ms=5, on_batch=lambda numbers, tp, at, error: told.append((list(numbers), tp, at, type(error).__name__))
    )
    for number in range(5):
        await producer.post(number, "single", b"v", headers=[("n", b"%d" % number)])
    await lab.run(producer.flush())
    await producer.post(5, "single", b"v")
    producer.crash()
    single = TopicPartition("single", 0)
    assert told == [([0, 1, 2, 3, 4], single, 0, "NoneType"), ([5], single, -1, "ClientClosedError")]
    assert (producer.sent, producer.acked, producer.failed) == (6, 5, 1)


async def test_records_are_known_by_their_futures_or_by_their_numbers(lab: Lab) -> None:
    numbered, plain = await lab.producer(on_batch=lambda *_: None), await lab.producer()
    with pytest.raises(IllegalStateError, match=r"given them with post\(\)"):
        await numbered.send("single", b"v")
    with pytest.raises(IllegalStateError, match="has no on_batch"):
        await plain.post(1, "single", b"v")


async def test_a_name_that_no_topic_can_have_is_asked_for_once(lab: Lab) -> None:
    producer = await lab.producer(metadata_max_age_ms=500)
    with pytest.raises(InvalidTopicError):
        await lab.run(producer.send("or ders", b"v"))
    lab.asked.clear()
    await lab.clock.advance(2_000)
    assert {request.topics for request in lab.requests(MetadataRequest, producer.client_id)} == {()}


async def test_a_crash_loses_what_is_buffered_and_says_so_to_those_who_wait(lab: Lab) -> None:
    producer = await lab.producer(linger_ms=100)
    future = await producer.send("single", b"v")
    producer.crash()
    with pytest.raises(ClientClosedError):
        await future
    await lab.clock.advance(1_000)
    assert lab.requests(ProduceRequest) == []
    assert (producer.sent, producer.acked, producer.failed) == (1, 0, 1)


async def test_a_crash_ends_a_flush_and_a_stop_that_wait(lab: Lab) -> None:
    async def never(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        await asyncio.Event().wait()

    lab.meddle(ProduceRequest, never)
    producer = await lab.producer()
    future = await producer.send("single", b"v")
    waiting = [asyncio.create_task(producer.flush()), asyncio.create_task(producer.stop())]
    await lab.clock.settle()
    producer.crash()
    await lab.clock.settle()
    assert all(task.done() for task in waiting)
    assert isinstance(future.exception(), ClientClosedError)


async def test_a_producer_that_is_being_closed_takes_no_more_records(lab: Lab) -> None:
    release = asyncio.Event()

    async def slowly(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        await release.wait()
        return await serve()

    lab.meddle(ProduceRequest, slowly)
    producer = await lab.producer()
    first = await producer.send("single", b"v")
    stopping = asyncio.create_task(producer.stop())
    await lab.clock.settle()
    with pytest.raises(ClientClosedError):
        await producer.send("single", b"w")
    release.set()
    await lab.run(asyncio.wait_for(stopping, None))
    assert first.result().offset == 0


async def test_a_flush_waits_for_every_part_of_a_batch_that_was_too_large(lab: Lab) -> None:
    await lab.cluster.alter_topic_config("single", {"max.message.bytes": "1000"})
    held = asyncio.Event()
    asked = 0

    async def hold_the_first_part(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        nonlocal asked
        asked += 1
        if asked == 2:
            await held.wait()
        return await serve()

    lab.meddle(ProduceRequest, hold_the_first_part)
    producer = await lab.producer(enable_idempotence=False, acks=1)
    futures = [await producer.send("single", bytes(100)) for _ in range(12)]
    flushing = asyncio.create_task(producer.flush())
    await lab.clock.settle()
    assert [future.done() for future in futures] == [False] * 6 + [True] * 6
    assert not flushing.done()
    held.set()
    await lab.run(asyncio.wait_for(flushing, None))
    assert all(future.done() for future in futures)


async def test_without_acks_the_offset_is_unknown_and_the_future_done_at_once(lab: Lab) -> None:
    release = asyncio.Event()

    async def slowly(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        await release.wait()
        return await serve()

    lab.meddle(ProduceRequest, slowly)
    producer = await lab.producer(acks=0)
    future = await producer.send("single", b"v", timestamp_ms=9)
    await lab.clock.settle()
    assert (future.result().offset, future.result().timestamp) == (-1, 9)
    release.set()
    await producer.stop()
    assert await lab.cluster.browser.offset_at(TopicPartition("single", 0), 0) == 0
    assert lab.cluster.describe_topic("single").partitions[0].log_end_offset == 1


async def test_a_stop_without_acks_still_sends_everything(lab: Lab) -> None:
    producer = await lab.producer(acks=0, linger_ms=1_000)
    for _ in range(10):
        await producer.send("single", b"v")
    await producer.stop()
    assert lab.cluster.describe_topic("single").partitions[0].log_end_offset == 10


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd", None])
async def test_compressed_batches_are_read_as_they_were_sent(lab: Lab, codec: str | None) -> None:
    producer = await lab.producer(compression_type=codec)
    for n in range(100):
        await producer.send("single", b"again and again %d" % n)
    await producer.flush()
    assert {header.compression for header in batches(lab)} == {codec or "none"}
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([TopicPartition("single", 0)])
    assert [r.value for r in await lab.read(consumer, 100)] == [b"again and again %d" % n for n in range(100)]


async def test_nothing_is_sent_while_the_world_stands_still(lab: Lab) -> None:
    producer = await lab.producer()
    lab.clock.pause()
    future = await producer.send("single", b"v")
    await lab.clock.settle()
    assert not future.done()
    lab.clock.resume()
    await lab.clock.settle()
    assert future.done()


async def test_a_stop_while_the_world_stands_still_sends_what_is_buffered(lab: Lab) -> None:
    producer = await lab.producer()
    lab.clock.pause()
    future = await producer.send("single", b"v")
    await producer.stop()
    assert future.result().offset == 0
