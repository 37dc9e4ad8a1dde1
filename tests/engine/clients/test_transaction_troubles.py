"""What requests that are lost, brokers that die and records that fail do to a transaction."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import (
    IllegalStateError,
    KafkaTimeoutError,
    NetworkError,
    ProducerFencedError,
    RecordTooLargeError,
    TransactionAbortedError,
)
from engine.messages import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    InitProducerIdRequest,
    ProduceRequest,
    WriteTxnMarkersRequest,
)
from engine.types import TopicPartition
from tests.engine.clients.lab import Lab
from tests.engine.clients.transacting import send_each, sent_and_flushed, transactional, values_of

P0 = TopicPartition("orders", 0)


async def test_a_coordinator_that_cannot_be_reached_leaves_a_transaction_that_can_be_committed_later(lab: Lab) -> None:
    producer = await transactional(lab, max_block_ms=1_000)
    await producer.begin_transaction()
    await send_each(lab, producer, b"a")
    rule = lab.cluster.faults.lose(EndTxnRequest)
    with pytest.raises((KafkaTimeoutError, NetworkError)):
        await lab.run(producer.commit_transaction())
    lab.cluster.faults.end(rule)
    await lab.run(producer.commit_transaction())
    assert await values_of(lab) == [b"a"]


async def test_a_commit_of_which_nobody_knows_whether_it_was_done_cannot_be_aborted(lab: Lab) -> None:
    producer = await transactional(lab, max_block_ms=1_000)
    await producer.begin_transaction()
    await send_each(lab, producer, b"a")
    rule = lab.cluster.faults.lose(EndTxnRequest, answers=True)
    with pytest.raises(NetworkError):
        await lab.run(producer.commit_transaction())
    with pytest.raises(IllegalStateError, match=r"call commit_transaction\(\) again"):
        await producer.abort_transaction()
    lab.cluster.faults.end(rule)
    await lab.run(producer.commit_transaction())
    assert await values_of(lab) == [b"a"]


async def test_a_producer_that_is_closed_goes_on_with_a_commit_that_was_begun(lab: Lab) -> None:
    producer = await transactional(lab, max_block_ms=1_000)
    await producer.begin_transaction()
    await send_each(lab, producer, b"a")
    rule = lab.cluster.faults.lose(EndTxnRequest)
    with pytest.raises(NetworkError):
        await lab.run(producer.commit_transaction())
    lab.cluster.faults.end(rule)
    await lab.run(producer.stop())
    assert await values_of(lab) == [b"a"]


@pytest.mark.parametrize("kind", [AddPartitionsToTxnRequest, AddOffsetsToTxnRequest])
async def test_a_transaction_that_its_coordinator_may_know_of_is_ended_there(lab: Lab, kind: type[Any]) -> None:
    producer = await transactional(lab, max_block_ms=1_000, transaction_timeout_ms=5_000)
    rule = lab.cluster.faults.lose(kind, answers=True)
    await producer.begin_transaction()
    if kind is AddPartitionsToTxnRequest:
        await send_each(lab, producer, b"a")
        with pytest.raises(TransactionAbortedError):
            await lab.run(producer.commit_transaction())
    else:
        with pytest.raises(NetworkError):
            await lab.run(producer.send_offsets_to_transaction({P0: 5}, "till-group"))
    lab.cluster.faults.end(rule)
    await lab.run(producer.abort_transaction())
    await lab.clock.advance(10_000)
    await producer.begin_transaction()
    await send_each(lab, producer, b"b")
    await lab.run(producer.commit_transaction())
    assert await values_of(lab) == [b"b"]


async def test_a_producer_at_an_end_waits_for_no_leader(lab: Lab) -> None:
    zombie = await transactional(lab)
    await zombie.begin_transaction()
    await lab.run(sent_and_flushed(lab, zombie, b"old"))
    rule = lab.cluster.faults.lose(ProduceRequest)
    [late] = await send_each(lab, zombie, b"late")
    await lab.clock.advance(500)
    await transactional(lab)
    with pytest.raises(ProducerFencedError):
        await lab.run(zombie.send_offsets_to_transaction({P0: 5}, "till-group"))
    await lab.clock.advance(200)
    assert isinstance(late.exception(), ProducerFencedError)
    assert zombie.fatal is not None
    lab.cluster.faults.end(rule)


async def test_a_record_whose_transaction_ended_while_it_waited_for_memory_goes_nowhere(lab: Lab) -> None:
    producer = await transactional(lab, buffer_memory=20_000, max_batch_size=16_000)
    await producer.begin_transaction()
    rule = lab.cluster.faults.lose(ProduceRequest)
    await send_each(lab, producer, bytes(15_000))
    waiting = asyncio.create_task(producer.send("orders", bytes(15_000), partition=1))
    await lab.clock.settle()
    aborting = asyncio.create_task(producer.abort_transaction())
    await lab.clock.settle()
    lab.cluster.faults.end(rule)
    await lab.clock.until(aborting.done)
    with pytest.raises(IllegalStateError, match="between begin_transaction"):
        await waiting
    await producer.begin_transaction()
    await send_each(lab, producer, b"next")
    await lab.run(producer.commit_transaction())
    assert await values_of(lab) == [b"next"]


async def test_a_transaction_survives_the_crash_of_its_coordinator_and_of_a_leader(lab: Lab) -> None:
    await lab.run(lab.cluster.create_topic("copied", 2, 3))
    producer = await transactional(lab)
    await producer.begin_transaction()
    await lab.run(producer.send("copied", b"a", partition=0))
    await lab.run(producer.flush())
    leader = lab.cluster.controller.leader_of(TopicPartition("copied", 0))
    assert leader is not None
    await lab.run(lab.cluster.faults.crash(leader))
    await lab.run(producer.send("copied", b"b", partition=0))
    await lab.run(producer.commit_transaction())
    reader = await lab.consumer("copied", auto_offset_reset="earliest", isolation_level="read_committed")
    assert [record.value for record in await lab.read(reader, 2)] == [b"a", b"b"]


async def test_an_end_whose_answer_was_lost_is_asked_for_again_and_comes_out_the_same(lab: Lab) -> None:
    producer = await transactional(lab)
    await producer.begin_transaction()
    await send_each(lab, producer, b"a")
    lab.cluster.faults.lose(EndTxnRequest, answers=True, times=1)
    await lab.run(producer.commit_transaction())
    assert len(lab.requests(EndTxnRequest)) >= 2
    assert await values_of(lab) == [b"a"]


async def test_the_next_transaction_waits_until_the_last_has_all_its_markers(lab: Lab) -> None:
    producer = await transactional(lab)
    await producer.begin_transaction()
    await send_each(lab, producer, b"a")
    lab.cluster.faults.lose(WriteTxnMarkersRequest, times=3)
    await lab.run(producer.commit_transaction())
    await producer.begin_transaction()
    await send_each(lab, producer, b"b")
    await lab.run(producer.commit_transaction())
    assert await values_of(lab) == [b"a", b"b"]


async def test_a_record_that_cannot_be_delivered_leaves_a_transaction_that_can_only_be_aborted(lab: Lab) -> None:
    await lab.run(lab.cluster.alter_topic_config("orders", {"max.message.bytes": "300"}))
    producer = await transactional(lab)
    await producer.begin_transaction()
    await send_each(lab, producer, b"a")
    [future] = await send_each(lab, producer, b"x" * 1_000, partition=1)
    with pytest.raises(TransactionAbortedError, match="can only be aborted"):
        await lab.run(producer.commit_transaction())
    with pytest.raises(RecordTooLargeError):
        future.result()
    with pytest.raises(TransactionAbortedError):
        await producer.send("orders", b"b")
    await lab.run(producer.abort_transaction())
    assert lab.requests(InitProducerIdRequest)[-1].producer_epoch == 0
    await producer.begin_transaction()
    await send_each(lab, producer, b"c")
    await send_each(lab, producer, b"d", partition=1)
    await lab.run(producer.commit_transaction())
    assert sorted(await values_of(lab)) == [b"c", b"d"]
