"""Groups as panels see them: right, and the same objects while nothing changes."""

from __future__ import annotations

import itertools
import time

import pytest

from engine.errors import RebalanceInProgressError
from engine.groups.consumer_protocol import Assignment, encode_assignment
from engine.snapshot import GroupState
from engine.types import TopicPartition
from tests.engine.groups.group_world import answers, new_world, rebalance, share_out, stable_group, tp, tps


async def test_a_member_is_shown_with_its_session_and_its_share() -> None:
    world = await new_world()
    leader, _ = await stable_group(world, "billing-1", "billing-2")
    await world.clock.advance(2_500)
    await leader.heartbeat()
    await world.clock.advance(100)
    first, second = world.view.members
    assert (first.client_id, first.leader, first.slot, first.assignors, first.topics) == (
        "billing-1",
        True,
        0,
        ("range",),
        ("orders",),
    )
    assert world.clock.now_ms() - first.last_heartbeat_ms == 100
    assert first.session_expires_ms - world.clock.now_ms() == 9_900
    assert second.assignment == tps(2, 3)
    assert second.session_expires_ms - world.clock.now_ms() == 7_400


async def test_waits_are_shown_with_their_end_and_whom_they_wait_for() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    assert (world.view.deadline_ms, world.view.waiting_for) == (None, ())
    await world.clock.advance(1_000)
    rejoining = leader.start_join()
    await world.settle()
    view = world.view
    assert (view.state, view.state_since_ms) == (GroupState.PREPARING_REBALANCE, world.clock.now_ms())
    assert view.deadline_ms == world.clock.now_ms() + 60_000
    assert view.waiting_for == ("billing-2",)
    assert [member.rejoined for member in view.members] == [True, False]
    await answers(world, rejoining, follower.start_join())
    syncing = follower.start_sync()
    await world.settle()
    assert world.view.waiting_for == ("billing-1",)
    assert [member.rejoined for member in world.view.members] == [False, True]
    await answers(world, leader.start_sync(), syncing)
    assert world.view.deadline_ms is None


async def test_a_member_that_waits_is_not_shown_to_run_out_before_its_wait_ends() -> None:
    world = await new_world()
    leader, slow = await stable_group(world, "billing-1", "billing-2")
    leader.start_join()
    for _ in range(6):
        await world.clock.advance(5_000)
        with pytest.raises(RebalanceInProgressError):
            await slow.heartbeat()
    waiting = world.view.members[0]
    assert waiting.session_expires_ms == world.view.deadline_ms


async def test_lag_is_what_is_not_committed_and_unknown_without_a_commit_or_a_leader() -> None:
    world = await new_world()
    await world.commit({tp(0): 30, tp(1): 30, tp(2): 150})
    (member,) = await stable_group(world, "billing-1")

    def standing(of: TopicPartition) -> tuple[int, int] | None:
        return None if of.partition == 1 else (0, 100)

    (view,) = world.coordinator.views(standing, lambda group_id, of: 40 if of.partition == 0 else None)
    assert [(offset.committed, offset.lag, offset.position, offset.owner) for offset in view.offsets] == [
        (30, 70, 40, member.member_id),
        (30, None, None, member.member_id),
        (150, 0, None, member.member_id),
        (None, None, None, member.member_id),
    ]
    assert view.lag == 70


async def test_every_partition_of_a_subscribed_topic_is_shown_even_before_it_has_an_owner() -> None:
    world = await new_world()
    world.client("billing-1").start_join()
    await world.settle()
    assert [(offset.tp, offset.owner) for offset in world.view.offsets] == [(of, None) for of in tps(0, 1, 2, 3)]
    world.topics["orders"] = 5
    assert len(world.view.offsets) == 5


async def test_wires_unplug_when_an_eager_member_rejoins_and_plug_in_when_it_is_given_its_share() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    rejoining = leader.start_join()
    await world.settle()
    assert [member.assignment for member in world.view.members] == [(), tps(2, 3)]
    assert [offset.owner for offset in world.view.offsets] == [None, None, follower.member_id, follower.member_id]
    await answers(world, rejoining, follower.start_join())
    await share_out(world, leader, follower)
    assert [member.assignment for member in world.view.members] == [tps(0, 1), tps(2, 3)]


async def test_a_follower_that_rejoins_unchanged_serves_again_once_it_has_synced() -> None:
    world = await new_world()
    _, follower = await stable_group(world, "billing-1", "billing-2")
    follower.generation = -1
    await follower.join()
    assert not world.view.members[1].assignment
    await follower.sync()
    assert world.view.members[1].assignment == tps(2, 3)
    assert len(world.rebalances) == 1


async def test_two_owners_by_an_assignment_that_overlaps_are_never_shown() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    await answers(world, leader.start_join(), follower.start_join())
    both = encode_assignment(Assignment(tps(0)))
    await answers(world, follower.start_sync(), leader.start_sync({leader.member_id: both, follower.member_id: both}))
    assert sorted(len(member.assignment) for member in world.view.members) == [0, 1]


async def test_what_has_not_changed_is_the_same_object() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    before = world.views()
    assert world.views() is before
    await world.clock.advance(10)
    assert world.views() is before
    await leader.heartbeat()
    after = world.views()
    assert after is not before
    assert after[0].members[0] is not before[0].members[0]
    assert after[0].members[1] is before[0].members[1]
    assert after[0].offsets is before[0].offsets
    assert after[0].rebalances is before[0].rebalances
    await follower.commit({tp(3): 5})
    last = world.views()
    assert last[0].offsets[0] is after[0].offsets[0]
    assert last[0].offsets[3] is not after[0].offsets[3]


async def test_slots_are_the_smallest_free_ones_and_stay() -> None:
    world = await new_world()
    first, second, third = await stable_group(world, "billing-1", "billing-2", "billing-3")
    await second.leave()
    await rebalance(world, first, third)
    assert {member.client_id: member.slot for member in world.view.members} == {"billing-1": 0, "billing-3": 2}
    await rebalance(world, world.client("billing-4"), first, third)
    assert [member.client_id for member in world.view.members] == ["billing-1", "billing-4", "billing-3"]


async def test_a_look_at_fifty_members_and_two_hundred_partitions_is_cheap() -> None:
    world = await new_world()
    world.topics["orders"] = 200
    clients = await stable_group(world, *(f"billing-{number}" for number in range(50)))
    await world.commit({tp(0): 1}, clients[0].generation, clients[0].member_id)
    moving = itertools.count()
    best = 1.0
    for _ in range(30):
        began = time.perf_counter()
        world.coordinator.views(lambda of: (0, next(moving)), lambda group_id, of: next(moving))
        best = min(best, time.perf_counter() - began)
    print(f"one look: {best * 1_000:.2f} ms")
    assert len(world.view.offsets) == 200
