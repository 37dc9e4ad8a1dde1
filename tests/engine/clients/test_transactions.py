"""The producer's transactions: all or none of the records count, and a newer producer of the same id ends this one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.coordinators.placing import partition_for
from engine.errors import (
    CommitFailedError,
    IllegalStateError,
    InvalidConfigError,
    ProducerFencedError,
    TransactionAbortedError,
)
from engine.messages import (
    AddPartitionsToTxnRequest,
    EndTxnRequest,
    ProduceRequest,
)
from engine.types import TopicPartition
from tests.engine.clients.lab import Lab, member
from tests.engine.clients.transacting import send_each, sent_and_flushed, transactional, values_of

P0 = TopicPartition("orders", 0)


async def test_a_committed_transaction_is_seen_at_once_and_an_aborted_one_by_nobody_who_reads_committed(
    lab: Lab,
) -> None:
    producer = await transactional(lab)
    await producer.begin_transaction()
    await send_each(lab, producer, b"a", b"b")
    await send_each(lab, producer, b"c", partition=1)
    assert await values_of(lab) == []
    await lab.run(producer.commit_transaction())
    assert sorted(await values_of(lab)) == [b"a", b"b", b"c"]
    await producer.begin_transaction()
    await lab.run(sent_and_flushed(lab, producer, b"d"))
    await lab.run(producer.abort_transaction())
    assert sorted(await values_of(lab)) == [b"a", b"b", b"c"]
    assert sorted(await values_of(lab, "read_uncommitted")) == [b"a", b"b", b"c", b"d"]


async def test_the_block_of_a_transaction_commits_at_its_end_and_aborts_if_it_raises(lab: Lab) -> None:
    producer = await transactional(lab)

    async def block(value: bytes, fails: bool) -> None:
        async with producer.transaction():
            await producer.send("orders", value)
            if fails:
                raise RuntimeError("no")

    await lab.run(block(b"good", False))
    with pytest.raises(RuntimeError, match="no"):
        await lab.run(block(b"bad", True))
    await lab.run(block(b"better", False))
    assert sorted(await values_of(lab)) == [b"better", b"good"]


async def test_records_that_were_not_sent_yet_are_dropped_by_an_abort(lab: Lab) -> None:
    producer = await transactional(lab, linger_ms=10_000)
    await producer.begin_transaction()
    [future] = await send_each(lab, producer, b"a")
    await lab.run(producer.abort_transaction())
    with pytest.raises(TransactionAbortedError, match="was aborted"):
        future.result()
    assert lab.requests(ProduceRequest) == []


async def test_a_zombie_is_fenced_and_told_so_in_plain_words(lab: Lab) -> None:
    zombie = await transactional(lab)
    await zombie.begin_transaction()
    await lab.run(sent_and_flushed(lab, zombie, b"old"))
    producer = await transactional(lab)
    await producer.begin_transaction()
    await send_each(lab, producer, b"new")
    await lab.run(producer.commit_transaction())
    await send_each(lab, zombie, b"late")
    with pytest.raises(TransactionAbortedError, match="can only be aborted"):
        await lab.run(zombie.commit_transaction())
    with pytest.raises(ProducerFencedError, match="A newer one with its transactional id has taken over"):
        await lab.run(zombie.abort_transaction())
    with pytest.raises(ProducerFencedError, match="Close it"):
        await zombie.begin_transaction()
    await lab.run(zombie.stop())
    assert await values_of(lab) == [b"new"]


async def test_a_transaction_that_takes_too_long_is_lost_with_its_producer(lab: Lab) -> None:
    producer = await transactional(lab, transaction_timeout_ms=5_000)
    await producer.begin_transaction()
    await lab.run(sent_and_flushed(lab, producer, b"slow"))
    await lab.clock.advance(8_000)
    with pytest.raises(ProducerFencedError, match="open for too long"):
        await lab.run(producer.commit_transaction())
    assert await values_of(lab) == []


async def test_outside_a_transaction_nothing_is_sent(lab: Lab) -> None:
    producer = await transactional(lab)
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
    producer = await transactional(lab)
    await producer.begin_transaction()
    await lab.run(producer.commit_transaction())
    assert not lab.requests(AddPartitionsToTxnRequest)
    assert not lab.requests(EndTxnRequest)


async def test_each_partition_is_added_once_to_a_transaction(lab: Lab) -> None:
    producer = await transactional(lab)
    for _ in range(2):
        await producer.begin_transaction()
        for number in range(6):
            await lab.run(producer.send("orders", b"v", partition=number % 2))
        await lab.run(producer.commit_transaction())
    added = [tp.partition for request in lab.requests(AddPartitionsToTxnRequest) for tp in request.partitions]
    assert sorted(set(added)) == [0, 1]
    assert len(added) <= 8  # asked again while the transaction before was being completed


async def test_a_producer_that_is_closed_aborts_the_transaction_it_left_open(lab: Lab) -> None:
    producer = await transactional(lab)
    await producer.begin_transaction()
    await lab.run(sent_and_flushed(lab, producer, b"a"))
    await lab.run(producer.stop())
    assert [request.committed for request in lab.requests(EndTxnRequest)] == [False]


async def test_a_reader_passes_over_aborted_records_between_committed_ones(lab: Lab) -> None:
    producer, other = await transactional(lab), await transactional(lab, "other")
    for number in range(6):
        await producer.begin_transaction()
        await other.begin_transaction()
        await lab.run(sent_and_flushed(lab, producer, b"%d" % number))
        await lab.run(sent_and_flushed(lab, other, b"x%d" % number))
        await lab.run(producer.abort_transaction() if number % 2 else producer.commit_transaction())
        await lab.run(other.commit_transaction() if number % 3 else other.abort_transaction())
    assert await values_of(lab) == [b"0", b"x1", b"2", b"x2", b"4", b"x4", b"x5"]


# Offsets


async def _committed(lab: Lab, group_id: str = "till-group") -> int | None:
    reader = await lab.consumer(group_id=group_id)
    found = await lab.run(reader.committed(P0))
    reader.crash()
    return found


async def test_offsets_are_committed_with_the_transaction_or_not_at_all(lab: Lab) -> None:
    producer = await transactional(lab)
    await producer.begin_transaction()
    await send_each(lab, producer, b"a")
    await lab.run(producer.send_offsets_to_transaction({P0: 5}, "till-group"))
    await lab.run(producer.commit_transaction())
    assert await _committed(lab) == 5
    await producer.begin_transaction()
    await lab.run(producer.send_offsets_to_transaction({P0: (9, "later")}, "till-group"))
    await lab.run(producer.abort_transaction())
    assert await _committed(lab) == 5


async def test_who_asks_for_an_offset_waits_until_the_transaction_over_it_is_over(lab: Lab) -> None:
    producer = await transactional(lab, transaction_timeout_ms=5_000)
    await producer.begin_transaction()
    await lab.run(producer.send_offsets_to_transaction({P0: 5}, "till-group"))
    reader = await lab.consumer(group_id="till-group")
    asking = asyncio.create_task(reader.committed(P0))
    await lab.clock.advance(3_000)
    assert not asking.done()
    await lab.clock.advance(6_000)
    assert asking.result() is None


async def test_a_member_that_its_group_went_on_without_cannot_add_offsets(lab: Lab) -> None:
    producer = await transactional(lab)
    consumer = await member(lab, "till-1", enable_auto_commit=False)
    await lab.clock.until(lambda: len(consumer.assignment()) == 6)
    mine = consumer.group_metadata()
    await producer.begin_transaction()
    await send_each(lab, producer, b"a")
    await lab.run(producer.send_offsets_to_transaction({P0: 1}, mine))
    await lab.run(producer.commit_transaction())
    await lab.run(consumer.stop())
    await producer.begin_transaction()
    await send_each(lab, producer, b"b")
    with pytest.raises(CommitFailedError, match="went on without this member"):
        await lab.run(producer.send_offsets_to_transaction({P0: 2}, mine))
    with pytest.raises(TransactionAbortedError):
        await lab.run(producer.commit_transaction())
    await lab.run(producer.abort_transaction())
    assert await _committed(lab, "g") == 1
    assert await values_of(lab) == [b"a"]


async def test_offsets_survive_the_crash_of_the_groups_coordinator(lab: Lab) -> None:
    producer = await transactional(lab)
    await producer.begin_transaction()
    await lab.run(producer.send_offsets_to_transaction({P0: 5}, "till-group"))
    home = TopicPartition("__consumer_offsets", partition_for("till-group", 50))
    leader = lab.cluster.controller.leader_of(home)
    assert leader is not None
    await lab.run(lab.cluster.faults.crash(leader))
    await lab.run(producer.commit_transaction())
    await lab.clock.advance(15_000)
    assert await _committed(lab) == 5
