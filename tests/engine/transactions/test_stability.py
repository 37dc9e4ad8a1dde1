"""What readers get of transactions: up to the last stable offset, told which were aborted, whoever leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import InvalidTxnStateError, OutOfOrderSequenceError
from engine.messages import (
    LATEST_TIMESTAMP,
    IsolationLevel,
    ListOffsetsRequest,
    TransactionMarker,
    WriteTxnMarkersRequest,
)
from engine.records import read_records
from tests.engine.replicas.batches import batch_of
from tests.engine.transactions.speaking import ME, P0, P1, Speaker


async def test_a_reader_of_committed_records_gets_no_further_than_the_first_open_transaction(alice: Speaker) -> None:
    bob = Speaker(alice.cluster, alice.clock, "bob")
    await alice.init()
    await bob.init()
    await alice.add(P0)
    await alice.send(P0, b"a")
    await bob.transaction(True, p0=b"b")
    assert alice.leader(P0).high_watermark == 3
    assert alice.leader(P0).last_stable_offset == 0
    assert (await alice.fetch(P0, committed=True)).batches == ()
    assert len((await alice.fetch(P0, committed=False)).batches) == 3
    await alice.end(committed=True)
    await alice.clock.advance(2_000)
    answer = await alice.fetch(P0, committed=True)
    assert (answer.last_stable_offset, len(answer.batches), answer.aborted) == (4, 4, ())


async def test_what_was_aborted_is_told_to_who_reads_committed_and_to_nobody_else(alice: Speaker) -> None:
    await alice.init()
    await alice.transaction(True, p0=b"a")
    await alice.transaction(False, p0=b"b")
    await alice.transaction(True, p0=b"c")
    assert (await alice.fetch(P0, committed=True)).aborted == ((alice.producer_id, 2),)
    assert (await alice.fetch(P0, committed=False)).aborted == ()
    assert (await alice.fetch(P0, committed=True, offset=3)).aborted == ((alice.producer_id, 2),)
    assert (await alice.fetch(P0, committed=True, offset=4)).aborted == ()


async def test_the_end_of_a_partition_is_the_last_stable_offset_for_who_reads_committed(alice: Speaker) -> None:
    await alice.init()
    await alice.add(P0)
    await alice.send(P0, b"a")
    ends = []
    for level in IsolationLevel:
        request = ListOffsetsRequest({P0: LATEST_TIMESTAMP}, level)
        answer = await alice.run(alice.cluster.network.call(ME, alice.leader(P0).broker_id, request))
        ends.append(answer.partitions[P0].offset)
    assert ends == [1, 0]
    request = ListOffsetsRequest({P0: 0}, IsolationLevel.READ_COMMITTED)
    answer = await alice.run(alice.cluster.network.call(ME, alice.leader(P0).broker_id, request))
    assert answer.partitions[P0].offset == -1


async def test_a_new_leader_knows_the_open_transaction_of_the_one_that_crashed(
    alice: Speaker, cluster: Cluster, clock: ManualClock
) -> None:
    await alice.init()
    await alice.transaction(False, p0=b"a")
    await alice.add(P0)
    await alice.send(P0, b"b")
    before = alice.leader(P0).broker_id
    await clock.complete(cluster.faults.crash(before))
    await clock.advance(12_000)
    assert alice.leader(P0).broker_id != before
    assert alice.leader(P0).last_stable_offset == 2
    await alice.send(P0, b"c")
    await alice.end(committed=True)
    await clock.advance(3_000)
    assert await alice.story(P0) == ["a", "[abort]", "b", "c", "[commit]"]
    answer = await alice.fetch(P0, committed=True)
    assert (answer.last_stable_offset, answer.aborted) == (5, ((alice.producer_id, 0),))


async def test_a_marker_counts_once_every_replica_in_sync_has_it(alice: Speaker, clock: ManualClock) -> None:
    await alice.init()
    await alice.add(P0)
    await alice.send(P0, b"a")
    leader = alice.leader(P0)
    [slow, *_] = [broker for broker in (1, 2, 3) if broker != leader.broker_id]
    alice.cluster.faults.cut(slow, leader.broker_id)
    await alice.end(committed=True)
    await clock.advance(500)
    assert leader.log.log_end_offset == 2
    assert (leader.high_watermark, leader.last_stable_offset) == (1, 0)
    alice.cluster.faults.heal(slow, leader.broker_id)
    await clock.advance(5_000)
    assert (leader.high_watermark, leader.last_stable_offset) == (2, 2)


async def test_a_producer_with_an_open_transaction_may_not_write_outside_it(alice: Speaker) -> None:
    await alice.init()
    await alice.add(P0)
    await alice.send(P0, b"a")
    with pytest.raises(InvalidTxnStateError, match="belongs to none"):
        await alice.send(P0, b"b", transactional=False)


async def test_a_hanging_transaction_blocks_readers_until_somebody_aborts_it_by_hand(alice: Speaker) -> None:
    """A batch that came too late, after its transaction was ended, opens one of which no coordinator knows."""
    await alice.init()
    await alice.transaction(True, p1=b"a")
    await alice.send(P0, b"late")
    await alice.clock.advance(60_000)
    view = alice.cluster.snapshot().partition(P0)
    assert view is not None
    assert (view.last_stable_offset, view.open_transactions) == (0, ((alice.producer_id, 0),))
    marker = TransactionMarker(alice.producer_id, alice.epoch, False, 0, (P0,))
    leader = alice.leader(P0).broker_id
    await alice.run(alice.cluster.network.call(ME, leader, WriteTxnMarkersRequest((marker,))))
    assert alice.leader(P0).last_stable_offset == 2


async def test_a_restarted_world_knows_open_and_aborted_transactions_and_every_producer(
    tmp_path: Path, clock: ManualClock
) -> None:
    async def opened() -> Cluster:
        return await Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True).__aenter__()

    cluster = await opened()
    await clock.complete(cluster.create_topic("orders", partitions=2, replication_factor=3))
    alice = Speaker(cluster, clock, "alice")
    await alice.init()
    await alice.transaction(False, p0=b"a")
    await alice.transaction(True, p0=b"b", p1=b"c")
    await alice.add(P0)
    await alice.send(P0, b"d")
    cut = alice.leader(P1).log.log_end_offset
    await clock.complete(cluster.delete_records(P1, cut))
    await cluster.close()
    alice.cluster = await opened()
    await clock.advance(3_000)
    assert alice.leader(P0).last_stable_offset == 4
    assert (await alice.fetch(P0, committed=True)).aborted == ((alice.producer_id, 0),)
    assert alice.leader(P1).log.log_start_offset == cut
    await alice.add(P1)
    alice._sequences[P1] = 7
    with pytest.raises(OutOfOrderSequenceError):
        await alice.send(P1, b"e")
    alice._sequences[P1] = 1
    await alice.send(P1, b"e")
    await alice.end(committed=True)
    await clock.advance(3_000)
    assert alice.leader(P0).last_stable_offset == 6
    await alice.cluster.close()


async def test_a_restart_without_a_checkpoint_learns_everything_from_the_log(alice: Speaker) -> None:
    await alice.init()
    await alice.transaction(False, p0=b"a")
    await alice.clock.advance(6_000)
    await alice.add(P0)
    await alice.send(P0, b"b")
    partition = alice.leader(P0)
    known, aborted = partition.producers.known(), partition.producers.transactions.aborted
    await partition.recover()
    assert partition.producers.known() == known
    assert partition.producers.transactions.aborted == aborted
    assert partition.last_stable_offset == 2


async def test_what_is_cut_off_takes_its_transactions_along_and_what_was_before_stays_known(alice: Speaker) -> None:
    bob = Speaker(alice.cluster, alice.clock, "bob")
    await alice.init()
    await bob.init()
    await bob.transaction(False, p0=b"a")
    await bob.add(P0)
    await bob.send(P0, b"b")
    before = alice.leader(P0).producers.known()
    await alice.transaction(False, p0=b"c")
    await bob.end(committed=True)
    await alice.clock.advance(6_000)
    follower = next(
        broker.partitions[P0] for broker in alice.cluster.nodes.alive.values() if not broker.partitions[P0].leads
    )
    assert follower.producers.transactions.open == {}
    follower.retire()
    await follower.truncate_to(3)
    assert follower.producers.known() == before
    assert follower.producers.transactions.open == {bob.producer_id: 2}
    assert [it[:3] for it in follower.producers.transactions.aborted] == [(bob.producer_id, 0, 1)]


async def test_retention_takes_aborted_transactions_that_ended_before_the_log_start(alice: Speaker) -> None:
    await alice.init()
    await alice.transaction(False, p0=b"a")
    await alice.transaction(False, p0=b"b")
    leader = alice.leader(P0)
    await alice.run(alice.cluster.delete_records(P0, 2))
    await alice.clock.advance(6_000)
    await alice.transaction(True, p0=b"c")
    await alice.clock.advance(6_000)
    assert [it.first_offset for it in leader.producers.transactions.aborted] == [2]
    assert len((await leader.log.rows.kept_producers()).aborted) == 1


async def test_an_open_transaction_below_the_log_start_holds_readers_at_the_log_start(alice: Speaker) -> None:
    await alice.init()
    await alice.add(P0)
    await alice.send(P0, b"a")
    await alice.send(P0, b"b")
    await alice.run(alice.cluster.delete_records(P0, 1))
    assert alice.leader(P0).last_stable_offset == 1


async def test_a_silent_producer_is_forgotten_unless_its_transaction_is_open(alice: Speaker) -> None:
    bob = Speaker(alice.cluster, alice.clock, "bob")
    await alice.init()
    await bob.init()
    await alice.transaction(True, p0=b"a")
    await bob.add(P0)
    await bob.send(P0, b"b")
    states = alice.leader(P0).producers
    states.expire(alice.clock.now_ms() + 86_400_001, 86_400_000)
    assert (states.get(alice.producer_id), states.get(bob.producer_id) is None) == (None, False)


async def test_records_of_no_transaction_are_read_through_beside_one_that_is_over(alice: Speaker) -> None:
    await alice.init()
    await alice.transaction(True, p0=b"a")
    leader = alice.leader(P0)
    await alice.run(leader.append(batch_of(b"plain"), 1))
    await alice.clock.advance(2_000)
    answer = await alice.fetch(P0, committed=True)
    values = [record.value for batch in answer.batches for record in read_records(batch, *P0)]
    assert values == [b"a", b"plain"]


async def test_who_looks_through_a_log_sees_markers_and_what_became_of_each_record(alice: Speaker) -> None:
    await alice.init()
    await alice.transaction(True, p0=b"a")
    await alice.transaction(False, p0=b"b")
    await alice.add(P0)
    await alice.send(P0, b"c")
    await alice.clock.advance(1_000)
    for page in (
        await alice.cluster.browser.read(P0, 0),
        await alice.cluster.browser.read_before(P0, 5),
    ):
        seen = [(row.record.offset, row.control, row.transaction) for row in page.rows]
        assert seen == [(0, False, ""), (1, True, ""), (2, False, "aborted"), (3, True, ""), (4, False, "open")]


async def test_compaction_drops_aborted_records_and_keeps_markers_while_they_matter(
    alice: Speaker, clock: ManualClock
) -> None:
    config = {"cleanup.policy": "compact", "delete.retention.ms": "20000", "min.cleanable.dirty.ratio": "0"}
    await clock.complete(alice.cluster.alter_topic_config("orders", config))
    bob = Speaker(alice.cluster, clock, "bob")
    await alice.init()
    await bob.init()
    await alice.transaction(True, p0=b"a")
    await alice.transaction(False, p0=b"a")
    await alice.transaction(True, p0=b"b")
    await bob.transaction(True, p0=b"x")
    await bob.transaction(True, p0=b"y")
    await clock.advance(12_000)
    assert await alice.story(P0) == ["a", "[commit]", "[abort]", "b", "[commit]", "x", "[commit]", "y", "[commit]"]
    await bob.transaction(True, p0=b"a")
    await clock.advance(40_000)
    await bob.transaction(True, p0=b"z")
    await clock.advance(30_000)
    await bob.transaction(True, p0=b"w")
    await clock.advance(12_000)
    story = await alice.story(P0)
    assert [each for each in story if not each.startswith("[")] == ["b", "x", "y", "a", "z", "w"]
    assert "[abort]" not in story


async def test_compaction_stops_where_a_transaction_is_open(alice: Speaker, clock: ManualClock) -> None:
    config = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"}
    await clock.complete(alice.cluster.alter_topic_config("orders", config))
    bob = Speaker(alice.cluster, clock, "bob")
    await alice.init()
    await bob.init()
    await alice.add(P0)
    await alice.send(P0, b"a")
    for _ in range(3):
        await bob.transaction(True, p0=b"a")
    await clock.advance(12_000)
    assert (await alice.story(P0)).count("a") == 4
