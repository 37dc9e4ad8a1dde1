"""SyncGroup, Heartbeat, LeaveGroup, and the timers that drop who falls silent."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.errors import (
    ErrorCode,
    IllegalGenerationError,
    InvalidGroupIdError,
    KafkaError,
    KafkaStorageError,
    NotCoordinatorError,
    NotEnoughReplicasError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.records import decode_group
from engine.messages import HeartbeatRequest, LeaveGroupRequest, LeavingMember, SyncGroupRequest
from engine.snapshot import GroupState
from engine.types import ClientInfo
from tests.engine.groups.group_world import (
    GROUP,
    PARTITION,
    Client,
    World,
    answers,
    new_world,
    rebalance,
    refused,
    share_out,
    stable_group,
    tps,
)


async def joined_group(world: World, *names: str, **options: object) -> list[Client]:
    """A group in CompletingRebalance: everybody has joined, nobody has synced."""
    clients = [world.client(name, **options) for name in names]
    joins = []
    for client in clients:
        joins.append(client.start_join())
        await world.settle()
    await world.clock.until(lambda: all(join.done() for join in joins))
    return clients


# SyncGroup -------------------------------------------------------------------------------------------------


async def test_followers_wait_for_the_leaders_assignment() -> None:
    world = await new_world()
    leader, follower = await joined_group(world, "billing-1", "billing-2")
    waiting = follower.start_sync()
    await world.settle()
    assert not waiting.done()
    assert world.view.waiting_for == ("billing-1",)
    await leader.sync()
    await world.settle()
    assert [leader.owned, follower.owned] == [tps(0, 1), tps(2, 3)]
    assert waiting.result().protocol_name == "range"
    assert world.view.state is GroupState.STABLE


async def test_a_follower_that_syncs_late_is_given_its_share_at_once() -> None:
    world = await new_world()
    leader, follower = await joined_group(world, "billing-1", "billing-2")
    await leader.sync()
    assert world.view.state is GroupState.STABLE
    assert world.view.waiting_for == ("billing-2",)
    await follower.sync()
    assert follower.owned == tps(2, 3)
    assert not world.view.waiting_for


async def test_the_assignment_is_stored_before_anybody_is_given_it() -> None:
    world = await new_world()
    (leader,) = await joined_group(world, "billing-1")
    world.log.open.clear()
    syncing = leader.start_sync()
    await world.settle()
    assert not syncing.done()
    assert world.view.state is GroupState.COMPLETING_REBALANCE
    world.log.open.set()
    await syncing
    stored = decode_group(world.log.records[PARTITION][-1][1] or b"")
    assert (stored.generation, stored.protocol, stored.leader) == (1, "range", leader.member_id)
    assert [member.client_id for member in stored.members] == ["billing-1"]


@pytest.mark.parametrize(
    ("failure", "told"),
    [(NotEnoughReplicasError(), ErrorCode.COORDINATOR_NOT_AVAILABLE), (KafkaStorageError(), ErrorCode.NOT_COORDINATOR)],
)
async def test_when_the_assignment_cannot_be_stored_everybody_is_told_and_it_rebalances(
    failure: KafkaError, told: ErrorCode
) -> None:
    world = await new_world()
    leader, follower = await joined_group(world, "billing-1", "billing-2")
    world.log.error = failure
    syncs = [leader.start_sync(), follower.start_sync()]
    await world.settle()
    for sync in syncs:
        error = sync.exception()
        assert isinstance(error, KafkaError)
        assert error.code is told
    assert world.view.state is GroupState.PREPARING_REBALANCE
    world.log.error = None
    await rebalance(world, leader, follower)
    assert follower.owned == tps(2, 3)


async def test_an_assignment_overtaken_by_a_new_member_while_it_is_stored_is_not_handed_out() -> None:
    world = await new_world()
    (leader,) = await joined_group(world, "billing-1")
    newcomer = world.client("billing-2")
    await newcomer.get_id()
    world.log.open.clear()
    syncing = leader.start_sync()
    await world.settle()
    joining = newcomer.start_join()
    await world.settle()
    assert refused(syncing) is RebalanceInProgressError
    world.log.open.set()
    await world.settle()
    assert world.view.state is GroupState.PREPARING_REBALANCE
    assert world.rebalances[-1].moves == ()
    await answers(world, joining, leader.start_join())
    await share_out(world, leader, newcomer)
    assert [leader.owned, newcomer.owned] == [tps(0, 1), tps(2, 3)]


async def test_a_member_the_leader_forgot_gets_nothing() -> None:
    world = await new_world()
    leader, follower = await joined_group(world, "billing-1", "billing-2")
    shares = leader.share_out()
    del shares[follower.member_id]
    answer, _ = await answers(world, follower.start_sync(), leader.start_sync(shares))
    assert answer.assignment == b""


async def test_syncs_of_strangers_and_of_other_generations_are_refused_in_kafkas_order() -> None:
    world = await new_world()
    client = world.client("billing-1", member_id="made-up")
    with pytest.raises(UnknownMemberIdError):
        await client.sync({})
    (member,) = await stable_group(world, "billing-1")
    with pytest.raises(UnknownMemberIdError):
        await client.sync({})
    member.generation = 7
    with pytest.raises(IllegalGenerationError, match="generation 1, not 7"):
        await member.sync({})


async def test_a_sync_while_the_group_prepares_is_sent_back_to_join() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    rejoining = leader.start_join()
    await world.settle()
    with pytest.raises(RebalanceInProgressError):
        await follower.sync()
    rejoining.cancel()


async def test_members_that_do_not_sync_within_the_rebalance_timeout_are_removed() -> None:
    world = await new_world()
    leader, lazy = await joined_group(world, "billing-1", "billing-2", rebalance_timeout_ms=15_000)
    await leader.sync()
    for _ in range(3):
        await world.clock.advance(4_999)
        await leader.heartbeat()
        await lazy.heartbeat()
    await world.clock.advance(3)
    assert [member.client_id for member in world.view.members] == ["billing-1"]
    assert world.view.state is GroupState.PREPARING_REBALANCE
    await rebalance(world, leader)
    assert leader.owned == tps(0, 1, 2, 3)


async def test_a_group_whose_leader_never_syncs_loses_it_and_goes_on() -> None:
    world = await new_world()
    _, follower = await joined_group(world, "billing-1", "billing-2", rebalance_timeout_ms=8_000)
    waiting = follower.start_sync()
    await world.clock.advance(8_000)
    assert refused(waiting) is RebalanceInProgressError
    assert [member.client_id for member in world.view.members] == ["billing-2"]
    await rebalance(world, follower)
    assert follower.leads


# Heartbeat and session timeouts ----------------------------------------------------------------------------


async def test_heartbeats_are_answered_by_state() -> None:
    world = await new_world()
    leader, follower = await joined_group(world, "billing-1", "billing-2")
    await follower.heartbeat()
    await share_out(world, leader, follower)
    await follower.heartbeat()
    rejoining = leader.start_join()
    await world.settle()
    with pytest.raises(RebalanceInProgressError):
        await follower.heartbeat()
    rejoining.cancel()


async def test_heartbeats_of_strangers_and_of_other_generations_are_refused() -> None:
    world = await new_world()
    client = ClientInfo("x")
    with pytest.raises(UnknownMemberIdError):
        await world.coordinator.heartbeat(client, HeartbeatRequest(GROUP, 1, "nobody"))
    (member,) = await stable_group(world, "billing-1")
    with pytest.raises(UnknownMemberIdError):
        await world.coordinator.heartbeat(client, HeartbeatRequest(GROUP, 1, "nobody"))
    with pytest.raises(IllegalGenerationError):
        await world.coordinator.heartbeat(client, HeartbeatRequest(GROUP, 0, member.member_id))
    with pytest.raises(InvalidGroupIdError):
        await world.coordinator.heartbeat(client, HeartbeatRequest("", 0, member.member_id))


async def test_a_crashed_member_is_dropped_when_its_session_times_out() -> None:
    world = await new_world()
    leader, _ = await stable_group(world, "billing-1", "billing-2")
    await world.clock.advance(9_999)
    await leader.heartbeat()
    assert len(world.view.members) == 2
    await world.clock.advance(1)
    assert [member.client_id for member in world.view.members] == ["billing-1"]
    assert world.view.state is GroupState.PREPARING_REBALANCE
    assert world.rebalances[-1].cause == "billing-2's session of 10.0 s ran out without a heartbeat"


async def test_a_member_that_waits_for_the_others_to_join_cannot_run_out() -> None:
    world = await new_world()
    patient, slow = await stable_group(world, "billing-1", "billing-2", session_timeout_ms=6_000)
    rejoining = patient.start_join()
    for _ in range(10):
        await world.clock.advance(5_000)
        with pytest.raises(RebalanceInProgressError):
            await slow.heartbeat()
    assert len(world.view.members) == 2
    await slow.join()
    await rejoining
    # Its session begins anew with the new generation.
    await share_out(world, patient, slow)
    await world.clock.advance(6_000)
    assert not world.view.members


async def test_a_group_whose_last_member_runs_out_is_empty_and_stored_as_such() -> None:
    world = await new_world()
    await stable_group(world, "billing-1")
    await world.clock.advance(10_000)
    assert (world.view.state, world.view.generation) == (GroupState.EMPTY, 2)
    stored = decode_group(world.log.records[PARTITION][-1][1] or b"")
    assert (stored.members, stored.generation, stored.protocol_type) == ((), 2, "consumer")
    assert stored.protocol is None
    assert stored.leader is None


# LeaveGroup ------------------------------------------------------------------------------------------------


async def test_a_member_that_leaves_gives_its_share_to_the_others() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    await follower.leave()
    assert world.view.state is GroupState.PREPARING_REBALANCE
    await rebalance(world, leader)
    assert leader.owned == tps(0, 1, 2, 3)
    assert (world.rebalances[-1].cause, world.rebalances[-1].left) == (
        "billing-2 left: closed cleanly",
        ("billing-2",),
    )


async def test_a_member_that_leaves_while_it_waits_is_answered() -> None:
    world = await new_world()
    leader, follower = await joined_group(world, "billing-1", "billing-2")
    waiting = follower.start_sync()
    await world.settle()
    await follower.leave()
    await world.settle()
    assert refused(waiting) is UnknownMemberIdError
    assert world.view.state is GroupState.PREPARING_REBALANCE
    await leader.join()


async def test_a_pending_member_may_leave_and_nobody_waits_for_it_any_more() -> None:
    world = await new_world()
    (leader,) = await stable_group(world, "billing-1")
    newcomer = world.client("billing-2")
    await newcomer.get_id()
    rejoining = leader.start_join()
    await world.settle()
    assert not rejoining.done()
    await newcomer.leave()
    await world.settle()
    assert rejoining.result().generation_id == 2


async def test_leaving_what_one_is_not_in_is_an_error_for_that_member_alone() -> None:
    world = await new_world()
    strangers = (LeavingMember("nobody"), LeavingMember("", "no-instance"))
    request = LeaveGroupRequest(GROUP, strangers)
    unknown = ErrorCode.UNKNOWN_MEMBER_ID
    assert (await world.coordinator.leave_group(ClientInfo("x"), request)).errors == (unknown, unknown)
    (member,) = await stable_group(world, "billing-1")
    request = replace(request, members=(*strangers, LeavingMember(member.member_id)))
    answer = await world.coordinator.leave_group(ClientInfo("x"), request)
    assert answer.errors == (unknown, unknown, ErrorCode.NONE)
    assert world.view.state is GroupState.EMPTY


@pytest.mark.parametrize(
    ("reason", "clause"),
    [
        ("the consumer is being closed", "closed cleanly"),
        ("consumer poll timeout has expired.", "max.poll.interval.ms ran out between two polls"),
        ("the consumer unsubscribed from all topics", "unsubscribed from all topics"),
        ("going home", "going home"),
    ],
)
async def test_the_reason_for_leaving_is_told(reason: str, clause: str) -> None:
    world = await new_world()
    _, follower = await stable_group(world, "billing-1", "billing-2")
    await follower.leave(reason)
    assert f"billing-2 left billing: {clause}. Its partitions go to the others." in world.told()


# Ceasing to coordinate -------------------------------------------------------------------------------------


async def test_whoever_waits_is_sent_elsewhere_when_the_partition_moves() -> None:
    world = await new_world()
    leader, follower = await joined_group(world, "billing-1", "billing-2")
    syncing = follower.start_sync()
    await world.settle()
    world.coordinator.unload(PARTITION)
    await world.settle()
    assert refused(syncing) is NotCoordinatorError
    with pytest.raises(NotCoordinatorError):
        await leader.heartbeat()
    assert world.views() == ()
    before = world.events.count
    await world.clock.advance(1_000_000)
    assert world.events.count == before


async def test_joins_that_wait_are_sent_elsewhere_too() -> None:
    world = await new_world()
    joining = world.client("billing-1").start_join()
    await world.settle()
    world.coordinator.close()
    await world.settle()
    assert refused(joining) is NotCoordinatorError


async def test_an_assignment_under_way_when_the_partition_moves_comes_to_nothing() -> None:
    world = await new_world()
    (leader,) = await joined_group(world, "billing-1")
    world.log.open.clear()
    syncing = leader.start_sync()
    await world.settle()
    world.coordinator.unload(PARTITION)
    world.log.open.set()
    await world.settle()
    assert refused(syncing) is NotCoordinatorError


async def test_a_second_sync_takes_the_place_of_the_first() -> None:
    world = await new_world()
    leader, follower = await joined_group(world, "billing-1", "billing-2")
    request = SyncGroupRequest(GROUP, 1, follower.member_id)
    first = asyncio.create_task(world.coordinator.sync_group(follower.info, request))
    await world.settle()
    second = asyncio.create_task(world.coordinator.sync_group(follower.info, request))
    await world.settle()
    assert refused(first) is RebalanceInProgressError
    await leader.sync()
    assert (await second).assignment
