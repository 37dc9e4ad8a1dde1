"""The workload over the real clients, brokers and storage."""

import asyncio
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster, Exactly
from engine.errors import ClientClosedError
from engine.messages import MetadataRequest
from engine.snapshot import ClientState, ConsumerView, GroupState, GroupView
from engine.types import TopicPartition
from engine.workload.spec import ConsumerSpec, KeyRule, ProducerSpec

START_MS = 1_700_000_000_000.0
FAST: dict[str, Any] = {"processing_ms": 5, "jitter": 0, "seed": 1}


@pytest.fixture
async def cluster(clock: ManualClock) -> AsyncIterator[Cluster]:
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7) as opened:
        await opened.create_topic("orders", partitions=4)
        yield opened


def billing(**spec: Any) -> ConsumerSpec:
    return ConsumerSpec("billing", ("orders",), **{**FAST, **spec})


def group(cluster: Cluster) -> GroupView:
    found = cluster.snapshot().group("billing")
    assert found is not None
    return found


def consumer(cluster: Cluster, name: str) -> ConsumerView:
    return next(view for view in cluster.workload.consumers() if view.name == name)


def ends(cluster: Cluster) -> int:
    return sum(partition.log_end_offset for partition in cluster.describe_topic("orders").partitions)


def stable(cluster: Cluster, members: int) -> bool:
    world = cluster.snapshot().group("billing")
    return (
        world is not None
        and world.state is GroupState.STABLE
        and len(world.members) == members
        and all(view.member_id for view in cluster.workload.consumers() if view.state is ClientState.RUNNING)
        and sum(len(view.assignment) for view in cluster.workload.consumers()) == 4
    )


async def produce(cluster: Cluster, clock: ManualClock, seconds: float, rate: float = 200) -> None:
    name = await cluster.workload.spawn_producer(ProducerSpec("orders", rate=rate, seed=3))
    await clock.advance(seconds * 1_000)
    await cluster.workload.stop(name)


@pytest.mark.parametrize("commit", ["auto", "after"])
@pytest.mark.parametrize("assignor", ["range", "cooperative-sticky"])
async def test_records_are_processed_once_each_while_members_join_and_leave_cleanly(
    cluster: Cluster, clock: ManualClock, commit: str, assignor: str
) -> None:
    workload = cluster.workload
    await workload.spawn_producer(ProducerSpec("orders", rate=300, seed=3, keys=KeyRule("uniform", 50)))
    await workload.spawn_consumer(billing(commit=commit, assignor=assignor))
    await clock.advance(7_000)
    await workload.spawn_consumer(billing(commit=commit, assignor=assignor))
    await clock.advance(7_300)
    await workload.spawn_consumer(billing(commit=commit, assignor=assignor))
    await clock.advance(7_000)
    await workload.stop("billing-1")
    await clock.advance(7_000)
    await workload.stop("orders-1")
    await clock.advance(30_000)
    assert ends(cluster) == pytest.approx(300 * 28.3, rel=0.02)
    assert sum(view.processed for view in workload.consumers()) == ends(cluster)
    for name in ("billing-2", "billing-3"):
        await workload.stop(name)
    assert group(cluster).lag == 0


@pytest.mark.parametrize("commit", ["auto", "after"])
async def test_after_a_crash_records_come_again_from_the_last_commit(
    cluster: Cluster, clock: ManualClock, commit: str
) -> None:
    workload = cluster.workload
    await produce(cluster, clock, 10)
    await workload.spawn_consumer(billing(commit=commit, max_poll_records=100))
    await clock.until(lambda: consumer(cluster, "billing-1").processed >= 1_030)
    processed = consumer(cluster, "billing-1").processed
    await workload.crash("billing-1")
    committed = sum(offset.committed or 0 for offset in group(cluster).offsets)
    assert committed < processed
    await clock.advance(5_000)
    assert len(group(cluster).members) == 1, "its session has not run out yet"
    await clock.advance(6_000)
    assert group(cluster).members == ()
    await workload.restart("billing-1")
    await clock.advance(60_000)
    assert consumer(cluster, "billing-1").processed == processed + ends(cluster) - committed
    assert group(cluster).lag == 0


