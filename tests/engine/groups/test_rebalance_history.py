"""The history of rebalances: causes in words, phases, moves, and how long each partition stood unserved."""

from __future__ import annotations

import pytest

from engine.errors import NotEnoughReplicasError, RebalanceInProgressError
from engine.events import REBALANCES, MemberJoined, MemberLeft, RebalanceCompleted, RebalanceStarted
from tests.engine.groups.group_world import (
    Client,
    World,
    answers,
    new_world,
    rebalance,
    share_out,
    stable_group,
    tp,
    tps,
)

Routes = dict[int, tuple[str | None, str | None, float]]


def routes(world: World, number: int = -1) -> Routes:
    """Partition to (from, to, unserved ms) of one rebalance."""
    return {move.tp.partition: (move.from_, move.to, move.unserved_ms) for move in world.rebalances[number].moves}


async def test_a_first_rebalance_says_who_came_and_what_everybody_got() -> None:
    world = await new_world()
    await stable_group(world, "billing-1", "billing-2")
    (only,) = world.rebalances
    assert (only.from_generation, only.to_generation, only.cause) == (0, 1, "billing-1 joined")
    assert (only.joined, only.left, only.dropped, only.leader) == (("billing-1", "billing-2"), (), (), "billing-1")
    assert (only.assignor, only.cooperative) == ("range", False)
    assert [phase.name for phase in only.phases] == ["PreparingRebalance", "CompletingRebalance"]
    assert only.phases[0].sentence.startswith("an empty group waits 3.0 s for more members")
    assert (
        only.phases[1].sentence == "billing-1, the leader, shares out the partitions by range; the others wait for it"
    )
    assert only.phases[0].ended_ms == only.phases[1].began_ms == 1_006_000
    assert routes(world) == {
        0: (None, "billing-1", 6_000),
        1: (None, "billing-1", 6_000),
        2: (None, "billing-2", 6_000),
        3: (None, "billing-2", 6_000),
    }


async def test_a_rebalance_under_way_is_the_last_and_has_not_ended() -> None:
    world = await new_world()
    world.client("billing-1").start_join()
    await world.settle()
    (now,) = world.rebalances
    assert (now.ended_ms, now.moves, now.phases[-1].ended_ms) == (None, (), None)
    assert world.rebalances is world.rebalances
    await world.clock.advance(3_000)
    assert world.rebalances[-1].phases[-1].name == "CompletingRebalance"


async def test_eager_members_serve_nothing_from_when_they_join_again_until_they_are_given_their_share() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    newcomer = world.client("billing-3")
    joins = [newcomer.start_join()]
    await world.clock.advance(100)
    joins.append(leader.start_join())
    await world.clock.advance(200)
    joins.append(follower.start_join())
    await answers(world, *joins)
    await world.clock.advance(400)
    await share_out(world, leader, follower, newcomer)
    last = world.rebalances[-1]
    assert last.cause == "billing-3 joined"
    assert last.phases[0].sentence == (
        "billing-1 and billing-2 had to join again within 60.0 s; billing-2 came back last"
    )
    assert routes(world) == {
        0: ("billing-1", "billing-1", 600),
        1: ("billing-1", "billing-1", 600),
        2: ("billing-2", "billing-2", 400),
        3: ("billing-2", "billing-3", 400),
    }
    assert last.unserved_ms == 600
    assert [move.tp for move in last.moved] == [tp(3)]


async def test_a_silent_members_partitions_are_unserved_since_it_was_last_heard_of() -> None:
    world = await new_world()
    leader, silent = await stable_group(world, "billing-1", "billing-2")
    await world.clock.advance(4_000)
    await silent.heartbeat()
    for _ in range(3):
        await world.clock.advance(3_000)
        await leader.heartbeat()
    await world.clock.advance(1_000)
    await rebalance(world, leader)
    last = world.rebalances[-1]
    assert last.cause == "billing-2's session of 10.0 s ran out without a heartbeat"
    assert last.dropped == ("billing-2",)
    assert routes(world) == {
        0: ("billing-1", "billing-1", 0),
        1: ("billing-1", "billing-1", 0),
        2: ("billing-2", "billing-1", 10_000),
        3: ("billing-2", "billing-1", 10_000),
    }


async def test_a_member_that_leaves_serves_until_it_says_so() -> None:
    world = await new_world()
    leader, leaving = await stable_group(world, "billing-1", "billing-2")
    await world.clock.advance(1_000)
    await leaving.leave("the consumer is being closed")
    await world.clock.advance(250)
    await rebalance(world, leader)
    last = world.rebalances[-1]
    assert (last.cause, last.left) == ("billing-2 left: closed cleanly", ("billing-2",))
    assert routes(world)[3] == ("billing-2", "billing-1", 250)


