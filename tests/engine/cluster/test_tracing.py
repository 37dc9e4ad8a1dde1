"""One record followed by hand: its stations for each acks, and what the death of its leader does to it at each."""

from __future__ import annotations

import asyncio

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.cluster.tracing import Trace
from engine.errors import RefusedError, UnknownTopicOrPartitionError
from engine.journey import Answer, Stage, if_leader_died
from engine.snapshot import ProducerLedger
from engine.types import TopicPartition
from engine.workload.spec import ProducerSpec

TP = TopicPartition("orders", 0)
H, S, A, C, V, K = Stage.HANDED, Stage.SENT, Stage.APPENDED, Stage.COPIED, Stage.VISIBLE, Stage.ACKED


async def _three_copies(cluster: Cluster, clock: ManualClock, **config: str) -> None:
    overrides = {name.replace("_", "."): value for name, value in config.items()}
    await cluster.create_topic("orders", replication_factor=3, config=overrides)
    await clock.advance(2_000)


async def _begin(cluster: Cluster, clock: ManualClock, acks: str) -> Trace:
    return await clock.complete(cluster.trace("orders", b"k", b"by hand", acks=acks))


async def _steps(trace: Trace, clock: ManualClock, most: int) -> None:
    for _ in range(most):
        if trace.journey.coming:
            await clock.complete(trace.step())


def _stages(trace: Trace) -> list[Stage]:
    return [step.stage for step in trace.journey.steps]


async def _there(cluster: Cluster) -> int:
    """How often the record lies in the log that counts."""
    return sum(row.record.value == b"by hand" for row in (await cluster.browser.read(TP, 0)).rows)


def _says_lost(said: str) -> bool:
    return "It is lost" in said or "the record is lost" in said


def _book(cluster: Cluster, acks: str) -> ProducerLedger:
    return next(book for book in cluster.snapshot().ledger.producers if book.name == f"acks-{acks}-by-hand")


@pytest.mark.parametrize(
    ("acks", "stages"),
    [("all", [H, S, A, C, C, V, K]), ("1", [H, S, A, K, C, C, V]), ("0", [H, S, A, C, C, V])],
)
async def test_each_acks_has_its_own_order_of_stations(
    cluster: Cluster, clock: ManualClock, acks: str, stages: list[Stage]
) -> None:
    await _three_copies(cluster, clock)
    trace = await _begin(cluster, clock, acks)
    for number in range(1, len(stages) + 1):
        assert _stages(trace) == stages[:number]
        assert clock.paused
        await _steps(trace, clock, 1)
    assert trace.journey.coming == ""
    assert trace.journey.answer is (Answer.NONE if acks == "0" else Answer.ACKED)
    assert [copy.offsets for copy in trace.journey.copies] == [(0,), (0,), (0,)]