async def test_what_was_committed_before_processing_is_lost_with_a_crash(cluster: Cluster, clock: ManualClock) -> None:
    await produce(cluster, clock, 5)
    await cluster.workload.spawn_consumer(billing(commit="before", max_poll_records=100))
    await clock.until(lambda: consumer(cluster, "billing-1").processed >= 250)
    await cluster.workload.crash("billing-1")
    await clock.advance(20_000)
    await cluster.workload.restart("billing-1")
    await clock.advance(60_000)
    assert ends(cluster) - 100 <= consumer(cluster, "billing-1").processed < ends(cluster)


async def test_one_that_hangs_too_long_leaves_and_comes_back_when_freed(cluster: Cluster, clock: ManualClock) -> None:
    workload = cluster.workload
    await workload.spawn_producer(ProducerSpec("orders", rate=50, seed=3))
    for _ in range(2):
        await workload.spawn_consumer(billing(max_poll_interval_ms=20_000, commit="after"))
    await clock.until(lambda: stable(cluster, 2))
    await clock.advance(2_000)
    await workload.hang("billing-1")
    await clock.advance(15_000)
    assert len(group(cluster).members) == 2
    await clock.advance(10_000)
    assert [member.client_id for member in group(cluster).members] == ["billing-2"]
    assert len(consumer(cluster, "billing-2").assignment) == 4
    assert consumer(cluster, "billing-1").activity.startswith("hung in processing orders-") or (
        consumer(cluster, "billing-1").activity == "hung before its next poll"
    )
    await workload.unhang("billing-1")
    await clock.until(lambda: stable(cluster, 2))
    assert len(consumer(cluster, "billing-1").assignment) == 2


async def test_one_without_heartbeats_is_dropped_and_comes_back_when_it_speaks(
    cluster: Cluster, clock: ManualClock
) -> None:
    workload = cluster.workload
    await workload.spawn_producer(ProducerSpec("orders", rate=50, seed=3))
    for _ in range(2):
        await workload.spawn_consumer(billing())
    await clock.until(lambda: stable(cluster, 2))
    await workload.stop_heartbeats("billing-1")
    await clock.advance(11_000)
    assert [member.client_id for member in group(cluster).members] == ["billing-2"]
    both = [set(view.assignment) for view in workload.consumers()]
    assert both[0] < both[1], "it does not know yet"
    owners = {getattr(workload.consumer_owning("billing", tp), "client_id", None) for tp in both[1]}
    assert owners == {"billing-2"}
    await workload.resume_heartbeats("billing-1")
    await clock.until(lambda: stable(cluster, 2))


async def test_records_that_take_longer_than_a_poll_may_put_a_consumer_out(
    cluster: Cluster, clock: ManualClock
) -> None:
    await produce(cluster, clock, 5)
    await cluster.workload.spawn_consumer(billing(max_poll_interval_ms=10_000, max_poll_records=500))
    await clock.until(lambda: stable(cluster, 1))
    await cluster.workload.set_processing("billing-1", 1_000)
    await clock.until(lambda: not group(cluster).members, within_ms=30_000)
    await cluster.workload.set_processing("billing-1", 1)
    await clock.until(lambda: stable(cluster, 1))
    await clock.advance(30_000)
    assert group(cluster).lag == 0


