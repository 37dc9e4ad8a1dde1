from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import (
    IllegalStateError,
    InvalidGroupIdError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
)
from engine.messages import FetchRequest, MetadataRequest, TopicMetadata
from engine.records import ConsumerRecord
from engine.types import TopicPartition
from tests.engine.clients.lab import Lab, Serve

SINGLE = TopicPartition("single", 0)
ORDERS = [TopicPartition("orders", partition) for partition in range(6)]


def offsets(records: list[ConsumerRecord]) -> list[int]:
    return [record.offset for record in records]


# From where


async def test_earliest_begins_at_the_log_start(lab: Lab) -> None:
    await lab.fill("single", 20)
    await lab.cluster.delete_records(SINGLE, 5)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([SINGLE])
    assert offsets(await lab.read(consumer, 15)) == list(range(5, 20))


async def test_latest_begins_at_what_comes_next(lab: Lab) -> None:
    await lab.fill("single", 20)
    consumer = await lab.consumer()
    consumer.assign([SINGLE])
    assert await lab.run(consumer.position(SINGLE)) == 20
    await lab.fill("single", 2)
    assert offsets(await lab.read(consumer, 2)) == [20, 21]


async def test_none_is_an_error_that_names_the_partition_until_one_seeks(lab: Lab) -> None:
    await lab.fill("single", 3)
    consumer = await lab.consumer(auto_offset_reset="none", group_id="g")
    consumer.assign([SINGLE])
    for _ in range(2):
        with pytest.raises(NoOffsetForPartitionError, match="single-0"):
            await lab.run(consumer.getmany(timeout_ms=1_000))
    consumer.seek(SINGLE, 1)
    assert offsets(await lab.read(consumer, 2)) == [1, 2]


async def test_a_committed_offset_comes_before_the_reset_policy(lab: Lab) -> None:
    await lab.fill("single", 10)
    first = await lab.consumer(group_id="g")
    first.assign([SINGLE])
    await lab.run(first.commit({SINGLE: (7, "seven")}))
    second = await lab.consumer(group_id="g", auto_offset_reset="earliest")
    second.assign([SINGLE])
    assert offsets(await lab.read(second, 3)) == [7, 8, 9]


async def test_an_offset_that_is_gone_is_reset_by_the_policy(lab: Lab) -> None:
    await lab.fill("single", 10)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([SINGLE])
    consumer.seek(SINGLE, 1)
    await lab.cluster.delete_records(SINGLE, 6)
    assert offsets(await lab.read(consumer, 4)) == [6, 7, 8, 9]


async def test_an_offset_that_is_gone_is_an_error_with_the_policy_none(lab: Lab) -> None:
    await lab.fill("single", 10)
    consumer = await lab.consumer(auto_offset_reset="none")
    consumer.assign([SINGLE])
    consumer.seek(SINGLE, 99)
    with pytest.raises(OffsetOutOfRangeError, match="Offset 99 of single-0"):
        await lab.run(consumer.getmany(timeout_ms=1_000))
    consumer.seek(SINGLE, 9)
    assert offsets(await lab.read(consumer, 1)) == [9]


async def test_what_was_assigned_before_the_start_is_read_too(lab: Lab) -> None:
    await lab.fill("single", 10)
    consumer = lab.cluster.consumer(auto_offset_reset="earliest")
    consumer.assign([SINGLE])
    await lab.run(consumer.start())
    assert offsets(await lab.read(consumer, 10)) == list(range(10))
    await lab.run(consumer.stop())


# Reading


async def test_getmany_hands_out_at_most_max_records_and_goes_on_where_it_stopped(lab: Lab) -> None:
    await lab.fill("single", 50)
    consumer = await lab.consumer(auto_offset_reset="earliest", max_poll_records=8)
    consumer.assign([SINGLE])
    sizes = []
    read: list[ConsumerRecord] = []
    while len(read) < 50:
        got = await lab.run(consumer.getmany(timeout_ms=1_000, max_records=20 if len(read) > 30 else None))
        sizes.append(len(got[SINGLE]))
        read += got[SINGLE]
        assert consumer.position_of(SINGLE) == len(read)
    assert offsets(read) == list(range(50))
    assert sizes == [8, 8, 8, 8, 18]


