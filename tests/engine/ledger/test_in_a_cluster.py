"""What the ledger says when brokers and consumers of a real cluster die."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.clients import consumer_core
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.messages import ProduceRequest
from engine.snapshot import GroupLedger, LedgerFigure, ProducerLedger
from engine.types import ClientInfo, TopicPartition
from engine.workload.spec import ConsumerSpec, KeyRule, ProducerSpec

TP = TopicPartition("orders", 0)


def _produced(cluster: Cluster) -> ProducerLedger:
    [book] = cluster.snapshot().ledger.producers
    return book


def _billing(cluster: Cluster) -> GroupLedger:
    return next(book for book in cluster.snapshot().ledger.groups if book.group_id == "billing")


def _leader(cluster: Cluster) -> int:
    leader = cluster.describe_topic("orders").partitions[0].leader
    assert leader is not None
    return leader


async def _three_copies(cluster: Cluster, clock: ManualClock, **config: str) -> None:
    overrides = {name.replace("_", "."): value for name, value in config.items()}
    await cluster.create_topic("orders", replication_factor=3, config=overrides)
    await clock.advance(2_000)


async def _leader_dies_alone(cluster: Cluster, clock: ManualClock, alone_ms: float) -> None:
    """The leader is cut off, takes what clients still send it, and dies; the others go on."""
    leader = _leader(cluster)
    cluster.faults.isolate(leader)
    await clock.advance(alone_ms)
    await cluster.faults.crash(leader)
    cluster.faults.rejoin(leader)
    await clock.advance(15_000)


async def test_with_acks_1_records_die_with_a_leader_that_nobody_had_copied_yet(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    name = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, acks="1", seed=1))
    await clock.advance(3_000)
    assert _produced(cluster).lost_acked == 0
    await _leader_dies_alone(cluster, clock, 2_000)
    await cluster.workload.pause(name)
    await clock.advance(10_000)
    book = _produced(cluster)
    assert 90 <= book.lost_acked <= 110
    gone = await cluster.records_behind(LedgerFigure(False, name, "lost_acked"))
    assert len(gone) == book.lost_acked
    assert {record.tp for record in gone} == {TP}
    rows = (await cluster.browser.read(TP, 0, 100_000)).rows
    there = {int(dict(row.record.headers)["sequence"] or b"") for row in rows}
    assert len(there) == book.acked - book.lost_acked
    assert not there & {record.sequence for record in gone}
    assert any("acknowledged with acks=1 and are gone" in event.sentence() for event in cluster.events.last(50))


async def test_with_acks_all_and_two_in_sync_nothing_acknowledged_is_lost(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock, min_insync_replicas="2")
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, seed=1))
    await clock.advance(3_000)
    await _leader_dies_alone(cluster, clock, 2_000)
    await clock.advance(10_000)
    book = _produced(cluster)
    assert book.acked > 1_000
    assert (book.lost_acked, book.lost_unacked) == (0, 0)


async def test_what_an_old_leader_acknowledges_while_another_leads_is_lost_too(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    old = _leader(cluster)
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=20, acks="1", seed=1))
    await clock.advance(3_000)
    cluster.faults.isolate(old)
    await clock.advance(30_000)
    cluster.faults.rejoin(old)
    await clock.advance(15_000)
    book = _produced(cluster)
    rows = (await cluster.browser.read(TP, 0, 100_000)).rows
    there = {int(dict(row.record.headers)["sequence"] or b"") for row in rows}
    assert book.lost_acked > 0
    assert abs(len(there) - (book.acked - book.lost_acked)) <= 1


async def test_commit_before_processing_and_a_crash_leaves_records_that_are_never_processed(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.create_topic("orders")
    producer = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=1))
    await clock.advance(4_000)
    name = await cluster.workload.spawn_consumer(
        ConsumerSpec("billing", ("orders",), commit="before", processing_ms=10, jitter=0, seed=1)
    )
    await clock.advance(2_000)
    assert _billing(cluster).never == 0
    await cluster.workload.crash(name)
    await cluster.workload.pause(producer)
    await clock.advance(1_000)
    processed = _billing(cluster).once
    assert processed > 50
    await cluster.workload.restart(name)
    await clock.advance(30_000)
    book = _billing(cluster)
    assert book.never > 100
    assert book.again == 0
    assert book.once + book.never == _produced(cluster).acked
    behind = await cluster.records_behind(LedgerFigure(True, "billing", "never"))
    assert len(behind) == min(300, book.never)


async def test_records_that_are_processed_after_all_are_never_processed_no_more(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.create_topic("orders")
    producer = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=1))
    await clock.advance(4_000)
    name = await cluster.workload.spawn_consumer(
        ConsumerSpec("billing", ("orders",), commit="before", processing_ms=10, jitter=0, seed=1)
    )
    await clock.advance(2_000)
    await cluster.workload.crash(name)
    await cluster.workload.pause(producer)
    await clock.advance(15_000)
    assert _billing(cluster).never > 100
    from engine.cluster import Earliest

    await cluster.offsets.apply(await cluster.offsets.plan("billing", Earliest()))
    await clock.advance(2_000)
    assert _billing(cluster).never == 0
    await cluster.workload.restart(name)
    await clock.advance(30_000)
    book = _billing(cluster)
    assert (book.never, book.once + book.again) == (0, _produced(cluster).acked)


async def test_auto_commit_and_a_crash_deliver_again(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    producer = await cluster.workload.spawn_producer(
        ProducerSpec("orders", rate=50, seed=1, keys=KeyRule("uniform", 10))
    )
    name = await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), seed=1))
    await clock.advance(8_000)
    assert _billing(cluster).again == 0
    await cluster.workload.crash(name)
    await cluster.workload.restart(name)
    await clock.advance(15_000)
    await cluster.workload.pause(producer)
    await clock.advance(10_000)
    book = _billing(cluster)
    assert book.again > 50
    assert (book.never, book.late) == (0, 0)
    assert book.once + book.again == _produced(cluster).acked


@pytest.mark.parametrize("idempotent", [True, False])
async def test_lost_acknowledgements_repeat_records_only_without_idempotence(
    cluster: Cluster, clock: ManualClock, idempotent: bool
) -> None:
    await cluster.create_topic("orders")
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), seed=1))
    producer = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, seed=1, idempotence=idempotent))
    await clock.advance(2_000)
    cluster.faults.lose(ProduceRequest, answers=True, times=2)
    await clock.advance(90_000)
    await cluster.workload.stop(producer)
    await clock.advance(10_000)
    assert (_billing(cluster).again > 0) is not idempotent
    assert _produced(cluster).lost_acked == 0


async def test_what_is_sent_without_acknowledgement_and_in_no_log_is_lost(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    name = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, acks="0", seed=1))
    await clock.advance(3_000)
    cluster.faults.lose(ProduceRequest, times=5)
    await clock.advance(3_000)
    await cluster.workload.pause(name)
    await clock.advance(20_000)
    book = _produced(cluster)
    rows = (await cluster.browser.read(TP, 0, 100_000)).rows
    assert book.acked == 0
    assert book.lost_unacked == book.sent - len(rows) > 0


async def test_a_producers_crash_loses_what_was_in_its_buffer(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    name = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, seed=1))
    await clock.advance(3_000)
    await cluster.faults.crash(_leader(cluster))
    await clock.advance(1_000)
    await cluster.workload.crash(name)
    await clock.advance(20_000)
    assert _produced(cluster).lost_unacked == 0
    await clock.complete(cluster.faults.start(cluster.describe_topic("orders").partitions[0].replicas[0]))
    await clock.advance(20_000)
    book = _produced(cluster)
    assert book.lost_unacked == book.sent - book.acked > 0


async def test_retention_deleted_records_and_deleted_topics_are_no_loss(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    name = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, acks="1", seed=1))
    await clock.advance(5_000)
    await cluster.delete_records(TP, 100)
    await clock.advance(2_000)
    await cluster.faults.crash(_leader(cluster))
    await clock.advance(15_000)
    await cluster.workload.stop(name)
    await cluster.delete_topic("orders")
    await clock.advance(5_000)
    assert _produced(cluster).lost_acked == 0


async def test_an_only_copy_whose_file_is_deleted_takes_all_with_it(tmp_path: Path, clock: ManualClock) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        await cluster.create_topic("orders")
        name = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, seed=1))
        await clock.advance(3_000)
        await cluster.workload.pause(name)
        await clock.advance(1_000)
        leader = _leader(cluster)
        await cluster.faults.crash(leader)
        await cluster.faults.delete_file(leader)
        await clock.complete(cluster.faults.start(leader))
        await clock.advance(20_000)
        book = _produced(cluster)
        assert book.lost_acked == book.acked > 100


async def test_figures_outlive_the_lab_being_closed(tmp_path: Path, clock: ManualClock) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        await cluster.create_topic("orders")
        await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, seed=1))
        await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), seed=1))
        await clock.advance(5_000)
        cluster.clock.pause()
        await clock.complete(cluster.close())
        before = _produced(cluster), _billing(cluster)
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as again:
        after = _produced(again)
        assert (after.sent, after.acked) == (before[0].sent, before[0].acked)
        assert after.since == before[0].sent
        assert _billing(again) == before[1]


async def test_a_figure_that_stays_is_the_same_object(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    name = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, seed=1))
    await clock.advance(2_000)
    await cluster.workload.pause(name)
    await clock.advance(2_000)
    assert cluster.snapshot().ledger is cluster.snapshot().ledger


async def test_what_a_member_from_outside_has_read_is_not_taken_for_lost(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.create_topic("orders", partitions=2)
    producer = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=1))
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), processing_ms=0, seed=1))
    await clock.advance(4_000)
    monkeypatch.setattr(consumer_core, "ClientInfo", lambda client_id: ClientInfo(client_id, "10.0.0.9", "shop", "1"))
    async with cluster.consumer("orders", group_id="billing", auto_commit_interval_ms=100) as stranger:
        read = 0
        for _ in range(80):
            await clock.advance(100)
            read += sum(map(len, (await stranger.getmany(timeout_ms=0)).values()))
        assert read > 100
    await cluster.workload.pause(producer)
    await clock.advance(15_000)
    book = _billing(cluster)
    assert book.never == 0
    assert book.once + book.again + read >= _produced(cluster).acked


@pytest.mark.parametrize(("acks", "insync"), [("1", "1"), ("all", "2")])
async def test_the_same_crash_costs_acks_1_records_and_acks_all_with_two_in_sync_none(
    cluster: Cluster, clock: ManualClock, acks: str, insync: str
) -> None:
    """The followers' disks are slow, the leader dies, and comes back: nothing but acks makes the difference."""
    await _three_copies(cluster, clock, min_insync_replicas=insync)
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), seed=1))
    name = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, acks=acks, seed=1))
    await clock.advance(3_000)
    leader = _leader(cluster)
    for follower in (broker_id for broker_id in (1, 2, 3) if broker_id != leader):
        cluster.faults.slow_disk(follower, 500)
    await clock.advance(2_000)
    await cluster.faults.crash(leader)
    await clock.advance(15_000)
    await clock.complete(cluster.faults.start(leader))
    await clock.advance(5_000)
    await cluster.workload.pause(name)
    await clock.advance(10_000)
    book = _produced(cluster)
    behind = await cluster.records_behind(LedgerFigure(False, name, "lost_acked"))
    rows = (await cluster.browser.read(TP, 0, 100_000)).rows
    there = [int(dict(row.record.headers)["sequence"] or b"") for row in rows]
    assert (book.lost_acked > 0) is (acks == "1")
    assert len(behind) == book.lost_acked
    assert not {record.sequence for record in behind} & set(there)
    assert (_billing(cluster).never, _billing(cluster).again) == (0, len(there) - len(set(there)))
    if acks == "all":
        assert sorted(there) == list(range(book.sent))
        assert book.acked == book.sent


async def test_a_record_followed_by_hand_is_counted_among_the_others(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), seed=1))
    trace = await clock.complete(cluster.trace("orders", b"k", b"by hand", acks="1"))
    trace.run_on()
    await clock.advance(5_000)
    assert (_produced(cluster).name, _produced(cluster).acked) == ("acks-1-by-hand", 1)
    assert _billing(cluster).once == 1
    [record] = await cluster.records_behind(LedgerFigure(True, "billing", "once"))
    assert (record.producer, record.tp, record.offset) == ("acks-1-by-hand", TP, 0)
