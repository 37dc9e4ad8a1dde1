from __future__ import annotations

from typing import Any

import pytest

from engine.errors import InconsistentGroupProtocolError, InvalidSessionTimeoutError
from engine.messages import HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest
from engine.snapshot import GroupState
from engine.types import TopicPartition
from tests.engine.clients.lab import App, Lab, Told, group, member, shares_all, spread

ASSIGNORS = ("range", "roundrobin", "sticky", "cooperative-sticky")


@pytest.mark.parametrize("assignor", ASSIGNORS)
async def test_members_share_all_partitions_as_they_come_leave_and_crash(lab: Lab, assignor: str) -> None:
    one = await member(lab, "one", assignor)
    await lab.clock.until(shares_all(6, one))
    two = await member(lab, "two", assignor)
    await lab.clock.until(shares_all(6, one, two))
    three = await member(lab, "three", assignor)
    await lab.clock.until(shares_all(6, one, two, three))
    assert sorted(map(len, spread(one, two, three))) == [2, 2, 2]
    await lab.run(two.stop())
    await lab.clock.until(shares_all(6, one, three))
    one.crash()
    await lab.clock.until(lambda: spread(three) == [set(range(6))], within_ms=15_000)
    assert group(lab).assignor == assignor


@pytest.mark.parametrize("assignor", ASSIGNORS)
async def test_every_record_is_read_while_members_come_and_go(lab: Lab, assignor: str) -> None:
    producer = await lab.producer(partitioner="roundrobin")
    sent = 0
    apps: list[App] = []

    async def produce(number: int) -> None:
        nonlocal sent
        for _ in range(number):
            await producer.send("orders", b"%d" % sent)
            sent += 1
        await lab.clock.advance(300)

    for name in ("one", "two", "three"):
        apps.append(App(await member(lab, name, assignor, auto_commit_interval_ms=200)))
        await produce(120)
    await lab.clock.advance(2_000)
    apps[1].consumer.crash()
    await produce(120)
    await lab.run(apps[0].consumer.stop())
    await produce(120)
    await lab.clock.advance(15_000)
    read = [value for app in apps for value in app.values()]
    assert {int(value or b"") for value in read} == set(range(sent))
    assert [error for app in apps for error in app.errors] == []
    # Only what a crashed member had read since its last commit may come twice.
    assert len(read) - sent < 120


async def test_a_clean_handover_repeats_nothing_and_leaves_nothing_out(lab: Lab) -> None:
    await lab.fill("orders", 600)
    first = App(await member(lab, "one", max_poll_records=7, heartbeat_interval_ms=300), processing_ms=50)
    await lab.clock.until(lambda: len(first.records) > 100)
    second = App(await member(lab, "two", max_poll_records=7), processing_ms=50)
    await lab.clock.until(lambda: len(second.records) > 50)
    await lab.run(first.consumer.stop())
    await lab.clock.until(lambda: len(first.records) + len(second.records) >= 600)
    await lab.clock.advance(2_000)
    read = sorted(int(value or b"") for value in first.values() + second.values())
    again = len(read) - len(set(read))
    assert set(read) == set(range(600))
    assert again <= 7  # at most the poll that was still being worked on when the partitions were taken


async def test_eager_members_give_up_everything_before_anybody_is_given_anything(lab: Lab) -> None:
    story: list[tuple[str, str, set[int]]] = []
    one = await member(lab, "one", listener=Told("one", story))
    await lab.clock.until(shares_all(6, one))
    two = await member(lab, "two", listener=Told("two", story))
    await lab.clock.until(shares_all(6, one, two))
    assert story == [
        ("one", "assigned", {0, 1, 2, 3, 4, 5}),
        ("one", "revoked", {0, 1, 2, 3, 4, 5}),
        *sorted(
            [("one", "assigned", spread(one)[0]), ("two", "assigned", spread(two)[0])],
            key=lambda told: [t[0] for t in story[2:]].index(told[0]),
        ),
    ]


