"""Both group protocols at work in one cluster: the same thing happens to both, and what stands still is compared."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster, Earliest
from engine.config import BrokerConfig
from engine.snapshot import ClientState, GroupProtocol, GroupState, GroupView, Rebalance
from engine.workload.spec import ConsumerSpec, KeyRule, ProducerSpec

PROTOCOLS = {"old": {"assignor": "range"}, "new": {"assignor": "uniform", "protocol": "consumer"}}


@pytest.fixture
async def cluster(clock: ManualClock) -> AsyncIterator[Cluster]:
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7) as opened:
        await opened.create_topic("orders", partitions=6)
        yield opened


def spec(group_id: str, **more: Any) -> ConsumerSpec:
    return ConsumerSpec(
        group_id, ("orders",), **{"processing_ms": 5, "jitter": 0, "seed": 1, **PROTOCOLS[group_id], **more}
    )


def group(cluster: Cluster, group_id: str) -> GroupView:
    found = cluster.snapshot().group(group_id)
    assert found is not None
    return found


def at_rest(cluster: Cluster, members: int) -> bool:
    groups = [cluster.snapshot().group(group_id) for group_id in PROTOCOLS]
    return all(it is not None and it.state is GroupState.STABLE and len(it.members) == members for it in groups)


async def three_members_each(cluster: Cluster, clock: ManualClock, **more: Any) -> None:
    for number in (1, 2, 3):
        for group_id in PROTOCOLS:
            await cluster.workload.spawn_consumer(spec(group_id, **more))
        await clock.until(lambda number=number: at_rest(cluster, number))  # type: ignore[misc]
        await clock.advance(3_000)


def stopped_in_vain(rebalance: Rebalance) -> int:
    """Partitions that nobody served for a while, though they stayed where they were."""
    return sum(move.unserved_ms > 0 and move.from_ == move.to for move in rebalance.moves)


async def test_who_joins_stops_everybody_in_one_protocol_and_only_what_moves_in_the_other(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=3))
    await three_members_each(cluster, clock)
    old, new = (group(cluster, group_id).rebalances[-1] for group_id in PROTOCOLS)
    assert (old.protocol, new.protocol) == (GroupProtocol.CLASSIC, GroupProtocol.CONSUMER)
    assert stopped_in_vain(old) > 0
    assert (stopped_in_vain(new), len(new.moved)) == (0, 2)


async def test_every_record_is_processed_once_while_members_come_and_go(cluster: Cluster, clock: ManualClock) -> None:
    workload = cluster.workload
    await workload.spawn_producer(ProducerSpec("orders", rate=200, seed=3, keys=KeyRule("uniform", 50)))
    await three_members_each(cluster, clock, commit="after")
    for view in workload.consumers()[:2]:
        await clock.complete(workload.stop(view.name))
    await clock.advance(5_000)
    await workload.stop("orders-1")
    await clock.advance(10_000)
    ledger = {it.group_id: it for it in cluster.snapshot().ledger.groups}
    for group_id in PROTOCOLS:
        assert (ledger[group_id].again, ledger[group_id].never, group(cluster, group_id).lag) == (0, 0, 0)


async def test_a_crash_leaves_the_others_at_work_in_one_protocol(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=3))
    await three_members_each(cluster, clock)
    for group_id in PROTOCOLS:
        victim = next(view for view in cluster.workload.consumers() if view.group_id == group_id)
        await cluster.workload.crash(victim.name)
    await clock.until(lambda: at_rest(cluster, 2))
    await clock.advance(1_000)
    old, new = (group(cluster, group_id).rebalances[-1] for group_id in PROTOCOLS)
    assert stopped_in_vain(old) > 0
    assert (stopped_in_vain(new), len(new.moved), len(new.dropped)) == (0, 2, 1)


async def test_committed_offsets_of_a_group_at_work_are_moved_through_its_members(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.workload.spawn_producer(ProducerSpec("orders", rate=100, seed=3))
    await cluster.workload.spawn_consumer(spec("new"))
    await clock.advance(8_000)
    plan = await cluster.offsets.plan("new", Earliest())
    assert (plan.via, plan.refused) == ("members", "")
    await clock.complete(cluster.offsets.apply(plan))
    assert sum(offset.committed or 0 for offset in group(cluster, "new").offsets) < 100


async def test_a_lab_that_was_closed_goes_on_in_the_same_epoch(tmp_path: Path, clock: ManualClock) -> None:
    def opened() -> Cluster:
        return Cluster.open(tmp_path / "lab", clock=clock, inline_storage=True, seed=7)

    async with opened() as cluster:
        await cluster.create_topic("orders", partitions=6)
        await three_members_each(cluster, clock)
        before = {group_id: group(cluster, group_id) for group_id in PROTOCOLS}
    async with opened() as cluster:
        await clock.advance(20_000)
        for group_id, was in before.items():
            now = group(cluster, group_id)
            assert (now.generation, now.state) == (was.generation, GroupState.STABLE)
            assert [member.assignment for member in now.members] == [member.assignment for member in was.members]
            assert now.rebalances == was.rebalances


async def test_a_consumer_of_the_other_protocol_takes_the_group_along_and_back(
    cluster: Cluster, clock: ManualClock
) -> None:
    workload = cluster.workload
    await workload.spawn_producer(ProducerSpec("orders", rate=200, seed=3, keys=KeyRule("uniform", 50)))
    await workload.spawn_consumer(spec("old", commit="after"))
    await clock.advance(5_000)
    newcomer = await workload.spawn_consumer(ConsumerSpec("old", ("orders",), commit="after", **PROTOCOLS["new"]))  # type: ignore[arg-type]
    await clock.advance(10_000)
    went = group(cluster, "old")
    assert (went.protocol, went.state) == (GroupProtocol.CONSUMER, GroupState.STABLE)
    assert [len(member.assignment) for member in went.members] == [3, 3]
    await clock.complete(workload.stop(newcomer))
    await clock.advance(10_000)
    back = group(cluster, "old")
    assert (back.protocol, back.state) == (GroupProtocol.CLASSIC, GroupState.STABLE)
    assert [len(member.assignment) for member in back.members] == [6]
    assert back.generation > went.generation
    await workload.stop("orders-1")
    await clock.advance(10_000)
    ledger = next(it for it in cluster.snapshot().ledger.groups if it.group_id == "old")
    assert (ledger.again, ledger.never, group(cluster, "old").lag) == (0, 0, 0)


async def test_a_consumer_of_the_other_protocol_is_told_why_it_cannot_come_in(clock: ManualClock) -> None:
    config = BrokerConfig(group_consumer_migration_policy="disabled")
    async with Cluster.open(None, clock=clock, inline_storage=True, seed=7, config=config) as cluster:
        await cluster.create_topic("orders", partitions=6)
        await cluster.workload.spawn_consumer(spec("old"))
        await clock.advance(5_000)
        name = await cluster.workload.spawn_consumer(ConsumerSpec("old", ("orders",), **PROTOCOLS["new"]))  # type: ignore[arg-type]
        await clock.advance(3_000)
        view = next(view for view in cluster.workload.consumers() if view.name == name)
        assert view.state is ClientState.STOPPED
        assert "classic protocol" in view.last_error
        assert group(cluster, "old").state is GroupState.STABLE