async def test_consumers_see_it_no_sooner_than_the_high_watermark_has_passed_it(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    trace = await _begin(cluster, clock, "all")
    while not trace.journey.visible:
        assert await _there(cluster) == 0
        await _steps(trace, clock, 1)
    assert _stages(trace)[-1] is V
    assert await _there(cluster) == 1


@pytest.mark.parametrize("acks", ["0", "1", "all"])
@pytest.mark.parametrize("station", range(7))
async def test_what_is_said_of_a_leaders_death_comes_true(
    cluster: Cluster, clock: ManualClock, acks: str, station: int
) -> None:
    await _three_copies(cluster, clock)
    trace = await _begin(cluster, clock, acks)
    await _steps(trace, clock, station)
    said, journey = if_leader_died(trace.journey), trace.journey
    assert journey.leader is not None
    await cluster.faults.crash(journey.leader)
    trace.run_on()
    await clock.advance(60_000)
    lost, twice = _says_lost(said), "stored twice" in said
    assert await _there(cluster) == (0 if lost else 2 if twice else 1), said
    assert trace.journey.lost is lost
    book = _book(cluster, acks)
    assert (book.lost_acked, book.lost_unacked) == (int(lost and acks == "1"), int(lost and acks == "0"))


async def test_acks_all_loses_nothing_at_any_station_and_acks_1_only_between_its_answer_and_the_copy(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    deadly: dict[str, list[Stage]] = {}
    for acks in ("all", "1", "0"):
        trace = await _begin(cluster, clock, acks)
        deadly[acks] = []
        while True:
            if _says_lost(if_leader_died(trace.journey)):
                deadly[acks].append(_stages(trace)[-1])
            if not trace.journey.coming:
                break
            await _steps(trace, clock, 1)
        await trace.end()
    assert deadly == {"all": [], "1": [K], "0": [H, S, A]}


async def test_a_dead_leader_that_comes_back_cuts_the_record_off(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    trace = await _begin(cluster, clock, "1")
    await _steps(trace, clock, 3)
    old = trace.journey.leader
    assert old is not None
    await cluster.faults.crash(old)
    await _steps(trace, clock, 1)
    assert trace.journey.steps[-1].sentence == (
        "Broker 2 leads now, epoch 1, without the record. It is lost, although it was acknowledged."
    )
    assert trace.journey.copy(old) is not None
    trace.run_on()
    await clock.complete(cluster.faults.start(old))
    await clock.advance(5_000)
    assert Stage.CUT in _stages(trace)
    assert all(not copy.offsets for copy in trace.journey.copies)


async def test_the_world_stands_still_between_steps_and_goes_on_afterwards(
    cluster: Cluster, clock: ManualClock
) -> None:
    await _three_copies(cluster, clock)
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=1))
    await clock.advance(2_000)
    trace = await _begin(cluster, clock, "all")
    sent, now = cluster.snapshot().producers[0].sent, clock.now_ms()
    await clock.advance(30_000)
    assert (cluster.snapshot().producers[0].sent, clock.now_ms()) == (sent, now)
    await _steps(trace, clock, 6)
    assert _stages(trace) == [H, S, A, C, C, V, K]
    assert clock.now_ms() - now < 1_000
    await trace.end()
    await clock.advance(1_000)
    assert cluster.snapshot().producers[0].sent > sent


async def test_a_record_that_is_left_on_its_way_arrives(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    trace = await _begin(cluster, clock, "all")
    await _steps(trace, clock, 3)
    await trace.end()
    await clock.advance(1_000)
    assert await _there(cluster) == 1
    assert _book(cluster, "all").acked == 1


async def test_a_world_that_was_paused_is_paused_again(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    clock.pause()
    trace = await asyncio.wait_for(cluster.trace("orders", b"k", b"by hand"), 5)
    await _steps(trace, clock, 2)
    await trace.end()
    assert clock.paused


async def test_running_on_can_be_stopped_anywhere(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    trace = await _begin(cluster, clock, "all")
    await _steps(trace, clock, 2)
    trace.run_on()
    assert not trace.journey.still
    await clock.complete(trace.step())
    assert trace.journey.still
    assert clock.paused
    await _steps(trace, clock, 9)
    assert trace.journey.answer is Answer.ACKED


async def test_a_step_that_waits_for_long_can_be_stopped(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    trace = await _begin(cluster, clock, "1")
    await _steps(trace, clock, 3)
    assert trace.journey.leader is not None
    await cluster.faults.crash(trace.journey.leader)
    waits = asyncio.ensure_future(trace.step())
    await clock.advance(2_000)
    assert not waits.done()
    await trace.step()
    await clock.settle()
    assert waits.done()
    assert clock.paused


async def test_a_refusal_is_told_once_however_often_the_producer_tries(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock, min_insync_replicas="2")
    for broker_id in (2, 3):
        await clock.complete(cluster.faults.stop(broker_id))
    leader = cluster.nodes.leader(TP).broker_id
    assert leader == 1
    trace = await _begin(cluster, clock, "all")
    await _steps(trace, clock, 2)
    assert _stages(trace) == [H, S, Stage.REFUSED]
    assert "NOT_ENOUGH_REPLICAS" in trace.journey.steps[-1].sentence
    trace.run_on()
    await clock.advance(5_000)
    assert trace.journey.attempts > 10
    assert len(trace.journey.steps) == 3
    await clock.complete(cluster.faults.start(2))
    await clock.advance(5_000)
    assert trace.journey.answer is Answer.ACKED


async def test_a_partition_without_followers_is_visible_at_once_and_its_record_waits_for_its_broker(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.create_topic("orders")
    trace = await _begin(cluster, clock, "all")
    await _steps(trace, clock, 2)
    assert _stages(trace) == [H, S, A, V]
    assert "nobody leads. The record lies on its disk until it comes back" in if_leader_died(trace.journey)
    leader = trace.journey.leader
    assert leader is not None
    await cluster.faults.crash(leader)
    trace.run_on()
    await clock.advance(15_000)
    assert trace.journey.leader is None
    assert f"The record lies on the disk of broker {leader}." in if_leader_died(trace.journey)
    await clock.complete(cluster.faults.start(leader))
    await clock.advance(5_000)
    assert trace.journey.visible


async def test_only_one_record_is_followed_at_a_time(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    trace = await _begin(cluster, clock, "all")
    with pytest.raises(RefusedError, match="still being followed"):
        await cluster.trace("orders", None, b"another")
    await trace.end()
    await (await _begin(cluster, clock, "1")).end()


async def test_what_cannot_be_sent_leaves_the_world_as_it_was(cluster: Cluster, clock: ManualClock) -> None:
    with pytest.raises(UnknownTopicOrPartitionError):
        await cluster.trace("nowhere", None, b"v")
    assert not clock.paused
    assert cluster.network.escort is None
    assert cluster.snapshot().ledger.producers == ()


async def test_a_lab_can_be_closed_while_a_record_is_followed(clock: ManualClock) -> None:
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7) as cluster:
        await _three_copies(cluster, clock)
        trace = await _begin(cluster, clock, "all")
        await _steps(trace, clock, 3)
    assert trace.ended
    assert not clock.paused


async def test_records_by_hand_of_another_topic_have_a_page_of_their_own(cluster: Cluster, clock: ManualClock) -> None:
    await _three_copies(cluster, clock)
    await cluster.create_topic("payments")
    for topic in ("orders", "payments"):
        trace = await clock.complete(cluster.trace(topic, b"k", b"v", acks="1"))
        await trace.end()
        await clock.advance(1_000)
    names = [book.name for book in cluster.snapshot().ledger.producers]
    assert names == ["acks-1-by-hand", "acks-1-by-hand-payments"]


async def test_a_leader_that_has_just_come_back_is_not_taken_for_dead(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    await clock.advance(1_000)
    leader = cluster.nodes.leader(TP).broker_id
    await cluster.faults.crash(leader)
    await clock.advance(1_000)
    cluster.faults.cut(0, leader)
    await clock.complete(cluster.faults.start(leader))
    trace = await _begin(cluster, clock, "1")
    copy = trace.journey.copy(leader)
    assert copy is not None
    assert (copy.alive, copy.starting) == (False, True)
    assert "has just started, and has yet to take its partitions up" in if_leader_died(trace.journey)
    cluster.faults.heal(0, leader)
    trace.run_on()
    await clock.advance(20_000)
    assert trace.journey.answer is Answer.ACKED
