"""Transactions as their coordinator sees to them: fencing, outcomes, timeouts, and brokers that die in between."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import (
    ConcurrentTransactionsError,
    ErrorCode,
    InvalidProducerEpochError,
    InvalidProducerIdMappingError,
    InvalidRequestError,
    InvalidTopicError,
    InvalidTransactionTimeoutError,
    InvalidTxnStateError,
    ProducerFencedError,
)
from engine.messages import (
    AddPartitionsToTxnRequest,
    DescribeProducersRequest,
    DescribeTransactionsRequest,
    InitProducerIdRequest,
    ListTransactionsRequest,
    WriteTxnMarkersRequest,
)
from engine.snapshot import TransactionState as State
from engine.types import TopicPartition
from tests.engine.transactions.speaking import ME, P0, P1, Speaker


async def test_a_committed_transaction_ends_with_a_marker_in_each_of_its_partitions(alice: Speaker) -> None:
    await alice.init()
    assert (alice.epoch, alice.view().state) == (0, State.EMPTY)
    await alice.add(P0, P1)
    await alice.send(P0, b"a", b"b")
    await alice.send(P1, b"c")
    assert (alice.view().state, alice.view().partitions) == (State.ONGOING, (P0, P1))
    await alice.end(committed=True)
    await alice.clock.advance(2_000)
    assert (alice.view().state, alice.view().partitions) == (State.COMPLETE_COMMIT, ())
    assert await alice.story(P0) == ["a", "b", "[commit]"]
    assert await alice.story(P1) == ["c", "[commit]"]


async def test_a_producer_that_begins_anew_fences_the_one_before(alice: Speaker, cluster: Cluster) -> None:
    await alice.init()
    zombie = Speaker(cluster, alice.clock, "alice")
    zombie.producer_id, zombie.epoch = alice.producer_id, alice.epoch
    await alice.init()
    assert (alice.producer_id, alice.epoch) == (zombie.producer_id, 1)
    request = AddPartitionsToTxnRequest("alice", zombie.producer_id, zombie.epoch, (P0,))
    with pytest.raises(ProducerFencedError, match="is at epoch 1; this producer is at 0"):
        await zombie.ask(request)
    assert "fenced from now on" in alice.told()


async def test_a_transaction_that_was_left_open_is_aborted_before_its_successor_begins(
    alice: Speaker, cluster: Cluster
) -> None:
    await alice.init()
    await alice.add(P0)
    await alice.send(P0, b"left")
    zombie = Speaker(cluster, alice.clock, "alice")
    zombie.producer_id, zombie.epoch, zombie._sequences = alice.producer_id, alice.epoch, {P0: 1}
    with pytest.raises(ConcurrentTransactionsError):
        await alice.ask(InitProducerIdRequest("alice"))
    await alice.init()
    assert alice.epoch == 2
    assert await alice.story(P0) == ["left", "[abort]"]
    with pytest.raises(InvalidProducerEpochError):
        await zombie.send(P0, b"late")
    with pytest.raises(ProducerFencedError):
        await zombie.end(committed=True)


async def test_a_producer_may_bump_its_own_epoch_and_ask_again_when_the_answer_was_lost(alice: Speaker) -> None:
    await alice.init()
    await alice.init(as_it_is=True)
    assert alice.epoch == 1
    alice.epoch = 0
    await alice.init(as_it_is=True)
    assert alice.epoch == 1
    alice.epoch = 5
    with pytest.raises(ProducerFencedError, match="at epoch 1; this producer says 5"):
        await alice.init(as_it_is=True)


async def test_a_producer_id_whose_epochs_are_used_up_gives_way_to_another(alice: Speaker) -> None:
    await alice.init()
    before = alice.producer_id
    shard = alice.cluster.nodes.alive[await alice.coordinator()].transactions._shards.at(alice.home.partition)
    metadata = shard.transactions["alice"]
    metadata.value = replace(metadata.value, producer_epoch=32_766)
    alice.epoch = 32_766
    await alice.init(as_it_is=True)
    assert alice.producer_id > before
    assert alice.epoch == 0
    fresh = alice.producer_id
    alice.producer_id, alice.epoch = before, 32_766
    await alice.init(as_it_is=True)
    assert (alice.producer_id, alice.epoch) == (fresh, 0)


async def test_what_makes_no_sense_is_refused_in_words(alice: Speaker) -> None:
    with pytest.raises(InvalidRequestError, match="must not be empty"):
        await alice.ask(InitProducerIdRequest(""))
    with pytest.raises(InvalidTransactionTimeoutError, match=r"transaction\.max\.timeout\.ms"):
        await alice.init(timeout_ms=900_001)
    with pytest.raises(InvalidProducerIdMappingError, match="There is no transactional id alice"):
        await alice.add(P0)
    await alice.init()
    alice.producer_id += 1
    with pytest.raises(InvalidProducerIdMappingError):
        await alice.add(P0)
    alice.producer_id -= 1
    with pytest.raises(InvalidTxnStateError, match="nothing is open to be committed"):
        await alice.end(committed=True)
    missing = TopicPartition("nowhere", 0)
    answer = await alice.ask(AddPartitionsToTxnRequest("alice", alice.producer_id, 0, (P0, missing)))
    assert answer.errors == {
        P0: ErrorCode.OPERATION_NOT_ATTEMPTED,
        missing: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    with pytest.raises(InvalidTopicError, match="by coordinators alone"):
        await alice.send(alice.home, b"x")
    answer = await alice.ask(AddPartitionsToTxnRequest("alice", alice.producer_id, 0, (P0, alice.home)))
    assert answer.errors == {
        P0: ErrorCode.OPERATION_NOT_ATTEMPTED,
        alice.home: ErrorCode.TOPIC_AUTHORIZATION_FAILED,
    }


async def test_ending_a_transaction_twice_in_the_same_way_is_no_error_in_another_way_it_is(alice: Speaker) -> None:
    await alice.init()
    await alice.transaction(True, p0=b"a")
    await alice.end(committed=True)
    with pytest.raises(InvalidTxnStateError):
        await alice.end(committed=False)
    assert await alice.story(P0) == ["a", "[commit]"]


async def test_while_markers_are_missing_the_next_transaction_has_to_wait(alice: Speaker) -> None:
    await alice.init()
    await alice.add(P0)
    await alice.send(P0, b"a")
    rule = alice.cluster.faults.lose(WriteTxnMarkersRequest)
    await alice.end(committed=True)
    assert alice.view().state is State.PREPARE_COMMIT
    with pytest.raises(ConcurrentTransactionsError):
        await alice.add(P1)
    with pytest.raises(ConcurrentTransactionsError):
        await alice.end(committed=True)
    with pytest.raises(ConcurrentTransactionsError):
        await alice.ask(InitProducerIdRequest("alice"))
    alice.cluster.faults.end(rule)
    await alice.clock.advance(2_000)
    await alice.add(P1)
    assert alice.view().state is State.ONGOING


async def test_a_transaction_that_takes_too_long_is_aborted_and_its_producer_fenced(alice: Speaker) -> None:
    await alice.init(timeout_ms=5_000)
    await alice.add(P0)
    await alice.send(P0, b"slow")
    assert alice.view().deadline_ms == alice.clock.now_ms() + 5_000
    await alice.clock.advance(4_900)
    assert alice.view().state is State.ONGOING
    await alice.clock.advance(4_000)
    assert alice.view().state is State.COMPLETE_ABORT
    assert await alice.story(P0) == ["slow", "[abort]"]
    assert "open for longer than transaction.timeout.ms (5,000)" in alice.told()
    with pytest.raises(InvalidProducerEpochError):
        await alice.send(P0, b"slower")
    with pytest.raises(ProducerFencedError):
        await alice.end(committed=True)


async def test_a_coordinator_that_dies_between_prepare_and_complete_is_followed_by_one_that_ends_it(
    alice: Speaker, cluster: Cluster, clock: ManualClock
) -> None:
    await alice.init()
    await alice.add(P0, P1)
    await alice.send(P0, b"a")
    await alice.send(P1, b"b")
    cluster.faults.lose(WriteTxnMarkersRequest, times=2)
    await alice.end(committed=True)
    before = await alice.coordinator()
    await clock.complete(cluster.faults.crash(before))
    await clock.advance(20_000)
    assert await alice.coordinator() != before
    assert alice.view().state is State.COMPLETE_COMMIT
    assert (await alice.story(P0))[:2] == ["a", "[commit]"]
    assert (await alice.story(P1))[:2] == ["b", "[commit]"]
    assert "the commit markers are written" in alice.told()


async def test_an_open_transaction_goes_on_with_another_coordinator(
    alice: Speaker, cluster: Cluster, clock: ManualClock
) -> None:
    await alice.init()
    await alice.add(P0)
    await alice.send(P0, b"a")
    await clock.complete(cluster.faults.stop(await alice.coordinator()))
    await clock.advance(3_000)
    await alice.end(committed=True)
    await clock.advance(3_000)
    assert await alice.story(P0) == ["a", "[commit]"]


async def test_a_coordinator_of_an_older_epoch_writes_no_marker_any_more(alice: Speaker) -> None:
    await alice.init()
    await alice.transaction(True, p0=b"a")
    entry = alice.leader(P0).producers.get(alice.producer_id)
    assert entry is not None
    entry.coordinator_epoch = 9
    await alice.add(P0)
    await alice.send(P0, b"b")
    await alice.end(committed=True)
    await alice.clock.advance(5_000)
    assert alice.view().state is State.PREPARE_COMMIT
    assert await alice.story(P0) == ["a", "[commit]", "b"]


async def test_a_deleted_topic_holds_up_no_transaction(alice: Speaker, clock: ManualClock) -> None:
    await clock.complete(alice.cluster.create_topic("gone", partitions=1, replication_factor=1))
    await alice.init()
    await alice.add(P0, TopicPartition("gone", 0))
    await alice.send(P0, b"a")
    await clock.complete(alice.cluster.delete_topic("gone"))
    await alice.end(committed=False)
    await clock.advance(2_000)
    assert alice.view().state is State.COMPLETE_ABORT


async def test_an_id_that_nobody_uses_for_long_is_forgotten(alice: Speaker, cluster: Cluster) -> None:
    await alice.init()
    await alice.transaction(True, p0=b"a")
    coordinator = cluster.nodes.alive[await alice.coordinator()].transactions
    shard = coordinator._shards.at(alice.home.partition)
    metadata = shard.transactions["alice"]
    metadata.value = replace(
        metadata.value, update_ms=alice.clock.now() - cluster.config.transactional_id_expiration_ms
    )
    await alice.run(coordinator._forget_expired(shard))
    assert cluster.snapshot().transactions == ()
    with pytest.raises(InvalidProducerIdMappingError):
        await alice.add(P0)


async def test_transactions_and_producers_are_described_and_listed(alice: Speaker) -> None:
    await alice.init()
    await alice.add(P0)
    offset = await alice.send(P0, b"a", b"b")
    described = (await alice.ask(DescribeTransactionsRequest(("alice", "nobody", "")))).transactions
    assert described[0].state == "Ongoing"
    assert described[0].partitions == (P0,)
    assert described[0].start_time_ms == alice.clock.now()
    assert described[1].error is not ErrorCode.NONE
    assert described[2].error is ErrorCode.INVALID_REQUEST
    leader = alice.leader(P0).broker_id
    told = await alice.run(alice.cluster.network.call(ME, leader, DescribeProducersRequest((P0,))))
    [producer] = told.partitions[P0].producers
    assert (producer.producer_id, producer.last_sequence) == (alice.producer_id, 1)
    assert producer.current_txn_start_offset == offset
    await alice.clock.advance(1_000)

    async def listed(**filters: object) -> list[str]:
        answer = await alice.ask(ListTransactionsRequest(**filters))  # type: ignore[arg-type]
        return [each.transactional_id for each in answer.transactions]

    assert await listed() == await listed(states=("Ongoing",)) == await listed(longer_than_ms=999) == ["alice"]
    assert (
        await listed(states=("Empty",)) == await listed(producer_ids=(99,)) == await listed(longer_than_ms=1_001) == []
    )
    assert (await alice.ask(ListTransactionsRequest(states=("Odd",)))).unknown_states == ("Odd",)
