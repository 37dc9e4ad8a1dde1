"""Where a consumer stands: sought, looked up, and asked for."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import (
    IllegalStateError,
    KafkaTimeoutError,
)
from engine.messages import FetchRequest, OffsetFetchRequest
from engine.records import ConsumerRecord
from engine.types import OffsetAndTimestamp, TopicPartition
from tests.engine.clients.lab import BEGAN_MS, Lab, Serve

SINGLE = TopicPartition("single", 0)
ORDERS = [TopicPartition("orders", partition) for partition in range(6)]


def offsets(records: list[ConsumerRecord]) -> list[int]:
    return [record.offset for record in records]


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


async def test_seeking_to_the_beginning_does_not_wait_for_a_coordinator_that_is_silent(lab: Lab) -> None:
    async def never(broker: int, request: OffsetFetchRequest, serve: Serve) -> Any:
        await asyncio.Event().wait()

    await lab.fill("orders", 60)
    lab.meddle(OffsetFetchRequest, never)
    consumer = await lab.consumer(group_id="g", auto_offset_reset="latest")
    consumer.assign(ORDERS)
    await lab.clock.advance(100)
    before = lab.clock.now_ms()
    assert await lab.run(consumer.seek_to_beginning(ORDERS[3]))
    assert lab.clock.now_ms() - before < 1_000
    assert [consumer.position_of(tp) for tp in ORDERS[2:5]] == [None, 0, None]


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