async def test_when_the_last_one_goes_the_partitions_are_nobodys_until_somebody_comes() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    await member.leave()
    last = world.rebalances[-1]
    assert (last.from_generation, last.to_generation, last.leader, last.ended_ms) == (1, 2, None, 1_003_000)
    assert last.phases[-1].sentence == "nobody is left"
    assert routes(world)[0] == ("billing-1", None, 0)
    await world.clock.advance(60_000)
    joining = world.client("billing-2").start_join()
    await world.clock.advance(3_000)
    await joining
    assert len(world.rebalances) == 3


async def test_partitions_come_to_a_newcomer_after_the_time_nobody_was_there() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    await member.leave()
    await world.clock.advance(60_000)
    second = world.client("billing-2")
    joining = second.start_join()
    await world.clock.advance(3_000)
    await joining
    await second.sync()
    assert routes(world)[0] == (None, "billing-2", 63_000)


# Cooperative -----------------------------------------------------------------------------------------------


async def cooperative_group(world: World, *names: str) -> list[Client]:
    return await stable_group(world, *names, assignors=("cooperative-sticky",))


async def test_a_cooperative_move_takes_two_rebalances_and_only_what_moves_stands_still() -> None:
    world = await new_world()
    (first,) = await cooperative_group(world, "billing-1")
    newcomer = world.client("billing-2", assignors=("cooperative-sticky",))
    joining = newcomer.start_join()
    await world.clock.advance(300)
    await answers(world, joining, first.start_join())
    await world.clock.advance(50)
    await share_out(world, first, newcomer)
    given_up, got = world.rebalances[-1], None
    assert given_up.cooperative
    assert (given_up.cause, len(given_up.moved)) == ("billing-2 joined", 2)
    assert {move.to for move in given_up.moved} == {None}
    assert given_up.unserved_ms == 0
    assert [offset.owner for offset in world.view.offsets].count(None) == 2

    await world.clock.advance(70)
    rejoining = first.start_join()
    await world.clock.advance(30)
    await answers(world, rejoining, newcomer.start_join())
    await world.clock.advance(20)
    await share_out(world, first, newcomer)
    got = world.rebalances[-1]
    names = " and ".join(str(move.tp) for move in given_up.moved)
    assert got.cause == f"billing-1 gave up {names} (cooperative)"
    assert [(move.from_, move.to, move.unserved_ms) for move in got.moved] == [(None, "billing-2", 120.0)] * 2
    assert [move.unserved_ms for move in got.moves if move.from_ == move.to] == [0.0, 0.0]


async def test_cooperative_members_keep_serving_while_they_rejoin() -> None:
    world = await new_world()
    first, second = await cooperative_group(world, "billing-1", "billing-2")
    rejoining = first.start_join()
    await world.settle()
    assert [len(member.assignment) for member in world.view.members] == [2, 2]
    await answers(world, rejoining, second.start_join())
    await share_out(world, first, second)
    assert world.rebalances[-1].unserved_ms == 0


# Causes ----------------------------------------------------------------------------------------------------


async def test_a_grown_topic_is_named_when_the_leader_rejoins_for_it() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    world.topics["orders"] = 6
    leader.reason = "cached metadata has changed"
    await rebalance(world, leader, follower)
    last = world.rebalances[-1]
    assert last.cause == "orders grew from 4 to 6 partitions (billing-1, the leader, noticed)"
    assert routes(world)[5] == (None, "billing-2", 0)


async def test_a_leader_that_just_rejoins_is_quoted() -> None:
    world = await new_world()
    (leader,) = await stable_group(world, "billing-1")
    leader.reason = "rebalance enforced by user"
    await rebalance(world, leader)
    assert world.rebalances[-1].cause == "billing-1, the leader, joined again: rebalance enforced by user"


async def test_a_rebalance_cut_short_goes_on_as_the_same_one_and_names_both_causes() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    third = world.client("billing-3")
    joining = third.start_join()
    await answers(world, joining, leader.start_join(), follower.start_join())
    fourth = world.client("billing-4")
    joining = fourth.start_join()
    await world.clock.advance(10)
    everybody = (leader, follower, third, fourth)
    await answers(world, joining, *(client.start_join() for client in everybody[:3]))
    await share_out(world, *everybody)
    first, last = world.rebalances
    assert (last.from_generation, last.to_generation) == (1, 3)
    assert last.cause == "billing-3 joined; then billing-4 joined"
    assert last.joined == ("billing-3", "billing-4")
    assert [phase.name for phase in last.phases] == ["PreparingRebalance", "CompletingRebalance"] * 2
    assert first.ended_ms is not None
    assert all(phase.ended_ms is not None for phase in last.phases)


