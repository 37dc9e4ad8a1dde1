"""Offsets committed in transactions: they count when the marker says so, and until then none is stable."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from engine.coordinators.writer import Within
from engine.errors import ErrorCode, IllegalGenerationError, InvalidGroupIdError, UnknownMemberIdError
from engine.messages import DeleteGroupsRequest, OffsetFetchRequest, OffsetFetchResponse, TxnOffsetCommitRequest
from engine.records import Marker
from engine.types import ClientInfo, OffsetAndMetadata, TopicPartition
from tests.engine.groups.group_world import GROUP, PARTITION, World, stable_group
from tests.engine.groups.modern_world import reconciled

P0, P1, P2 = (TopicPartition("orders", number) for number in range(3))
ME = ClientInfo("till")
PRODUCER = 7


async def _world() -> World:
    world = World()
    await world.coordinator.load(PARTITION)
    return world


async def _add(world: World, offsets: Mapping[TopicPartition, int], producer_id: int = PRODUCER, **who: object) -> None:
    given = {tp: OffsetAndMetadata(offset) for tp, offset in offsets.items()}
    request = TxnOffsetCommitRequest("till", GROUP, producer_id, 0, given, **who)  # type: ignore[arg-type]
    answer = await world.coordinator.txn_offset_commit(ME, request)
    assert set(answer.errors.values()) == {ErrorCode.NONE}


async def _end(world: World, committed: bool, producer_id: int = PRODUCER) -> None:
    await world.coordinator.end_transaction(PARTITION, Within(producer_id, 0, Marker(committed, 0)))


async def _found(world: World, *, stable: bool = False) -> OffsetFetchResponse:
    return await world.coordinator.offset_fetch(ME, OffsetFetchRequest(GROUP, (P0, P1), stable))


async def _offsets(world: World) -> dict[TopicPartition, int]:
    return {tp: found.offset for tp, found in (await _found(world)).offsets.items()}


async def test_they_count_when_the_transaction_commits() -> None:
    world = await _world()
    await _add(world, {P0: 5})
    assert await _offsets(world) == {}
    await _end(world, committed=True)
    assert await _offsets(world) == {P0: 5}


async def test_they_are_dropped_when_it_aborts() -> None:
    world = await _world()
    await world.commit({P0: 3})
    await _add(world, {P0: 5, P1: 1})
    await _end(world, committed=False)
    assert await _offsets(world) == {P0: 3}


async def test_meanwhile_they_are_unstable_for_who_asks_for_stable_ones() -> None:
    world = await _world()
    await world.commit({P0: 3, P1: 4})
    await _add(world, {P0: 5})
    answer = await _found(world, stable=True)
    assert answer.unstable == {P0}
    assert set(answer.offsets) == {P1}
    assert (await _found(world)).offsets[P0].offset == 3
    await _add(world, {P2: 1})
    everything = await world.coordinator.offset_fetch(ME, OffsetFetchRequest(GROUP, None, require_stable=True))
    assert (everything.unstable, set(everything.offsets)) == (
        frozenset({P0}),
        {P1},
    )  # of P2 there is nothing to be told yet
    await _end(world, committed=True)
    assert (await _found(world, stable=True)).unstable == frozenset()


async def test_a_commit_that_was_written_later_outlives_the_transaction() -> None:
    world = await _world()
    await _add(world, {P0: 5})
    await world.commit({P0: 9})
    await _end(world, committed=True)
    assert await _offsets(world) == {P0: 9}


async def test_the_last_of_several_in_a_transaction_counts() -> None:
    world = await _world()
    await _add(world, {P0: 5})
    await _add(world, {P0: 6})
    await _end(world, committed=True)
    assert await _offsets(world) == {P0: 6}


async def test_each_producer_ends_its_own() -> None:
    world = await _world()
    await _add(world, {P0: 5})
    await _add(world, {P1: 6}, producer_id=8)
    await _end(world, committed=False)
    await _end(world, committed=True, producer_id=8)
    assert await _offsets(world) == {P1: 6}


@pytest.mark.parametrize("committed", [True, False])
async def test_another_coordinator_knows_what_is_pending_and_what_was_ended(committed: bool) -> None:
    world = await _world()
    await world.commit({P0: 3})
    await _add(world, {P0: 5})
    await world.reload()
    assert (await _found(world, stable=True)).unstable == {P0}
    assert await _offsets(world) == {P0: 3}
    await _end(world, committed)
    await world.reload()
    assert await _offsets(world) == {P0: 5 if committed else 3}
    assert (await _found(world, stable=True)).unstable == frozenset()


async def test_a_group_with_nothing_but_what_was_aborted_is_no_group() -> None:
    world = await _world()
    await _add(world, {P0: 5})
    assert [view.group_id for view in world.views()] == [GROUP]
    await _end(world, committed=False)
    assert world.views() == ()


async def test_a_deleted_group_takes_its_pending_offsets_along() -> None:
    world = await _world()
    await world.commit({P0: 3})
    await _add(world, {P0: 5})
    answer = await world.coordinator.administration.delete_groups(ME, DeleteGroupsRequest((GROUP,)))
    assert answer.errors == {GROUP: ErrorCode.NONE}
    await _end(world, committed=True)
    assert world.views() == ()
    await world.reload()
    assert world.views() == ()


async def test_who_names_a_member_has_to_be_one_of_that_generation() -> None:
    world = await _world()
    with pytest.raises(IllegalGenerationError):
        await _add(world, {P0: 1}, generation_id=1, member_id="m")
    [member] = await stable_group(world, "billing-1")
    await _add(world, {P0: 1})
    await _add(world, {P0: 1}, generation_id=member.generation, member_id=member.member_id)
    with pytest.raises(IllegalGenerationError):
        await _add(world, {P0: 1}, generation_id=member.generation + 1, member_id=member.member_id)
    with pytest.raises(UnknownMemberIdError):
        await _add(world, {P0: 1}, generation_id=member.generation, member_id="somebody")


async def test_an_empty_group_takes_offsets_without_a_generation_from_anybody() -> None:
    world = await _world()
    [member] = await stable_group(world, "billing-1")
    await member.leave()
    await world.settle()
    await _add(world, {P0: 1}, member_id="somebody")
    with pytest.raises(UnknownMemberIdError):
        await _add(world, {P0: 1}, generation_id=1, member_id="somebody")


async def test_a_member_of_another_epoch_is_refused_as_producers_understand_it() -> None:
    world = await _world()
    [member] = await reconciled(world, "billing-1")
    await _add(world, {P0: 1})
    await _add(world, {P0: 1}, generation_id=member.epoch, member_id=member.member_id)
    with pytest.raises(IllegalGenerationError):
        await _add(world, {P0: 1}, generation_id=member.epoch + 1, member_id=member.member_id)
    with pytest.raises(UnknownMemberIdError):
        await _add(world, {P0: 1}, generation_id=member.epoch, member_id="somebody")


async def test_what_makes_no_sense_is_refused() -> None:
    world = await _world()
    with pytest.raises(InvalidGroupIdError):
        await world.coordinator.txn_offset_commit(ME, TxnOffsetCommitRequest("till", "", PRODUCER, 0, {}))
    given = {TopicPartition("nowhere", 0): OffsetAndMetadata(1), P0: OffsetAndMetadata(1, "x" * 5_000)}
    answer = await world.coordinator.txn_offset_commit(ME, TxnOffsetCommitRequest("till", GROUP, PRODUCER, 0, given))
    assert list(answer.errors.values()) == [
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.OFFSET_METADATA_TOO_LARGE,
    ]