async def test_getmany_without_news_waits_as_long_as_it_may(lab: Lab) -> None:
    consumer = await lab.consumer()
    consumer.assign([SINGLE])
    await lab.run(consumer.position(SINGLE))
    before = lab.clock.now_ms()
    assert await lab.run(consumer.getmany(timeout_ms=1_700)) == {}
    assert lab.clock.now_ms() - before == 1_700
    assert await consumer.getmany() == {}


async def test_a_waiting_fetch_is_answered_as_soon_as_there_is_a_record(lab: Lab) -> None:
    consumer = await lab.consumer(fetch_max_wait_ms=10_000)
    consumer.assign([SINGLE])
    await lab.run(consumer.position(SINGLE))
    polling = asyncio.create_task(consumer.getmany(timeout_ms=60_000))
    await lab.clock.settle()
    before = lab.clock.now_ms()
    producer = await lab.producer()
    await producer.send("single", b"v")
    await lab.clock.settle()
    assert offsets((await polling)[SINGLE]) == [0]
    assert lab.clock.now_ms() == before


async def test_fetch_min_bytes_waits_for_more_up_to_fetch_max_wait_ms(lab: Lab) -> None:
    consumer = await lab.consumer(fetch_min_bytes=10_000, fetch_max_wait_ms=400, auto_offset_reset="earliest")
    consumer.assign([SINGLE])
    await lab.fill("single", 1)
    await lab.run(consumer.position(SINGLE))
    before = lab.clock.now_ms()
    await lab.read(consumer, 1)
    assert 0 < lab.clock.now_ms() - before <= 400


async def test_getone_and_iteration_give_record_by_record(lab: Lab) -> None:
    await lab.fill("single", 10)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([SINGLE])
    assert (await lab.run(consumer.getone())).offset == 0
    assert (await lab.run(consumer.getone(SINGLE))).offset == 1
    found = []

    async def iterate() -> None:
        async for record in consumer:
            found.append(record.offset)
            if record.offset == 9:
                await consumer.stop()

    await lab.run(iterate())
    assert found == list(range(2, 10))


async def test_one_record_of_a_partition_of_another_is_not_waited_for(lab: Lab) -> None:
    consumer = await lab.consumer(group_id="g")
    with pytest.raises(IllegalStateError, match="single-0: not assigned"):
        await lab.run(consumer.getone(SINGLE))
    consumer.assign([SINGLE])
    with pytest.raises(IllegalStateError, match="orders-1, orders-2: not assigned"):
        await lab.run(consumer.getone(*ORDERS[1:3]))
    waiting = asyncio.create_task(consumer.getone(ORDERS[1], SINGLE))
    await lab.clock.advance(1_000)
    await lab.fill("single", 1)
    assert (await lab.run(asyncio.wait_for(waiting, None))).offset == 0


@pytest.mark.parametrize("protocol", ["classic", "consumer"])
async def test_a_member_waits_for_its_share_before_it_says_that_a_partition_is_not_its_own(
    lab: Lab, protocol: str
) -> None:
    await lab.fill("single", 1)
    one = await lab.consumer("single", group_id="g", group_protocol=protocol, auto_offset_reset="earliest")
    assert (await lab.run(one.getone(SINGLE))).offset == 0
    other = await lab.consumer("single", group_id="g", group_protocol=protocol, auto_offset_reset="earliest")
    refused = asyncio.create_task(other.getone(SINGLE))
    assert await lab.run(one.getmany(timeout_ms=20_000)) == {}
    assert isinstance(refused.exception(), IllegalStateError)


