"""The consumer and leader epochs (KIP-320): old leaders do not count, and a log that was cut back is noticed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from engine.clients.consumer import Consumer
from engine.clients.partition_state import PartitionState
from engine.errors import FencedLeaderEpochError, LogTruncationError, OffsetOutOfRangeError
from engine.messages import (
    EpochEnd,
    FetchedPartition,
    FetchRequest,
    FetchResponse,
    MetadataRequest,
    OffsetCommitRequest,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
)
from engine.types import OffsetAndMetadata, TopicPartition
from tests.engine.clients.lab import Lab, Serve

SINGLE = TopicPartition("single", 0)
COPIED = TopicPartition("copied", 0)


async def test_a_commit_carries_the_leader_epoch_of_the_last_record_handed_out(lab: Lab) -> None:
    await lab.fill("single", 5)
    consumer = await lab.consumer(group_id="g", auto_offset_reset="earliest", enable_auto_commit=False)
    consumer.assign([SINGLE])
    await lab.read(consumer, 5)
    await lab.run(consumer.commit())
    assert lab.requests(OffsetCommitRequest)[-1].offsets == {SINGLE: OffsetAndMetadata(5, "", 0)}


async def test_a_leader_older_than_the_epoch_that_was_committed_is_not_read_from(lab: Lab) -> None:
    await lab.fill("single", 5)
    first = await lab.consumer(group_id="g")
    first.assign([SINGLE])
    await lab.run(first.commit({SINGLE: OffsetAndMetadata(3, "", 5)}))
    second = await lab.consumer(group_id="g", client_id="second", auto_offset_reset="earliest")
    second.assign([SINGLE])
    await lab.clock.advance(2_000)
    assert second.position_of(SINGLE) == 3
    assert lab.requests(FetchRequest, "second") == []
    assert len(lab.requests(MetadataRequest, "second")) > 3, "it asks again, one broker after another"


async def test_an_offset_out_of_range_at_a_leader_that_leads_no_more_does_not_move_the_position(lab: Lab) -> None:
    await lab.fill("single", 5)
    consumer = await lab.consumer(auto_offset_reset="earliest")

    async def be_cut_off(broker: int, request: FetchRequest, serve: Serve) -> Any:
        consumer._metadata.heard_of_epoch(SINGLE, 1)
        return FetchResponse({SINGLE: FetchedPartition(OffsetOutOfRangeError.code)})

    lab.meddle(FetchRequest, be_cut_off)
    consumer.assign([SINGLE])
    consumer.seek(SINGLE, 3)
    await lab.clock.advance(2_000)
    assert consumer.position_of(SINGLE) == 3


# A log that was cut back


async def _copied(lab: Lab) -> int:
    """A topic on all three brokers, whose copies may fall behind; returns its leader."""
    await lab.run(lab.cluster.create_topic("copied", 1, 3, {"unclean.leader.election.enable": "true"}))
    await lab.fill("copied", 5)
    return lab.cluster.nodes.leader(COPIED).broker_id


async def _send(lab: Lab, *values: bytes) -> None:
    producer = await lab.producer(acks=1)
    for value in values:
        await lab.run(producer.send_and_wait("copied", value))
    await lab.run(producer.stop())


async def _cut_back(lab: Lab, leader: int, consumer: Consumer | None = None) -> None:
    """Three records lie at the leader alone, and are read; then one without them leads, and gets four others."""
    for broker_id in set(lab.cluster.nodes.ids) - {leader}:
        await lab.cluster.nodes.crash(broker_id)
    await lab.clock.advance(30_000)
    await _send(lab, b"a", b"b", b"c")
    if consumer is not None:
        assert [record.offset for record in await lab.read(consumer, 3)] == [5, 6, 7]
    await lab.cluster.nodes.crash(leader)
    await lab.clock.advance(12_000)
    await lab.clock.complete(lab.cluster.nodes.start(leader % 3 + 1))
    await lab.clock.advance(12_000)
    await _send(lab, b"w", b"x", b"y", b"z")


async def _reader(lab: Lab, **options: Any) -> Consumer:
    consumer = await lab.consumer(auto_offset_reset="earliest", **options)
    consumer.assign([COPIED])
    assert len(await lab.read(consumer, 5)) == 5
    return consumer


async def test_where_a_log_was_cut_back_the_position_goes_back_to_where_it_parts_from_what_was_read(lab: Lab) -> None:
    leader = await _copied(lab)
    told: list[tuple[TopicPartition, int, int | None]] = []
    consumer = await _reader(lab, on_truncation=lambda *what: told.append(what))
    await _cut_back(lab, leader, consumer)
    records = await lab.read(consumer, 4)
    assert [(record.offset, record.value) for record in records] == [(5, b"w"), (6, b"x"), (7, b"y"), (8, b"z")]
    assert told == [(COPIED, 8, 5)]
    assert "was cut back" in str(consumer.last_error)


async def test_without_a_policy_a_log_that_was_cut_back_is_an_error_that_says_where_it_parts(lab: Lab) -> None:
    leader = await _copied(lab)
    consumer = await lab.consumer(auto_offset_reset="none")
    consumer.assign([COPIED])
    consumer.seek(COPIED, 0)
    assert len(await lab.read(consumer, 5)) == 5
    await _cut_back(lab, leader, consumer)
    for _ in range(2):
        with pytest.raises(LogTruncationError, match=r"copied-0 was cut back.* part at offset 5") as raised:
            await lab.run(consumer.getmany(timeout_ms=1_000))
        assert (raised.value.offset, raised.value.divergent_offset, raised.value.divergent_epoch) == (8, 5, 0)
    consumer.seek(COPIED, raised.value.divergent_offset)
    assert [record.value for record in await lab.read(consumer, 4)] == [b"w", b"x", b"y", b"z"]


async def test_what_was_committed_of_a_log_before_it_was_cut_back_is_not_gone_on_from(lab: Lab) -> None:
    leader = await _copied(lab)
    consumer = await _reader(lab, group_id="g", enable_auto_commit=False)
    consumer.crash()
    await _cut_back(lab, leader)
    for broker_id in set(lab.cluster.nodes.ids) - {leader % 3 + 1}:
        await lab.clock.complete(lab.cluster.nodes.start(broker_id))
    await lab.clock.advance(12_000)
    late = await lab.consumer(group_id="g")
    late.assign([COPIED])
    await lab.run(late.commit({COPIED: OffsetAndMetadata(8, "", 0)}))
    other = await lab.consumer(group_id="g", auto_offset_reset="latest")
    other.assign([COPIED])
    assert await lab.run(other.position(COPIED)) == 5


def test_a_position_is_valid_for_the_leader_that_found_it_so_and_needs_no_other() -> None:
    state = PartitionState(COPIED)
    state.seek(5, 3)
    assert not state.led_by((1, 3))
    state.validated((1, 3))
    assert state.led_by((1, 3))
    assert not state.led_by((2, 4))
    assert state.awaiting_validation
    assert state.led_by((1, 3))
    assert not state.awaiting_validation
    state.seek(5)
    assert state.led_by((2, 4)), "of an offset that was given without an epoch nothing can be said"


async def test_a_position_that_its_leader_has_not_found_valid_yet_is_not_committed(lab: Lab) -> None:
    leader = await _copied(lab)
    consumer = await _reader(lab, group_id="g", enable_auto_commit=False, metadata_max_age_ms=1_000)
    lab.meddle(OffsetForLeaderEpochRequest, _unanswered)
    await lab.clock.complete(lab.cluster.nodes.stop(leader))
    await lab.clock.until(lambda: bool(lab.requests(OffsetForLeaderEpochRequest)))
    await lab.run(consumer.commit())
    assert lab.requests(OffsetCommitRequest) == []


async def _unanswered(broker: int, request: OffsetForLeaderEpochRequest, serve: Serve) -> Any:
    return await asyncio.Event().wait()


async def test_another_leader_is_asked_before_it_is_fetched_from_and_a_clean_change_repeats_nothing(lab: Lab) -> None:
    leader = await _copied(lab)
    consumer = await _reader(lab)
    lab.asked.clear()
    await lab.clock.complete(lab.cluster.nodes.stop(leader))
    await _send(lab, b"more")
    assert [record.value for record in await lab.read(consumer, 1)] == [b"more"]
    now = lab.cluster.nodes.leader(COPIED).broker_id
    [asked] = lab.requests(OffsetForLeaderEpochRequest)
    assert asked.epochs == {COPIED: (1, 0)}
    said = [type(request) for who, broker, request in lab.asked if (who, broker) == (consumer.client_id, now)]
    assert said.index(OffsetForLeaderEpochRequest) < said.index(FetchRequest)


async def test_what_was_fetched_from_a_leader_before_is_not_handed_out_before_the_next_has_been_asked(lab: Lab) -> None:
    leader = await _copied(lab)
    consumer = await lab.consumer(auto_offset_reset="earliest", max_poll_records=1, metadata_max_age_ms=1_000)
    consumer.assign([COPIED])
    assert len(await lab.read(consumer, 2)) == 2
    lab.meddle(OffsetForLeaderEpochRequest, _unanswered)
    await lab.clock.complete(lab.cluster.nodes.stop(leader))
    await lab.clock.advance(15_000)
    assert await lab.run(consumer.getmany(timeout_ms=1_000)) == {}
    waiting = asyncio.create_task(consumer.position(COPIED))
    await lab.clock.settle()
    assert not waiting.done()
    lab.leave_alone(OffsetForLeaderEpochRequest)
    await lab.clock.advance(40_000)
    assert waiting.result() == 2
    assert [record.offset for record in await lab.read(consumer, 3)] == [2, 3, 4]


@pytest.mark.parametrize(("policy", "goes_to"), [("earliest", 0), ("latest", 5), ("none", None)])
async def test_a_leader_that_knows_nothing_of_an_epoch_has_the_position_reset(
    lab: Lab, policy: str, goes_to: int | None
) -> None:
    async def ignorant(broker: int, request: OffsetForLeaderEpochRequest, serve: Serve) -> Any:
        return OffsetForLeaderEpochResponse({tp: EpochEnd() for tp in request.epochs})

    leader = await _copied(lab)
    consumer = await lab.consumer(auto_offset_reset=policy)
    consumer.assign([COPIED])
    consumer.seek(COPIED, 0)
    await lab.read(consumer, 5)
    lab.meddle(OffsetForLeaderEpochRequest, ignorant)
    await lab.clock.complete(lab.cluster.nodes.stop(leader))
    if goes_to is None:
        with pytest.raises(LogTruncationError, match="nobody knows where they part") as raised:
            await lab.run(consumer.getmany(timeout_ms=20_000))
        assert raised.value.divergent_offset == -1
    else:
        await lab.clock.until(lambda: bool(lab.requests(OffsetForLeaderEpochRequest)))
        assert await lab.run(consumer.position(COPIED)) == goes_to


async def test_a_leader_that_cannot_say_is_asked_again_and_whoever_seeks_meanwhile_is_let_be(lab: Lab) -> None:
    refused = 0

    async def refuse_twice(broker: int, request: OffsetForLeaderEpochRequest, serve: Serve) -> Any:
        nonlocal refused
        refused += 1
        if refused < 3:
            return OffsetForLeaderEpochResponse({tp: EpochEnd(FencedLeaderEpochError.code) for tp in request.epochs})
        if refused == 3:
            consumer.seek(COPIED, 1)
            return OffsetForLeaderEpochResponse({tp: EpochEnd(leader_epoch=0, end_offset=3) for tp in request.epochs})
        return await serve()

    leader = await _copied(lab)
    consumer = await _reader(lab)
    lab.meddle(OffsetForLeaderEpochRequest, refuse_twice)
    await lab.clock.complete(lab.cluster.nodes.stop(leader))
    assert [record.offset for record in await lab.read(consumer, 4)] == [1, 2, 3, 4]
    assert refused == 3
