"""Groups that go over to the other protocol while their members work (KIP-848's online migration)."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest

from engine.errors import (
    FencedInstanceIdError,
    GroupIdNotFoundError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    NotCoordinatorError,
    NotEnoughReplicasError,
    RebalanceInProgressError,
    StaleMemberEpochError,
    UnknownMemberIdError,
)
from engine.messages import ConsumerGroupDescribeRequest, LeaveGroupRequest, LeavingMember
from engine.snapshot import GroupProtocol, GroupState
from engine.types import ClientInfo
from tests.engine.groups.group_world import GROUP, Client, World, answers, new_world, stable_group, tp, tps
from tests.engine.groups.modern_world import Consumer, reconciled


async def follow(world: World, *members: Client | Consumer, rounds: int = 6) -> None:
    """Everybody sends heartbeats and does as it is told."""
    for _ in range(rounds):
        for member in members:
            if isinstance(member, Consumer):
                await member.beat()
                if member.owned - member.told:
                    await member.give_up()
            else:
                await classic_beat(world, member)


async def classic_beat(world: World, client: Client) -> None:
    try:
        await client.heartbeat()
    except RebalanceInProgressError:
        await answers(world, client.start_join())
        with suppress(RebalanceInProgressError):
            await answers(world, client.start_sync())


def owned(*members: Client | Consumer) -> list[int]:
    """How many partitions each works on; together they have each once."""
    everything = [tp for member in members for tp in member.owned]
    assert sorted(everything) == list(tps(0, 1, 2, 3))
    return [len(tuple(member.owned)) for member in members]


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
async def test_the_first_member_of_the_consumer_protocol_takes_a_classic_group_along(assignor: str) -> None:
    world = await new_world()
    one, two = await stable_group(world, "billing-1", "billing-2", assignors=(assignor,))
    await one.commit({tp(0): 7})
    new = Consumer(world, "billing-3")
    answer = await new.join()
    assert (answer.member_epoch, world.view.protocol, world.view.generation) == (2, GroupProtocol.CONSUMER, 2)
    assert [(member.client_id, member.slot) for member in world.view.members] == [
        ("billing-1", 0),
        ("billing-2", 1),
        ("billing-3", 2),
    ]
    assert world.rebalances[-1].cause == "billing-3 joined"
    await follow(world, one, two, new)
    assert sorted(owned(one, two, new)) == [1, 1, 2]
    assert world.view.state is GroupState.STABLE
    assert {one.generation, two.generation, new.epoch} == {2}
    assert await world.committed() == {tp(0): 7}


async def test_until_it_has_joined_again_a_member_works_on_with_what_it_had() -> None:
    world = await new_world()
    one, two = await stable_group(world, "billing-1", "billing-2")
    new = Consumer(world, "billing-3")
    await new.join()
    await one.commit({tp(0): 1})
    assert new.told == frozenset()
    with pytest.raises(RebalanceInProgressError):
        await one.heartbeat()
    await follow(world, two, new)
    assert set(new.owned).isdisjoint(one.owned)


async def test_members_of_both_protocols_come_and_go() -> None:
    world = await new_world()
    (new,) = await reconciled(world, "billing-1")
    old = world.client("billing-2")
    await answers(world, old.start_join())
    await answers(world, old.start_sync())
    await follow(world, new, old)
    assert owned(new, old) == [2, 2]
    await old.leave()
    await follow(world, new)
    assert owned(new) == [4]
    assert world.view.protocol is GroupProtocol.CONSUMER


async def test_when_only_classic_members_are_left_the_group_is_classic_again() -> None:
    world = await new_world()
    (one,) = await stable_group(world, "billing-1")
    new = Consumer(world, "billing-2")
    await new.join()
    await follow(world, one, new)
    await one.commit({tp(0): 3})
    await new.leave()
    await world.settle()
    assert (world.view.protocol, world.view.state) == (GroupProtocol.CLASSIC, GroupState.PREPARING_REBALANCE)
    assert world.rebalances[-1].cause.startswith("billing-2 left; with members of the classic protocol alone")
    await classic_beat(world, one)
    assert (owned(one), one.generation, world.view.state) == ([4], world.view.generation, GroupState.STABLE)
    assert await world.committed() == {tp(0): 3}
    await world.reload()
    assert (world.view.protocol, world.view.state) == (GroupProtocol.CLASSIC, GroupState.STABLE)
    await one.heartbeat()


async def test_a_member_of_the_consumer_protocol_that_falls_silent_leaves_a_classic_group_too() -> None:
    world = await new_world(group_consumer_session_timeout_ms=5_000)
    (one,) = await stable_group(world, "billing-1")
    new = Consumer(world, "billing-2")
    await new.join()
    await follow(world, one, new)
    for _ in range(6):
        await world.clock.advance(1_000)
        await classic_beat(world, one)
    assert (owned(one), world.view.protocol) == ([4], GroupProtocol.CLASSIC)


@pytest.mark.parametrize(("policy", "up", "down"), [("disabled", 0, 0), ("upgrade", 1, 0), ("downgrade", 0, 1)])
async def test_the_policy_says_which_way_groups_may_go(policy: str, up: bool, down: bool) -> None:
    world = await new_world(group_consumer_migration_policy=policy)
    (one,) = await stable_group(world, "billing-1")
    new = Consumer(world, "billing-2")
    if up:
        await new.join()
    else:
        with pytest.raises(GroupIdNotFoundError, match=r"group\.protocol=classic"):
            await new.join()
        await one.leave()
        await world.settle()
        await new.join()
        one = world.client("billing-3")
        await answers(world, one.start_join())
        await answers(world, one.start_sync())
    await new.leave()
    await world.settle()
    assert world.view.protocol is (GroupProtocol.CLASSIC if down else GroupProtocol.CONSUMER)


async def test_a_group_that_is_no_consumers_stays_what_it_is() -> None:
    world = await new_world()
    (new,) = await reconciled(world, "billing-1")
    stranger = world.client("billing-2", assignors=("made-up",))
    await answers(world, stranger.start_join())
    with pytest.raises(InconsistentGroupProtocolError, match="no assignor in common with what is offered"):
        await answers(world, world.client("billing-3").start_join())
    await new.beat()


async def test_who_waits_for_a_rebalance_of_the_classic_group_is_sent_back_to_join_the_other() -> None:
    world = await new_world()
    one, two = await stable_group(world, "billing-1", "billing-2")
    joining = one.start_join()
    await world.settle()
    new = Consumer(world, "billing-3")
    await new.join()
    assert isinstance(joining.exception(), RebalanceInProgressError)
    await answers(world, one.start_join())
    await answers(world, one.start_sync())
    await follow(world, one, two, new)
    assert sorted(owned(one, two, new)) == [1, 1, 2]


async def test_an_upgrade_that_cannot_be_stored_has_not_happened() -> None:
    world = await new_world()
    (one,) = await stable_group(world, "billing-1")
    await one.commit({tp(0): 7})
    world.log.error = NotEnoughReplicasError()
    with pytest.raises(NotCoordinatorError):
        await Consumer(world, "billing-2").join()
    world.log.error = None
    assert (world.view.protocol, world.view.generation) == (GroupProtocol.CLASSIC, 1)
    await one.heartbeat()
    assert await world.committed() == {tp(0): 7}


async def test_a_mixed_group_is_the_same_with_another_coordinator() -> None:
    world = await new_world()
    (one,) = await stable_group(world, "billing-1", session_timeout_ms=20_000)
    new = Consumer(world, "billing-2")
    await new.join()
    await follow(world, one, new)
    await world.reload()
    assert world.view.protocol is GroupProtocol.CONSUMER
    assert [member.session_timeout_ms for member in world.view.members] == [20_000, 10_000]
    await one.heartbeat()
    await new.beat()
    assert owned(one, new) == [2, 2]


async def test_members_of_the_classic_protocol_are_told_of_generations() -> None:
    world = await new_world()
    (one,) = await stable_group(world, "billing-1")
    new = Consumer(world, "billing-2")
    await new.join()
    await follow(world, one, new)
    one.generation -= 1
    for request in (one.heartbeat, one.sync, lambda: one.commit({tp(0): 1})):
        with pytest.raises(IllegalGenerationError):
            await request()
    one.generation += 1
    new.epoch -= 1
    with pytest.raises(StaleMemberEpochError):
        await new.commit({tp(0): 1})
    stranger = world.client("billing-2", member_id=new.member_id, generation=new.epoch + 1)
    with pytest.raises(UnknownMemberIdError, match="speaks the consumer protocol"):
        await stranger.heartbeat()


async def test_who_does_not_join_again_or_sync_in_time_is_dropped() -> None:
    world = await new_world()
    (one,) = await stable_group(world, "billing-1", rebalance_timeout_ms=5_000)
    new = Consumer(world, "billing-2")
    await new.join()
    for _ in range(5):
        with pytest.raises(RebalanceInProgressError):
            await one.heartbeat()
        await new.beat()
        await world.clock.advance(1_000)
    assert [member.client_id for member in world.view.members] == ["billing-2"]
    assert "billing-1 did not join again within 5.0 s" in world.rebalances[-1].cause
    back = world.client("billing-1", rebalance_timeout_ms=5_000)
    await answers(world, back.start_join())
    for _ in range(5):
        await new.beat()
        await world.clock.advance(1_000)
    assert "billing-1 did not ask for its assignment (SyncGroup) within 5.0 s" in world.rebalances[-1].cause


async def test_a_session_of_a_classic_member_is_as_long_as_it_asked_for() -> None:
    world = await new_world(group_consumer_session_timeout_ms=30_000)
    (one,) = await stable_group(world, "billing-1", session_timeout_ms=7_000)
    new = Consumer(world, "billing-2")
    await new.join()
    await follow(world, one, new)
    await world.clock.advance(6_999)
    assert len(world.view.members) == 2
    await world.clock.advance(1)
    assert [member.client_id for member in world.view.members] == ["billing-2"]


async def test_a_static_member_may_come_back_in_the_other_protocol() -> None:
    world = await new_world()
    one, other = world.client("billing-1", group_instance_id="one"), world.client("billing-2")
    joins = [one.start_join(), other.start_join()]
    await world.clock.advance(10_000)
    await answers(world, *joins)
    await answers(world, *(client.start_sync() for client in sorted((one, other), key=lambda it: it.leads)))
    had = set(one.owned)
    new = Consumer(world, "billing-1", group_instance_id="one")
    await new.join()
    assert world.view.protocol is GroupProtocol.CONSUMER
    assert set(new.owned) == had
    with pytest.raises(FencedInstanceIdError):
        await one.heartbeat()
    back = world.client("billing-1", group_instance_id="one")
    await answers(world, back.start_join())
    await answers(world, back.start_sync())
    assert str(world.view.protocol) == str(GroupProtocol.CLASSIC)
    assert (set(back.owned), world.view.state) == (had, GroupState.STABLE)


async def test_members_are_described_with_their_protocol_and_go_when_they_say_so() -> None:
    world = await new_world()
    (one,) = await stable_group(world, "billing-1")
    new = Consumer(world, "billing-2")
    await new.join()
    request = ConsumerGroupDescribeRequest(GROUP)
    described = await world.coordinator.administration.consumer_group_describe(ClientInfo("admin"), request)
    assert [member.classic for member in described.members] == [True, False]
    assert world.view.members[0].assignors == ("range",)
    leaving = (LeavingMember(one.member_id, None, "the consumer is being closed"),)
    await world.coordinator.leave_group(ClientInfo("billing-1"), LeaveGroupRequest(GROUP, leaving))
    assert "billing-1 left: closed cleanly" in world.rebalances[-1].cause


async def test_a_join_and_a_heartbeat_at_once_leave_one_group() -> None:
    world = await new_world()
    (one,) = await stable_group(world, "billing-1")
    world.log.open.clear()
    new = Consumer(world, "billing-2")
    joining = asyncio.create_task(new.join())
    await world.settle()
    await one.heartbeat()  # before the newcomer is stored there is no news yet
    world.log.open.set()
    await world.settle()
    assert joining.result().member_epoch == 2
    await follow(world, one, new)
    assert owned(one, new) == [2, 2]