async def test_while_an_eager_group_rebalances_nobody_is_handed_a_record(lab: Lab) -> None:
    await lab.fill("orders", 600)
    one = App(await member(lab, "one", max_poll_records=1, heartbeat_interval_ms=300), processing_ms=10)
    await lab.clock.until(lambda: len(one.records) > 5)
    seen: list[tuple[int, set[TopicPartition]]] = []

    async def slow_sync(broker: int, request: SyncGroupRequest, serve: Any) -> Any:
        before = len(one.records)
        await lab.clock.sleep(400)
        seen.append((len(one.records) - before, one.consumer.assignment()))
        return await serve()

    lab.meddle(SyncGroupRequest, slow_sync)
    two = await member(lab, "two")
    await lab.clock.until(shares_all(6, one.consumer, two))
    assert seen[0] == (0, set())
    assert len(one.records) > 6


async def test_cooperative_members_give_up_only_what_goes_to_others(lab: Lab) -> None:
    story: list[tuple[str, str, set[int]]] = []
    one = await member(lab, "one", "cooperative-sticky", Told("one", story))
    await lab.clock.until(shares_all(6, one))
    two = await member(lab, "two", "cooperative-sticky", Told("two", story))
    await lab.clock.until(shares_all(6, one, two))
    moved, kept = spread(two)[0], spread(one)[0]
    assert story[0] == ("one", "assigned", {0, 1, 2, 3, 4, 5})
    assert [told for told in story if told[1] == "revoked"] == [("one", "revoked", moved)]
    assert ("two", "assigned", moved) in story
    assert story.index(("one", "revoked", moved)) < story.index(("two", "assigned", moved))
    assert not any(what == "assigned" and who == "one" and partitions & kept for who, what, partitions in story[1:])


async def test_a_cooperative_rebalance_never_stops_partitions_that_stay(lab: Lab) -> None:
    one = App(await member(lab, "one", "cooperative-sticky"))
    await lab.clock.until(shares_all(6, one.consumer))
    producer = await lab.producer()
    joined = App(await member(lab, "two", "cooperative-sticky"))
    served: dict[int, list[float]] = {p: [] for p in range(6)}
    while not shares_all(6, one.consumer, joined.consumer)():
        for partition in range(6):
            await producer.send("orders", b"%d" % lab.clock.now(), partition=partition)
        await lab.clock.advance(20)
    await lab.clock.advance(200)
    kept = spread(one.consumer)[0]
    assert len(kept) == 3
    for record in one.records:
        if record.partition in kept:
            served[record.partition].append(record.timestamp)
    ends = lab.cluster.describe_topic("orders").partitions
    for partition in kept:
        assert len(served[partition]) == ends[partition].high_watermark
    assert one.errors + joined.errors == []


async def test_the_same_records_are_not_read_twice_when_cooperative_members_come_and_go(lab: Lab) -> None:
    await lab.fill("orders", 300)
    one = App(await member(lab, "one", "cooperative-sticky", max_poll_records=5), processing_ms=5)
    await lab.clock.until(lambda: len(one.records) > 60)
    two = App(await member(lab, "two", "cooperative-sticky", max_poll_records=5), processing_ms=5)
    await lab.clock.until(lambda: len(one.records) + len(two.records) >= 300)
    await lab.clock.advance(1_000)
    read = [int(value or b"") for value in one.values() + two.values()]
    assert set(read) == set(range(300))
    assert len(read) - 300 <= 5