async def test_partitions_can_be_asked_for_by_name(lab: Lab) -> None:
    await lab.fill("orders", 60)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign(ORDERS)
    records = await lab.run(consumer.getmany(ORDERS[2], timeout_ms=1_000))
    assert set(records) == {ORDERS[2]}
    assert (await lab.run(consumer.getone(ORDERS[4]))).partition == 4


async def test_all_partitions_have_their_turn(lab: Lab) -> None:
    await lab.fill("orders", 600)
    consumer = await lab.consumer(auto_offset_reset="earliest", max_poll_records=30)
    consumer.assign(ORDERS)
    records = await lab.read(consumer, 600)
    assert sorted((r.partition, r.offset) for r in records) == [(p, o) for p in range(6) for o in range(100)]
    for partition in range(6):
        assert offsets([r for r in records if r.partition == partition]) == list(range(100))


async def test_more_is_fetched_before_all_is_handed_out_but_only_one_response_ahead(lab: Lab) -> None:
    producer = await lab.producer()
    for n in range(20):
        await lab.run(producer.send_and_wait("single", b"%d" % n))
    consumer = await lab.consumer(auto_offset_reset="earliest", max_partition_fetch_bytes=1, max_poll_records=1)
    consumer.assign([SINGLE])
    await lab.read(consumer, 3)
    await lab.clock.advance(5_000)
    assert [r.positions[SINGLE].fetch_offset for r in lab.requests(FetchRequest)] == [0, 1, 2, 3]
    assert offsets(await lab.read(consumer, 17)) == list(range(3, 20))


async def test_a_compacted_log_is_read_over_its_gaps(lab: Lab) -> None:
    await lab.cluster.create_topic("table", config={"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"})
    producer = await lab.producer()
    for n in range(30):
        await lab.run(producer.send_and_wait("table", b"%d" % n, key=b"one"))
    await lab.clock.advance(60_000)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    table = TopicPartition("table", 0)
    consumer.assign([table])
    await lab.run(producer.send_and_wait("table", b"last", key=b"two"))
    records: list[ConsumerRecord] = []
    while not records or records[-1].value != b"last":
        records += (await lab.run(consumer.getmany(timeout_ms=1_000))).get(table, [])
    assert len(records) < 30
    assert offsets(records) == sorted(offsets(records))
    assert await consumer.position(table) == 31


async def test_a_batch_of_which_nothing_is_left_from_the_position_on_is_passed_over(lab: Lab) -> None:
    await lab.cluster.create_topic("table", config={"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"})
    producer = await lab.producer()
    for key in (b"a", b"b"):
        await producer.send("table", b"old", key=key)  # one batch, whose second record goes
    await lab.run(producer.flush())
    for _ in range(3):
        await lab.run(producer.send_and_wait("table", b"new", key=b"b"))
    await lab.clock.advance(60_000)
    consumer = await lab.consumer(auto_offset_reset="earliest", max_partition_fetch_bytes=1)
    table = TopicPartition("table", 0)
    consumer.assign([table])
    consumer.seek(table, 1)
    assert (await lab.read(consumer, 1))[0].offset > 1


async def test_paused_partitions_keep_what_was_fetched_until_they_are_resumed(lab: Lab) -> None:
    await lab.fill("orders", 60)
    consumer = await lab.consumer(auto_offset_reset="earliest", max_poll_records=1)
    consumer.assign(ORDERS)
    await lab.read(consumer, 1)
    consumer.pause(*ORDERS[1:])
    assert consumer.paused() == set(ORDERS[1:])
    consumer.seek(ORDERS[0], 0)
    assert {r.partition for r in await lab.read(consumer, 10)} == {0}
    assert await lab.run(consumer.getmany(timeout_ms=2_000)) == {}
    consumer.resume(*ORDERS[1:])
    assert len(await lab.read(consumer, 49)) >= 49
    assert consumer.paused() == set()


