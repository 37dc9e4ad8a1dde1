from __future__ import annotations

import asyncio
import json
from itertools import pairwise
from typing import Any

import pytest

from engine.clients.consumer import Consumer
from engine.errors import (
    CommitFailedError,
    FencedInstanceIdError,
    IllegalGenerationError,
    NetworkError,
    NotCoordinatorError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.messages import (
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    OffsetCommitRequest,
    SyncGroupRequest,
)
from engine.snapshot import GroupState
from engine.types import TopicPartition
from tests.engine.clients.lab import App, Lab, Serve, Told, group, member, shares_all, spread

P0 = TopicPartition("orders", 0)


# The application comes too late


async def test_who_does_not_poll_within_max_poll_interval_leaves_and_joins_again_with_the_next_poll(lab: Lab) -> None:
    told = Told()
    slow = await member(lab, "slow", listener=told, max_poll_interval_ms=5_000)
    App(fast := await member(lab, "fast"))
    await lab.clock.until(shares_all(6, slow, fast))
    had = spread(slow)[0]
    await lab.run(slow.getmany(timeout_ms=10))
    await lab.clock.advance(4_900)
    assert spread(slow)[0] == had
    await lab.clock.advance(200)
    assert [m.reason for m in lab.requests(LeaveGroupRequest)[0].members] == ["consumer poll timeout has expired."]
    assert (slow.assignment(), slow.generation, slow.member_id) == (set(), -1, "")
    await lab.clock.until(shares_all(6, fast))
    await lab.clock.advance(10_000)
    assert told.said()[-1] == ("assigned", had)
    again = App(slow)
    await lab.clock.until(shares_all(6, slow, fast))
    assert told.said()[-2] == ("lost", had)
    assert again.errors == []


async def test_who_waits_in_a_poll_is_not_too_late(lab: Lab) -> None:
    one = await member(lab, "one", max_poll_interval_ms=2_000)
    await lab.clock.until(shares_all(6, one))
    await lab.run(one.getmany(timeout_ms=20_000))
    assert lab.requests(LeaveGroupRequest) == []
    assert spread(one) == [set(range(6))]


async def test_who_stays_away_while_its_group_rebalances_leaves_once_it_has_joined(lab: Lab) -> None:
    held = asyncio.Event()

    async def hold(broker: int, request: SyncGroupRequest, serve: Serve) -> Any:
        await held.wait()
        return await serve()

    slow = await member(lab, "slow", max_poll_interval_ms=2_000)
    lab.meddle(SyncGroupRequest, hold)
    await lab.clock.advance(6_000)
    assert lab.requests(LeaveGroupRequest) == []
    held.set()
    await lab.clock.until(lambda: bool(lab.requests(LeaveGroupRequest)), within_ms=6_000)
    await lab.clock.advance(5_000)
    assert (slow.assignment(), slow.generation) == (set(), -1)
    App(slow)
    await lab.clock.until(shares_all(6, slow))


async def test_offsets_of_who_came_too_late_are_not_committed(lab: Lab) -> None:
    await lab.fill("orders", 6)
    slow = await member(lab, "slow", max_poll_interval_ms=2_000, enable_auto_commit=False)
    await lab.read(slow, 6)
    await lab.clock.advance(2_100)
    with pytest.raises(CommitFailedError):
        await lab.run(slow.commit({P0: 1}))
    assert len(await lab.read(slow, 6)) == 6


# Heartbeats


async def test_who_stops_heartbeats_loses_its_partitions_and_learns_of_it_when_they_go_on(lab: Lab) -> None:
    told = Told()
    mute, other = (
        App(await member(lab, "mute", listener=told, enable_auto_commit=False)),
        App(await member(lab, "other")),
    )
    await lab.clock.until(shares_all(6, mute.consumer, other.consumer))
    had = spread(mute.consumer)[0]
    mute.consumer.heartbeating = False
    await lab.clock.advance(10_500)
    await lab.clock.until(lambda: spread(other.consumer) == [set(range(6))])
    assert spread(mute.consumer)[0] == had  # it does not know yet
    mute.consumer.heartbeating = True
    await lab.clock.until(shares_all(6, mute.consumer, other.consumer))
    assert ("lost", had) in told.said()
    assert mute.errors == []


async def test_a_commit_of_who_was_dropped_fails_and_makes_it_join_again(lab: Lab) -> None:
    mute = await member(lab, "mute", enable_auto_commit=False)
    await lab.clock.until(shares_all(6, mute))
    mute.heartbeating = False
    await lab.clock.advance(11_000)
    with pytest.raises(CommitFailedError, match="went on without this member"):
        await lab.run(mute.commit({P0: 0}))
    mute.heartbeating = True
    await lab.clock.until(shares_all(6, mute))
    await lab.run(mute.commit({P0: 0}))


async def test_a_heartbeat_that_fails_is_soon_sent_again(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.until(shares_all(6, one))
    failed: list[float] = []

    async def fail_three_times(broker: int, request: HeartbeatRequest, serve: Serve) -> Any:
        failed.append(lab.clock.now_ms())
        if len(failed) <= 3:
            raise NetworkError("cut off")
        return await serve()

    lab.meddle(HeartbeatRequest, fail_three_times)
    await lab.clock.until(lambda: len(failed) == 5)
    assert [round(b - a) for a, b in pairwise(failed)] == [100, 100, 100, 3_000]
    assert spread(one) == [set(range(6))]


# Static members


async def test_a_static_member_that_restarts_gets_its_partitions_back_without_a_rebalance(lab: Lab) -> None:
    one = await member(lab, "one", group_instance_id="i-1")
    two = await member(lab, "two", group_instance_id="i-2")
    await lab.clock.until(shares_all(6, one, two))
    had, generation = spread(one)[0], two.generation
    await lab.run(one.stop())
    assert lab.requests(LeaveGroupRequest) == []
    again = await member(lab, "one", group_instance_id="i-1")
    await lab.clock.until(lambda: bool(again.assignment()))
    assert spread(again, two) == [had, set(range(6)) - had]
    assert (again.generation, two.generation) == (generation, generation)
    await lab.clock.advance(20_000)
    assert group(lab).generation == generation


async def test_a_static_member_whose_name_is_taken_over_is_fenced_for_good(lab: Lab) -> None:
    told = Told()
    old = App(await member(lab, "old", group_instance_id="i-1", listener=told))
    await lab.clock.until(shares_all(6, old.consumer))
    new = await member(lab, "new", group_instance_id="i-1")
    await lab.clock.until(shares_all(6, new))
    await lab.clock.until(lambda: bool(old.errors))
    old.task.cancel()
    assert isinstance(old.errors[0], FencedInstanceIdError)
    with pytest.raises(FencedInstanceIdError):
        await old.consumer.getmany()
    assert old.consumer.assignment() == set()
    assert told.said()[-1] == ("lost", set(range(6)))
    await lab.clock.advance(20_000)
    assert spread(new) == [set(range(6))]


# Being the member again that one was


async def suspended(lab: Lab, consumer: Consumer) -> dict[str, Any]:
    """What is kept of a consumer whose program ends, as it comes back from a file."""
    state: dict[str, Any] = json.loads(json.dumps(consumer.membership()))
    consumer.crash()
    await lab.clock.settle()
    return state


async def test_a_resumed_member_goes_on_without_a_rebalance_and_without_repeating_a_record(lab: Lab) -> None:
    await lab.fill("orders", 120)
    one = await member(lab, "one", enable_auto_commit=False)
    two = await member(lab, "two")
    await lab.clock.until(shares_all(6, one, two))
    read = await lab.read(one, 20, max_records=20)
    had, generation, member_id = spread(one)[0], one.generation, one.member_id
    state = await suspended(lab, one)
    told = Told()
    again = await member(lab, "one", resume=state, listener=told, enable_auto_commit=False)
    await lab.clock.settle()
    assert spread(again)[0] == had
    assert (again.generation, again.member_id) == (generation, member_id)
    assert told.said() == [("assigned", had)]
    read += await lab.read(again, 40)
    assert sorted({(r.partition, r.offset) for r in read}) == [(p, o) for p in sorted(had) for o in range(20)]
    assert len(read) == 60
    await lab.clock.advance(20_000)
    assert group(lab).generation == generation == two.generation
    await lab.run(again.commit())


async def test_a_resumed_leader_still_notices_new_partitions(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.until(shares_all(6, one))
    state = await suspended(lab, one)
    assert state["leader"]
    again = await member(lab, "one", resume=state, metadata_max_age_ms=1_000)
    await lab.clock.until(shares_all(6, again))
    await lab.cluster.create_partitions("orders", 7)
    await lab.clock.until(shares_all(7, again), within_ms=5_000)


async def test_a_member_that_was_dropped_meanwhile_joins_afresh_from_what_is_committed(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one", enable_auto_commit=False)
    await lab.read(one, 60)
    await lab.run(one.commit({TopicPartition("orders", p): 4 for p in range(6)}))
    state = await suspended(lab, one)
    await lab.clock.advance(11_000)
    told = Told()
    again = await member(lab, "one", resume=state, listener=told)
    await lab.clock.until(shares_all(6, again))
    assert again.member_id != state["member_id"]
    assert {r.offset for r in await lab.read(again, 36)} == {4, 5, 6, 7, 8, 9}
    assert told.said() == [("assigned", set(range(6)))]


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
async def test_a_member_resumed_in_the_middle_of_a_rebalance_gives_up_and_joins_in_good_order(
    lab: Lab, assignor: str
) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one", assignor)
    await lab.read(one, 60)
    state = await suspended(lab, one)
    two = await member(lab, "two", assignor)
    await lab.clock.advance(1_000)
    assert group(lab).state is GroupState.PREPARING_REBALANCE
    told = Told()
    again = await member(lab, "one", assignor, resume=state, listener=told)
    await lab.clock.until(shares_all(6, again, two), within_ms=8_000)
    assert again.member_id == state["member_id"]
    assert told.said()[0] == ("assigned", set(range(6)))
    assert told.said()[1][0] == "revoked"
    # What it had read was committed as it gave up, so nobody is given it again.
    assert await lab.run(two.getmany(timeout_ms=2_000)) == {}
    assert await lab.run(again.getmany(timeout_ms=2_000)) == {}


@pytest.mark.parametrize("refusal", [UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError])
async def test_whatever_a_resumed_member_is_told_it_is_at_work_again_soon(lab: Lab, refusal: type[Exception]) -> None:
    await lab.fill("orders", 12)
    one = await member(lab, "one")
    await lab.read(one, 12)
    state = await suspended(lab, one)

    async def refuse_once(broker: int, request: SyncGroupRequest, serve: Serve) -> Any:
        lab.leave_alone(SyncGroupRequest)
        raise refusal

    lab.meddle(SyncGroupRequest, refuse_once)
    again = App(await member(lab, "one", resume=state))
    await lab.clock.until(shares_all(6, again.consumer), within_ms=15_000)
    assert again.errors == []


async def test_a_membership_for_other_topics_is_not_resumed(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.until(shares_all(6, one))
    state = await suspended(lab, one)
    other = lab.cluster.consumer("single", group_id="g", resume=state)
    lab.clients.append(other)
    await other.start()
    await lab.clock.until(lambda: other.assignment() == {TopicPartition("single", 0)}, within_ms=20_000)
    assert lab.requests(SyncGroupRequest, other.client_id)[0].member_id != state["member_id"]


# Joining goes wrong


async def test_a_join_that_finds_another_coordinator_is_tried_again(lab: Lab) -> None:
    refused = 0

    async def refuse(broker: int, request: JoinGroupRequest, serve: Serve) -> Any:
        nonlocal refused
        refused += 1
        if refused < 4:
            raise NotCoordinatorError
        return await serve()

    lab.meddle(JoinGroupRequest, refuse)
    one = App(await member(lab, "one"))
    await lab.clock.until(shares_all(6, one.consumer))
    assert one.errors == []


async def test_a_cooperative_member_that_is_not_known_any_more_loses_what_it_kept(lab: Lab) -> None:
    told = Told()
    one = await member(lab, "one", "cooperative-sticky", told)
    await lab.clock.until(shares_all(6, one))

    async def unknown_once(broker: int, request: JoinGroupRequest, serve: Serve) -> Any:
        lab.leave_alone(JoinGroupRequest)
        raise UnknownMemberIdError

    lab.meddle(JoinGroupRequest, unknown_once)
    one.subscribe(["orders", "single"], listener=told)
    await lab.clock.until(lambda: len(one.assignment()) == 7, within_ms=30_000)
    assert [what for what, _ in told.said()] == ["assigned", "lost", "assigned"]


async def test_a_sync_that_comes_too_late_makes_it_join_again(lab: Lab) -> None:
    refused: list[SyncGroupRequest] = []

    async def refuse(broker: int, request: SyncGroupRequest, serve: Serve) -> Any:
        refused.append(request)
        if len(refused) == 1:
            raise RebalanceInProgressError
        return await serve()

    lab.meddle(SyncGroupRequest, refuse)
    one = await member(lab, "one")
    await lab.clock.until(shares_all(6, one))
    assert refused[0].member_id == refused[1].member_id == one.member_id


async def test_a_crash_says_nothing_to_anybody(lab: Lab) -> None:
    await lab.fill("orders", 6)
    one = await member(lab, "one")
    await lab.read(one, 6)
    before = len(lab.asked)
    one.crash()
    await lab.clock.advance(9_000)
    said = [request for client, _, request in lab.asked[before:] if client == "one"]
    assert [r for r in said if isinstance(r, LeaveGroupRequest | OffsetCommitRequest | HeartbeatRequest)] == []
    assert group(lab).state is GroupState.STABLE
    await lab.clock.advance(4_000)
    assert group(lab).state is GroupState.EMPTY


async def test_stopping_in_the_middle_of_joining_leaves_no_member_behind(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.settle()
    assert one.member_id
    await lab.run(one.stop())
    await lab.clock.advance(1_000)
    assert group(lab).members == ()
    assert group(lab).pending_members == 0


async def test_a_coordinator_that_cannot_store_its_group_is_asked_again_and_again_but_not_at_once(lab: Lab) -> None:
    await lab.cluster.controller.ensure_offsets_topic()
    for broker_id in (1, 2, 3):
        lab.cluster.faults.fill_disk(broker_id)
    one = await member(lab, "one", retry_backoff_ms=100)
    await asyncio.wait_for(lab.clock.advance(1_000), 5)
    assert 5 <= len(lab.requests(JoinGroupRequest)) <= 40
    for broker_id in (1, 2, 3):
        lab.cluster.faults.free_disk(broker_id)
    await lab.clock.until(shares_all(6, one))
