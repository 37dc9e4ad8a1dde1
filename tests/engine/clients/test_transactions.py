"""The producer's transactions: all or none of the records count, and a newer producer of the same id ends this one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.coordinators.placing import partition_for
from engine.errors import (
    CommitFailedError,
    IllegalStateError,
    InvalidConfigError,
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
from tests.engine.clients.lab import Lab, member

P0 = TopicPartition("orders", 0)


async def _producer(lab: Lab, name: str = "till", **options: Any) -> Producer:
    producer = lab.cluster.producer(transactional_id=name, **options)
    lab.clients.append(producer)
    await lab.run(producer.start())
    return producer


async def _reader(lab: Lab, level: str = "read_committed") -> Consumer:
    return await lab.consumer("orders", auto_offset_reset="earliest", isolation_level=level)


async def _values(lab: Lab, level: str = "read_committed") -> list[bytes]:
    """All that such a reader finds."""
    consumer = await _reader(lab, level)
    found: list[bytes] = []

    async def read() -> None:
        while got := await consumer.getmany(timeout_ms=3_000):
            found.extend(record.value or b"" for records in got.values() for record in records)

    await lab.run(read())
    consumer.crash()
    return found


async def _send(lab: Lab, producer: Producer, *values: bytes, partition: int = 0) -> list[asyncio.Future[Any]]:
    return [await lab.run(producer.send("orders", value, partition=partition)) for value in values]


async def test_a_committed_transaction_is_seen_at_once_and_an_aborted_one_by_nobody_who_reads_committed(
    lab: Lab,
) -> None:
    producer = await _producer(lab)
    await producer.begin_transaction()
    await _send(lab, producer, b"a", b"b")
    await _send(lab, producer, b"c", partition=1)
    assert await _values(lab) == []
    await lab.run(producer.commit_transaction())
    assert sorted(await _values(lab)) == [b"a", b"b", b"c"]
    await producer.begin_transaction()
    await lab.run(_sent_and_flushed(lab, producer, b"d"))
    await lab.run(producer.abort_transaction())
    assert sorted(await _values(lab)) == [b"a", b"b", b"c"]
    assert sorted(await _values(lab, "read_uncommitted")) == [b"a", b"b", b"c", b"d"]


async def _sent_and_flushed(lab: Lab, producer: Producer, *values: bytes) -> None:
    for value in values:
        await producer.send("orders", value, partition=0)
    await producer.flush()


async def test_the_block_of_a_transaction_commits_at_its_end_and_aborts_if_it_raises(lab: Lab) -> None:
    producer = await _producer(lab)

    async def block(value: bytes, fails: bool) -> None:
        async with producer.transaction():
            await producer.send("orders", value)
            if fails:
                raise RuntimeError("no")

    await lab.run(block(b"good", False))
    with pytest.raises(RuntimeError, match="no"):
        await lab.run(block(b"bad", True))
    await lab.run(block(b"better", False))
    assert sorted(await _values(lab)) == [b"better", b"good"]


async def test_records_that_were_not_sent_yet_are_dropped_by_an_abort(lab: Lab) -> None:
    producer = await _producer(lab, linger_ms=10_000)
    await producer.begin_transaction()
    [future] = await _send(lab, producer, b"a")
    await lab.run(producer.abort_transaction())
    with pytest.raises(TransactionAbortedError, match="was aborted"):
        future.result()
    assert lab.requests(ProduceRequest) == []


async def test_a_zombie_is_fenced_and_told_so_in_plain_words(lab: Lab) -> None:
    zombie = await _producer(lab)
    await zombie.begin_transaction()
    await lab.run(_sent_and_flushed(lab, zombie, b"old"))
    producer = await _producer(lab)
    await producer.begin_transaction()
    await _send(lab, producer, b"new")
    await lab.run(producer.commit_transaction())
    await _send(lab, zombie, b"late")
    with pytest.raises(TransactionAbortedError, match="can only be aborted"):
        await lab.run(zombie.commit_transaction())
    with pytest.raises(ProducerFencedError, match="A newer one with its transactional id has taken over"):
        await lab.run(zombie.abort_transaction())
    with pytest.raises(ProducerFencedError, match="Close it"):
        await zombie.begin_transaction()
    await lab.run(zombie.stop())
    assert await _values(lab) == [b"new"]


async def test_a_transaction_that_takes_too_long_is_lost_with_its_producer(lab: Lab) -> None:
    producer = await _producer(lab, transaction_timeout_ms=5_000)
    await producer.begin_transaction()
    await lab.run(_sent_and_flushed(lab, producer, b"slow"))
    await lab.clock.advance(8_000)
    with pytest.raises(ProducerFencedError, match="open for too long"):
        await lab.run(producer.commit_transaction())
    assert await _values(lab) == []


async def test_outside_a_transaction_nothing_is_sent(lab: Lab) -> None:
    producer = await _producer(lab)
    with pytest.raises(IllegalStateError, match="between begin_transaction"):
        await producer.send("orders", b"a")
    with pytest.raises(IllegalStateError, match="nothing to commit"):
        await producer.commit_transaction()
    with pytest.raises(IllegalStateError, match="nothing to abort"):
        await producer.abort_transaction()
    await producer.begin_transaction()
    with pytest.raises(IllegalStateError, match="cannot begin"):
        await producer.begin_transaction()
    plain = await lab.producer()
    with pytest.raises(IllegalStateError, match="has no transactional_id"):
        await plain.begin_transaction()


@pytest.mark.parametrize("options", [{"acks": 1}, {"enable_idempotence": False}])
async def test_transactions_need_what_makes_them_safe(lab: Lab, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigError, match="needs acks 'all' and idempotence"):
        lab.cluster.producer(transactional_id="till", **options)


async def test_an_empty_transaction_asks_nobody_anything(lab: Lab) -> None:
    producer = await _producer(lab)
    await producer.begin_transaction()
    await lab.run(producer.commit_transaction())
    assert not lab.requests(AddPartitionsToTxnRequest)
    assert not lab.requests(EndTxnRequest)


async def test_each_partition_is_added_once_to_a_transaction(lab: Lab) -> None:
    producer = await _producer(lab)
    for _ in range(2):
        await producer.begin_transaction()
        for number in range(6):
            await lab.run(producer.send("orders", b"v", partition=number % 2))
        await lab.run(producer.commit_transaction())
    added = [tp.partition for request in lab.requests(AddPartitionsToTxnRequest) for tp in request.partitions]
    assert sorted(set(added)) == [0, 1]
    assert len(added) <= 8  # asked again while the transaction before was being completed


async def test_an_end_whose_answer_was_lost_is_asked_for_again_and_comes_out_the_same(lab: Lab) -> None:
    producer = await _producer(lab)
    await producer.begin_transaction()
    await _send(lab, producer, b"a")
    lab.cluster.faults.lose(EndTxnRequest, answers=True, times=1)
    await lab.run(producer.commit_transaction())
    assert len(lab.requests(EndTxnRequest)) >= 2
    assert await _values(lab) == [b"a"]


async def test_a_record_that_cannot_be_delivered_leaves_a_transaction_that_can_only_be_aborted(lab: Lab) -> None:
    await lab.run(lab.cluster.alter_topic_config("orders", {"max.message.bytes": "300"}))
    producer = await _producer(lab)
    await producer.begin_transaction()
    await _send(lab, producer, b"a")
    [future] = await _send(lab, producer, b"x" * 1_000, partition=1)
    with pytest.raises(TransactionAbortedError, match="can only be aborted"):
        await lab.run(producer.commit_transaction())
    with pytest.raises(RecordTooLargeError):
        future.result()
    with pytest.raises(TransactionAbortedError):
        await producer.send("orders", b"b")
    await lab.run(producer.abort_transaction())
    assert lab.requests(InitProducerIdRequest)[-1].producer_epoch == 0
    await producer.begin_transaction()
    await _send(lab, producer, b"c")
    await _send(lab, producer, b"d", partition=1)
    await lab.run(producer.commit_transaction())
    assert sorted(await _values(lab)) == [b"c", b"d"]


async def test_a_coordinator_that_cannot_be_reached_leaves_a_transaction_that_can_be_committed_later(lab: Lab) -> None:
    producer = await _producer(lab, max_block_ms=1_000)
    await producer.begin_transaction()
    await _send(lab, producer, b"a")
    rule = lab.cluster.faults.lose(EndTxnRequest)
    with pytest.raises((KafkaTimeoutError, NetworkError)):
        await lab.run(producer.commit_transaction())
    lab.cluster.faults.end(rule)
    await lab.run(producer.commit_transaction())
    assert await _values(lab) == [b"a"]


async def test_a_commit_of_which_nobody_knows_whether_it_was_done_cannot_be_aborted(lab: Lab) -> None:
    producer = await _producer(lab, max_block_ms=1_000)
    await producer.begin_transaction()
    await _send(lab, producer, b"a")
    rule = lab.cluster.faults.lose(EndTxnRequest, answers=True)
    with pytest.raises(NetworkError):
        await lab.run(producer.commit_transaction())
    with pytest.raises(IllegalStateError, match=r"call commit_transaction\(\) again"):
        await producer.abort_transaction()
    lab.cluster.faults.end(rule)
    await lab.run(producer.commit_transaction())
    assert await _values(lab) == [b"a"]


async def test_a_producer_that_is_closed_goes_on_with_a_commit_that_was_begun(lab: Lab) -> None:
    producer = await _producer(lab, max_block_ms=1_000)
    await producer.begin_transaction()
    await _send(lab, producer, b"a")
    rule = lab.cluster.faults.lose(EndTxnRequest)
    with pytest.raises(NetworkError):
        await lab.run(producer.commit_transaction())
    lab.cluster.faults.end(rule)
    await lab.run(producer.stop())
    assert await _values(lab) == [b"a"]


@pytest.mark.parametrize("kind", [AddPartitionsToTxnRequest, AddOffsetsToTxnRequest])
async def test_a_transaction_that_its_coordinator_may_know_of_is_ended_there(lab: Lab, kind: type[Any]) -> None:
    producer = await _producer(lab, max_block_ms=1_000, transaction_timeout_ms=5_000)
    rule = lab.cluster.faults.lose(kind, answers=True)
    await producer.begin_transaction()
    if kind is AddPartitionsToTxnRequest:
        await _send(lab, producer, b"a")
        with pytest.raises(TransactionAbortedError):
            await lab.run(producer.commit_transaction())
    else:
        with pytest.raises(NetworkError):
            await lab.run(producer.send_offsets_to_transaction({P0: 5}, "till-group"))
    lab.cluster.faults.end(rule)
    await lab.run(producer.abort_transaction())
    await lab.clock.advance(10_000)
    await producer.begin_transaction()
    await _send(lab, producer, b"b")
    await lab.run(producer.commit_transaction())
    assert await _values(lab) == [b"b"]


async def test_a_producer_at_an_end_waits_for_no_leader(lab: Lab) -> None:
    zombie = await _producer(lab)
    await zombie.begin_transaction()
    await lab.run(_sent_and_flushed(lab, zombie, b"old"))
    rule = lab.cluster.faults.lose(ProduceRequest)
    [late] = await _send(lab, zombie, b"late")
    await lab.clock.advance(500)
    await _producer(lab)
    with pytest.raises(ProducerFencedError):
        await lab.run(zombie.send_offsets_to_transaction({P0: 5}, "till-group"))
    await lab.clock.advance(200)
    assert isinstance(late.exception(), ProducerFencedError)
    assert zombie.fatal is not None
    lab.cluster.faults.end(rule)


async def test_a_record_whose_transaction_ended_while_it_waited_for_memory_goes_nowhere(lab: Lab) -> None:
    producer = await _producer(lab, buffer_memory=20_000, max_batch_size=16_000)
    await producer.begin_transaction()
    rule = lab.cluster.faults.lose(ProduceRequest)
    await _send(lab, producer, bytes(15_000))
    waiting = asyncio.create_task(producer.send("orders", bytes(15_000), partition=1))
    await lab.clock.settle()
    aborting = asyncio.create_task(producer.abort_transaction())
    await lab.clock.settle()
    lab.cluster.faults.end(rule)
    await lab.clock.until(aborting.done)
    with pytest.raises(IllegalStateError, match="between begin_transaction"):
        await waiting
    await producer.begin_transaction()
    await _send(lab, producer, b"next")
    await lab.run(producer.commit_transaction())
    assert await _values(lab) == [b"next"]


async def test_a_transaction_survives_the_crash_of_its_coordinator_and_of_a_leader(lab: Lab) -> None:
    await lab.run(lab.cluster.create_topic("copied", 2, 3))
    producer = await _producer(lab)
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


async def test_a_producer_that_is_closed_aborts_the_transaction_it_left_open(lab: Lab) -> None:
    producer = await _producer(lab)
    await producer.begin_transaction()
    await lab.run(_sent_and_flushed(lab, producer, b"a"))
    await lab.run(producer.stop())
    assert [request.committed for request in lab.requests(EndTxnRequest)] == [False]


async def test_the_next_transaction_waits_until_the_last_has_all_its_markers(lab: Lab) -> None:
    producer = await _producer(lab)
    await producer.begin_transaction()
    await _send(lab, producer, b"a")
    lab.cluster.faults.lose(WriteTxnMarkersRequest, times=3)
    await lab.run(producer.commit_transaction())
    await producer.begin_transaction()
    await _send(lab, producer, b"b")
    await lab.run(producer.commit_transaction())
    assert await _values(lab) == [b"a", b"b"]


async def test_a_reader_passes_over_aborted_records_between_committed_ones(lab: Lab) -> None:
    producer, other = await _producer(lab), await _producer(lab, "other")
    for number in range(6):
        await producer.begin_transaction()
        await other.begin_transaction()
        await lab.run(_sent_and_flushed(lab, producer, b"%d" % number))
        await lab.run(_sent_and_flushed(lab, other, b"x%d" % number))
        await lab.run(producer.abort_transaction() if number % 2 else producer.commit_transaction())
        await lab.run(other.commit_transaction() if number % 3 else other.abort_transaction())
    assert await _values(lab) == [b"0", b"x1", b"2", b"x2", b"4", b"x4", b"x5"]


# Offsets


async def _committed(lab: Lab, group_id: str = "till-group") -> int | None:
    reader = await lab.consumer(group_id=group_id)
    found = await lab.run(reader.committed(P0))
    reader.crash()
    return found


async def test_offsets_are_committed_with_the_transaction_or_not_at_all(lab: Lab) -> None:
    producer = await _producer(lab)
    await producer.begin_transaction()
    await _send(lab, producer, b"a")
    await lab.run(producer.send_offsets_to_transaction({P0: 5}, "till-group"))
    await lab.run(producer.commit_transaction())
    assert await _committed(lab) == 5
    await producer.begin_transaction()
    await lab.run(producer.send_offsets_to_transaction({P0: (9, "later")}, "till-group"))
    await lab.run(producer.abort_transaction())
    assert await _committed(lab) == 5


async def test_who_asks_for_an_offset_waits_until_the_transaction_over_it_is_over(lab: Lab) -> None:
    producer = await _producer(lab, transaction_timeout_ms=5_000)
    await producer.begin_transaction()
    await lab.run(producer.send_offsets_to_transaction({P0: 5}, "till-group"))
    reader = await lab.consumer(group_id="till-group")
    asking = asyncio.create_task(reader.committed(P0))
    await lab.clock.advance(3_000)
    assert not asking.done()
    await lab.clock.advance(6_000)
    assert asking.result() is None


async def test_a_member_that_its_group_went_on_without_cannot_add_offsets(lab: Lab) -> None:
    producer = await _producer(lab)
    consumer = await member(lab, "till-1", enable_auto_commit=False)
    await lab.clock.until(lambda: len(consumer.assignment()) == 6)
    mine = consumer.group_metadata()
    await producer.begin_transaction()
    await _send(lab, producer, b"a")
    await lab.run(producer.send_offsets_to_transaction({P0: 1}, mine))
    await lab.run(producer.commit_transaction())
    await lab.run(consumer.stop())
    await producer.begin_transaction()
    await _send(lab, producer, b"b")
    with pytest.raises(CommitFailedError, match="went on without this member"):
        await lab.run(producer.send_offsets_to_transaction({P0: 2}, mine))
    with pytest.raises(TransactionAbortedError):
        await lab.run(producer.commit_transaction())
    await lab.run(producer.abort_transaction())
    assert await _committed(lab, "g") == 1
    assert await _values(lab) == [b"a"]


async def test_offsets_survive_the_crash_of_the_groups_coordinator(lab: Lab) -> None:
    producer = await _producer(lab)
    await producer.begin_transaction()
    await lab.run(producer.send_offsets_to_transaction({P0: 5}, "till-group"))
    home = TopicPartition("__consumer_offsets", partition_for("till-group", 50))
    leader = lab.cluster.controller.leader_of(home)
    assert leader is not None
    await lab.run(lab.cluster.faults.crash(leader))
    await lab.run(producer.commit_transaction())
    await lab.clock.advance(15_000)
    assert await _committed(lab) == 5
