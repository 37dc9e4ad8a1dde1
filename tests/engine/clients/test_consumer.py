from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from engine.errors import (
    ClientClosedError,
    IllegalStateError,
    InvalidConfigError,
    InvalidGroupIdError,
    KafkaTimeoutError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordDeserializationError,
    UnknownTopicOrPartitionError,
)
from engine.messages import FetchRequest, ListOffsetsRequest, MetadataRequest, TopicMetadata
from engine.records import ConsumerRecord
from engine.types import OffsetAndTimestamp, TopicPartition
from tests.engine.clients.lab import BEGAN_MS, Lab, Serve

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


# Scrubbing


async def test_seek_goes_to_any_offset_and_what_was_fetched_before_is_dropped(lab: Lab) -> None:
    await lab.fill("single", 50)
    consumer = await lab.consumer(auto_offset_reset="earliest", max_poll_records=5)
    consumer.assign([SINGLE])
    assert offsets(await lab.read(consumer, 5)) == [0, 1, 2, 3, 4]
    consumer.seek(SINGLE, 40)
    assert consumer.position_of(SINGLE) == 40
    assert offsets(await lab.read(consumer, 5)) == [40, 41, 42, 43, 44]
    consumer.seek(SINGLE, 2)
    assert offsets(await lab.read(consumer, 5)) == [2, 3, 4, 5, 6]


async def test_an_answer_to_a_fetch_from_before_a_seek_is_not_handed_out(lab: Lab) -> None:
    await lab.fill("single", 30)
    await lab.fill("single", 20)
    held = asyncio.Event()

    async def hold(broker: int, request: FetchRequest, serve: Serve) -> Any:
        answer = await serve()
        if request.positions[SINGLE].fetch_offset == 30:
            await held.wait()
        return answer

    lab.meddle(FetchRequest, hold)
    consumer = await lab.consumer()
    consumer.assign([SINGLE])
    consumer.seek(SINGLE, 30)
    await lab.clock.settle()
    assert len(lab.requests(FetchRequest)) == 1
    consumer.seek(SINGLE, 0)
    held.set()
    assert offsets(await lab.read(consumer, 50)) == list(range(50))


async def test_seeking_to_either_end_and_to_what_is_committed(lab: Lab) -> None:
    await lab.fill("orders", 60)
    consumer = await lab.consumer(group_id="g", auto_offset_reset="latest")
    consumer.assign(ORDERS)
    await lab.run(consumer.commit({ORDERS[1]: 4}))
    assert await lab.run(consumer.seek_to_beginning())
    assert [consumer.position_of(tp) for tp in ORDERS] == [0] * 6
    assert await lab.run(consumer.seek_to_end(ORDERS[0], ORDERS[1]))
    assert [consumer.position_of(tp) for tp in ORDERS] == [10, 10, 0, 0, 0, 0]
    assert await lab.run(consumer.seek_to_committed(ORDERS[0], ORDERS[1])) == {ORDERS[0]: None, ORDERS[1]: 4}
    assert [consumer.position_of(tp) for tp in ORDERS[:2]] == [10, 4]


async def test_what_is_not_assigned_cannot_be_sought_or_asked_about(lab: Lab) -> None:
    consumer = await lab.consumer()
    consumer.assign([SINGLE])
    for call in (consumer.highwater, consumer.last_stable_offset, consumer.pause, lambda tp: consumer.seek(tp, 1)):
        with pytest.raises(IllegalStateError, match="orders-0"):
            call(ORDERS[0])
    with pytest.raises(IllegalStateError):
        await consumer.position(ORDERS[0])
    with pytest.raises(IllegalStateError):
        await consumer.seek_to_end(ORDERS[0])
    for beyond in (-1, 2**63):
        with pytest.raises(ValueError, match=str(beyond)):
            consumer.seek(SINGLE, beyond)
    assert consumer.position_of(ORDERS[0]) is None


async def test_offsets_are_found_by_time_and_at_either_end(lab: Lab) -> None:
    await lab.fill("single", 20)
    await lab.cluster.delete_records(SINGLE, 3)
    consumer = await lab.consumer()
    found = await lab.run(consumer.offsets_for_times({SINGLE: BEGAN_MS + 7, ORDERS[0]: 0}))
    assert found == {SINGLE: OffsetAndTimestamp(7, BEGAN_MS + 7), ORDERS[0]: None}
    assert await lab.run(consumer.beginning_offsets([SINGLE, ORDERS[0]])) == {SINGLE: 3, ORDERS[0]: 0}
    assert await lab.run(consumer.end_offsets([SINGLE, ORDERS[0]])) == {SINGLE: 20, ORDERS[0]: 0}
    with pytest.raises(ValueError, match="-5"):
        await consumer.offsets_for_times({SINGLE: -5})


async def test_offsets_of_a_partition_there_is_not_are_not_waited_for_for_ever(lab: Lab) -> None:
    consumer = await lab.consumer(request_timeout_ms=3_000)
    with pytest.raises(KafkaTimeoutError, match="single-9"):
        await lab.run(consumer.end_offsets([TopicPartition("single", 9)]))


async def test_the_high_watermark_comes_with_what_is_fetched(lab: Lab) -> None:
    await lab.fill("single", 7)
    consumer = await lab.consumer(auto_offset_reset="earliest", isolation_level="read_committed")
    consumer.assign([SINGLE])
    assert consumer.highwater(SINGLE) is None
    await lab.read(consumer, 1, max_records=1)
    assert (consumer.highwater(SINGLE), consumer.last_stable_offset(SINGLE)) == (7, 7)


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


# Ending


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
