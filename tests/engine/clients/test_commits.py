from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.errors import (
    CommitFailedError,
    CoordinatorLoadInProgressError,
    IllegalStateError,
    InvalidGroupIdError,
    NotCoordinatorError,
    OffsetMetadataTooLargeError,
    RebalanceInProgressError,
)
from engine.messages import FindCoordinatorRequest, OffsetCommitRequest
from engine.types import OffsetAndMetadata, TopicPartition
from tests.engine.clients.lab import App, Lab, Serve, member, shares_all

ORDERS = [TopicPartition("orders", partition) for partition in range(6)]
P0 = ORDERS[0]


async def committed(lab: Lab) -> list[int | None]:
    """What group g has committed of each partition."""
    reader = await lab.consumer(group_id="g")
    reader.assign(ORDERS)
    return [await lab.run(reader.committed(tp)) for tp in ORDERS]


async def test_commit_without_offsets_commits_what_was_handed_out(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one", enable_auto_commit=False)
    await lab.read(one, 60)
    await lab.run(one.commit())
    assert await committed(lab) == [10] * 6
    assert await lab.run(one.committed(P0)) == 10


async def test_offsets_are_committed_in_any_of_aiokafkas_forms(lab: Lab) -> None:
    one = await member(lab, "one", enable_auto_commit=False)
    await lab.clock.until(shares_all(6, one))
    await lab.run(one.commit({ORDERS[0]: 1, ORDERS[1]: (2, "two"), ORDERS[2]: OffsetAndMetadata(3, "three")}))
    assert await committed(lab) == [1, 2, 3, None, None, None]
    for bad in (-1, 2**63, "1", (1, 2), None):
        with pytest.raises(ValueError, match="orders-0"):
            await one.commit({P0: bad})


async def test_metadata_that_is_too_long_is_refused(lab: Lab) -> None:
    one = await member(lab, "one")
    await lab.clock.until(shares_all(6, one))
    with pytest.raises(OffsetMetadataTooLargeError, match="orders-0"):
        await lab.run(one.commit({P0: (1, "x" * 5_000)}))


async def test_after_a_crash_records_come_again_from_the_last_commit_on(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one", enable_auto_commit=False)
    first = await lab.read(one, 24, max_records=1)
    await lab.run(one.commit())
    second = await lab.read(one, 20, max_records=1)
    one.crash()
    two = await member(lab, "two", enable_auto_commit=False)
    again = await lab.read(two, 36)
    assert {(r.partition, r.offset) for r in second} <= {(r.partition, r.offset) for r in again}
    assert {(r.partition, r.offset) for r in first} & {(r.partition, r.offset) for r in again} == set()
    assert len(first) + len(again) == 60


async def test_automatic_commits_come_at_their_interval_while_one_polls(lab: Lab) -> None:
    await lab.fill("orders", 6)
    app = App(await member(lab, "one", auto_commit_interval_ms=1_000))
    await lab.clock.until(lambda: len(app.records) == 6)
    await lab.clock.advance(1_200)
    assert await committed(lab) == [1] * 6
    before = len(lab.requests(OffsetCommitRequest))
    await lab.clock.advance(5_000)
    assert 4 <= len(lab.requests(OffsetCommitRequest)) - before <= 6


async def test_automatic_commits_go_on_in_a_poll_that_waits_long(lab: Lab) -> None:
    await lab.fill("orders", 6)
    one = await member(lab, "one", auto_commit_interval_ms=1_000)
    await lab.read(one, 6)
    waiting = asyncio.create_task(one.getone())
    await lab.clock.advance(1_500)
    assert await committed(lab) == [1] * 6
    waiting.cancel()


async def test_what_is_still_being_processed_is_not_committed_automatically(lab: Lab) -> None:
    await lab.fill("orders", 12, partition=0)
    one = await member(lab, "one", auto_commit_interval_ms=1_000, max_poll_records=5, heartbeat_interval_ms=300)
    await lab.read(one, 5)
    await lab.clock.advance(5_000)
    assert (await committed(lab))[0] in (None, 0)
    two = await member(lab, "two")  # the partitions are taken away while the five are being processed
    await lab.clock.until(shares_all(6, one, two))
    assert (await committed(lab))[0] == 0


async def test_what_was_asked_past_is_committed_when_partitions_are_given_up(lab: Lab) -> None:
    await lab.fill("orders", 12, partition=0)
    one = await member(lab, "one", max_poll_records=5, heartbeat_interval_ms=300)
    await lab.read(one, 10)
    two = await member(lab, "two")
    await lab.clock.until(shares_all(6, one, two))
    assert (await committed(lab))[0] == 5


async def test_stopping_commits_everything_that_was_handed_out(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one")
    await lab.read(one, 60)
    await lab.run(one.stop())
    assert await committed(lab) == [10] * 6


async def test_without_automatic_commits_stopping_commits_nothing(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one", enable_auto_commit=False)
    await lab.read(one, 60)
    await lab.run(one.stop())
    assert await committed(lab) == [None] * 6


async def test_a_commit_finds_the_coordinator_again_when_it_has_moved_or_is_loading(lab: Lab) -> None:
    one = await member(lab, "one", enable_auto_commit=False)
    await lab.clock.until(shares_all(6, one))
    errors = [NotCoordinatorError(), CoordinatorLoadInProgressError(), NotCoordinatorError()]

    async def fail(broker: int, request: OffsetCommitRequest, serve: Serve) -> Any:
        if errors:
            raise errors.pop()
        return await serve()

    lab.meddle(OffsetCommitRequest, fail)
    found = len(lab.requests(FindCoordinatorRequest))
    await lab.run(one.commit({P0: 3}))
    assert (await committed(lab))[0] == 3
    assert len(lab.requests(FindCoordinatorRequest, "one")) >= 2
    assert found


async def test_a_commit_during_a_rebalance_is_made_after_it_if_the_partition_stays(lab: Lab) -> None:
    one = await member(lab, "one", "cooperative-sticky", enable_auto_commit=False)
    await lab.clock.until(shares_all(6, one))
    refused = 0

    async def refuse_once(broker: int, request: OffsetCommitRequest, serve: Serve) -> Any:
        nonlocal refused
        refused += 1
        if refused == 1:
            raise RebalanceInProgressError
        return await serve()

    lab.meddle(OffsetCommitRequest, refuse_once)
    await lab.run(one.commit({P0: 2}))
    assert (await committed(lab))[0] == 2


async def test_a_commit_of_a_partition_that_went_to_another_fails(lab: Lab) -> None:
    one = await member(lab, "one", enable_auto_commit=False)
    await lab.clock.until(shares_all(6, one))
    two = await member(lab, "two", enable_auto_commit=False)
    await lab.clock.until(shares_all(6, one, two))
    (gone, *_) = two.assignment()
    with pytest.raises(CommitFailedError, match=str(gone)):
        await lab.run(one.commit({gone: 1}))


async def test_partitions_assigned_by_hand_can_be_committed_without_being_a_member(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await lab.consumer(group_id="g", auto_offset_reset="earliest", auto_commit_interval_ms=500)
    one.assign([P0])
    await lab.read(one, 10)
    with pytest.raises(IllegalStateError, match="orders-1"):
        await one.commit({ORDERS[1]: 1})
    await lab.run(one.stop())
    assert (await committed(lab))[0] == 10


async def test_who_reads_nothing_and_who_has_no_group_cannot_commit(lab: Lab) -> None:
    with pytest.raises(IllegalStateError):
        await (await lab.consumer(group_id="g")).commit()
    with pytest.raises(InvalidGroupIdError, match="group_id"):
        await (await lab.consumer("orders")).commit()


async def test_scrubbing_a_members_offset_is_seek_and_commit(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one")
    await lab.read(one, 60)
    one.seek(P0, 3)
    await lab.run(one.commit({P0: 3}))
    assert (await committed(lab))[0] == 3
    assert [r.offset for r in await lab.read(one, 7)] == [3, 4, 5, 6, 7, 8, 9]


async def test_a_commit_that_is_tried_again_before_a_rebalance_does_not_undo_a_later_one(lab: Lab) -> None:
    await lab.fill("orders", 60)
    one = await member(lab, "one", "cooperative-sticky", auto_commit_interval_ms=300)
    App(one, processing_ms=20)
    await lab.clock.until(shares_all(6, one))
    lost = lab.cluster.faults.lose(OffsetCommitRequest)
    await member(lab, "two", "cooperative-sticky")
    for _ in range(10):
        await lab.fill("orders", 12)
        await lab.clock.advance(350)
    lab.cluster.faults.end(lost)
    took: list[int] = []

    async def listen(_: int, request: OffsetCommitRequest, serve: Serve) -> Any:
        took.extend(given.offset for tp, given in request.offsets.items() if tp == P0)
        return await serve()

    lab.meddle(OffsetCommitRequest, listen)
    await lab.clock.advance(2_000)
    assert took == sorted(took)
    assert len(took) > 1