async def test_resuming_wakes_a_poll_that_waits(lab: Lab) -> None:
    await lab.fill("single", 5)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([SINGLE])
    await lab.read(consumer, 1, max_records=1)
    consumer.pause(SINGLE)
    polling = asyncio.create_task(consumer.getmany(timeout_ms=50_000))
    await lab.clock.settle()
    consumer.resume(SINGLE)
    await lab.clock.settle()
    assert offsets((await polling)[SINGLE]) == [1, 2, 3, 4]


# Without a group


async def test_without_a_group_a_subscriber_reads_every_partition_and_those_that_are_added(lab: Lab) -> None:
    await lab.fill("single", 4)
    consumer = await lab.consumer("single", auto_offset_reset="earliest", metadata_max_age_ms=2_000)
    assert consumer.assignment() == {SINGLE}
    assert len(await lab.read(consumer, 4)) == 4
    await lab.cluster.create_partitions("single", 2)
    await lab.clock.advance(2_200)
    assert consumer.assignment() == {SINGLE, TopicPartition("single", 1)}
    assert consumer.partitions_for_topic("single") == {0, 1}
    with pytest.raises(InvalidGroupIdError):
        await consumer.commit()
    with pytest.raises(InvalidGroupIdError):
        await consumer.committed(SINGLE)


async def test_without_a_group_a_broker_that_does_not_know_the_topic_costs_no_position(lab: Lab) -> None:
    await lab.fill("single", 4)
    consumer = await lab.consumer("single", auto_offset_reset="earliest", metadata_max_age_ms=1_000)
    await lab.read(consumer, 4)

    async def ignorant(broker: int, request: MetadataRequest, serve: Serve) -> Any:
        answer = await serve()
        unknown = UnknownTopicOrPartitionError.code
        return replace(answer, topics=tuple(TopicMetadata(each.name, error=unknown) for each in answer.topics))

    lab.meddle(MetadataRequest, ignorant)
    await lab.clock.advance(2_500)
    assert consumer.assignment() == {SINGLE}
    lab.leave_alone(MetadataRequest)
    await lab.fill("single", 1)
    assert offsets(await lab.read(consumer, 1)) == [4]


async def test_assigning_anew_keeps_positions_and_forgets_what_is_no_longer_assigned(lab: Lab) -> None:
    await lab.fill("orders", 60)
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign(ORDERS[:2])
    consumer.seek(ORDERS[1], 6)
    consumer.assign(ORDERS[1:3])
    assert consumer.assignment() == set(ORDERS[1:3])
    assert consumer.position_of(ORDERS[1]) == 6
    with pytest.raises(IllegalStateError, match="unsubscribe"):
        consumer.subscribe(["orders"])
    consumer.unsubscribe()
    assert consumer.assignment() == set()
    consumer.subscribe(["orders"])
    with pytest.raises(IllegalStateError, match="unsubscribe"):
        consumer.assign(ORDERS)


async def test_topics_names_all_but_kafkas_own(lab: Lab) -> None:
    consumer = await lab.consumer("single", group_id="g")
    await lab.clock.advance(2_000)
    assert await lab.run(consumer.topics()) == {"orders", "single"}
    assert consumer.partitions_for_topic("nowhere") is None


async def test_asking_for_all_topics_changes_nothing_of_what_is_read(lab: Lab) -> None:
    held = asyncio.Event()

    async def hold(broker: int, request: MetadataRequest, serve: Serve) -> Any:
        await held.wait()
        return await serve()

    consumer = await lab.consumer(metadata_max_age_ms=1_000)
    lab.meddle(MetadataRequest, hold)
    asking = asyncio.create_task(consumer.topics())
    await lab.clock.settle()
    consumer.subscribe(pattern="or.*")
    held.set()
    assert await lab.run(asyncio.wait_for(asking, None)) == {"orders", "single"}
    lab.leave_alone(MetadataRequest)
    await lab.clock.complete(lab.cluster.create_topic("orchids"))
    await lab.clock.advance(2_500)
    assert consumer.subscription() == {"orders", "orchids"}
