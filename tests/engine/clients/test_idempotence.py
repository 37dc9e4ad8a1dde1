"""Several requests of a producer under way at once: the order of a partition is kept by sequences, gaps are closed."""

from __future__ import annotations

import asyncio
import gc
import weakref
from random import Random
from typing import Any

import pytest

from engine.clients.producer import Producer
from engine.errors import ErrorCode, InvalidConfigError, NetworkError, OutOfOrderSequenceError
from engine.messages import InitProducerIdRequest, ProducedPartition, ProduceRequest, ProduceResponse
from engine.records import BatchHeader
from engine.types import TopicPartition
from tests.engine.clients.lab import Lab, Serve

SINGLE = TopicPartition("single", 0)


def header(request: ProduceRequest) -> BatchHeader:
    """Of the batch for topic single."""
    return BatchHeader.parse(request.batches[SINGLE])


def refuse(code: ErrorCode) -> ProduceResponse:
    return ProduceResponse({SINGLE: ProducedPartition(code)})


async def stored(lab: Lab, number: int) -> list[bytes | None]:
    """What lies in topic single, of which that many records are expected."""
    consumer = await lab.consumer(auto_offset_reset="earliest")
    consumer.assign([SINGLE])
    records = await lab.read(consumer, number)
    await lab.clock.advance(1_000)
    assert (await consumer.end_offsets([SINGLE]))[SINGLE] == number
    return [record.value for record in records]


async def begun(lab: Lab, **options: Any) -> Producer:
    """A producer that sends each record of its own, one of which is acknowledged."""
    producer = await lab.producer(max_batch_size=1, **options)
    await lab.run(producer.send_and_wait("single", b"first"))
    lab.asked.clear()
    return producer


async def send(producer: Producer, *values: bytes) -> list[asyncio.Future[Any]]:
    return [await producer.send("single", value) for value in values]