async def test_a_cooperative_member_commits_what_it_did_while_it_rejoined_before_it_gives_up_a_partition(
    lab: Lab,
) -> None:
    one = App(await member(lab, "one", "cooperative-sticky"))
    await lab.clock.until(shares_all(6, one.consumer))
    producer = await lab.producer()

    async def slow(broker: int, request: SyncGroupRequest, serve: Any) -> Any:
        for partition in range(6):
            await producer.send("orders", b"meanwhile", partition=partition)
        await lab.clock.sleep(500)
        lab.leave_alone(SyncGroupRequest)
        return await serve()

    lab.meddle(SyncGroupRequest, slow)
    two = App(await member(lab, "two", "cooperative-sticky"))
    await lab.clock.until(shares_all(6, one.consumer, two.consumer))
    await lab.clock.advance(2_000)
    read = [(record.partition, record.offset) for record in one.records + two.records]
    assert len(read) == len(set(read)) >= 6


async def test_a_cooperative_member_keeps_its_positions_in_what_stays(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one", "cooperative-sticky", enable_auto_commit=False)
    await lab.read(one, 60)
    two = await member(lab, "two", "cooperative-sticky", enable_auto_commit=False)
    await lab.clock.until(shares_all(6, one, two))
    assert await lab.run(one.getmany(timeout_ms=2_000)) == {}
    assert len(await lab.read(two, 30)) == 30


async def test_an_eager_and_a_cooperative_assignor_together_rebalance_eagerly(lab: Lab) -> None:
    told = Told()
    both = ("range", "cooperative-sticky")
    one = await member(lab, "one", both, told)
    await lab.clock.until(shares_all(6, one))
    two = await member(lab, "two", both)
    await lab.clock.until(shares_all(6, one, two))
    assert told.said()[:2] == [("assigned", set(range(6))), ("revoked", set(range(6)))]
    assert group(lab).assignor == "range"


async def test_a_member_with_no_assignor_in_common_is_refused_at_its_next_poll(lab: Lab) -> None:
    one = await member(lab, "one", "range")
    await lab.clock.until(shares_all(6, one))
    two = await member(lab, "two", "roundrobin")
    with pytest.raises(InconsistentGroupProtocolError):
        await lab.run(two.getmany(timeout_ms=5_000))
    assert spread(one) == [set(range(6))]


async def test_a_session_timeout_out_of_bounds_is_an_error_of_the_next_poll(lab: Lab) -> None:
    one = await member(lab, "one", session_timeout_ms=500, heartbeat_interval_ms=100)
    with pytest.raises(InvalidSessionTimeoutError):
        await lab.run(one.getmany(timeout_ms=5_000))


async def test_what_a_listener_raises_reaches_the_next_poll_and_the_member_goes_on(lab: Lab) -> None:
    class Clumsy(Told):
        async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
            raise ZeroDivisionError("clumsy")

    await lab.fill("orders", 6)
    one = await member(lab, "one", listener=Clumsy())
    await lab.clock.until(shares_all(6, one))
    with pytest.raises(ZeroDivisionError, match="clumsy"):
        await lab.run(one.getmany(timeout_ms=1_000))
    assert len(await lab.read(one, 6)) == 6


async def test_a_listener_can_commit_and_seek(lab: Lab) -> None:
    await lab.fill("orders", 60)

    class Careful(Told):
        def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:  # type: ignore[override]
            for tp in assigned:
                one.seek(tp, 8)

        async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # type: ignore[override]
            await one.commit()

    one = await member(lab, "one", listener=Careful(), enable_auto_commit=False)
    assert {record.offset for record in await lab.read(one, 12)} == {8, 9}
    two = await member(lab, "two")
    await lab.clock.until(shares_all(6, one, two))
    assert [await lab.run(two.committed(TopicPartition("orders", p))) for p in range(6)] == [10] * 6


async def test_the_leader_notices_new_partitions_and_the_group_rebalances(lab: Lab) -> None:
    one = await member(lab, "one", metadata_max_age_ms=2_000)
    two = await member(lab, "two", metadata_max_age_ms=2_000)
    await lab.clock.until(shares_all(6, one, two))
    await lab.cluster.create_partitions("orders", 8)
    await lab.clock.until(shares_all(8, one, two), within_ms=8_000)


async def test_a_pattern_takes_in_topics_that_come_later(lab: Lab) -> None:
    consumer = lab.cluster.consumer(group_id="g", metadata_max_age_ms=1_000)
    lab.clients.append(consumer)
    consumer.subscribe(pattern=r"audit-.*")
    await consumer.start()
    await lab.clock.advance(3_000)
    assert consumer.subscription() == frozenset()
    await lab.cluster.create_topic("audit-a", partitions=2)
    await lab.clock.until(lambda: len(consumer.assignment()) == 2, within_ms=5_000)
    await lab.cluster.create_topic("audit-b")
    await lab.clock.until(lambda: len(consumer.assignment()) == 3, within_ms=5_000)
    assert consumer.subscription() == {"audit-a", "audit-b"}
    assert {tp.topic for tp in consumer.assignment()} == {"audit-a", "audit-b"}


async def test_a_topic_that_is_deleted_is_given_up(lab: Lab) -> None:
    consumer = lab.cluster.consumer(group_id="g", metadata_max_age_ms=1_000)
    lab.clients.append(consumer)
    consumer.subscribe(pattern=r"orders|single")
    await consumer.start()
    await lab.clock.until(lambda: len(consumer.assignment()) == 7)
    await lab.cluster.delete_topic("orders")
    await lab.clock.until(lambda: {tp.topic for tp in consumer.assignment()} == {"single"}, within_ms=8_000)


async def test_subscribing_to_something_else_gives_up_one_and_takes_the_other(lab: Lab) -> None:
    told = Told()
    one = await member(lab, "one", "cooperative-sticky", told)
    await lab.clock.until(shares_all(6, one))
    one.subscribe(["single"], listener=told)
    await lab.clock.until(lambda: one.assignment() == {TopicPartition("single", 0)})
    assert told.said() == [("assigned", set(range(6))), ("revoked", set(range(6))), ("assigned", {0})]


async def test_unsubscribing_leaves_the_group_and_one_can_come_back(lab: Lab) -> None:
    told = Told()
    one = await member(lab, "one", listener=told)
    two = await member(lab, "two")
    await lab.clock.until(shares_all(6, one, two))
    had = spread(one)[0]
    one.unsubscribe()
    assert one.assignment() == set()
    await lab.clock.until(shares_all(6, two))
    assert told.said()[-1] == ("revoked", had)
    assert lab.requests(LeaveGroupRequest)[-1].members[0].reason == "the consumer unsubscribed from all topics"
    one.subscribe(["orders"])
    await lab.clock.until(shares_all(6, one, two))


async def test_a_group_is_left_with_the_reason(lab: Lab) -> None:
    told = Told()
    one = await member(lab, "one", listener=told)
    await lab.clock.until(shares_all(6, one))
    await lab.run(one.stop())
    assert [m.reason for r in lab.requests(LeaveGroupRequest) for m in r.members] == ["the consumer is being closed"]
    assert told.said()[-1] == ("revoked", set(range(6)))
    assert group(lab).state is GroupState.EMPTY


async def test_members_join_with_an_id_the_coordinator_gave_them(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.until(shares_all(6, one))
    asked = lab.requests(JoinGroupRequest, "one")
    assert [request.member_id for request in asked] == ["", one.member_id]
    assert one.member_id.startswith("one-")
    assert one.generation == 1


async def test_heartbeats_come_at_their_interval_and_tell_of_a_rebalance(lab: Lab) -> None:
    one = await member(lab, "one", heartbeat_interval_ms=500)
    await lab.clock.until(shares_all(6, one))
    before = len(lab.requests(HeartbeatRequest))
    await lab.clock.advance(5_000)
    assert len(lab.requests(HeartbeatRequest)) - before == 10
    generation = one.generation
    two = await member(lab, "two")
    await lab.clock.until(shares_all(6, one, two), within_ms=1_500)
    assert one.generation > generation
