"""The consumer protocol (KIP-848): who is let in, how members follow the target one by one, who is fenced."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import (
    ErrorCode,
    FencedInstanceIdError,
    FencedMemberEpochError,
    GroupIdNotFoundError,
    GroupMaxSizeReachedError,
    InvalidRequestError,
    KafkaError,
    NotCoordinatorError,
    NotEnoughReplicasError,
    UnknownMemberIdError,
    UnreleasedInstanceIdError,
    UnsupportedAssignorError,
)
from engine.messages import ConsumerGroupDescribeRequest, LeaveGroupRequest, LeavingMember
from engine.snapshot import GroupProtocol, GroupState, MemberState
from engine.types import ClientInfo
from tests.engine.groups.group_world import GROUP, new_world, tps
from tests.engine.groups.modern_world import Consumer, reconcile, reconciled

# Joining


async def test_the_first_member_is_given_everything_with_its_first_heartbeat() -> None:
    world = await new_world()
    first = Consumer(world, "billing-1")
    answer = await first.join()
    assert (answer.member_epoch, answer.assignment, answer.heartbeat_interval_ms) == (1, tps(0, 1, 2, 3), 1_000)
    view = world.view
    assert (view.protocol, view.state, view.generation, view.assignment_epoch) == (
        GroupProtocol.CONSUMER,
        GroupState.STABLE,
        1,
        1,
    )
    assert view.assignor == "uniform"


async def test_a_member_without_an_id_is_given_one() -> None:
    world = await new_world()
    old = Consumer(world, "billing-1")
    old.member_id = ""
    assert (await old.join()).member_id


@pytest.mark.parametrize(
    "changes",
    [
        {"rebalance_timeout_ms": -1, "topics": ("orders",), "partitions": ()},
        {"rebalance_timeout_ms": 1, "topics": ("orders",), "partitions": None},
        {"rebalance_timeout_ms": 1, "topics": ("orders",), "partitions": tps(0)},
        {"rebalance_timeout_ms": 1, "topics": None, "partitions": ()},
        {"rebalance_timeout_ms": 1, "topics": ("orders",), "partitions": (), "rack_id": ""},
    ],
)
async def test_a_first_heartbeat_that_leaves_something_out_is_refused(changes: dict[str, object]) -> None:
    world = await new_world()
    with pytest.raises(InvalidRequestError):
        await Consumer(world, "billing-1").send(0, **changes)
    assert world.views() == ()


@pytest.mark.parametrize("epoch", [-3, -2])
async def test_an_epoch_that_is_none_is_refused(epoch: int) -> None:
    world = await new_world()
    with pytest.raises(InvalidRequestError):
        await Consumer(world, "billing-1").send(epoch)


async def test_an_assignor_the_coordinator_does_not_have_is_refused_with_those_it_has() -> None:
    world = await new_world()
    with pytest.raises(UnsupportedAssignorError, match="uniform, range"):
        await Consumer(world, "billing-1", assignor="sticky").join()


async def test_a_full_group_turns_new_members_away_but_not_its_own() -> None:
    world = await new_world(group_consumer_max_size=1)
    (first,) = await reconciled(world, "billing-1")
    with pytest.raises(GroupMaxSizeReachedError):
        await Consumer(world, "billing-2").join()
    await first.beat()


async def test_a_heartbeat_of_a_group_or_member_that_is_not_there_is_refused() -> None:
    world = await new_world()
    stranger = Consumer(world, "billing-1", epoch=3)
    with pytest.raises(GroupIdNotFoundError):
        await stranger.beat()
    await reconciled(world, "billing-2")
    with pytest.raises(UnknownMemberIdError):
        await stranger.beat()


async def test_most_votes_choose_the_assignor() -> None:
    world = await new_world()
    world.topics = {"orders": 4, "sales": 4}
    both = ("orders", "sales")
    one = Consumer(world, "billing-1", topics=both, assignor="range")
    two = Consumer(world, "billing-2", topics=both, assignor="range")
    three = Consumer(world, "billing-3", topics=both, assignor="uniform")
    for consumer in (one, two, three):
        await consumer.join()
    await reconcile(one, two, three)
    assert world.view.assignor == "range"
    numbers = [{tp.partition for tp in consumer.owned if tp.topic == "orders"} for consumer in (one, two, three)]
    assert [{tp.partition for tp in c.owned if tp.topic == "sales"} for c in (one, two, three)] == numbers


# Reconciling


async def test_a_partition_is_given_only_when_its_owner_has_given_it_up() -> None:
    world = await new_world()
    first = Consumer(world, "billing-1")
    second = Consumer(world, "billing-2")
    await first.join()
    answer = await second.join()
    assert (answer.member_epoch, answer.assignment) == (2, ())
    assert (second.seen.state, world.view.state) == (MemberState.UNRELEASED_PARTITIONS, GroupState.RECONCILING)
    answer = await first.beat()
    assert (answer.member_epoch, answer.assignment) == (1, tps(0, 1))
    assert (first.seen.state, first.seen.revoking) == (MemberState.UNREVOKED_PARTITIONS, tps(2, 3))
    assert (await second.beat()).assignment is None
    answer = await first.give_up()
    assert (answer.member_epoch, first.seen.state) == (2, MemberState.STABLE)
    assert (await second.beat()).assignment == tps(2, 3)
    assert world.view.state is GroupState.STABLE


async def test_whoever_keeps_everything_only_learns_of_the_new_epoch() -> None:
    world = await new_world()
    first, second = await reconciled(world, "billing-1", "billing-2")
    third = Consumer(world, "billing-3")
    await third.join()
    losing, keeping = (first, second) if len(first.seen.target) < 2 else (second, first)
    answer = await keeping.beat()
    assert (answer.member_epoch, answer.assignment) == (3, None)
    await reconcile(losing, keeping, third)
    moved = {move.tp for move in world.rebalances[-1].moved}
    assert len(moved) == 1
    assert all(move.unserved_ms == 0 for move in world.rebalances[-1].moves if move.tp not in moved)


async def test_a_heartbeat_without_partitions_gives_nothing_up() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1"), Consumer(world, "billing-2")
    await first.join()
    await second.join()
    await first.beat()
    await first.beat()
    states = [first.seen.state]
    for partitions in (tps(0, 1, 2), tps(0, 1)):
        await first.beat(partitions=partitions)
        states.append(first.seen.state)
    waiting = MemberState.UNREVOKED_PARTITIONS
    assert states == [waiting, waiting, MemberState.STABLE]


async def test_a_target_that_changes_while_a_member_is_on_its_way_is_followed_from_where_it_is() -> None:
    world = await new_world()
    first, second, third = (Consumer(world, f"billing-{number}") for number in (1, 2, 3))
    await first.join()
    await second.join()
    await first.beat()
    await third.join()
    await reconcile(first, second, third)
    assert world.view.state is GroupState.STABLE
    assert {first.epoch, second.epoch, third.epoch} == {3}
    assert sorted(len(consumer.owned) for consumer in (first, second, third)) == [1, 1, 2]


async def test_what_a_member_gave_up_and_is_to_have_again_it_is_given_with_its_next_heartbeat() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1"), Consumer(world, "billing-2")
    await first.join()
    await second.join()
    await first.beat()
    await second.leave()
    answer = await first.give_up()
    assert (answer.member_epoch, answer.assignment, first.seen.state) == (3, None, MemberState.UNRELEASED_PARTITIONS)
    assert (await first.beat()).assignment == tps(0, 1, 2, 3)


async def test_a_member_that_does_not_give_up_in_time_is_dropped_and_its_partitions_go_on() -> None:
    world = await new_world()
    first = Consumer(world, "billing-1", rebalance_timeout_ms=5_000)
    second = Consumer(world, "billing-2")
    await first.join()
    await second.join()
    await first.beat()
    assert world.view.deadline_ms == world.clock.now_ms() + 5_000
    assert world.view.waiting_for == ("billing-1",)
    for _ in range(4):
        await world.clock.advance(1_000)
        await first.beat()
        await second.beat()
    await world.clock.advance(1_000)
    assert [member.client_id for member in world.view.members] == ["billing-2"]
    with pytest.raises(UnknownMemberIdError):
        await first.beat()
    assert (await second.beat()).assignment == tps(0, 1, 2, 3)
    assert "billing-1 did not give up orders-2 and orders-3 within 5.0 s" in world.rebalances[-1].cause


async def test_a_full_heartbeat_is_answered_with_the_whole_assignment() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    assert (await first.beat()).assignment is None
    whole = await first.beat(rebalance_timeout_ms=60_000, topics=("orders",), partitions=tps(0, 1, 2, 3))
    assert whole.assignment == tps(0, 1, 2, 3)


# Leaving and falling silent


async def test_a_member_that_leaves_is_followed_by_an_epoch_whose_target_comes_with_the_next_heartbeat() -> None:
    world = await new_world()
    first, second = await reconciled(world, "billing-1", "billing-2")
    await second.leave()
    assert (world.view.state, world.view.generation, world.view.assignment_epoch) == (GroupState.ASSIGNING, 3, 2)
    assert (await first.beat()).assignment == tps(0, 1, 2, 3)
    assert world.view.state is GroupState.STABLE


async def test_an_administrator_removes_members_by_id_or_by_instance_in_one_epoch() -> None:
    world = await new_world()
    first, second, static = (
        Consumer(world, "billing-1"),
        Consumer(world, "billing-2"),
        Consumer(world, "billing-3", group_instance_id="three"),
    )
    for consumer in (first, second, static):
        await consumer.join()
    await reconcile(first, second, static)
    leaving = (
        LeavingMember(first.member_id, None, "maintenance"),
        LeavingMember("", "three", "maintenance"),
        LeavingMember("nobody"),
        LeavingMember("", "nobody"),
        LeavingMember(second.member_id, "three"),
    )
    answer = await world.coordinator.leave_group(ClientInfo("admin"), LeaveGroupRequest(GROUP, leaving))
    unknown, fenced = ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.FENCED_INSTANCE_ID
    assert answer.errors == (ErrorCode.NONE, ErrorCode.NONE, unknown, unknown, fenced)
    assert [member.client_id for member in world.view.members] == ["billing-2"]
    assert world.view.generation == 4
    why = "removed by an administrator (maintenance)"
    assert world.rebalances[-1].cause == f"billing-1 and billing-3 left: {why}"
    assert (await second.beat()).assignment == tps(0, 1, 2, 3)
    with pytest.raises(UnknownMemberIdError):
        await first.beat()


async def test_an_administrator_that_names_nobody_who_is_there_changes_nothing() -> None:
    world = await new_world()
    await reconciled(world, "billing-1")
    before = world.log.appends[:]
    request = LeaveGroupRequest(GROUP, (LeavingMember("nobody"),))
    answer = await world.coordinator.leave_group(ClientInfo("admin"), request)
    assert answer.errors == (ErrorCode.UNKNOWN_MEMBER_ID,)
    assert (world.view.generation, world.log.appends) == (1, before)


async def test_a_silent_member_is_dropped_when_its_session_has_run_out() -> None:
    world = await new_world(group_consumer_session_timeout_ms=10_000)
    first, second = await reconciled(world, "billing-1", "billing-2")
    for _ in range(10):
        await world.clock.advance(999)
        await first.beat()
    assert len(world.view.members) == 2
    await world.clock.advance(10)
    assert [member.member_id for member in world.view.members] == [first.member_id]
    await first.beat()
    gap = {move.tp: move.unserved_ms for move in world.rebalances[-1].moved}
    assert gap == dict.fromkeys(second.told, 10_000)


async def test_the_last_member_leaves_an_empty_group_whose_epoch_goes_on() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    await first.leave()
    assert (world.view.state, world.view.generation, world.view.members) == (GroupState.EMPTY, 2, ())
    assert (await first.join()).member_epoch == 3


# Fencing


async def test_an_epoch_ahead_of_the_coordinators_is_fenced() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    first.epoch = 7
    with pytest.raises(FencedMemberEpochError):
        await first.beat()


async def test_the_epoch_before_counts_if_the_answer_may_have_been_lost() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1"), Consumer(world, "billing-2")
    await first.join()
    await second.join()
    await first.beat()
    await first.give_up()
    assert first.epoch == 2
    for partitions, fenced in ((None, True), (tps(0, 1, 2), True), (tps(0, 1), False)):
        first.epoch = 1
        if fenced:
            with pytest.raises(FencedMemberEpochError):
                await first.beat(partitions=partitions)
        else:
            assert (await first.beat(partitions=partitions)).member_epoch == 2


async def test_a_fenced_member_joins_again_and_has_what_was_its_own() -> None:
    world = await new_world()
    first, second = await reconciled(world, "billing-1", "billing-2")
    own, epoch = first.told, world.view.generation
    await first.join()
    assert (first.told, world.view.generation) == (own, epoch)
    assert second.told.isdisjoint(own)


# Static members


async def test_a_static_member_that_steps_away_keeps_its_partitions_until_it_is_back() -> None:
    world = await new_world()
    first, static = (
        Consumer(world, "billing-1"),
        Consumer(world, "billing-2", group_instance_id="two"),
    )
    await first.join()
    await static.join()
    await reconcile(first, static)
    await static.step_away()
    assert (static.seen.epoch, static.seen.assignment) == (-2, tuple(sorted(static.told)))
    await first.beat()
    assert world.view.generation == 2
    back = Consumer(world, "billing-2", group_instance_id="two")
    answer = await back.join()
    assert (answer.member_epoch, answer.assignment) == (2, tuple(sorted(static.told)))
    assert [member.slot for member in world.view.members] == [0, 1]
    assert (world.view.state, world.view.generation) == (GroupState.STABLE, 2)


async def test_the_place_of_a_static_member_that_is_there_is_not_given_away() -> None:
    world = await new_world()
    (static,) = await reconciled(world, "billing-1", group_instance_id="one")
    other = Consumer(world, "billing-1", group_instance_id="one")
    with pytest.raises(UnreleasedInstanceIdError):
        await other.join()
    await static.beat()
    other.epoch = 1
    with pytest.raises(FencedInstanceIdError):
        await other.beat()
    await static.join()


async def test_a_static_member_that_is_away_is_dropped_when_its_session_has_run_out() -> None:
    world = await new_world(group_consumer_session_timeout_ms=5_000)
    (static,) = await reconciled(world, "billing-1", group_instance_id="one")
    await static.step_away()
    await world.clock.advance(4_999)
    assert world.view.members
    await world.clock.advance(1)
    assert not world.view.members


async def test_a_static_member_may_leave_for_good() -> None:
    world = await new_world()
    (static,) = await reconciled(world, "billing-1", group_instance_id="one")
    await static.leave()
    assert not world.view.members
    with pytest.raises(UnknownMemberIdError):
        await static.beat()


# Subscriptions


async def test_a_topic_that_grows_is_shared_out_anew_with_the_next_heartbeat() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    world.topics["orders"] = 6
    assert (await first.beat()).assignment == tps(0, 1, 2, 3, 4, 5)
    assert "orders grew from 4 to 6 partitions" in world.rebalances[-1].cause


async def test_a_topic_is_taken_up_when_it_appears_and_given_up_when_it_is_gone() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1", topics=("orders", "sales"))
    world.topics["sales"] = 1
    assert (await first.beat()).assignment == (*tps(0, 1, 2, 3), *tps(0, topic="sales"))
    del world.topics["sales"]
    assert (await first.beat()).assignment == tps(0, 1, 2, 3)
    await first.give_up()
    assert world.view.state is GroupState.STABLE


async def test_a_changed_subscription_moves_what_it_concerns() -> None:
    world = await new_world()
    world.topics["sales"] = 2
    first, second = await reconciled(world, "billing-1", "billing-2")
    await second.beat(topics=("sales",))
    await reconcile(first, second)
    assert first.told == set(tps(0, 1, 2, 3))
    assert second.told == set(tps(0, 1, topic="sales"))
    assert "billing-2 subscribed to sales and no longer wants orders" in world.rebalances[-1].cause


# What is stored


async def test_what_comes_while_a_change_is_being_stored_waits_its_turn() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1"), Consumer(world, "billing-2")
    world.log.open.clear()
    joins = [asyncio.create_task(consumer.join()) for consumer in (first, second)]
    await world.settle()
    assert not any(join.done() for join in joins)
    world.log.open.set()
    await world.settle()
    assert [join.result().member_epoch for join in joins] == [1, 2]


async def test_a_change_that_cannot_be_stored_has_not_happened() -> None:
    world = await new_world()
    first = Consumer(world, "billing-1")
    world.log.error = NotEnoughReplicasError()
    with pytest.raises(KafkaError):
        await first.join()
    assert world.views() == ()
    world.log.error = None
    await first.join()
    world.log.error = NotEnoughReplicasError()
    with pytest.raises(KafkaError):
        await Consumer(world, "billing-2").join()
    await first.beat()
    assert (world.view.generation, len(world.view.members)) == (1, 1)


async def test_a_member_whose_dropping_could_not_be_stored_is_dropped_soon_after() -> None:
    world = await new_world(group_consumer_session_timeout_ms=5_000)
    await reconciled(world, "billing-1")
    world.log.error = NotEnoughReplicasError()
    await world.clock.advance(5_000)
    assert world.view.members
    world.log.error = None
    await world.clock.advance(499)
    assert world.view.members
    await world.clock.advance(1)
    assert not world.view.members


async def test_who_keeps_partitions_too_long_is_dropped_even_if_that_could_not_be_stored_at_first() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1", rebalance_timeout_ms=5_000), Consumer(world, "billing-2")
    await first.join()
    await second.join()
    await first.beat()
    world.log.error = NotEnoughReplicasError()
    await world.clock.advance(5_000)
    world.log.error = None
    await first.beat()
    await world.clock.advance(500)
    assert [member.client_id for member in world.view.members] == ["billing-2"]


async def test_who_was_heard_while_something_else_was_being_stored_is_not_dropped_after_it() -> None:
    world = await new_world(group_consumer_session_timeout_ms=5_000)
    first, second = await reconciled(world, "billing-1", "billing-2")
    world.log.open.clear()
    asks = [asyncio.create_task(Consumer(world, "billing-3").join())]
    await world.clock.advance(4_000)
    asks += [asyncio.create_task(consumer.beat()) for consumer in (first, second)]
    await world.settle()
    await world.clock.advance(4_000)
    world.log.open.set()
    await world.settle()
    assert all(ask.done() for ask in asks)
    assert len(world.view.members) == 3


async def test_who_gave_up_its_partitions_in_time_is_not_dropped_because_that_took_long_to_store() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1", rebalance_timeout_ms=5_000), Consumer(world, "billing-2")
    await first.join()
    await second.join()
    await first.beat()
    world.log.open.clear()
    giving_up = asyncio.create_task(first.give_up())
    await world.settle()
    await world.clock.advance(5_000)
    world.log.open.set()
    await world.settle()
    assert giving_up.result().member_epoch == 2
    assert len(world.view.members) == 2


async def test_who_sends_heartbeats_that_cannot_be_stored_is_alive() -> None:
    world = await new_world(group_consumer_session_timeout_ms=5_000)
    first, second = await reconciled(world, "billing-1", "billing-2")
    world.topics["orders"] = 6
    world.log.error = NotEnoughReplicasError()
    for _ in range(6):
        await world.clock.advance(1_000)
        for consumer in (first, second):
            with pytest.raises(KafkaError):
                await consumer.beat()
    world.log.error = None
    await world.clock.advance(1_000)
    assert len(world.view.members) == 2


async def test_what_waits_is_sent_to_the_next_coordinator() -> None:
    world = await new_world()
    world.log.open.clear()
    joining = asyncio.create_task(Consumer(world, "billing-1").join())
    await world.settle()
    world.coordinator.close()
    await world.settle()
    assert isinstance(joining.exception(), NotCoordinatorError)


# Describing


async def test_a_group_is_described_with_its_targets() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1"), Consumer(world, "billing-2", topics=("orders",))
    await first.join()
    await second.join()
    described = await world.coordinator.administration.consumer_group_describe(
        ClientInfo("admin"), ConsumerGroupDescribeRequest(GROUP)
    )
    assert (described.state, described.group_epoch, described.assignment_epoch, described.assignor) == (
        "Reconciling",
        2,
        2,
        "uniform",
    )
    one, two = described.members
    assert (one.member_epoch, one.assignment, one.target) == (1, tps(0, 1, 2, 3), tps(0, 1))
    assert (two.member_epoch, two.assignment, two.target) == (2, (), tps(2, 3))


async def test_a_group_that_is_not_there_is_not_described() -> None:
    world = await new_world()
    with pytest.raises(GroupIdNotFoundError):
        await world.coordinator.administration.consumer_group_describe(
            ClientInfo("admin"), ConsumerGroupDescribeRequest(GROUP)
        )
