"""A consumer that ends, stands still, or cannot read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import (
    ClientClosedError,
    IllegalStateError,
    InvalidConfigError,
    InvalidGroupIdError,
    RecordDeserializationError,
)
from engine.messages import FetchRequest, ListOffsetsRequest, MetadataRequest
from engine.records import ConsumerRecord
from engine.types import TopicPartition
from tests.engine.clients.lab import Lab, Serve

SINGLE = TopicPartition("single", 0)
ORDERS = [TopicPartition("orders", partition) for partition in range(6)]


def offsets(records: list[ConsumerRecord]) -> list[int]:
    return [record.offset for record in records]


async def test_a_stopped_consumer_ends_polls_that_wait(lab: Lab) -> None:
    consumer = await lab.consumer("orders")
    polling = asyncio.create_task(consumer.getmany(timeout_ms=60_000))
    waiting = asyncio.create_task(consumer.getone())
    await lab.clock.settle()
    await consumer.stop()
    for task in (polling, waiting):
        with pytest.raises(ClientClosedError):
            await task
    with pytest.raises(ClientClosedError):
        await consumer.getmany()


async def test_a_crashed_consumer_ends_polls_that_wait(lab: Lab) -> None:
    consumer = await lab.consumer("orders", group_id="g")
    polling = asyncio.create_task(consumer.getmany(timeout_ms=60_000))
    await lab.clock.settle()
    consumer.crash()
    with pytest.raises(ClientClosedError):
        await polling
    with pytest.raises(ClientClosedError):
        await consumer.commit()


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_one_that_crashes_while_it_starts_joins_nothing(lab: Lab, protocol: str) -> None:
    held = asyncio.Event()

    async def hold(broker: int, request: MetadataRequest, serve: Serve) -> Any:
        await held.wait()
        return await serve()

    lab.meddle(MetadataRequest, hold)
    consumer = lab.cluster.consumer("orders", group_id="g", group_protocol=protocol)
    starting = asyncio.create_task(consumer.start())
    await lab.clock.settle()
    consumer.crash()
    held.set()
    await lab.clock.advance(5_000)
    with pytest.raises(ClientClosedError):
        await starting
    assert lab.cluster.snapshot().group("g") is None


async def test_nothing_is_fetched_while_the_world_stands_still(lab: Lab) -> None:
    await lab.fill("single", 5)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    lab.clock.pause()
    consumer.assign([SINGLE])
    await lab.clock.settle()
    assert lab.requests(FetchRequest) == []
    lab.clock.resume()
    assert len(await lab.read(consumer, 5)) == 5


async def test_a_batch_that_cannot_be_read_is_an_error_until_one_seeks_past_it(lab: Lab) -> None:
    await lab.fill("single", 10)
    producer = await lab.producer()
    await lab.run(producer.send_and_wait("single", b"good"))

    async def damage(broker: int, request: FetchRequest, serve: Serve) -> Any:
        answer = await serve()
        for found in answer.partitions.values():
            if found.batches and request.positions[SINGLE].fetch_offset < 10:
                damaged = found.batches[0][:61] + b"\xff" * (len(found.batches[0]) - 61)
                object.__setattr__(found, "batches", (damaged, *found.batches[1:]))
        return answer

    lab.meddle(FetchRequest, damage)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([SINGLE])
    for _ in range(2):
        with pytest.raises(Exception, match="Seek past"):
            await lab.run(consumer.getmany(timeout_ms=1_000))
    consumer.seek(SINGLE, 10)
    assert offsets(await lab.read(consumer, 1)) == [10]


async def test_a_record_that_cannot_be_deserialized_is_named_and_those_before_it_come_first(lab: Lab) -> None:
    await lab.fill("single", 10)
    consumer = await lab.consumer(
        auto_offset_reset="earliest", value_deserializer=lambda v: b"%d" % (10 // (int(v) - 4))
    )
    consumer.assign([SINGLE])
    read = (await lab.run(consumer.getmany(timeout_ms=1_000, max_records=2)))[SINGLE]
    read += (await lab.run(consumer.getmany(timeout_ms=1_000)))[SINGLE]
    assert [(r.offset, r.value) for r in read] == [(0, b"-3"), (1, b"-4"), (2, b"-5"), (3, b"-10")]
    for _ in range(2):
        with pytest.raises(RecordDeserializationError, match=r"single-0 at offset 4 .* Seek past it") as raised:
            await lab.run(consumer.getmany(timeout_ms=1_000))
        assert isinstance(raised.value.__cause__, ZeroDivisionError)
    assert consumer.position_of(SINGLE) == 4
    consumer.seek(SINGLE, 5)
    assert [r.value for r in await lab.read(consumer, 5)] == [b"10", b"5", b"3", b"2", b"2"]


async def test_one_partition_that_cannot_be_read_costs_no_record_of_another(lab: Lab) -> None:
    await lab.fill("orders", 60)
    consumer = await lab.consumer(auto_offset_reset="earliest", value_deserializer=lambda v: 10 // (int(v) - 9))
    consumer.assign(ORDERS)
    read: list[ConsumerRecord] = []

    async def read_all() -> None:
        while True:
            for records in (await consumer.getmany(timeout_ms=1_000)).values():
                read.extend(records)

    with pytest.raises(RecordDeserializationError):
        await lab.run(read_all())
    found = [offsets([r for r in read if r.partition == partition]) for partition in range(6)]
    assert sorted(found) == [[0], *[list(range(10))] * 5]


async def test_polls_that_find_nothing_leave_nothing_behind(lab: Lab) -> None:
    consumer = await lab.consumer()
    consumer.assign([SINGLE])
    for _ in range(20):
        assert await lab.run(consumer.getmany(timeout_ms=10)) == {}
    assert not consumer._fetcher._waiting


async def test_a_broker_that_does_not_answer_holds_up_only_the_partitions_it_leads(lab: Lab) -> None:
    await lab.fill("orders", 60)
    leader = lab.cluster.describe_topic("orders").partitions[0].leader

    async def never(broker: int, request: ListOffsetsRequest, serve: Serve) -> Any:
        return await (asyncio.Event().wait() if broker == leader else serve())

    lab.meddle(ListOffsetsRequest, never)
    consumer = await lab.consumer()
    looking = asyncio.create_task(consumer.end_offsets(ORDERS))
    await lab.clock.advance(100)
    assert len(lab.requests(ListOffsetsRequest)) == 3
    looking.cancel()


@pytest.mark.parametrize("setting", ["fetch_min_bytes", "fetch_max_wait_ms"])
async def test_who_does_not_wait_for_records_asks_again_and_again_but_not_without_end(lab: Lab, setting: str) -> None:
    consumer = await lab.consumer(**{setting: 0})
    consumer.assign([SINGLE])
    await lab.clock.advance(1_000)
    assert 100 <= len(lab.requests(FetchRequest)) <= 210
    await lab.fill("single", 3)
    assert offsets(await lab.read(consumer, 3)) == [0, 1, 2]


async def test_bad_settings_are_refused_and_say_what_is_accepted(lab: Lab) -> None:
    with pytest.raises(InvalidConfigError, match="earliest, latest, none"):
        lab.cluster.consumer(auto_offset_reset="beginning")
    with pytest.raises(InvalidConfigError, match="read_committed"):
        lab.cluster.consumer(isolation_level="dirty")
    with pytest.raises(InvalidConfigError, match="roundrobin"):
        lab.cluster.consumer(partition_assignment_strategy=["fair"])
    with pytest.raises(InvalidConfigError, match="session_timeout_ms"):
        lab.cluster.consumer(heartbeat_interval_ms=50_000)
    with pytest.raises(InvalidConfigError, match="max_poll_records"):
        lab.cluster.consumer(max_poll_records=-1)
    for name, least in (
        ("fetch_min_bytes", 0),
        ("fetch_max_wait_ms", 0),
        ("auto_commit_interval_ms", 0),
        ("fetch_max_bytes", 1),
        ("heartbeat_interval_ms", 1),
        ("max_poll_interval_ms", 1),
    ):
        with pytest.raises(InvalidConfigError, match=f"{name} cannot be {least - 1}; it takes {least} or more"):
            lab.cluster.consumer(group_id="billing", **{name: least - 1})
    with pytest.raises(InvalidGroupIdError):
        lab.cluster.consumer(group_id="")
    consumer = lab.cluster.consumer()
    with pytest.raises(TypeError, match="either"):
        consumer.subscribe(["a"], pattern="b")
    with pytest.raises(TypeError, match="list"):
        consumer.subscribe("orders")
    with pytest.raises(ValueError, match="regular expression"):
        consumer.subscribe(pattern="(")
    with pytest.raises(IllegalStateError, match="start"):
        await consumer.getmany()