async def test_members_that_fetch_their_share_late_prolong_the_rebalance() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    await answers(world, leader.start_join(), follower.start_join())
    await leader.sync()
    assert world.rebalances[-1].ended_ms is None
    assert world.rebalances[-1].phases[-1].sentence == "billing-2 still has to fetch its assignment"
    await world.clock.advance(80)
    await follower.sync()
    last = world.rebalances[-1]
    assert last.phases[-1].name == "Stable"
    assert routes(world)[0][2] == 0
    assert routes(world)[3][2] == 80
    assert last.ended_ms == world.clock.now()


async def test_a_rebalance_decided_before_everybody_had_fetched_ends_the_one_before() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    await answers(world, leader.start_join(), follower.start_join())
    await leader.sync()
    await world.clock.advance(30)
    await follower.leave()
    before, now = world.rebalances[-2:]
    assert before.ended_ms == now.began_ms == world.clock.now()
    assert now.left == ("billing-2",)
    await world.clock.advance(20)
    await rebalance(world, leader)
    assert routes(world)[3] == ("billing-2", "billing-1", 50)


async def test_a_static_member_that_comes_back_moves_nothing() -> None:
    world = await new_world()
    static = world.client("billing-1", group_instance_id="one")
    joining = static.start_join()
    await world.clock.advance(3_000)
    await joining
    await static.sync()
    await world.clock.advance(5_000)
    back = world.client("billing-1", group_instance_id="one")
    await back.join()
    assert world.view.members[0].assignment == ()
    await back.sync({})
    assert world.view.members[0].assignment == tps(0, 1, 2, 3)
    await rebalance(world, back)
    assert {(move.from_, move.to) for move in world.rebalances[-1].moves} == {("billing-1", "billing-1")}


async def test_what_is_no_longer_subscribed_to_is_given_up_once_and_then_forgotten() -> None:
    world = await new_world()
    world.topics["payments"] = 1
    (member,) = await stable_group(world, "billing-1", topics=("orders", "payments"))
    member.topics = ("payments",)
    await rebalance(world, member)
    assert world.rebalances[-1].cause == "billing-1 no longer wants orders"
    assert {move.tp.topic for move in world.rebalances[-1].moved} == {"orders"}
    await rebalance(world, member)
    assert [str(move.tp) for move in world.rebalances[-1].moves] == ["payments-0"]


async def test_the_last_two_hundred_are_kept() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    for _ in range(REBALANCES + 5):
        await rebalance(world, member)
    assert len(world.rebalances) == REBALANCES
    assert world.rebalances[-1].to_generation == REBALANCES + 6


async def test_a_member_that_is_dropped_for_not_rejoining_is_named_in_the_phase() -> None:
    world = await new_world()
    leader, _ = await stable_group(world, "billing-1", "billing-2", session_timeout_ms=100_000)
    rejoining = leader.start_join()
    await world.clock.advance(60_000)
    await rejoining
    assert world.rebalances[-1].phases[0].sentence == ("billing-2 had to join again within 60.0 s; billing-2 did not")


# Events ----------------------------------------------------------------------------------------------------


async def test_events_tell_the_story_in_order() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    await follower.leave()
    await rebalance(world, leader)
    assert [type(event) for event in world.events.last(99)] == [
        MemberJoined,
        RebalanceStarted,
        MemberJoined,
        RebalanceCompleted,
        MemberLeft,
        RebalanceStarted,
        RebalanceCompleted,
    ]
    assert world.told()[1] == (
        "billing rebalances: billing-1 joined. It waits a moment for more members (first assignment)."
    )
    assert world.told()[-2] == (
        "billing rebalances: billing-2 left: closed cleanly. "
        "Everyone stops, gives back its partitions and rejoins (eager, range)."
    )
    assert world.told()[-1] == "billing gen 1→2: P2 P3 billing-2→billing-1; 2 of 4 stayed."


async def test_a_heartbeat_during_a_rebalance_changes_no_history() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    rejoining = leader.start_join()
    await world.settle()
    before = world.rebalances
    with pytest.raises(RebalanceInProgressError):
        await follower.heartbeat()
    assert world.rebalances is before
    rejoining.cancel()


async def test_a_generation_that_could_not_be_stored_is_no_part_of_the_story_another_coordinator_goes_on_with() -> None:
    world = await new_world()
    [billing_1] = await stable_group(world, "billing-1")
    world.log.error = NotEnoughReplicasError()
    await billing_1.leave()
    await world.settle()
    assert [it.to_generation for it in world.rebalances] == [1, 2]
    world.log.error = None
    await world.reload()  # the log still has billing-1 as a member, and nobody will hear of it
    await world.clock.advance(60_000)
    assert [(it.from_generation, it.to_generation) for it in world.rebalances] == [(0, 1), (1, 2)]