async def test_two_of_one_instance_id_fence_each_other_and_the_first_gives_up(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.workload.spawn_consumer(billing(group_instance_id="till"))
    await clock.until(lambda: stable(cluster, 1))
    await cluster.workload.spawn_consumer(billing(group_instance_id="till"))
    await clock.advance(20_000)
    assert consumer(cluster, "billing-1").state is ClientState.STOPPED
    assert "billing-1 gave up: " in "".join(event.sentence() for event in cluster.events.last(50))
    assert consumer(cluster, "billing-2").state is ClientState.RUNNING
    assert len(consumer(cluster, "billing-2").assignment) == 4


async def test_an_assignor_no_one_shares_ends_the_newcomer_with_the_reason(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.workload.spawn_consumer(billing(assignor="range"))
    await clock.until(lambda: stable(cluster, 1))
    await cluster.workload.spawn_consumer(billing(assignor="sticky"))
    await clock.advance(20_000)
    newcomer = consumer(cluster, "billing-2")
    assert newcomer.state is ClientState.STOPPED
    assert newcomer.last_error
    assert stable(cluster, 1)


async def test_a_paused_consumer_keeps_its_membership_for_as_long_as_it_likes(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=50, seed=3))
    await cluster.workload.spawn_consumer(billing(max_poll_interval_ms=20_000))
    await clock.until(lambda: stable(cluster, 1))
    await clock.advance(1_000)
    await cluster.workload.pause("billing-1")
    processed = consumer(cluster, "billing-1").processed
    await clock.advance(120_000)
    assert stable(cluster, 1)
    assert consumer(cluster, "billing-1").processed == processed
    await cluster.workload.resume("billing-1")
    await clock.advance(60_000)
    assert consumer(cluster, "billing-1").processed > processed + 6_000


async def test_a_scrub_in_the_middle_of_a_poll_takes_hold_at_once(cluster: Cluster, clock: ManualClock) -> None:
    await produce(cluster, clock, 10)
    await cluster.workload.spawn_consumer(billing(processing_ms=100, max_poll_records=500))
    await clock.until(lambda: consumer(cluster, "billing-1").processed >= 30)
    tp = next(tp for tp, at in consumer(cluster, "billing-1").positions if at >= 30)
    plan = await cluster.offsets.plan("billing", Exactly({tp: 3}))
    assert plan.again >= 27
    await cluster.offsets.apply(plan)
    assert dict(consumer(cluster, "billing-1").positions)[tp] == 3
    assert next(offset.committed for offset in group(cluster).offsets if offset.tp == tp) == 3
    await clock.until(lambda: dict(consumer(cluster, "billing-1").positions)[tp] == 10, within_ms=300_000)


async def test_a_topic_that_grows_is_shared_out_to_the_last_partition(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=3))
    await cluster.workload.spawn_consumer(billing())
    await clock.until(lambda: stable(cluster, 1))
    await cluster.create_partitions("orders", 6)
    await clock.until(lambda: len(consumer(cluster, "billing-1").assignment) == 6, within_ms=15_000)


async def test_each_number_is_sent_once(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=500, seed=3, compression="lz4"))
    await clock.advance(4_000)
    await cluster.workload.stop("orders-1")
    seen: Counter[bytes | None] = Counter()
    for partition in range(4):
        page = await cluster.browser.read(TopicPartition("orders", partition), 0, limit=5_000)
        for row in page.rows:
            headers = dict(row.record.headers)
            assert headers["producer"] == b"orders-1"
            seen[headers["sequence"]] += 1
    assert set(seen) == {b"%d" % number for number in range(ends(cluster))}
    assert set(seen.values()) == {1}


async def test_the_same_seed_gives_the_same_run() -> None:
    async def run(seed: int) -> list[str]:
        clock = ManualClock(START_MS)
        async with Cluster.open(None, clock=clock, inline_storage=True, seed=seed) as cluster:
            await cluster.create_topic("orders", partitions=4)
            await cluster.workload.spawn_producer(ProducerSpec("orders", rate=40, keys=KeyRule("zipf", 20)))
            await cluster.workload.spawn_producer(ProducerSpec("orders", rate=20))
            for _ in range(2):
                await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",)))
            await clock.advance(8_000)
            await cluster.workload.crash("billing-1")
            await clock.advance(15_000)
            world = cluster.snapshot()
            said = [f"{event.at_ms} {event.sentence()}" for event in cluster.events.last(100)]
            figures = [str(partition) for topic in world.topics for partition in topic.partitions]
            return said + figures + [f"{view.name} {view.processed}" for view in world.consumers]

    first = await run(5)
    assert first == await run(5)
    assert first != await run(6)


