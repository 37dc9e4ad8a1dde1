"""Brokers that stop and start: what they take up again, and what the others make of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import (
    KafkaStorageError,
    RefusedError,
    StaleBrokerEpochError,
)
from engine.messages import (
    AlterPartitionRequest,
    BrokerHeartbeatRequest,
    ReadMetadataRequest,
)
from engine.network import CONTROLLER
from engine.types import ClientInfo, TopicPartition
from tests.engine.cluster.one_partition import TP, orders, send, three_copies, values

ME = ClientInfo("test")


async def test_a_deleted_file_is_filled_again(tmp_path: Path, clock: ManualClock) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        await three_copies(cluster, clock)
        for number in range(3):
            await send(cluster, clock, b"%d" % number)
        follower = next(broker for broker in cluster.nodes.ids if broker != orders(cluster).leader)
        with pytest.raises(RefusedError, match="is running"):
            await cluster.nodes.delete_file(follower)
        await cluster.nodes.crash(follower)
        await cluster.nodes.delete_file(follower)
        await clock.advance(12_000)
        await clock.complete(cluster.nodes.start(follower))
        await clock.advance(5_000)
        assert cluster.nodes.alive[follower].partitions[TP].log.log_end_offset == 3
        assert follower in orders(cluster).isr


async def test_a_broker_that_stopped_cleanly_holds_up_no_acknowledgement(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    await send(cluster, clock, b"before")
    follower = next(broker for broker in orders(cluster).isr if broker != orders(cluster).leader)
    await clock.complete(cluster.nodes.stop(follower))
    began = clock.now_ms()
    await send(cluster, clock, b"after")
    assert clock.now_ms() - began < 1_000


async def test_a_broker_that_cannot_tell_the_controller_stops_all_the_same_and_keeps_its_records(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    await send(cluster, clock, b"kept")
    leader = orders(cluster).leader
    assert leader is not None
    cluster.faults.isolate(leader)
    await clock.complete(cluster.faults.stop(leader))
    assert "could not tell the controller" in cluster.events.last(1)[0].sentence()
    cluster.faults.rejoin(leader)
    await clock.complete(cluster.faults.start(leader))
    await clock.advance(12_000)
    assert cluster.nodes.alive[leader].partitions[TP].log.log_end_offset == 1


async def test_a_broker_that_crashed_is_let_in_again_when_its_session_has_run_out(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    leader = cluster.nodes.leader(TP).broker_id
    await clock.complete(cluster.faults.crash(leader))
    await clock.advance(1_000)
    await clock.complete(cluster.faults.start(leader))
    assert "waits to be let in" in cluster.events.last(1)[0].sentence()
    await clock.advance(5_000)
    assert (orders(cluster).leader, leader in cluster.network.reachable()) == (leader, False)
    await clock.advance(8_000)
    after = orders(cluster)
    assert (after.leader_epoch, leader in after.isr, leader in cluster.network.reachable()) == (1, True, True)


async def test_a_leader_that_lost_its_file_does_not_lead_on_as_if_nothing_had_happened(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    await send(cluster, clock, b"kept by the others")
    leader = cluster.nodes.leader(TP).broker_id
    await clock.complete(cluster.faults.crash(leader))
    await clock.complete(cluster.faults.delete_file(leader))
    await clock.complete(cluster.faults.start(leader))
    await clock.advance(15_000)
    assert await values(cluster) == [b"kept by the others"]
    assert orders(cluster).isr == (1, 2, 3)


async def test_what_a_broker_asked_for_before_it_died_is_not_done_when_it_arrives_late(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    epoch = cluster.nodes.alive[3].broker_epoch
    await clock.complete(cluster.faults.crash(3))
    await clock.advance(12_000)
    await clock.complete(cluster.faults.start(3))
    await clock.advance(1_000)
    for late in (BrokerHeartbeatRequest(3, epoch, 0, want_stop=True), AlterPartitionRequest(3, epoch, {})):
        with pytest.raises(StaleBrokerEpochError):
            await cluster.network.call(ME, CONTROLLER, late)
    assert [broker.broker_id for broker in cluster.snapshot().brokers if broker.registered] == [1, 2, 3]


async def test_a_broker_that_starts_cut_off_serves_when_it_reaches_the_controller(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    await clock.complete(cluster.faults.stop(2))
    cluster.faults.isolate(2)
    await clock.complete(cluster.faults.start(2))
    await clock.advance(10_000)
    assert 2 not in cluster.network.reachable()
    cluster.faults.rejoin(2)
    await clock.advance(5_000)
    assert 2 in cluster.network.reachable()
    assert 2 in orders(cluster).isr


async def test_a_broker_that_starts_does_not_lead_again_what_it_led_once(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    for number in range(3):
        await send(cluster, clock, b"%d" % number)
        once = cluster.nodes.leader(TP).broker_id
        await clock.complete(cluster.faults.stop(once))
        await clock.complete(cluster.faults.start(once))
        await clock.advance(2_000)
    await send(cluster, clock, b"3")
    await clock.advance(1_000)
    await clock.complete(cluster.faults.stop(once))
    await clock.complete(cluster.faults.start(once))
    epochs = [cluster.nodes.alive[broker].partitions[TP].log.epochs.entries for broker in (1, 2, 3)]
    assert epochs == [((0, 0), (1, 1), (2, 2), (3, 3))] * 3


async def test_a_topic_made_anew_while_a_broker_is_cut_off_begins_empty_there(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    await send(cluster, clock, b"of the topic that was")
    await clock.advance(1_000)
    cluster.faults.cut(0, 3)
    await clock.complete(cluster.delete_topic("orders"))
    await clock.complete(cluster.create_topic("orders", replication_factor=3))
    cluster.faults.heal(0, 3)
    await clock.advance(5_000)
    assert orders(cluster).isr == (1, 2, 3)
    log = cluster.nodes.alive[3].partitions[TP].log
    assert (log.topic_id, log.log_end_offset) == (cluster.controller.topic("orders").topic_id, 0)


@pytest.mark.parametrize("verb", ["crash", "stop"])
async def test_when_the_last_broker_goes_it_is_said_what_that_means(
    cluster: Cluster, clock: ManualClock, verb: str
) -> None:
    for broker_id in (1, 2):
        await clock.complete(getattr(cluster.faults, verb)(broker_id))
        assert "It was the last" not in cluster.events.last(1)[0].sentence()
    await clock.complete(getattr(cluster.faults, verb)(3))
    assert "nothing can be written or read until a broker is started again" in cluster.events.last(1)[0].sentence()
    assert cluster.network.reachable() == ()


async def test_a_broker_is_not_started_while_it_still_stops(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await send(cluster, clock, b"kept")
    leader = cluster.nodes.leader(TP).broker_id
    await clock.complete(asyncio.gather(cluster.faults.stop(leader), cluster.faults.start(leader)))
    await clock.advance(1_000)
    assert await values(cluster) == [b"kept"]


async def test_a_broker_that_is_started_twice_at_once_runs_once(tmp_path: Path, clock: ManualClock) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, seed=7) as cluster:
        await cluster.faults.stop(2)
        first, second = await asyncio.gather(cluster.faults.start(2), cluster.faults.start(2), return_exceptions=True)
        assert first is None
        assert isinstance(second, RefusedError)
        assert 2 in cluster.network.reachable()


async def test_a_broker_whose_disk_is_full_when_it_stops_can_be_started_again(
    tmp_path: Path, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise KafkaStorageError("The disk is full.")

    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        store = cluster.nodes.alive[2].store
        monkeypatch.setattr(store, "checkpoint", full)
        with pytest.raises(KafkaStorageError, match="full"):
            await clock.complete(cluster.faults.stop(2))
        assert store._closed
        await clock.complete(cluster.faults.start(2))
        assert 2 in cluster.network.reachable()


async def test_logs_of_topics_that_were_deleted_while_a_broker_was_down_are_deleted_when_it_starts(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        for name in ("orders", "others", "moved"):
            await cluster.create_topic(name, replication_factor=3)
        await clock.complete(cluster.faults.stop(3))
        await clock.complete(cluster.delete_topic("orders"))
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True) as cluster:
        await clock.complete(cluster.delete_topic("others"))
        await clock.complete(cluster.controller.reassign(TopicPartition("moved", 0), (1, 2)))
        await clock.complete(cluster.faults.start(3))
        assert dict(cluster.nodes.alive[3].store.logs()) == {}


async def test_a_broker_that_waits_to_stop_until_all_know_is_not_taken_for_one_that_came_back(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    cluster.faults.delay(3_000, ReadMetadataRequest, answers=True, source=2)
    await clock.complete(cluster.faults.stop(1))
    assert sorted(cluster.controller.image.live) == [2, 3]
    await clock.advance(15_000)
    assert not any("silent" in event.sentence() for event in cluster.events.last(50))
