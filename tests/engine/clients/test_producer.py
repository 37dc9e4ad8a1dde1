from __future__ import annotations

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from engine.clients.partitioners import partition_for_key
from engine.errors import (
    ClientClosedError,
    IllegalStateError,
    InvalidConfigError,
    InvalidRecordError,
    InvalidTimestampError,
    InvalidTopicError,
    KafkaTimeoutError,
    RecordTooLargeError,
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


async def test_an_unknown_topic_is_made_when_it_is_first_sent_to(lab: Lab) -> None:
    producer = await lab.producer()
    metadata = await lab.run(producer.send_and_wait("fresh", b"v"))
    assert (metadata.topic, metadata.partition, metadata.offset) == ("fresh", 0, 0)
    assert await producer.partitions_for("orders") == set(range(6))


async def test_what_is_no_topic_name_at_all_is_refused_and_topics_are_found_afterwards(lab: Lab) -> None:
    producer = await lab.producer()
    nothing: Any = None
    with pytest.raises(TypeError, match="by its name, not by None"):
        await lab.run(producer.send(nothing, b"v"))
    assert (await lab.run(producer.send_and_wait("fresh", b"v"))).offset == 0


async def test_a_time_beyond_int64_is_refused(lab: Lab) -> None:
    producer = await lab.producer()
    with pytest.raises(InvalidTimestampError, match=str(2**63)):
        await producer.send("single", b"v", timestamp_ms=2**63)
    assert producer.buffered == 0
    assert (await lab.run(producer.send_and_wait("single", b"v", timestamp_ms=2**63 - 1))).offset == 0


async def test_a_topic_name_kafka_does_not_allow_is_refused_at_once(lab: Lab) -> None:
    producer = await lab.producer()
    with pytest.raises(InvalidTopicError):
        await lab.run(producer.send("no spaces", b"v"))


async def test_a_partition_the_topic_does_not_have_is_waited_for_up_to_max_block_ms(lab: Lab) -> None:
    producer = await lab.producer(max_block_ms=2_000)
    with pytest.raises(KafkaTimeoutError, match="Partition 4 of 'single'"):
        await lab.run(producer.send("single", b"v", partition=4))
    waiting = asyncio.create_task(producer.send("single", b"v", partition=4))
    await lab.clock.advance(1_000)
    await lab.cluster.create_partitions("single", 5)
    await lab.clock.until(waiting.done)
    await lab.run(producer.flush())
    assert waiting.result().result().partition == 4
    with pytest.raises(IllegalStateError, match="from 0"):
        await producer.send("single", b"v", partition=-1)


async def test_new_partitions_are_used_once_metadata_is_old_enough(lab: Lab) -> None:
    producer = await lab.producer(metadata_max_age_ms=5_000, partitioner="roundrobin")
    await lab.run(producer.send_and_wait("single", b"v"))
    await lab.cluster.create_partitions("single", 3)
    await lab.clock.advance(5_100)
    used = {(await lab.run(producer.send_and_wait("single", b"v"))).partition for _ in range(6)}
    assert used == {0, 1, 2}


async def test_a_callable_partitioner_is_asked_as_in_aiokafka(lab: Lab) -> None:
    asked: list[tuple[bytes | None, Sequence[int], Sequence[int]]] = []

    def choose(key: bytes | None, everywhere: Sequence[int], available: Sequence[int]) -> int:
        asked.append((key, everywhere, available))
        return 5 if key != b"bad" else 6

    producer = await lab.producer(partitioner=choose)
    assert (await lab.run(producer.send_and_wait("orders", b"v", key=b"k"))).partition == 5
    assert asked == [(b"k", list(range(6)), list(range(6)))]
    with pytest.raises(IllegalStateError, match="partition 6"):
        await producer.send("orders", b"v", key=b"bad")


async def test_keyless_records_stick_to_a_partition_and_then_go_to_others(lab: Lab) -> None:
    producer = await lab.producer(max_batch_size=1_000, rng=Random(3))
    partitions = [(await lab.run(producer.send_and_wait("orders", bytes(100)))).partition for _ in range(40)]
    changes = sum(a != b for a, b in pairwise(partitions))
    assert 3 <= changes <= 8
    assert len(set(partitions)) >= 3


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
