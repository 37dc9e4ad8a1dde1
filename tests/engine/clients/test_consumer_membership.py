"""The lab's consumer as a member of a group of the consumer protocol (KIP-848)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from engine.clients.consumer import Consumer
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.errors import (
    FencedMemberEpochError,
    GroupIdNotFoundError,
    InvalidConfigError,
    NotCoordinatorError,
    UnreleasedInstanceIdError,
    UnsupportedAssignorError,
)
from engine.messages import (
    LEAVE_EPOCH,
    LEAVE_STATIC_EPOCH,
    ConsumerGroupHeartbeatRequest,
    OffsetCommitRequest,
)
from engine.snapshot import GroupProtocol, GroupState
from engine.types import TopicPartition
from tests.engine.clients.lab import BEGAN_MS, App, Lab, Serve, Told, group, shares_all, spread

P0 = TopicPartition("orders", 0)


async def member(lab: Lab, name: str, listener: Any = None, **options: Any) -> Consumer:
    """A member of group g that reads orders from the start."""
    consumer = lab.cluster.consumer(
        group_id="g", client_id=name, group_protocol="consumer", auto_offset_reset="earliest", **options
    )
    lab.clients.append(consumer)
    consumer.subscribe(["orders"], listener=listener)
    await consumer.start()
    return consumer


def beats(lab: Lab, name: str) -> list[ConsumerGroupHeartbeatRequest]:
    return lab.requests(ConsumerGroupHeartbeatRequest, name)


def stable(lab: Lab, *consumers: Consumer) -> Callable[[], bool]:
    def holds() -> bool:
        view = group(lab)
        return view.state is GroupState.STABLE and len(view.members) == len(consumers) and shares_all(6, *consumers)()

    return holds


async def test_one_heartbeat_joins_and_brings_the_partitions(lab: Lab) -> None:
    told = Told()
    one = await member(lab, "one", told)
    await lab.clock.until(stable(lab, one))
    first = beats(lab, "one")[0]
    assert (first.member_epoch, first.topics, first.partitions) == (0, ("orders",), ())
    assert first.rebalance_timeout_ms == 300_000
    assert told.said() == [("assigned", set(range(6)))]
    assert (group(lab).protocol, one.generation) == (GroupProtocol.CONSUMER, 1)


async def test_heartbeats_say_only_what_is_new(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.until(stable(lab, one))
    await lab.clock.advance(5_500)
    quiet = beats(lab, "one")[2:]
    assert len(quiet) == 5
    assert all((beat.topics, beat.partitions, beat.rebalance_timeout_ms) == (None, None, -1) for beat in quiet)


async def test_only_what_moves_is_given_up_and_the_others_read_on(lab: Lab) -> None:
    story: list[tuple[str, str, set[int]]] = []
    one, two = await member(lab, "one", Told("one", story)), await member(lab, "two", Told("two", story))
    await lab.clock.until(stable(lab, one, two))
    before = spread(one, two)
    story.clear()
    three = await member(lab, "three", Told("three", story))
    await lab.clock.until(stable(lab, one, two, three))
    after = spread(one, two, three)
    assert after[0] < before[0]
    assert after[1] < before[1]
    revoked = [partitions for _, what, partitions in story if what == "revoked"]
    assert set().union(*revoked) == after[2]
    assert not any(what == "assigned" for name, what, partitions in story if name != "three" and partitions)
    moved = group(lab).rebalances[-1]
    assert {move.tp.partition for move in moved.moves if move.unserved_ms} <= after[2]


async def test_what_was_done_is_committed_before_a_partition_is_given_up(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = App(await member(lab, "one"))
    await lab.clock.until(lambda: len(one.records) == 60)
    two = App(await member(lab, "two"))
    await lab.clock.until(stable(lab, one.consumer, two.consumer))
    await lab.clock.advance(3_000)
    assert two.records == []
    assert one.errors == two.errors == []


async def test_heartbeats_go_on_while_an_application_takes_its_time_to_give_up(lab: Lab) -> None:
    class Slow(Told):
        async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # type: ignore[override]
            await lab.clock.sleep(20_000)

    one = await member(lab, "one", Slow())
    await lab.clock.until(stable(lab, one))
    two = await member(lab, "two")
    await lab.clock.advance(18_000)
    assert len(group(lab).members) == 2
    assert two.assignment() == set()
    await lab.clock.until(stable(lab, one, two))


async def test_whoever_takes_too_long_to_give_up_is_dropped_and_joins_again(lab: Lab) -> None:
    class Stuck(Told):
        async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # type: ignore[override]
            await lab.clock.sleep(30_000)

    told = Stuck()
    one = await member(lab, "one", told, rebalance_timeout_ms=5_000)
    await lab.clock.until(stable(lab, one))
    two = await member(lab, "two")
    await lab.clock.until(lambda: any(what == "lost" for what, _ in told.said()), within_ms=10_000)
    await lab.clock.until(stable(lab, one, two))
    assert any("one did not give up" in it.cause for it in group(lab).rebalances)


async def test_a_commit_that_crosses_an_epoch_is_made_again_in_the_new_one(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = App(await member(lab, "one", enable_auto_commit=False))
    await lab.clock.until(lambda: len(one.records) == 60)
    held, sent = asyncio.Event(), asyncio.Event()

    async def hold(broker: int, request: OffsetCommitRequest, serve: Serve) -> Any:
        sent.set()
        await held.wait()
        return await serve()

    lab.meddle(OffsetCommitRequest, hold)
    committing = asyncio.create_task(one.consumer.commit({P0: 3}))
    await sent.wait()
    await member(lab, "two")
    await lab.clock.until(lambda: one.consumer.generation == 2)
    held.set()
    await lab.clock.until(committing.done)
    epochs = [request.generation_id for request in lab.requests(OffsetCommitRequest, "one")]
    if P0 in one.consumer.assignment():
        assert committing.exception() is None
    assert (epochs[0], epochs[-1]) == (1, 2)


async def test_a_consumer_that_stops_leaves_at_once(lab: Lab) -> None:
    one, two = await member(lab, "one"), await member(lab, "two")
    await lab.clock.until(stable(lab, one, two))
    await lab.run(two.stop())
    assert beats(lab, "two")[-1].member_epoch == LEAVE_EPOCH
    await lab.clock.until(stable(lab, one), within_ms=3_000)


async def test_a_crash_is_noticed_when_the_session_has_run_out(lab: Lab) -> None:
    one, two = await member(lab, "one"), await member(lab, "two")
    await lab.clock.until(stable(lab, one, two))
    two.crash()
    await lab.clock.advance(8_900)
    assert len(group(lab).members) == 2
    await lab.clock.until(stable(lab, one), within_ms=4_000)
    assert beats(lab, "two")[-1].member_epoch > 0


async def test_who_does_not_poll_in_time_leaves_and_joins_again_with_the_next_poll(lab: Lab) -> None:
    told = Told()
    slow = await member(lab, "slow", told, max_poll_interval_ms=5_000)
    App(fast := await member(lab, "fast"))
    await lab.clock.until(stable(lab, slow, fast))
    had = spread(slow)[0]
    await lab.run(slow.getmany(timeout_ms=10))
    await lab.clock.advance(5_200)
    assert (slow.assignment(), slow.generation) == (set(), -1)
    await lab.clock.until(stable(lab, fast))
    App(slow)
    await lab.clock.until(stable(lab, slow, fast))
    assert ("lost", had) in told.said()


async def test_a_static_member_that_stops_and_starts_has_its_partitions_back_and_nobody_moves(lab: Lab) -> None:
    one, two = await member(lab, "one"), await member(lab, "two", group_instance_id="two")
    await lab.clock.until(stable(lab, one, two))
    had, epoch = spread(two)[0], group(lab).generation
    await lab.run(two.stop())
    assert beats(lab, "two")[-1].member_epoch == LEAVE_STATIC_EPOCH
    again = await member(lab, "two", group_instance_id="two")
    await lab.clock.until(stable(lab, one, again))
    assert (spread(again)[0], group(lab).generation) == (had, epoch)


async def test_a_static_member_whose_place_is_taken_cannot_come_in(lab: Lab) -> None:
    one = await member(lab, "one", group_instance_id="it")
    await lab.clock.until(stable(lab, one))
    other = await member(lab, "other", group_instance_id="it")
    with pytest.raises(UnreleasedInstanceIdError):
        await lab.run(other.getmany(timeout_ms=2_000))
    assert stable(lab, one)()


async def test_a_fenced_member_loses_everything_and_joins_again(lab: Lab) -> None:
    told = Told()
    one = await member(lab, "one", told)
    await lab.clock.until(stable(lab, one))
    refusals = iter([True])

    async def fence(broker: int, request: ConsumerGroupHeartbeatRequest, serve: Serve) -> Any:
        if next(refusals, False):
            raise FencedMemberEpochError
        return await serve()

    lab.meddle(ConsumerGroupHeartbeatRequest, fence)
    await lab.clock.until(lambda: len(told.said()) == 3, within_ms=5_000)
    assert [what for what, _ in told.said()] == ["assigned", "lost", "assigned"]
    assert beats(lab, "one")[-1].member_epoch >= 0


async def test_another_coordinator_is_found_and_told_everything(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.until(stable(lab, one))
    refusals = iter([True])

    async def elsewhere(broker: int, request: ConsumerGroupHeartbeatRequest, serve: Serve) -> Any:
        if next(refusals, False):
            raise NotCoordinatorError
        return await serve()

    lab.meddle(ConsumerGroupHeartbeatRequest, elsewhere)
    number = len(beats(lab, "one"))
    await lab.clock.advance(2_500)
    again = beats(lab, "one")[number + 1]
    assert (again.member_epoch, again.topics) == (1, ("orders",))
    assert again.partitions == tuple(sorted(one.assignment()))
    assert stable(lab, one)()


async def test_a_group_that_does_not_go_over_is_not_joined_and_the_application_is_told() -> None:
    clock = ManualClock(BEGAN_MS)
    config = BrokerConfig(group_consumer_migration_policy="disabled")
    async with Cluster.open(None, brokers=1, clock=clock, inline_storage=True, config=config) as cluster:
        lab = Lab(cluster, clock)
        await cluster.create_topic("orders", partitions=6)
        classic = cluster.consumer("orders", group_id="g", client_id="classic")
        await classic.start()
        await clock.until(shares_all(6, classic))
        one = await member(lab, "one")
        with pytest.raises(GroupIdNotFoundError, match="classic protocol"):
            await lab.run(one.getmany(timeout_ms=2_000))
        lab.clients.append(classic)
        await lab.close()


async def test_the_assignor_is_the_coordinators_to_have(lab: Lab) -> None:
    one = await member(lab, "one", group_remote_assignor="range")
    await lab.clock.until(stable(lab, one))
    assert group(lab).assignor == "range"
    other = await member(lab, "two", group_remote_assignor="sticky")
    with pytest.raises(UnsupportedAssignorError):
        await lab.run(other.getmany(timeout_ms=2_000))


async def test_settings_that_do_not_fit_are_refused(lab: Lab) -> None:
    with pytest.raises(InvalidConfigError, match="group_protocol"):
        lab.cluster.consumer(group_id="g", group_protocol="new")
    with pytest.raises(InvalidConfigError, match="group_remote_assignor"):
        lab.cluster.consumer(group_id="g", group_remote_assignor="range")


async def test_a_pattern_is_matched_by_the_coordinator(lab: Lab) -> None:
    await lab.run(lab.cluster.create_topic("orders-eu", partitions=2))
    one = lab.cluster.consumer(group_id="g", client_id="one", group_protocol="consumer")
    lab.clients.append(one)
    one.subscribe(pattern="orders-.*")
    await one.start()
    await lab.clock.until(lambda: one.assignment() == {TopicPartition("orders-eu", 0), TopicPartition("orders-eu", 1)})
    assert beats(lab, "one")[0].pattern == "orders-.*"


@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
async def test_consumers_go_over_to_the_consumer_protocol_one_by_one_and_back(lab: Lab, assignor: str) -> None:
    old = []
    for name in ("one", "two"):
        consumer = lab.cluster.consumer(group_id="g", client_id=name, partition_assignment_strategy=[assignor])
        lab.clients.append(consumer)
        consumer.subscribe(["orders"])
        await consumer.start()
        old.append(consumer)
    await lab.clock.until(stable(lab, *old))
    new = [await member(lab, "three")]
    await lab.clock.until(stable(lab, *old, *new))
    assert group(lab).protocol is GroupProtocol.CONSUMER
    for consumer in old:
        await lab.run(consumer.stop())
    await lab.clock.until(stable(lab, *new))
    back = lab.cluster.consumer(group_id="g", client_id="four", partition_assignment_strategy=[assignor])
    lab.clients.append(back)
    back.subscribe(["orders"])
    await back.start()
    await lab.clock.until(stable(lab, *new, back))
    await lab.run(new[0].stop())
    await lab.clock.until(stable(lab, back))
    assert str(group(lab).protocol) == str(GroupProtocol.CLASSIC)


async def test_a_topic_that_grows_is_read_on_by_the_group(lab: Lab) -> None:
    one, two = await member(lab, "one"), await member(lab, "two")
    await lab.clock.until(stable(lab, one, two))
    await lab.run(lab.cluster.create_partitions("orders", 8))
    await lab.clock.until(lambda: sum(map(len, spread(one, two))) == 8)


async def test_a_member_goes_on_where_it_was_when_the_world_goes_on(lab: Lab) -> None:
    one, two = await member(lab, "one"), await member(lab, "two")
    await lab.clock.until(stable(lab, one, two))
    kept, epoch = two.membership(), group(lab).generation
    two.crash()
    again = lab.cluster.consumer(
        group_id="g", client_id="two", group_protocol="consumer", auto_offset_reset="earliest", resume=kept
    )
    lab.clients.append(again)
    again.subscribe(["orders"])
    await again.start()
    await lab.clock.until(stable(lab, one, again))
    assert (group(lab).generation, again.member_id) == (epoch, kept["member_id"])


async def test_the_coordinator_dies_and_the_group_goes_on_in_its_epoch(lab: Lab) -> None:
    apps = [App(await member(lab, name)) for name in ("one", "two")]
    consumers = [app.consumer for app in apps]
    await lab.clock.until(stable(lab, *consumers))
    before, epoch = spread(*consumers), group(lab).generation
    coordinator = group(lab).coordinator
    assert coordinator is not None
    await lab.run(lab.cluster.faults.crash(coordinator))

    def elsewhere() -> bool:
        view = lab.cluster.snapshot().group("g")
        return view is not None and view.coordinator != coordinator

    await lab.clock.until(elsewhere)
    await lab.clock.advance(5_000)
    assert (spread(*consumers), group(lab).generation) == (before, epoch)


async def test_unsubscribing_leaves_and_subscribing_joins_again(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.until(stable(lab, one))
    one.unsubscribe()
    await lab.clock.until(lambda: group(lab).state is GroupState.EMPTY, within_ms=3_000)
    one.subscribe(["orders"])
    await lab.clock.until(stable(lab, one), within_ms=5_000)
