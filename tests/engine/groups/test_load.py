"""A broker becomes the coordinator of groups by reading their records."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from engine.coordinators.writer import LogEntry
from engine.errors import (
    CoordinatorLoadInProgressError,
    KafkaStorageError,
    NotCoordinatorError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.records import GroupKey, encode_key
from engine.snapshot import GroupState
from tests.engine.groups.group_world import (
    GROUP,
    PARTITION,
    World,
    new_world,
    rebalance,
    refused,
    stable_group,
    tp,
    tps,
)


async def test_a_stable_group_comes_back_with_its_members_shares_and_offsets() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    await leader.commit({tp(0): 7})
    await world.reload()
    view = world.view
    assert (view.state, view.generation, view.assignor, view.leader) == (
        GroupState.STABLE,
        1,
        "range",
        leader.member_id,
    )
    assert [(member.client_id, member.slot, member.assignment) for member in view.members] == [
        ("billing-1", 0, tps(0, 1)),
        ("billing-2", 1, tps(2, 3)),
    ]
    assert await world.committed() == {tp(0): 7}
    await leader.heartbeat()
    await follower.heartbeat()
    await follower.sync()
    assert follower.owned == tps(2, 3)


async def test_sessions_begin_anew_when_a_group_is_loaded() -> None:
    world = await new_world()
    leader, _ = await stable_group(world, "billing-1", "billing-2")
    await world.clock.advance(9_000)
    await world.reload()
    await world.clock.advance(9_000)
    assert len(world.view.members) == 2
    await leader.heartbeat()
    await world.clock.advance(1_000)
    assert [member.client_id for member in world.view.members] == ["billing-1"]


async def test_the_generation_goes_on_where_it_was() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    await member.leave()
    await world.settle()
    await world.reload()
    assert (world.view.state, world.view.generation) == (GroupState.EMPTY, 2)
    again = world.client("billing-1")
    joining = again.start_join()
    await world.clock.advance(3_000)
    assert joining.result().generation_id == 3


async def test_static_members_are_known_by_their_instance_id_after_loading() -> None:
    world = await new_world()
    static = world.client("billing-1", group_instance_id="one")
    joining = static.start_join()
    await world.clock.advance(3_000)
    await joining
    await static.sync()
    await world.reload()
    back = world.client("billing-1", group_instance_id="one")
    await back.join()
    assert back.generation == 1
    assert world.view.state is GroupState.STABLE


async def test_a_rebalance_under_way_is_lost_and_its_members_join_again() -> None:
    world = await new_world()
    joining = world.client("billing-1").start_join()
    await world.settle()
    await world.reload()
    await world.settle()
    assert refused(joining) is NotCoordinatorError
    assert (world.view.state, world.view.generation) == (GroupState.EMPTY, 0)


async def test_while_loading_requests_are_told_so_and_heartbeats_are_good() -> None:
    world = World()
    world.log.open.clear()
    loading = asyncio.create_task(world.coordinator.load(PARTITION))
    await world.settle()
    client = world.client("billing-1", member_id="x")
    for request in (client.join, client.sync, client.leave, world.committed):
        with pytest.raises(CoordinatorLoadInProgressError):
            await request()
    await client.heartbeat()
    world.log.open.set()
    await loading
    with pytest.raises(UnknownMemberIdError):
        await client.heartbeat()


async def test_a_partition_lost_while_it_is_being_read_is_not_coordinated() -> None:
    world = await new_world()
    await stable_group(world, "billing-1")
    world.coordinator.unload(PARTITION)
    world.log.open.clear()
    loading = asyncio.create_task(world.coordinator.load(PARTITION))
    await world.settle()
    world.coordinator.unload(PARTITION)
    world.log.open.set()
    await loading
    with pytest.raises(NotCoordinatorError):
        await world.committed()
    before = world.events.count
    await world.clock.advance(60_000)
    assert world.events.count == before


async def test_a_log_that_cannot_be_read_leaves_nothing_half_loaded() -> None:
    world = World()

    async def unreadable(partition: int) -> list[LogEntry]:
        raise KafkaStorageError

    world.log.read = unreadable  # type: ignore[method-assign]
    with pytest.raises(KafkaStorageError):
        await world.coordinator.load(PARTITION)
    with pytest.raises(NotCoordinatorError):
        await world.committed()


async def test_a_record_that_cannot_be_read_is_passed_over_and_told_of() -> None:
    world = await new_world()
    await world.commit({tp(0): 7})
    await world.log.append(PARTITION, [(encode_key(GroupKey("broken")), b"\x00\x03\x00"), (b"", b"")])
    await world.commit({tp(1): 8})
    await world.reload()
    assert await world.committed() == {tp(0): 7, tp(1): 8}
    assert [told for told in world.told() if "was passed over" in told]


async def test_a_group_larger_than_allowed_by_now_rebalances_when_it_is_loaded() -> None:
    world = await new_world()
    clients = await stable_group(world, "billing-1", "billing-2", "billing-3")
    world.config = replace(world.config, group_max_size=2)
    await world.reload()
    assert world.view.state is GroupState.PREPARING_REBALANCE
    with pytest.raises(RebalanceInProgressError):
        await clients[0].heartbeat()
    joins = [client.start_join() for client in clients]
    await world.clock.advance(60_000)
    assert sum(refused(join) is None for join in joins) == 2


async def test_each_partition_has_its_own_groups() -> None:
    world = await new_world()
    await world.commit({tp(0): 7})
    other = (PARTITION + 1) % 50
    await world.coordinator.load(other)
    world.coordinator.unload(other)
    assert [view.group_id for view in world.views()] == [GROUP]


async def test_loading_again_forgets_nothing() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    for _ in range(3):
        await world.reload()
        await rebalance(world, leader, follower)
    assert leader.generation == 4
    assert follower.owned == tps(2, 3)
