"""Static membership (KIP-345): a member with a group.instance.id keeps its place across restarts."""

from __future__ import annotations

from contextlib import suppress

import pytest

from engine.errors import (
    ErrorCode,
    FencedInstanceIdError,
    KafkaStorageError,
    NotCoordinatorError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.records import decode_group
from engine.messages import LeaveGroupRequest, LeavingMember
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
    stable_group,
    tps,
)


async def static_group(world: World) -> tuple[Client, Client]:
    """A static leader and a static follower, Stable."""
    leader = world.client("billing-1", group_instance_id="one")
    follower = world.client("billing-2", group_instance_id="two")
    joins = [leader.start_join()]
    await world.settle()
    joins.append(follower.start_join())
    await world.clock.advance(10_000)
    await answers(world, *joins)
    await answers(world, leader.start_sync(), follower.start_sync())
    return leader, follower


def restarted(client: Client) -> Client:
    return client.world.client(client.name, group_instance_id=client.group_instance_id, assignors=client.assignors)


async def test_a_static_member_is_not_sent_back_for_an_id() -> None:
    world = await new_world()
    joining = world.client("billing-1", group_instance_id="one").start_join()
    await world.clock.advance(3_000)
    assert joining.result().member_id.startswith("one-")


async def test_a_static_follower_that_restarts_keeps_its_partitions_and_nobody_rebalances() -> None:
    world = await new_world()
    leader, follower = await static_group(world)
    slots = [(member.client_id, member.slot) for member in world.view.members]
    back = restarted(follower)
    answer = await back.join()
    assert (answer.generation_id, answer.members, answer.skip_assignment) == (1, (), False)
    assert back.member_id != follower.member_id
    await back.sync()
    assert back.owned == tps(2, 3)
    assert world.view.state is GroupState.STABLE
    assert [(member.client_id, member.slot) for member in world.view.members] == slots
    await leader.heartbeat()
    assert len(world.rebalances) == 1
    assert "static member billing-2 came back to billing within its session" in world.told()[-1]


async def test_a_static_leader_that_restarts_is_told_the_members_but_need_not_assign() -> None:
    world = await new_world()
    leader, _ = await static_group(world)
    back = restarted(leader)
    answer = await back.join()
    assert answer.skip_assignment
    assert len(answer.members) == 2
    assert answer.leader == back.member_id
    await back.sync({})
    assert back.owned == tps(0, 1)


async def test_who_crashes_while_its_new_member_id_takes_long_to_store_is_dropped_in_the_end() -> None:
    world = await new_world()
    leader, follower = await static_group(world)
    world.log.open.clear()
    joining = restarted(follower).start_join()
    await world.settle()
    await world.clock.advance(9_000)
    await leader.heartbeat()
    await world.clock.advance(1_000)
    world.log.open.set()
    await answers(world, joining)
    for _ in range(3):
        await world.clock.advance(5_000)
        with suppress(RebalanceInProgressError):
            await leader.heartbeat()
    assert [member.client_id for member in world.view.members] == ["billing-1"]


async def test_the_new_member_id_is_stored_before_it_is_told() -> None:
    world = await new_world()
    _, follower = await static_group(world)
    world.log.open.clear()
    back = restarted(follower)
    joining = back.start_join()
    await world.settle()
    assert not joining.done()
    world.log.open.set()
    await joining
    stored = decode_group(world.log.records[PARTITION][-1][1] or b"")
    assert {member.member_id for member in stored.members} >= {back.member_id}


async def test_when_the_new_member_id_cannot_be_stored_the_old_one_stays() -> None:
    world = await new_world()
    _, follower = await static_group(world)
    world.log.error = KafkaStorageError()
    with pytest.raises(NotCoordinatorError):
        await restarted(follower).join()
    world.log.error = None
    await follower.heartbeat()
    assert follower.member_id in {member.member_id for member in world.view.members}


async def test_the_former_self_of_a_restarted_static_member_is_fenced() -> None:
    world = await new_world()
    _, follower = await static_group(world)
    await restarted(follower).join()
    for request in (follower.heartbeat, follower.join, follower.sync):
        with pytest.raises(FencedInstanceIdError):
            await request()
    with pytest.raises(FencedInstanceIdError):
        await follower.commit({tps(2)[0]: 5})
    answer = await world.coordinator.leave_group(
        follower.info, LeaveGroupRequest(GROUP, (LeavingMember(follower.member_id, "two"),))
    )
    assert answer.errors == (ErrorCode.FENCED_INSTANCE_ID,)