@pytest.mark.parametrize("allowed", [1, 5])
async def test_so_many_requests_to_a_broker_are_under_way_and_each_carries_all_its_partitions(
    lab: Lab, allowed: int
) -> None:
    under_way: dict[int, int] = {}
    most = 0

    async def count(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        nonlocal most
        under_way[broker] = under_way.get(broker, 0) + 1
        most = max(most, under_way[broker])
        await lab.clock.sleep(10)
        under_way[broker] -= 1
        return await serve()

    lab.meddle(ProduceRequest, count)
    producer = await lab.producer(max_batch_size=300, max_in_flight_requests_per_connection=allowed)
    for n in range(120):
        await producer.send("orders", bytes(100), partition=n % 6)
    await lab.run(producer.flush())
    assert most == allowed
    assert max(len(r.batches) for r in lab.requests(ProduceRequest)) == 2


async def test_a_partitions_first_batch_goes_alone_as_its_leader_knows_nothing_of_the_producer(lab: Lab) -> None:
    async def late(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        await lab.clock.sleep(10)
        return await serve()

    lab.meddle(ProduceRequest, late)
    producer = await lab.producer(max_batch_size=1)
    await send(producer, b"1", b"2", b"3")
    await lab.clock.settle()
    assert [header(r).base_sequence for r in lab.requests(ProduceRequest)] == [0]
    await lab.clock.advance(10)
    assert [header(r).base_sequence for r in lab.requests(ProduceRequest)] == [0, 1, 2]


async def test_every_record_is_stored_once_and_in_order_however_requests_and_answers_are_lost_and_late(
    lab: Lab,
) -> None:
    chance = Random(5)

    async def meddle(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        await lab.clock.sleep(chance.randrange(1, 30))
        if chance.random() < 0.3:
            raise NetworkError("the request was lost")
        answer = await serve()
        await lab.clock.sleep(chance.randrange(1, 30))
        if chance.random() < 0.3:
            raise NetworkError("the answer was lost")
        return answer

    lab.meddle(ProduceRequest, meddle)
    producer = await lab.producer(max_batch_size=200)
    values = [b"%d" % n for n in range(300)]
    for value in values:
        await producer.send("single", value)
        if len(value) == 3 and value.endswith(b"0"):
            await lab.clock.advance(7)
    await lab.run(producer.flush())
    lab.leave_alone(ProduceRequest)
    assert producer.acked == 300
    assert await stored(lab, 300) == values


async def test_batches_that_come_before_their_turn_are_sent_again_one_after_the_other(lab: Lab) -> None:
    lost = 0

    async def lose_the_first(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        nonlocal lost
        if header(request).base_sequence == 1 and not lost:
            lost += 1
            raise NetworkError("lost")
        return await serve()

    producer = await begun(lab)
    lab.meddle(ProduceRequest, lose_the_first)
    await send(producer, b"1", b"2", b"3")
    await lab.run(producer.flush())
    assert [header(r).base_sequence for r in lab.requests(ProduceRequest)] == [1, 2, 3, 1, 2, 3]
    assert {header(r).producer_epoch for r in lab.requests(ProduceRequest)} == {0}
    assert await stored(lab, 4) == [b"first", b"1", b"2", b"3"]


async def test_behind_a_batch_that_is_refused_for_good_all_go_on_in_a_new_epoch(lab: Lab) -> None:
    async def refuse_the_first(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        if header(request).base_sequence == 1 and not header(request).producer_epoch:
            return refuse(ErrorCode.INVALID_TIMESTAMP)
        return await serve()

    producer = await begun(lab)
    lab.meddle(ProduceRequest, refuse_the_first)
    one, two, three = await send(producer, b"1", b"2", b"3")
    await lab.run(producer.flush())
    assert one.exception() is not None
    assert [two.result().offset, three.result().offset] == [1, 2]
    again = [header(r) for r in lab.requests(ProduceRequest)][3:]
    assert [(each.producer_epoch, each.base_sequence) for each in again] == [(1, 0), (1, 1)]
    assert await stored(lab, 3) == [b"first", b"2", b"3"]


async def test_the_partitions_of_other_leaders_go_on_in_the_new_epoch_once_nothing_of_theirs_is_under_way(
    lab: Lab,
) -> None:
    held = asyncio.Event()

    async def hold_and_refuse(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        if SINGLE in request.batches:
            return refuse(ErrorCode.INVALID_TIMESTAMP)
        await held.wait()
        return await serve()

    producer = await begun(lab)
    leader = lab.cluster.describe_topic("single").partitions[0].leader
    at = next(p.partition for p in lab.cluster.describe_topic("orders").partitions if p.leader != leader)
    other = TopicPartition("orders", at)
    await lab.run(producer.send_and_wait("orders", b"v", partition=at))
    lab.meddle(ProduceRequest, hold_and_refuse)
    await producer.send("orders", b"old", partition=at)
    await send(producer, b"1")
    await lab.clock.settle()
    await producer.send("orders", b"new", partition=at)
    await lab.clock.settle()
    held.set()
    await lab.run(producer.flush())
    sent = [BatchHeader.parse(r.batches[other]) for r in lab.requests(ProduceRequest) if other in r.batches]
    assert [(each.producer_epoch, each.base_sequence) for each in sent] == [(0, 0), (0, 1), (1, 0)]


async def test_a_batch_given_up_that_had_arrived_after_all_leaves_no_gap(lab: Lab) -> None:
    async def lose_answers_of_the_first(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        answer = await serve()
        if header(request).base_sequence == 1:
            raise NetworkError("the answer was lost")
        return answer

    producer = await begun(lab, request_timeout_ms=500, delivery_timeout_ms=1_000)
    lab.meddle(ProduceRequest, lose_answers_of_the_first)
    one, two = await send(producer, b"1", b"2")
    await lab.clock.advance(1_100)
    assert one.exception() is not None
    assert two.result().offset == 2
    (three,) = await send(producer, b"3")
    await lab.run(producer.flush())
    assert three.result().offset == 3
    last = header(lab.requests(ProduceRequest)[-1])
    assert (last.producer_epoch, last.base_sequence) == (0, 3)


async def test_a_batch_given_up_that_never_arrived_does_not_hold_up_those_behind_it(lab: Lab) -> None:
    async def lose_the_first(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        if header(request).base_sequence == 1 and not header(request).producer_epoch:
            raise NetworkError("lost")
        return await serve()

    producer = await begun(lab, request_timeout_ms=500, delivery_timeout_ms=1_000)
    lab.meddle(ProduceRequest, lose_the_first)
    (one,) = await send(producer, b"1")
    await lab.clock.advance(500)
    two, three = await send(producer, b"2", b"3")
    await lab.run(producer.flush())
    assert one.exception() is not None
    assert [two.result().offset, three.result().offset] == [1, 2]
    assert await stored(lab, 3) == [b"first", b"2", b"3"]


async def test_when_all_that_was_under_way_is_given_up_the_next_goes_in_a_new_epoch(lab: Lab) -> None:
    async def lose(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        raise NetworkError("lost")

    producer = await begun(lab, request_timeout_ms=500, delivery_timeout_ms=1_000)
    lab.meddle(ProduceRequest, lose)
    await send(producer, b"1", b"2")
    await lab.clock.advance(1_100)
    assert producer.failed == 2
    lab.leave_alone(ProduceRequest)
    assert (await lab.run(producer.send_and_wait("single", b"3"))).offset == 1
    last = header(lab.requests(ProduceRequest)[-1])
    assert (last.producer_epoch, last.base_sequence) == (1, 0)


async def test_a_leader_that_has_lost_what_it_knew_gets_a_new_epoch(lab: Lab) -> None:
    async def forget(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        if not header(request).producer_epoch:
            raise OutOfOrderSequenceError
        return await serve()

    producer = await begun(lab)
    lab.meddle(ProduceRequest, forget)
    await send(producer, b"1", b"2")
    await lab.run(producer.flush())
    assert producer.acked == 3
    assert await stored(lab, 3) == [b"first", b"1", b"2"]


async def test_when_the_epochs_are_used_up_another_id_is_asked_for(lab: Lab) -> None:
    producer = await begun(lab)
    assert producer._identity is not None
    producer._identity.epoch = 0x7FFF

    async def refuse_once(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        lab.leave_alone(ProduceRequest)
        return refuse(ErrorCode.INVALID_TIMESTAMP)

    lab.meddle(ProduceRequest, refuse_once)
    await send(producer, b"1")
    await lab.clock.settle()
    (two,) = await send(producer, b"2")
    await lab.run(producer.flush())
    assert two.result().offset == 1
    assert len(lab.requests(InitProducerIdRequest)) == 1
    ids = [header(r).producer_id for r in lab.requests(ProduceRequest)]
    assert ids[0] != ids[-1]


async def test_the_parts_of_a_batch_too_large_come_before_those_that_were_under_way_behind_it(lab: Lab) -> None:
    producer = await lab.producer(linger_ms=5, max_batch_size=2_000)
    await lab.run(producer.send_and_wait("single", b"first"))
    await lab.cluster.alter_topic_config("single", {"max.message.bytes": "1000"})
    values = [b"%02d" % n + bytes(98) for n in range(50)]
    await send(producer, *values)
    await lab.run(producer.flush())
    assert producer.acked == 51
    assert await stored(lab, 51) == [b"first", *values]


async def test_without_idempotence_a_batch_that_is_sent_again_comes_behind_those_that_were_under_way(lab: Lab) -> None:
    async def lose_once(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        lab.leave_alone(ProduceRequest)
        raise NetworkError("lost")

    producer = await begun(lab, enable_idempotence=False)
    lab.meddle(ProduceRequest, lose_once)
    await send(producer, b"1", b"2")
    await lab.run(producer.flush())
    assert await stored(lab, 3) == [b"first", b"2", b"1"]


async def test_with_one_request_at_a_time_order_needs_no_idempotence(lab: Lab) -> None:
    async def lose_once(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        lab.leave_alone(ProduceRequest)
        raise NetworkError("lost")

    producer = await begun(lab, enable_idempotence=False, max_in_flight_requests_per_connection=1)
    lab.meddle(ProduceRequest, lose_once)
    await send(producer, b"1", b"2")
    await lab.run(producer.flush())
    assert await stored(lab, 3) == [b"first", b"1", b"2"]


async def test_more_under_way_than_a_leader_knows_again_is_refused_with_idempotence(lab: Lab) -> None:
    with pytest.raises(InvalidConfigError, match="1 to 5"):
        lab.cluster.producer(max_in_flight_requests_per_connection=6)
    with pytest.raises(InvalidConfigError, match="at least 1"):
        lab.cluster.producer(acks=1, max_in_flight_requests_per_connection=0)
    lab.cluster.producer(acks=1, max_in_flight_requests_per_connection=6)


@pytest.mark.parametrize("unanswered", [range(1, 6), range(1, 2)])
async def test_a_new_leader_gets_nothing_new_while_it_would_not_know_the_oldest_batch_under_way_again(
    lab: Lab, unanswered: range
) -> None:
    held = asyncio.Event()

    async def hold(broker: int, request: ProduceRequest, serve: Serve) -> Any:
        answer = await serve()
        if header(request).base_sequence in unanswered:
            await held.wait()
        return answer

    producer = await begun(lab, metadata_max_age_ms=100)
    old = lab.cluster.nodes.leader(SINGLE).broker_id
    lab.meddle(ProduceRequest, hold)
    await send(producer, *(b"%d" % number for number in range(7)))
    await lab.run(lab.cluster.controller.reassign(SINGLE, (old % 3 + 1,)))
    await lab.clock.advance(5_000)
    assert lab.cluster.nodes.leader(SINGLE).broker_id != old
    assert len(lab.requests(ProduceRequest)) == 5
    held.set()
    await lab.run(producer.flush())
    assert await stored(lab, 8) == [b"first", *(b"%d" % number for number in range(7))]


async def test_what_is_acknowledged_is_not_kept_however_slowly_records_come(lab: Lab) -> None:
    producer = await lab.producer()
    seen: list[weakref.ref[Any]] = []
    for _ in range(20):
        sending = await producer.send("single", b"v")
        seen += [weakref.ref(batch.builder) for batch in producer._accumulator.under_way]
        await lab.run(asyncio.wait_for(sending, None))
    gc.collect()
    assert len(seen) == 20
    assert sum(builder() is not None for builder in seen) <= 1


async def test_a_producer_asks_for_one_id(lab: Lab) -> None:
    producer = await lab.producer()
    await lab.run(producer.send_and_wait("single", b"v"))
    assert len(lab.requests(InitProducerIdRequest)) == 1


async def test_a_producer_that_could_not_begin_asks_nothing_more_until_it_is_started_again(lab: Lab) -> None:
    rule = lab.cluster.faults.lose(InitProducerIdRequest)
    producer = lab.cluster.producer()
    lab.clients.append(producer)
    with pytest.raises(NetworkError):
        await lab.run(producer.start())
    lab.cluster.faults.end(rule)
    await lab.clock.advance(5_000)
    assert lab.requests(InitProducerIdRequest) == []
    await lab.run(producer.start())
    assert (await lab.run(producer.send_and_wait("single", b"v"))).offset == 0
