"""How soon followers copy what they are given to follow, and what befalls one partition of a leader's."""

from __future__ import annotations

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import KafkaStorageError
from engine.messages import FetchedPartition, ReadMetadataRequest
from engine.replicas.partition import Partition
from engine.types import TopicPartition
from tests.engine.replicas.batches import batch_of


async def _acknowledged_within(clock: ManualClock, leader: Partition, value: bytes) -> float:
    began = clock.now_ms()
    await clock.complete(leader.append(batch_of(value)))
    return clock.now_ms() - began


async def test_the_first_record_of_a_new_topic_is_soon_acknowledged_by_all_though_its_leader_hears_of_it_last(
    cluster: Cluster, clock: ManualClock
) -> None:
    cluster.faults.delay(10, ReadMetadataRequest, answers=True, source=1)
    await clock.complete(cluster.create_topic("orders", replication_factor=3))
    leader = cluster.nodes.leader(TopicPartition("orders", 0))
    assert leader.broker_id == 1
    assert await _acknowledged_within(clock, leader, b"first") < 100


async def test_followers_that_wait_for_news_of_other_topics_begin_with_a_new_one_at_once(
    cluster: Cluster, clock: ManualClock
) -> None:
    for name in ("first", "second", "third"):
        await cluster.create_topic(name, partitions=3, replication_factor=3)
        await clock.advance(2_000)
    await cluster.create_topic("orders", partitions=3, replication_factor=3)
    for number in range(3):
        leader = cluster.nodes.leader(TopicPartition("orders", number))
        assert await _acknowledged_within(clock, leader, b"first") < 100


async def test_what_cannot_be_copied_of_one_partition_holds_up_no_other_of_its_leader(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.create_topic("orders", partitions=4, replication_factor=2)
    await clock.advance(2_000)
    failing, good = (TopicPartition("orders", number) for number in (0, 3))
    leader = cluster.nodes.leader(good)
    assert cluster.nodes.leader(failing).broker_id == leader.broker_id
    follow = Partition.follow

    async def full(self: Partition, found: FetchedPartition, leader_epoch: int) -> None:
        if self.tp == failing and found.batches:
            raise KafkaStorageError("The disk is full.")
        await follow(self, found, leader_epoch)

    monkeypatch.setattr(Partition, "follow", full)
    await cluster.nodes.leader(failing).append(batch_of(b"cannot be copied"), acks=1)
    for number in range(10):
        assert await _acknowledged_within(clock, leader, b"%d" % number) < 50
        await clock.advance(100)
