"""Moving a group's offsets by hand: the plan says what it does, applying does it, undo takes it back."""

from __future__ import annotations

import pytest

from engine.clock import ManualClock
from engine.cluster import AtTime, Cluster, Earliest, Exactly, Latest, Shift, To
from engine.errors import GroupIdNotFoundError, NonEmptyGroupError, OffsetOutOfRangeError, RefusedError
from engine.types import OffsetAndMetadata, TopicPartition
from engine.workload.spec import ConsumerSpec

TP = TopicPartition("orders", 0)


async def _ten_records_five_committed(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    for number in range(10):
        await cluster.browser.produce("orders", None, b"%d" % number)
        await clock.advance(1_000)
    consumer = cluster.consumer(group_id="billing", enable_auto_commit=False)
    consumer.assign([TP])
    await clock.complete(consumer.start())
    await clock.complete(consumer.commit({TP: OffsetAndMetadata(5, "")}))
    await clock.complete(consumer.stop())


def _committed(cluster: Cluster) -> int | None:
    group = cluster.snapshot().group("billing")
    assert group is not None
    return next(offset.committed for offset in group.offsets if offset.tp == TP)


@pytest.mark.parametrize(
    ("target", "after", "again", "skipped"),
    [
        (Earliest(), 0, 5, 0),
        (Latest(), 10, 0, 5),
        (To(7), 7, 0, 2),
        (Shift(-3), 2, 3, 0),
        (Shift(-300), 0, 5, 0),
        (AtTime(1_700_000_000_000 + 3_000), 3, 2, 0),
    ],
)
async def test_a_plan_says_what_it_would_do_and_applying_does_it(
    cluster: Cluster, clock: ManualClock, target: Earliest, after: int, again: int, skipped: int
) -> None:
    await _ten_records_five_committed(cluster, clock)
    plan = await cluster.offsets.plan("billing", target)
    assert (plan.changes[0].after, plan.again, plan.skipped) == (after, again, skipped)
    assert _committed(cluster) == 5
    await clock.complete(cluster.offsets.apply(plan))
    assert _committed(cluster) == after


async def test_undo_goes_back_step_by_step(cluster: Cluster, clock: ManualClock) -> None:
    await _ten_records_five_committed(cluster, clock)
    for target in (Earliest(), Latest()):
        await clock.complete(cluster.offsets.apply(await cluster.offsets.plan("billing", target)))
    await clock.complete(cluster.offsets.undo())
    assert _committed(cluster) == 0
    await clock.complete(cluster.offsets.undo())
    assert _committed(cluster) == 5
    with pytest.raises(RefusedError, match="nothing to undo"):
        await clock.complete(cluster.offsets.undo())


async def test_a_plan_that_moves_nothing_leaves_nothing_to_undo(cluster: Cluster, clock: ManualClock) -> None:
    await _ten_records_five_committed(cluster, clock)
    told = cluster.events.count
    await clock.complete(cluster.offsets.apply(await cluster.offsets.plan("billing", Exactly({}))))
    assert cluster.offsets.undoable == ""
    assert cluster.events.count == told


async def test_what_cannot_be_undone_any_more_does_not_hide_what_can(cluster: Cluster, clock: ManualClock) -> None:
    await _ten_records_five_committed(cluster, clock)
    await clock.complete(cluster.offsets.apply(await cluster.offsets.plan("billing", Earliest())))
    await clock.complete(cluster.create_topic("brief"))
    gone = TopicPartition("brief", 0)
    await clock.complete(cluster.offsets.apply(await cluster.offsets.plan("billing", Exactly({gone: 0}))))
    await clock.complete(cluster.delete_topic("brief"))
    with pytest.raises(RefusedError, match=r"not there any more.*billing: brief-0"):
        await clock.complete(cluster.offsets.undo())
    await clock.complete(cluster.offsets.undo())
    assert _committed(cluster) == 5


async def test_a_first_commit_is_undone_by_forgetting_it(cluster: Cluster, clock: ManualClock) -> None:
    await _ten_records_five_committed(cluster, clock)
    await cluster.create_topic("payments")
    other = TopicPartition("payments", 0)
    await clock.complete(cluster.offsets.apply(await cluster.offsets.plan("billing", Exactly({other: 0}))))
    await clock.complete(cluster.offsets.undo())
    group = cluster.snapshot().group("billing")
    assert group is not None
    assert group.topics == ("orders",)


async def test_an_offset_outside_the_log_is_refused_with_the_range(cluster: Cluster, clock: ManualClock) -> None:
    await _ten_records_five_committed(cluster, clock)
    with pytest.raises(OffsetOutOfRangeError, match="0 to 10; 11 is outside"):
        await cluster.offsets.plan("billing", To(11))


@pytest.mark.parametrize("target", [To(2.5), Shift(0.5), Exactly({TP: 2.5})])  # type: ignore[arg-type,dict-item]
async def test_an_offset_that_is_not_whole_is_refused(cluster: Cluster, clock: ManualClock, target: To) -> None:
    await _ten_records_five_committed(cluster, clock)
    with pytest.raises(RefusedError, match="whole numbers"):
        await cluster.offsets.plan("billing", target)


async def test_an_unknown_group_is_named(cluster: Cluster) -> None:
    with pytest.raises(GroupIdNotFoundError, match="nobody"):
        await cluster.offsets.plan("nobody", Earliest())


async def test_a_group_of_foreign_members_is_refused_with_the_reason(cluster: Cluster, clock: ManualClock) -> None:
    await _ten_records_five_committed(cluster, clock)
    consumer = cluster.consumer("orders", group_id="billing")
    await clock.complete(consumer.start())
    await clock.until(lambda: consumer.assignment() == {TP})
    plan = await cluster.offsets.plan("billing", Earliest())
    assert "Stop the members first" in plan.refused
    with pytest.raises(RefusedError):
        await clock.complete(cluster.offsets.apply(plan))
    with pytest.raises(NonEmptyGroupError):
        await clock.complete(cluster.offsets.delete_group("billing"))
    assert _committed(cluster) == 5
    await clock.complete(consumer.stop())


async def test_a_consumer_of_the_lab_seeks_and_commits_itself(cluster: Cluster, clock: ManualClock) -> None:
    await _ten_records_five_committed(cluster, clock)
    name = await cluster.workload.spawn_consumer(ConsumerSpec("billing", ("orders",), processing_ms=1_000, jitter=0))
    await clock.until(lambda: cluster.workload.consumer_owning("billing", TP) is not None)
    await clock.advance(20_000)
    before = next(view for view in cluster.snapshot().consumers if view.name == name).processed
    assert before == 5
    plan = await cluster.offsets.plan("billing", To(2))
    assert (plan.via, plan.again, plan.sentence()) == ("members", 8, f"8 records will be delivered again to {name}.")
    await clock.complete(cluster.offsets.apply(plan))
    assert _committed(cluster) == 2
    await clock.advance(20_000)
    assert next(view for view in cluster.snapshot().consumers if view.name == name).processed == before + 8


async def test_an_empty_group_can_be_deleted(cluster: Cluster, clock: ManualClock) -> None:
    await _ten_records_five_committed(cluster, clock)
    await clock.complete(cluster.offsets.delete_group("billing"))
    assert cluster.snapshot().group("billing") is None