async def test_after_a_kill_everybody_is_back_and_nothing_acknowledged_is_missing(
    tmp_path: Path, clock: ManualClock
) -> None:
    async with Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7) as cluster:
        await cluster.create_topic("orders", partitions=4)
        await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=3))
        for _ in range(2):
            await cluster.workload.spawn_consumer(billing())
        await clock.until(lambda: stable(cluster, 2))
        await clock.advance(12_345)
        await cluster.workload.hang("billing-2")
        await clock.advance(1_000)
        acked, members = cluster.workload.producers()[0].acked, group(cluster).members
        shutil.copytree(tmp_path / "lab", tmp_path / "killed")
    again = ManualClock(clock.now_ms())
    async with Cluster.open(tmp_path / "killed", clock=again, inline_storage=True) as cluster:
        assert ends(cluster) >= acked
        assert [view.state.value for view in cluster.workload.consumers()] == ["running", "hung"]
        await again.advance(5_000)
        assert [member.member_id for member in group(cluster).members] == [member.member_id for member in members]
        await cluster.workload.unhang("billing-2")
        await cluster.workload.stop("orders-1")
        await again.advance(30_000)
        numbers: Counter[bytes | None] = Counter()
        for partition in range(4):
            page = await cluster.browser.read(TopicPartition("orders", partition), 0, limit=10_000)
            numbers.update(dict(row.record.headers)["sequence"] for row in page.rows)
        assert max(numbers.values()) == 1
        assert group(cluster).lag == 0


async def test_one_that_crashes_while_it_starts_stays_crashed(cluster: Cluster, clock: ManualClock) -> None:
    rule = cluster.faults.delay(1_000, MetadataRequest)
    starting = asyncio.create_task(cluster.workload.spawn_consumer(billing(name="early")))
    await clock.advance(500)
    await cluster.workload.crash("early")
    await clock.advance(5_000)
    with pytest.raises(ClientClosedError):
        await starting
    assert consumer(cluster, "early").state is ClientState.CRASHED
    assert cluster.snapshot().group("billing") is None
    cluster.faults.end(rule)
    await clock.complete(cluster.workload.restart("early"))
    await clock.advance(2_000)
    assert len(group(cluster).members) == 1


async def test_a_consumer_says_where_it_goes_on_in_a_log_that_was_cut_back(
    cluster: Cluster, clock: ManualClock
) -> None:
    await clock.complete(cluster.create_topic("copied", 1, 3, {"unclean.leader.election.enable": "true"}))
    tp = TopicPartition("copied", 0)
    leader = cluster.nodes.leader(tp).broker_id
    await cluster.workload.spawn_producer(ProducerSpec("copied", name="shop", acks="1", rate=20, seed=3))
    await clock.complete(cluster.workload.spawn_consumer(ConsumerSpec("billing", ("copied",), name="till", **FAST)))
    await clock.advance(5_000)
    shared = cluster.nodes.leader(tp).high_watermark
    for broker_id in set(cluster.nodes.ids) - {leader}:
        await cluster.faults.crash(broker_id)
    await clock.advance(20_000)
    assert dict(consumer(cluster, "till").positions)[tp] > shared
    await cluster.faults.crash(leader)
    await clock.advance(12_000)
    await clock.complete(cluster.faults.start(leader % 3 + 1))
    await clock.advance(30_000)
    [said] = [event for event in cluster.events.last(200) if "has not got all of that" in event.sentence()]
    assert said.subject == "till"
    assert said.sentence().startswith("till had read copied-0 up to offset ")
    assert said.sentence().endswith("and till goes on from there.")
