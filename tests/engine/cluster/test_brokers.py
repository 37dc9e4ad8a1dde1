"""Brokers that die and come back: who leads, what is in sync, what each `acks` was worth."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeVar

import pytest

from engine.clients.producer import Producer
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import (
    ElectionNotNeededError,
    EligibleLeadersNotAvailableError,
    ErrorCode,
    KafkaStorageError,
    NotEnoughReplicasError,
    RefusedError,
    StaleBrokerEpochError,
)
from engine.messages import (
    AlterPartitionRequest,
    BrokerHeartbeatRequest,
    FetchPosition,
    FetchRequest,
    ProduceRequest,
    ReadMetadataRequest,
)
from engine.network import CONTROLLER
from engine.snapshot import PartitionView
from engine.types import ClientInfo, RecordMetadata, TopicPartition
from engine.workload.spec import ConsumerSpec
from tests.engine.replicas.batches import batch_of

TP = TopicPartition("orders", 0)
ME = ClientInfo("test")
T = TypeVar("T")


async def _three_copies(cluster: Cluster, clock: ManualClock, **config: str) -> None:
    overrides = {name.replace("_", "."): value for name, value in config.items()}
    await cluster.create_topic("orders", replication_factor=3, config=overrides)
    await clock.advance(2_000)


def _orders(cluster: Cluster) -> PartitionView:
    return cluster.describe_topic("orders").partitions[0]


async def _send(cluster: Cluster, clock: ManualClock, value: bytes, acks: str | int = "all") -> RecordMetadata:
    producer: Producer = cluster.producer(acks=acks)
    await clock.complete(producer.start())
    meta = await clock.complete(producer.send_and_wait("orders", value))
    await clock.complete(producer.stop())
    return meta


async def _values(cluster: Cluster) -> list[bytes | None]:
    return [row.record.value for row in (await cluster.browser.read(TP, 0)).rows]


async def test_every_replica_holds_the_leaders_bytes(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    for number in range(5):
        await _send(cluster, clock, b"%d" % number)
    await clock.advance(1_000)
    copies = [await cluster.nodes.alive[broker].partitions[TP].log.read(0, 1 << 20) for broker in (1, 2, 3)]
    assert copies[0] == copies[1] == copies[2]
    assert len(copies[0]) == 5


async def test_a_crash_is_noticed_when_the_session_runs_out(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    leader = _orders(cluster).leader
    assert leader is not None
    await cluster.nodes.crash(leader)
    await clock.advance(5_000)
    assert _orders(cluster).leader == leader
    await clock.advance(5_000)
    after = _orders(cluster)
    assert after.leader not in (None, leader)
    assert after.leader_epoch == 1
    assert leader not in after.isr


async def test_a_clean_stop_hands_on_at_once(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    leader = _orders(cluster).leader
    assert leader is not None
    await clock.complete(cluster.nodes.stop(leader))
    assert _orders(cluster).leader not in (None, leader)


async def test_what_acks_all_acknowledged_outlives_its_leader(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock, min_insync_replicas="2")
    for number in range(3):
        await _send(cluster, clock, b"%d" % number)
    leader = _orders(cluster).leader
    assert leader is not None
    await cluster.nodes.crash(leader)
    await clock.advance(12_000)
    assert await _values(cluster) == [b"0", b"1", b"2"]
    said = f"was {leader}. Nothing that was acknowledged is lost."
    assert any(said in event.sentence() for event in cluster.events.last(50))


async def test_what_acks_1_acknowledged_may_be_lost_with_its_leader(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    await _send(cluster, clock, b"kept")
    await clock.advance(1_000)
    leader = _orders(cluster).leader
    assert leader is not None
    for broker_id in cluster.nodes.ids:
        if broker_id != leader:
            cluster.network.cut(broker_id, leader)
    lost = await _send(cluster, clock, b"lost", acks=1)
    assert lost.offset == 1
    await cluster.nodes.crash(leader)
    for broker_id in cluster.nodes.ids:
        cluster.network.heal(broker_id, leader)
    await clock.advance(12_000)
    said = "(epoch 1), was 1, and 1 record acknowledged with acks=1 had not been copied and is gone."
    assert any(said in event.sentence() for event in cluster.events.last(50))
    await _send(cluster, clock, b"after")
    await clock.complete(cluster.nodes.start(leader))
    await clock.advance(5_000)
    assert await _values(cluster) == [b"kept", b"after"]
    returned = await cluster.nodes.alive[leader].partitions[TP].log.read(0, 1 << 20)
    assert returned == await cluster.nodes.leader(TP).log.read(0, 1 << 20)
    assert any("cut its copy" in event.sentence() for event in cluster.events.last(50))


async def test_a_clean_stop_tells_what_it_cost_too(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    leader = cluster.nodes.leader(TP).broker_id
    for broker_id in cluster.nodes.ids:
        if broker_id != leader:
            cluster.network.cut(broker_id, leader)
    await _send(cluster, clock, b"not copied", acks=1)
    await clock.complete(cluster.nodes.stop(leader))
    said = "stopped cleanly, after handing on what it led. orders-0: broker"
    [told] = [event.sentence() for event in cluster.events.last(10) if said in event.sentence()]
    assert "1 record acknowledged with acks=1 had not been copied and is gone" in told


async def test_a_returning_replica_catches_up_and_is_in_sync_again(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    follower = next(broker for broker in _orders(cluster).isr if broker != _orders(cluster).leader)
    await cluster.nodes.crash(follower)
    await clock.advance(12_000)
    assert follower not in _orders(cluster).isr
    for number in range(3):
        await _send(cluster, clock, b"%d" % number)
    await clock.complete(cluster.nodes.start(follower))
    await clock.advance(5_000)
    assert follower in _orders(cluster).isr
    assert cluster.nodes.alive[follower].partitions[TP].log.log_end_offset == 3


async def test_a_follower_that_is_cut_off_leaves_the_isr(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    leader = _orders(cluster).leader
    assert leader is not None
    follower = next(broker for broker in _orders(cluster).isr if broker != leader)
    cluster.network.cut(leader, follower)
    sending = _send(cluster, clock, b"waits")
    meta = await sending
    assert meta.offset == 0
    assert follower not in _orders(cluster).isr
    cluster.network.heal(leader, follower)
    await clock.advance(5_000)
    assert follower in _orders(cluster).isr


async def test_too_few_in_sync_refuse_acks_all_and_take_acks_1(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock, min_insync_replicas="2")
    leader = _orders(cluster).leader
    assert leader is not None
    for broker_id in cluster.nodes.ids:
        if broker_id != leader:
            await cluster.nodes.crash(broker_id)
    await clock.advance(30_000)
    assert _orders(cluster).isr == (leader,)
    with pytest.raises(NotEnoughReplicasError, match=r"min\.insync\.replicas"):
        await cluster.nodes.leader(TP).append(batch_of(b"v"), acks=-1)
    request = ProduceRequest(1, 1_000, {TP: batch_of(b"v")})
    answer = await cluster.network.call(ME, leader, request)
    assert answer.partitions[TP].error is ErrorCode.NONE
    fetched = await cluster.network.call(ME, leader, FetchRequest({TP: FetchPosition(0)}, max_wait_ms=0))
    assert fetched.partitions[TP].batches == ()


async def test_without_a_live_replica_in_sync_nobody_leads_until_one_returns(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.create_topic("orders")
    await _send(cluster, clock, b"only copy")
    leader = _orders(cluster).leader
    assert leader is not None
    await cluster.nodes.crash(leader)
    await clock.advance(12_000)
    assert _orders(cluster).leader is None
    await clock.complete(cluster.nodes.start(leader))
    await clock.advance(1_000)
    assert _orders(cluster).leader == leader
    assert await _values(cluster) == [b"only copy"]


async def test_an_unclean_election_loses_what_the_new_leader_lacks(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock, unclean_leader_election_enable="true")
    first = _orders(cluster).leader
    assert first is not None
    others = [broker for broker in cluster.nodes.ids if broker != first]
    for broker_id in others:
        await cluster.nodes.crash(broker_id)
    await clock.advance(30_000)
    await _send(cluster, clock, b"alone")
    await cluster.nodes.crash(first)
    await clock.advance(12_000)
    await clock.complete(cluster.nodes.start(others[0]))
    await clock.advance(12_000)
    assert _orders(cluster).leader == others[0]
    assert _orders(cluster).isr == (others[0],)
    assert await _values(cluster) == []
    said = "had none, and 1 record that every replica in sync had is gone, for this one was not."
    assert any(said in event.sentence() for event in cluster.events.last(50))


async def test_leadership_goes_back_to_the_preferred_replica(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    preferred = _orders(cluster).replicas[0]
    await clock.complete(cluster.nodes.stop(preferred))
    await clock.complete(cluster.nodes.start(preferred))
    await clock.advance(5_000)
    assert _orders(cluster).leader != preferred
    assert await clock.complete(cluster.controller.elect_preferred([TP])) == 1
    assert _orders(cluster).leader == preferred


async def test_a_group_goes_on_when_its_coordinator_dies(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), session_timeout_ms=30_000))
    for number in range(4):
        await _send(cluster, clock, b"%d" % number)
    await clock.advance(20_000)
    group = cluster.snapshot().group("billing")
    assert group is not None
    assert group.coordinator is not None
    before = (group.generation, group.members[0].member_id, group.offsets[0].committed)
    assert before[2] == 4
    await cluster.nodes.crash(group.coordinator)
    await clock.advance(25_000)
    after = cluster.snapshot().group("billing")
    assert after is not None
    assert after.coordinator not in (None, group.coordinator)
    assert (after.generation, after.members[0].member_id, after.offsets[0].committed) == before


async def test_a_deleted_file_is_filled_again(tmp_path: Path, clock: ManualClock) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        await _three_copies(cluster, clock)
        for number in range(3):
            await _send(cluster, clock, b"%d" % number)
        follower = next(broker for broker in cluster.nodes.ids if broker != _orders(cluster).leader)
        with pytest.raises(RefusedError, match="is running"):
            await cluster.nodes.delete_file(follower)
        await cluster.nodes.crash(follower)
        await cluster.nodes.delete_file(follower)
        await clock.advance(12_000)
        await clock.complete(cluster.nodes.start(follower))
        await clock.advance(5_000)
        assert cluster.nodes.alive[follower].partitions[TP].log.log_end_offset == 3
        assert follower in _orders(cluster).isr


async def test_a_partition_moves_to_another_broker_with_all_its_records(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await _send(cluster, clock, b"moves along")
    await clock.complete(cluster.controller.reassign(TP, (3,)))
    await clock.advance(5_000)
    after = _orders(cluster)
    assert (after.replicas, after.isr, after.leader) == ((3,), (3,), 3)
    assert await _values(cluster) == [b"moves along"]
    assert TP not in cluster.nodes.alive[1].partitions


async def test_a_topic_gets_more_copies(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await _send(cluster, clock, b"v")
    await clock.complete(cluster.controller.reassign(TP, (1, 2, 3)))
    await clock.advance(5_000)
    assert _orders(cluster).isr == (1, 2, 3)


async def test_leadership_goes_back_by_itself_after_a_while(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    preferred = _orders(cluster).replicas[0]
    await clock.complete(cluster.nodes.stop(preferred))
    await clock.complete(cluster.nodes.start(preferred))
    await clock.advance(301_000)
    assert _orders(cluster).leader == preferred


async def test_a_broker_that_stopped_cleanly_holds_up_no_acknowledgement(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    await _send(cluster, clock, b"before")
    follower = next(broker for broker in _orders(cluster).isr if broker != _orders(cluster).leader)
    await clock.complete(cluster.nodes.stop(follower))
    began = clock.now_ms()
    await _send(cluster, clock, b"after")
    assert clock.now_ms() - began < 1_000


async def test_a_broker_that_cannot_tell_the_controller_stops_all_the_same_and_keeps_its_records(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    await _send(cluster, clock, b"kept")
    leader = _orders(cluster).leader
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
    await _three_copies(cluster, clock)
    leader = cluster.nodes.leader(TP).broker_id
    await clock.complete(cluster.faults.crash(leader))
    await clock.advance(1_000)
    await clock.complete(cluster.faults.start(leader))
    assert "waits to be let in" in cluster.events.last(1)[0].sentence()
    await clock.advance(5_000)
    assert (_orders(cluster).leader, leader in cluster.network.reachable()) == (leader, False)
    await clock.advance(8_000)
    after = _orders(cluster)
    assert (after.leader_epoch, leader in after.isr, leader in cluster.network.reachable()) == (1, True, True)


async def test_a_leader_that_lost_its_file_does_not_lead_on_as_if_nothing_had_happened(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    await _send(cluster, clock, b"kept by the others")
    leader = cluster.nodes.leader(TP).broker_id
    await clock.complete(cluster.faults.crash(leader))
    await clock.complete(cluster.faults.delete_file(leader))
    await clock.complete(cluster.faults.start(leader))
    await clock.advance(15_000)
    assert await _values(cluster) == [b"kept by the others"]
    assert _orders(cluster).isr == (1, 2, 3)


async def test_what_a_broker_asked_for_before_it_died_is_not_done_when_it_arrives_late(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
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
    await _three_copies(cluster, clock)
    await clock.complete(cluster.faults.stop(2))
    cluster.faults.isolate(2)
    await clock.complete(cluster.faults.start(2))
    await clock.advance(10_000)
    assert 2 not in cluster.network.reachable()
    cluster.faults.rejoin(2)
    await clock.advance(5_000)
    assert 2 in cluster.network.reachable()
    assert 2 in _orders(cluster).isr


async def test_a_broker_that_starts_does_not_lead_again_what_it_led_once(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    for number in range(3):
        await _send(cluster, clock, b"%d" % number)
        once = cluster.nodes.leader(TP).broker_id
        await clock.complete(cluster.faults.stop(once))
        await clock.complete(cluster.faults.start(once))
        await clock.advance(2_000)
    await _send(cluster, clock, b"3")
    await clock.advance(1_000)
    await clock.complete(cluster.faults.stop(once))
    await clock.complete(cluster.faults.start(once))
    epochs = [cluster.nodes.alive[broker].partitions[TP].log.epochs.entries for broker in (1, 2, 3)]
    assert epochs == [((0, 0), (1, 1), (2, 2), (3, 3))] * 3


async def test_a_topic_made_anew_while_a_broker_is_cut_off_begins_empty_there(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    await _send(cluster, clock, b"of the topic that was")
    await clock.advance(1_000)
    cluster.faults.cut(0, 3)
    await clock.complete(cluster.delete_topic("orders"))
    await clock.complete(cluster.create_topic("orders", replication_factor=3))
    cluster.faults.heal(0, 3)
    await clock.advance(5_000)
    assert _orders(cluster).isr == (1, 2, 3)
    log = cluster.nodes.alive[3].partitions[TP].log
    assert (log.topic_id, log.log_end_offset) == (cluster.controller.topic("orders").topic_id, 0)


async def test_somebody_who_lacks_records_leads_when_a_person_wants_it_and_that_is_told(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    first = _orders(cluster).leader
    assert first is not None
    with pytest.raises(ElectionNotNeededError, match="has a leader already"):
        await cluster.faults.elect_unclean(TP)
    others = [broker for broker in cluster.nodes.ids if broker != first]
    for broker_id in others:
        await cluster.nodes.crash(broker_id)
    await clock.advance(30_000)
    await _send(cluster, clock, b"alone")
    await cluster.nodes.crash(first)
    await clock.advance(12_000)
    with pytest.raises(EligibleLeadersNotAvailableError):
        await cluster.faults.elect_unclean(TP)
    await clock.complete(cluster.nodes.start(others[0]))
    await clock.advance(2_000)
    assert _orders(cluster).leader is None
    await clock.complete(cluster.faults.elect_unclean(TP))
    await clock.advance(1_000)
    assert _orders(cluster).leader == others[0]
    assert await _values(cluster) == []
    told = " ".join(event.sentence() for event in cluster.events.last(5))
    assert f"orders-0: broker {others[0]} leads" in told
    assert "1 record that every replica in sync had is gone" in told


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


async def test_a_partition_that_is_being_moved_shows_where_to(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await _send(cluster, clock, b"v")
    cluster.faults.isolate(3)
    await clock.complete(cluster.controller.reassign(TP, (3,)))
    await clock.advance(1_000)
    assert (_orders(cluster).target, _orders(cluster).replicas) == ((3,), (3, 1))
    await clock.complete(cluster.controller.call_off(TP))
    assert (_orders(cluster).target, _orders(cluster).replicas) == ((), (1,))


async def test_unclean_elections_that_are_allowed_while_nobody_leads_are_held_after_a_while(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    first = _orders(cluster).leader
    assert first is not None
    others = [broker for broker in cluster.nodes.ids if broker != first]
    for broker_id in others:
        await cluster.nodes.crash(broker_id)
    await clock.advance(30_000)
    await cluster.nodes.crash(first)
    await clock.advance(12_000)
    await clock.complete(cluster.nodes.start(others[0]))
    await clock.advance(30_000)
    assert _orders(cluster).leader is None
    await clock.complete(cluster.alter_topic_config("orders", {"unclean.leader.election.enable": "true"}))
    await clock.advance(11_000)
    assert (_orders(cluster).leader, _orders(cluster).isr) == (others[0], (others[0],))


async def test_a_broker_is_not_started_while_it_still_stops(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await _send(cluster, clock, b"kept")
    leader = cluster.nodes.leader(TP).broker_id
    await clock.complete(asyncio.gather(cluster.faults.stop(leader), cluster.faults.start(leader)))
    await clock.advance(1_000)
    assert await _values(cluster) == [b"kept"]


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
    await _three_copies(cluster, clock)
    cluster.faults.delay(3_000, ReadMetadataRequest, answers=True, source=2)
    await clock.complete(cluster.faults.stop(1))
    assert sorted(cluster.controller.image.live) == [2, 3]
    await clock.advance(15_000)
    assert not any("silent" in event.sentence() for event in cluster.events.last(50))