async def test_fencing_comes_before_the_generation_and_an_unknown_instance_before_fencing() -> None:
    world = await new_world()
    _, follower = await static_group(world)
    await restarted(follower).join()
    follower.generation = 99
    with pytest.raises(FencedInstanceIdError):
        await follower.heartbeat()
    follower.group_instance_id = "never-seen"
    with pytest.raises(UnknownMemberIdError):
        await follower.heartbeat()


async def test_a_parked_request_of_the_former_self_is_fenced_at_once() -> None:
    world = await new_world()
    leader, follower = await static_group(world)
    rejoining = leader.start_join()
    await world.settle()
    back = restarted(leader)
    joining = back.start_join()
    await world.settle()
    assert refused(rejoining) is FencedInstanceIdError
    await answers(world, joining, follower.start_join())
    assert back.generation == 2


async def test_a_static_member_that_comes_back_while_the_leader_computes_starts_over() -> None:
    world = await new_world()
    leader, follower = world.client("billing-1", group_instance_id="one"), world.client("billing-2")
    joins = [leader.start_join(), follower.start_join()]
    await world.clock.advance(10_000)
    await answers(world, *joins)
    back = restarted(leader)
    joining = back.start_join()
    await world.settle()
    assert world.view.state is GroupState.PREPARING_REBALANCE
    await answers(world, joining, follower.start_join())
    assert {back.generation, follower.generation} == {2}


async def test_a_static_member_that_changes_the_vote_makes_the_group_rebalance() -> None:
    world = await new_world()
    one = world.client("billing-1", group_instance_id="one", assignors=("range", "sticky"))
    joining = one.start_join()
    await world.clock.advance(10_000)
    await joining
    await one.sync()
    back = world.client("billing-1", group_instance_id="one", assignors=("sticky", "range"))
    await back.join()
    assert (back.generation, back.protocol) == (2, "sticky")


async def test_a_static_member_that_does_not_rejoin_is_kept_until_its_session_ends() -> None:
    world = await new_world()
    leader, gone = await static_group(world)
    leader.rebalance_timeout_ms = gone.rebalance_timeout_ms = 5_000
    first = leader.start_join()  # teaches the group the shorter timeout
    await answers(world, first, gone.start_join())
    await answers(world, leader.start_sync(), gone.start_sync())
    joining = leader.start_join()
    await world.clock.advance(5_000)
    assert joining.result().generation_id == 3
    assert len(joining.result().members) == 2
    await leader.sync()
    await world.clock.advance(5_000)
    assert [member.client_id for member in world.view.members] == ["billing-1"]


async def test_an_administrator_may_remove_a_static_member_by_its_instance_id() -> None:
    world = await new_world()
    await static_group(world)
    answer = await world.coordinator.leave_group(
        ClientInfo("admin"), LeaveGroupRequest(GROUP, (LeavingMember("", "two"),))
    )
    assert answer.errors == (ErrorCode.NONE,)
    assert world.rebalances[-1].cause == "billing-2 left: removed by an administrator"


async def test_a_static_member_finds_its_slot_again_even_after_its_session_ended() -> None:
    world = await new_world()
    patient = {"session_timeout_ms": 1_000_000}
    dynamic, one, two = await stable_group(world, "billing-0", "billing-1", "billing-2", **patient)
    await one.leave()
    await two.leave()
    await rebalance(world, dynamic)
    one, two = (world.client(f"billing-{name}", group_instance_id=name) for name in ("one", "two"))
    await rebalance(world, one, dynamic)
    await rebalance(world, two, one, dynamic)
    slots = {member.client_id: member.slot for member in world.view.members}
    assert slots == {"billing-0": 0, "billing-one": 1, "billing-two": 2}
    await world.clock.advance(10_000)  # both fall silent; the later one comes back first
    assert [member.client_id for member in world.view.members] == ["billing-0"]
    await rebalance(world, world.client("billing-two", group_instance_id="two"), dynamic)
    assert {member.client_id: member.slot for member in world.view.members} == {"billing-0": 0, "billing-two": 2}
