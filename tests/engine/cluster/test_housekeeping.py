"""What goes on by itself in a cluster: retention, compaction, and what happens when one of the logs fails."""

from __future__ import annotations

from typing import Any

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import KafkaStorageError
from engine.records import read_records
from engine.replicas.partition import Partition
from engine.storage.log import PartitionLog
from engine.types import TopicPartition
from tests.engine.replicas.batches import batch_of
from tests.engine.storage.helpers import batch_of as keyed

TP = TopicPartition("orders", 0)
OTHER = TopicPartition("others", 0)
SHORT = {"retention.ms": "1000"}


async def _append(cluster: Cluster, clock: ManualClock, tp: TopicPartition, batch: bytes) -> Partition:
    leader = cluster.nodes.leader(tp)
    await clock.complete(leader.append(batch, acks=1))
    return leader


async def test_retention_leaves_what_is_not_committed_yet(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", replication_factor=3, config={**SHORT, "min.insync.replicas": "2"})
    leader = await _append(cluster, clock, TP, batch_of(b"committed", timestamp=clock.now()))
    await clock.advance(100)
    for broker_id in set(cluster.nodes.ids) - {leader.broker_id}:
        await cluster.faults.crash(broker_id)
    await _append(cluster, clock, TP, batch_of(b"on its way", timestamp=clock.now()))
    await clock.advance(30_000)
    assert (leader.log.log_start_offset, leader.high_watermark, leader.log.log_end_offset) == (1, 1, 2)


async def test_a_topic_that_is_deleted_while_retention_is_at_it_ends_nothing(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("orders", "others"):
        await cluster.create_topic(name, config=SHORT)
        await _append(cluster, clock, TopicPartition(name, 0), batch_of(b"v", timestamp=clock.now()))
    rows, others = cluster.nodes.leader(TP).log.rows, cluster.nodes.leader(OTHER).log
    batches = rows.batches

    async def deleted_meanwhile(*asked: Any) -> Any:
        found = await batches(*asked)
        if "orders" in cluster.controller.topics:
            await cluster.delete_topic("orders")
        return found

    monkeypatch.setattr(rows, "batches", deleted_meanwhile)
    await clock.advance(20_000)
    assert "orders" not in cluster.controller.topics
    assert others.log_start_offset == 1


async def test_a_log_that_cannot_be_written_is_told_once_and_holds_up_no_other(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("orders", "others"):
        await cluster.create_topic(name, config=SHORT)
        await _append(cluster, clock, TopicPartition(name, 0), batch_of(b"v", timestamp=clock.now()))
    delete = PartitionLog.delete_records

    async def full(self: PartitionLog, before: int) -> int:
        if self.tp == TP:
            raise KafkaStorageError("The disk is full.")
        return await delete(self, before)

    monkeypatch.setattr(PartitionLog, "delete_records", full)
    await clock.advance(30_000)
    assert cluster.nodes.leader(OTHER).log.log_start_offset == 1
    told = [event.sentence() for event in cluster.events.last(50)]
    assert told.count("The disk is full.") == 1


async def test_every_broker_compacts_its_own_copy(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", replication_factor=3, config={"cleanup.policy": "compact"})
    await clock.advance(2_000)
    for number in range(10):
        await _append(cluster, clock, TP, keyed([(b"k", b"%d" % number)], clock.now()))
    await clock.advance(20_000)
    for broker_id in cluster.nodes.ids:
        replica = cluster.nodes.replica(broker_id, TP)
        assert replica is not None
        found = [record for each in await replica.log.read(0, 1 << 20) for record in read_records(each, *TP)]
        assert [record.offset for record in found] == [8, 9]
    assert sum("Compaction removed 8 records" in event.sentence() for event in cluster.events.last(50)) == 1


async def test_a_log_in_which_nothing_has_changed_is_not_looked_through_again(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.create_topic("orders", config={"cleanup.policy": "compact"})
    for number in range(10):
        await _append(cluster, clock, TP, keyed([(b"k%d" % number, b"v" * 1_000)], clock.now()))
    await clock.advance(20_000)
    for _ in range(2):
        await _append(cluster, clock, TP, keyed([(b"k1", b"too little to be worth it")], clock.now()))
    await clock.advance(10_000)
    rows = cluster.nodes.leader(TP).log.rows
    looked, size = 0, rows.size

    async def counted(*asked: int) -> int:
        nonlocal looked
        looked += 1
        return await size(*asked)

    monkeypatch.setattr(rows, "size", counted)
    await clock.advance(60_000)
    assert looked == 0
    await _append(cluster, clock, TP, keyed([(b"k1", b"v")], clock.now()))
    await clock.advance(10_000)
    assert looked > 0
