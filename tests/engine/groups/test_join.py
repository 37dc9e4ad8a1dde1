"""JoinGroup: who is let in, what that starts, and when it is answered."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace

import pytest

from engine.errors import (
    GroupMaxSizeReachedError,
    IllegalGenerationError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    KafkaError,
    MemberIdRequiredError,
    NotCoordinatorError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    UnknownServerError,
)
from engine.snapshot import GroupState
from tests.engine.groups.group_world import (
    GROUP,
    World,
    answers,
    new_world,
    rebalance,
    refused,
    share_out,
    stable_group,
)


async def test_a_first_join_is_sent_back_with_a_member_id_and_held_as_pending() -> None:
    world = await new_world()
    client = world.client("billing-1")
    with pytest.raises(MemberIdRequiredError) as caught:
        await world.coordinator.join_group(client.info, client.join_request())
    assert caught.value.member_id.startswith("billing-1-")
    assert (world.view.pending_members, world.view.members) == (1, ())


async def test_old_clients_join_without_being_sent_back() -> None:
    world = await new_world()
    client = world.client("billing-1")
    request = replace(client.join_request(), requires_known_member_id=False)
    joining = asyncio.create_task(world.coordinator.join_group(client.info, request))
    await world.clock.advance(3_000)
    assert joining.result().member_id.startswith("billing-1-")


async def test_member_ids_are_the_same_when_the_same_happens_again() -> None:
    first = await (await new_world()).client("billing-1").get_id()
    second = await (await new_world()).client("billing-1").get_id()
    assert first == second


async def test_a_member_id_nobody_gave_out_is_unknown() -> None:
    world = await new_world()
    stranger = world.client("billing-1", member_id="made-up")
    with pytest.raises(UnknownMemberIdError):
        await stranger.join()
    await stable_group(world, "billing-2")
    with pytest.raises(UnknownMemberIdError):
        await stranger.join()


async def test_an_id_given_to_a_dynamic_member_is_none_of_a_static_one() -> None:
    world = await new_world()
    await stable_group(world, "billing-1", group_instance_id="one")
    pending = world.client("billing-2")
    await pending.get_id()
    pending.group_instance_id = "one"
    with pytest.raises(UnknownServerError, match="comes back as a static one"):
        await pending.join()
    assert [member.client_id for member in world.view.members] == ["billing-1"]


async def test_a_pending_member_that_does_not_come_back_is_forgotten_after_its_session_timeout() -> None:
    world = await new_world()
    await world.client("billing-1", session_timeout_ms=7_000).get_id()
    await world.clock.advance(6_999)
    assert world.view.pending_members == 1
    await world.clock.advance(1)
    assert world.view.pending_members == 0


@pytest.mark.parametrize(("asked_ms", "refused_"), [(999, True), (1_000, False), (1_800_000, False), (1_800_001, True)])
async def test_a_session_timeout_outside_the_bounds_is_refused(asked_ms: int, refused_: bool) -> None:
    world = await new_world()
    client = world.client("billing-1", session_timeout_ms=asked_ms)
    with pytest.raises(InvalidSessionTimeoutError if refused_ else MemberIdRequiredError):
        await world.coordinator.join_group(client.info, client.join_request())


async def test_a_group_without_a_name_and_a_group_of_another_broker_are_refused() -> None:
    world = World()
    client = world.client("billing-1")
    with pytest.raises(InvalidGroupIdError):
        await world.coordinator.join_group(client.info, replace(client.join_request(), group_id=""))
    with pytest.raises(NotCoordinatorError, match="Broker 1 does not coordinate billing"):
        await client.join()


# The first rebalance of an empty group --------------------------------------------------------------------


async def test_an_empty_group_waits_the_initial_delay_before_its_first_generation() -> None:
    world = await new_world()
    joining = world.client("billing-1").start_join()
    await world.clock.advance(2_999)
    assert not joining.done()
    assert world.view.state is GroupState.PREPARING_REBALANCE
    await world.clock.advance(1)
    answer = joining.result()
    assert (answer.generation_id, answer.protocol_name, answer.leader) == (1, "range", answer.member_id)
    assert [member.member_id for member in answer.members] == [answer.member_id]


async def test_each_member_that_arrives_meanwhile_prolongs_the_initial_delay_once() -> None:
    world = await new_world()
    first = world.client("billing-1").start_join()
    await world.clock.advance(2_000)
    second = world.client("billing-2").start_join()
    await world.clock.advance(3_999)
    assert not first.done()
    await world.clock.advance(1)
    assert first.result().generation_id == second.result().generation_id == 1
    assert len(first.result().members) == 2
    assert second.result().members == ()


async def test_the_initial_delay_never_outlasts_the_largest_rebalance_timeout() -> None:
    world = await new_world()
    joins = [world.client("billing-0", rebalance_timeout_ms=7_000).start_join()]
    for number in range(1, 12):
        await world.clock.advance(1_000)
        joins.append(world.client(f"billing-{number}", rebalance_timeout_ms=7_000).start_join())
        await world.settle()
        if joins[0].done():
            break
    # 3 s, 3 s more, and the last second that remains
    assert world.clock.now() - 1_000_000 == 7_000


async def test_a_pending_member_holds_up_every_join_phase_but_the_first() -> None:
    world = await new_world()
    (leader,) = await stable_group(world, "billing-1")
    newcomer = world.client("billing-2")
    await newcomer.get_id()
    rejoining = leader.start_join()
    await world.clock.advance(5_000)
    assert not rejoining.done()
    await answers(world, rejoining, newcomer.start_join())
    assert (leader.generation, newcomer.generation) == (2, 2)


async def test_a_join_phase_ends_when_the_pending_member_it_waited_for_runs_out() -> None:
    world = await new_world()
    (leader,) = await stable_group(world, "billing-1")
    await world.client("billing-2").get_id()
    rejoining = leader.start_join()
    await world.clock.advance(9_999)
    assert not rejoining.done()
    await world.clock.advance(1)
    assert rejoining.result().generation_id == 2


# Which assignor --------------------------------------------------------------------------------------------


async def test_no_assignor_in_common_is_refused_and_says_what_the_group_uses() -> None:
    world = await new_world()
    await stable_group(world, "billing-1", assignors=("range", "sticky"))
    with pytest.raises(InconsistentGroupProtocolError, match=r"offered \(roundrobin\); it uses range and sticky"):
        await world.client("billing-2", assignors=("roundrobin",)).join()


async def test_no_assignor_at_all_is_refused_by_an_empty_group() -> None:
    world = await new_world()
    with pytest.raises(InconsistentGroupProtocolError):
        await world.client("billing-1", assignors=()).join()


async def test_another_protocol_type_is_refused() -> None:
    world = await new_world()
    await stable_group(world, "billing-1")
    connect = world.client("connect-1")
    with pytest.raises(InconsistentGroupProtocolError):
        await world.coordinator.join_group(connect.info, replace(connect.join_request(), protocol_type="connect"))


async def test_each_member_votes_for_the_first_assignor_that_all_share_and_most_votes_win() -> None:
    world = await new_world()
    joins = [
        world.client("billing-1", assignors=("range", "sticky", "roundrobin")).start_join(),
        world.client("billing-2", assignors=("roundrobin", "sticky")).start_join(),
        world.client("billing-3", assignors=("sticky", "roundrobin")).start_join(),
        world.client("billing-4", assignors=("cooperative-sticky", "sticky", "roundrobin")).start_join(),
    ]
    await world.clock.advance(20_000)
    assert {join.result().protocol_name for join in joins} == {"sticky"}


async def test_an_empty_group_may_come_back_with_another_protocol_type() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    await member.leave()
    request = replace(world.client("connect-1", group_instance_id="one").join_request(), protocol_type="connect")
    joining = asyncio.create_task(world.coordinator.join_group(member.info, request))
    await world.clock.advance(3_000)
    assert joining.result().generation_id == 3
    assert world.view.protocol_type == "connect"


# Joining again ---------------------------------------------------------------------------------------------


async def test_a_leader_that_joins_again_in_stable_always_starts_a_rebalance() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    leader.generation = -1  # so that its subscription is the one it joined with
    rejoining = leader.start_join()
    await world.settle()
    assert world.view.state is GroupState.PREPARING_REBALANCE
    with pytest.raises(RebalanceInProgressError):
        await follower.heartbeat()
    await answers(world, rejoining, follower.start_join())
    assert leader.generation == 2


async def test_a_follower_that_joins_again_unchanged_in_stable_is_told_the_generation_that_is() -> None:
    world = await new_world()
    _, follower = await stable_group(world, "billing-1", "billing-2")
    follower.generation = -1  # as its subscription said when it joined
    answer = await follower.join()
    assert (answer.generation_id, answer.members) == (1, ())
    assert world.view.state is GroupState.STABLE


async def test_a_follower_with_a_new_subscription_starts_a_rebalance() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    world.topics["payments"] = 2
    follower.topics = ("orders", "payments")
    await rebalance(world, follower, leader)
    assert follower.generation == 2
    assert world.rebalances[-1].cause == "billing-2 subscribed to payments"


async def test_joining_again_unchanged_while_the_leader_computes_gives_the_same_generation() -> None:
    world = await new_world()
    leader, follower = world.client("billing-1"), world.client("billing-2")
    joins = [leader.start_join(), follower.start_join()]
    await world.clock.advance(10_000)
    for client, join in zip((leader, follower), joins, strict=True):
        client.generation = -1
        assert await client.join() == join.result()
    assert world.view.state is GroupState.COMPLETING_REBALANCE


async def test_a_new_member_while_the_leader_computes_makes_everybody_join_once_more() -> None:
    world = await new_world()
    leader, follower = world.client("billing-1"), world.client("billing-2")
    joins = [leader.start_join(), follower.start_join()]
    await world.clock.advance(10_000)
    await answers(world, *joins)
    syncing = follower.start_sync()
    newcomer = world.client("billing-3")
    joining = newcomer.start_join()
    await world.settle()
    assert refused(syncing) is RebalanceInProgressError
    await answers(world, joining, leader.start_join(), follower.start_join())
    await share_out(world, leader, follower, newcomer)
    assert {client.generation for client in (leader, follower, newcomer)} == {2}


async def test_a_dynamic_member_that_does_not_join_again_in_time_is_dropped() -> None:
    world = await new_world()
    leader, slow = await stable_group(world, "billing-1", "billing-2", rebalance_timeout_ms=20_000)
    rejoining = leader.start_join()
    for _ in range(4):
        await world.clock.advance(4_999)
        with pytest.raises(RebalanceInProgressError):
            await slow.heartbeat()
    assert not rejoining.done()
    await world.clock.advance(4)
    assert len(rejoining.result().members) == 1
    with pytest.raises(UnknownMemberIdError):
        await slow.join()
    assert world.rebalances[-1].dropped == ("billing-2",)


async def test_when_the_leader_is_gone_the_member_that_joined_first_leads() -> None:
    world = await new_world()
    leader, second, third = await stable_group(world, "billing-1", "billing-2", "billing-3")
    await leader.leave()
    await rebalance(world, third, second)
    assert second.leads
    assert not third.leads


async def test_only_a_member_that_has_joined_again_can_lead() -> None:
    world = await new_world()
    leader, second = (world.client(f"billing-{n}", group_instance_id=f"{n}") for n in (1, 2))
    third = world.client("billing-3")
    joins = [client.start_join() for client in (leader, second, third)]
    await world.clock.until(lambda: all(join.done() for join in joins))
    await share_out(world, leader, second, third)
    await leader.heartbeat()
    rejoining = third.start_join()
    for _ in range(8):  # the static ones stay members, though they do not come back
        await world.clock.advance(8_000)
        for client in (leader, second):
            with contextlib.suppress(RebalanceInProgressError, IllegalGenerationError):
                await client.heartbeat()
    assert len(rejoining.result().members) == 3
    assert third.leads


async def test_a_new_member_may_wait_long_for_its_first_generation_but_not_for_ever() -> None:
    world = await new_world()
    (leader,) = await stable_group(world, "billing-1", rebalance_timeout_ms=400_000, session_timeout_ms=500_000)
    newcomer = world.client("billing-2", session_timeout_ms=10_000)
    joining = newcomer.start_join()
    await world.clock.advance(299_999)
    assert not joining.done()
    await world.clock.advance(1)
    assert refused(joining) is UnknownMemberIdError
    assert [member.client_id for member in world.view.members] == [leader.name]


# group.max.size --------------------------------------------------------------------------------------------


async def test_a_full_group_turns_newcomers_away() -> None:
    world = await new_world(group_max_size=2)
    await stable_group(world, "billing-1", "billing-2")
    with pytest.raises(GroupMaxSizeReachedError, match=r"group\.max\.size is 2"):
        await world.client("billing-3").join()
    assert world.view.state is GroupState.STABLE


async def test_while_it_prepares_the_first_to_rejoin_stay_and_the_rest_is_out() -> None:
    world = await new_world(group_max_size=2)
    pending = [world.client(f"billing-{number}") for number in (1, 2, 3)]
    for client in pending:
        await client.get_id()
    joins = [client.start_join() for client in pending]
    await world.clock.advance(10_000)
    outcomes = [refused(join) for join in joins]
    assert outcomes == [None, None, GroupMaxSizeReachedError]


async def test_a_group_that_cannot_be_stored_is_not_there() -> None:
    world = await new_world()
    world.log.error = NotCoordinatorError()
    joining = world.client("billing-1").start_join()
    await world.settle()
    assert isinstance(joining.exception(), KafkaError)
    assert world.views() == ()


async def test_a_crashed_clients_join_is_still_served_and_its_session_ends_it() -> None:
    world = await new_world()
    leader, crashed = await stable_group(world, "billing-1", "billing-2")
    requests = [asyncio.create_task(leader.join()), crashed.start_join()]
    await world.settle()
    assert world.view.generation == 2
    del requests
    leader_syncs = leader.start_sync()
    await world.settle()
    assert leader_syncs.done()
    for _ in range(3):
        await world.clock.advance(4_000)
        try:
            await leader.heartbeat()
        except RebalanceInProgressError:
            break
    assert [member.client_id for member in world.view.members] == ["billing-1"]
    assert world.view.group_id == GROUP
