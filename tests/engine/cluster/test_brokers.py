"""Brokers that die: who leads, what is in sync, what each `acks` was worth."""

from __future__ import annotations

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import (
    ElectionNotNeededError,
    EligibleLeadersNotAvailableError,
    ErrorCode,
    NotEnoughReplicasError,
)
from engine.messages import (
    FetchPosition,
    FetchRequest,
    ProduceRequest,
)
from engine.types import ClientInfo
from engine.workload.spec import ConsumerSpec
from tests.engine.cluster.one_partition import TP, orders, send, three_copies, values
from tests.engine.replicas.batches import batch_of

ME = ClientInfo("test")


async def test_every_replica_holds_the_leaders_bytes(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    for number in range(5):
        await send(cluster, clock, b"%d" % number)
    await clock.advance(1_000)
    copies = [await cluster.nodes.alive[broker].partitions[TP].log.read(0, 1 << 20) for broker in (1, 2, 3)]
    assert copies[0] == copies[1] == copies[2]
    assert len(copies[0]) == 5


async def test_a_crash_is_noticed_when_the_session_runs_out(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    leader = orders(cluster).leader
    assert leader is not None
    await cluster.nodes.crash(leader)
    await clock.advance(5_000)
    assert orders(cluster).leader == leader
    await clock.advance(5_000)
    after = orders(cluster)
    assert after.leader not in (None, leader)
    assert after.leader_epoch == 1
    assert leader not in after.isr


async def test_a_clean_stop_hands_on_at_once(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    leader = orders(cluster).leader
    assert leader is not None
    await clock.complete(cluster.nodes.stop(leader))
    assert orders(cluster).leader not in (None, leader)


async def test_what_acks_all_acknowledged_outlives_its_leader(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock, min_insync_replicas="2")
    for number in range(3):
        await send(cluster, clock, b"%d" % number)
    leader = orders(cluster).leader
    assert leader is not None
    await cluster.nodes.crash(leader)
    await clock.advance(12_000)
    assert await values(cluster) == [b"0", b"1", b"2"]
    said = f"was {leader}. Nothing that was acknowledged is lost."
    assert any(said in event.sentence() for event in cluster.events.last(50))


async def test_what_acks_1_acknowledged_may_be_lost_with_its_leader(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    await send(cluster, clock, b"kept")
    await clock.advance(1_000)
    leader = orders(cluster).leader
    assert leader is not None
    for broker_id in cluster.nodes.ids:
        if broker_id != leader:
            cluster.network.cut(broker_id, leader)
    lost = await send(cluster, clock, b"lost", acks=1)
    assert lost.offset == 1
    await cluster.nodes.crash(leader)
    for broker_id in cluster.nodes.ids:
        cluster.network.heal(broker_id, leader)
    await clock.advance(12_000)
    said = "(epoch 1), was 1, and 1 record acknowledged with acks=1 had not been copied and is gone."
    assert any(said in event.sentence() for event in cluster.events.last(50))
    await send(cluster, clock, b"after")
    await clock.complete(cluster.nodes.start(leader))
    await clock.advance(5_000)
    assert await values(cluster) == [b"kept", b"after"]
    returned = await cluster.nodes.alive[leader].partitions[TP].log.read(0, 1 << 20)
    assert returned == await cluster.nodes.leader(TP).log.read(0, 1 << 20)
    assert any("cut its copy" in event.sentence() for event in cluster.events.last(50))


async def test_a_clean_stop_tells_what_it_cost_too(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    leader = cluster.nodes.leader(TP).broker_id
    for broker_id in cluster.nodes.ids:
        if broker_id != leader:
            cluster.network.cut(broker_id, leader)
    await send(cluster, clock, b"not copied", acks=1)
    await clock.complete(cluster.nodes.stop(leader))
    said = "stopped cleanly, after handing on what it led. orders-0: broker"
    [told] = [event.sentence() for event in cluster.events.last(10) if said in event.sentence()]
    assert "1 record acknowledged with acks=1 had not been copied and is gone" in told


async def test_a_returning_replica_catches_up_and_is_in_sync_again(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    follower = next(broker for broker in orders(cluster).isr if broker != orders(cluster).leader)
    await cluster.nodes.crash(follower)
    await clock.advance(12_000)
    assert follower not in orders(cluster).isr
    for number in range(3):
        await send(cluster, clock, b"%d" % number)
    await clock.complete(cluster.nodes.start(follower))
    await clock.advance(5_000)
    assert follower in orders(cluster).isr
    assert cluster.nodes.alive[follower].partitions[TP].log.log_end_offset == 3


async def test_a_follower_that_is_cut_off_leaves_the_isr(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    leader = orders(cluster).leader
    assert leader is not None
    follower = next(broker for broker in orders(cluster).isr if broker != leader)
    cluster.network.cut(leader, follower)
    sending = send(cluster, clock, b"waits")
    meta = await sending
    assert meta.offset == 0
    assert follower not in orders(cluster).isr
    cluster.network.heal(leader, follower)
    await clock.advance(5_000)
    assert follower in orders(cluster).isr


async def test_too_few_in_sync_refuse_acks_all_and_take_acks_1(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock, min_insync_replicas="2")
    leader = orders(cluster).leader
    assert leader is not None
    for broker_id in cluster.nodes.ids:
        if broker_id != leader:
            await cluster.nodes.crash(broker_id)
    await clock.advance(30_000)
    assert orders(cluster).isr == (leader,)
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
    await send(cluster, clock, b"only copy")
    leader = orders(cluster).leader
    assert leader is not None
    await cluster.nodes.crash(leader)
    await clock.advance(12_000)
    assert orders(cluster).leader is None
    await clock.complete(cluster.nodes.start(leader))
    await clock.advance(1_000)
    assert orders(cluster).leader == leader
    assert await values(cluster) == [b"only copy"]


async def test_an_unclean_election_loses_what_the_new_leader_lacks(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock, unclean_leader_election_enable="true")
    first = orders(cluster).leader
    assert first is not None
    others = [broker for broker in cluster.nodes.ids if broker != first]
    for broker_id in others:
        await cluster.nodes.crash(broker_id)
    await clock.advance(30_000)
    await send(cluster, clock, b"alone")
    await cluster.nodes.crash(first)
    await clock.advance(12_000)
    await clock.complete(cluster.nodes.start(others[0]))
    await clock.advance(12_000)
    assert orders(cluster).leader == others[0]
    assert orders(cluster).isr == (others[0],)
    assert await values(cluster) == []
    said = "had none, and 1 record that every replica in sync had is gone, for this one was not."
    assert any(said in event.sentence() for event in cluster.events.last(50))


async def test_leadership_goes_back_to_the_preferred_replica(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    preferred = orders(cluster).replicas[0]
    await clock.complete(cluster.nodes.stop(preferred))
    await clock.complete(cluster.nodes.start(preferred))
    await clock.advance(5_000)
    assert orders(cluster).leader != preferred
    assert await clock.complete(cluster.controller.elect_preferred([TP])) == 1
    assert orders(cluster).leader == preferred


async def test_a_group_goes_on_when_its_coordinator_dies(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), session_timeout_ms=30_000))
    for number in range(4):
        await send(cluster, clock, b"%d" % number)
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


async def test_a_partition_moves_to_another_broker_with_all_its_records(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await send(cluster, clock, b"moves along")
    await clock.complete(cluster.controller.reassign(TP, (3,)))
    await clock.advance(5_000)
    after = orders(cluster)
    assert (after.replicas, after.isr, after.leader) == ((3,), (3,), 3)
    assert await values(cluster) == [b"moves along"]
    assert TP not in cluster.nodes.alive[1].partitions


async def test_a_topic_gets_more_copies(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await send(cluster, clock, b"v")
    await clock.complete(cluster.controller.reassign(TP, (1, 2, 3)))
    await clock.advance(5_000)
    assert orders(cluster).isr == (1, 2, 3)


async def test_leadership_goes_back_by_itself_after_a_while(cluster: Cluster, clock: ManualClock) -> None:
    await three_copies(cluster, clock)
    preferred = orders(cluster).replicas[0]
    await clock.complete(cluster.nodes.stop(preferred))
    await clock.complete(cluster.nodes.start(preferred))
    await clock.advance(301_000)
    assert orders(cluster).leader == preferred


async def test_somebody_who_lacks_records_leads_when_a_person_wants_it_and_that_is_told(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    first = orders(cluster).leader
    assert first is not None
    with pytest.raises(ElectionNotNeededError, match="has a leader already"):
        await cluster.faults.elect_unclean(TP)
    others = [broker for broker in cluster.nodes.ids if broker != first]
    for broker_id in others:
        await cluster.nodes.crash(broker_id)
    await clock.advance(30_000)
    await send(cluster, clock, b"alone")
    await cluster.nodes.crash(first)
    await clock.advance(12_000)
    with pytest.raises(EligibleLeadersNotAvailableError):
        await cluster.faults.elect_unclean(TP)
    await clock.complete(cluster.nodes.start(others[0]))
    await clock.advance(2_000)
    assert orders(cluster).leader is None
    await clock.complete(cluster.faults.elect_unclean(TP))
    await clock.advance(1_000)
    assert orders(cluster).leader == others[0]
    assert await values(cluster) == []
    told = " ".join(event.sentence() for event in cluster.events.last(5))
    assert f"orders-0: broker {others[0]} leads" in told
    assert "1 record that every replica in sync had is gone" in told


async def test_a_partition_that_is_being_moved_shows_where_to(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await send(cluster, clock, b"v")
    cluster.faults.isolate(3)
    await clock.complete(cluster.controller.reassign(TP, (3,)))
    await clock.advance(1_000)
    assert (orders(cluster).target, orders(cluster).replicas) == ((3,), (3, 1))
    await clock.complete(cluster.controller.call_off(TP))
    assert (orders(cluster).target, orders(cluster).replicas) == ((), (1,))


async def test_unclean_elections_that_are_allowed_while_nobody_leads_are_held_after_a_while(
    cluster: Cluster, clock: ManualClock
) -> None:
    await three_copies(cluster, clock)
    first = orders(cluster).leader
    assert first is not None
    others = [broker for broker in cluster.nodes.ids if broker != first]
    for broker_id in others:
        await cluster.nodes.crash(broker_id)
    await clock.advance(30_000)
    await cluster.nodes.crash(first)
    await clock.advance(12_000)
    await clock.complete(cluster.nodes.start(others[0]))
    await clock.advance(30_000)
    assert orders(cluster).leader is None
    await clock.complete(cluster.alter_topic_config("orders", {"unclean.leader.election.enable": "true"}))
    await clock.advance(11_000)
    assert (orders(cluster).leader, orders(cluster).isr) == (others[0], (others[0],))
