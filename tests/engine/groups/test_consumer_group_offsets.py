"""Offsets of a group of the consumer protocol, its conversion from and to a classic group, and its rebuilding."""

from __future__ import annotations

import asyncio

import pytest

from engine.errors import (
    ErrorCode,
    KafkaError,
    NonEmptyGroupError,
    NotEnoughReplicasError,
    StaleMemberEpochError,
    UnknownMemberIdError,
)
from engine.messages import DeleteGroupsRequest, OffsetFetchRequest
from engine.snapshot import GroupProtocol, GroupState
from engine.types import ClientInfo
from tests.engine.groups.group_world import GROUP, PARTITION, answers, new_world, stable_group, tp, tps
from tests.engine.groups.modern_world import Consumer, reconcile, reconciled

ADMIN = ClientInfo("admin")

# Offsets


async def test_a_member_commits_in_its_own_epoch_and_in_no_other() -> None:
    world = await new_world()
    first, second = await reconciled(world, "billing-1", "billing-2")
    await first.commit({tp(0): 7})
    assert await world.committed() == {tp(0): 7}
    first.epoch = 1
    with pytest.raises(StaleMemberEpochError):
        await first.commit({tp(0): 3})
    assert await world.committed() == {tp(0): 7}
    assert second.epoch == 2


async def test_nobody_commits_from_outside_while_there_are_members() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    with pytest.raises(UnknownMemberIdError):
        await world.commit({tp(0): 7})
    await first.leave()
    await world.commit({tp(0): 7})
    assert await world.committed() == {tp(0): 7}


async def test_a_member_that_is_behind_is_not_told_offsets() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    await first.commit({tp(0): 7})
    for member_id, epoch, error in (
        (first.member_id, 0, StaleMemberEpochError),
        ("nobody", 1, UnknownMemberIdError),
    ):
        request = OffsetFetchRequest(GROUP, None, member_id=member_id, member_epoch=epoch)
        with pytest.raises(error):
            await world.coordinator.offset_fetch(first.info, request)
    request = OffsetFetchRequest(GROUP, None, member_id=first.member_id, member_epoch=1)
    answer = await world.coordinator.offset_fetch(first.info, request)
    assert answer.offsets[tp(0)].offset == 7


async def test_a_group_with_members_cannot_be_deleted_and_an_empty_one_leaves_nothing_behind() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    await first.commit({tp(0): 7})
    answer = await world.coordinator.administration.delete_groups(ADMIN, DeleteGroupsRequest((GROUP,)))
    assert answer.errors == {GROUP: ErrorCode.NON_EMPTY_GROUP}
    await first.leave()
    answer = await world.coordinator.administration.delete_groups(ADMIN, DeleteGroupsRequest((GROUP,)))
    assert answer.errors == {GROUP: ErrorCode.NONE}
    latest = {key: value for key, value, *_ in world.log.records[PARTITION]}
    assert set(latest.values()) == {None}
    await world.reload()
    assert world.views() == ()


async def test_a_group_is_not_deleted_while_a_member_joins() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    await first.leave()
    world.log.open.clear()
    joining = asyncio.create_task(first.join())
    await world.settle()
    answer = await world.coordinator.administration.delete_groups(ADMIN, DeleteGroupsRequest((GROUP,)))
    assert answer.errors[GROUP] is not ErrorCode.NONE
    world.log.open.set()
    await answers(world, joining)
    assert world.view.members


async def test_offsets_of_topics_nobody_wants_expire_each_from_its_commit() -> None:
    world = await new_world(
        offsets_retention_minutes=1,
        offsets_retention_check_interval_ms=1_000,
        group_consumer_session_timeout_ms=1_000_000,
    )
    world.topics["sales"] = 1
    (first,) = await reconciled(world, "billing-1")
    await first.commit({tp(0): 7, tp(0, topic="sales"): 3})
    await world.clock.advance(61_000)
    assert await world.committed() == {tp(0): 7}


# The other protocol


async def test_an_empty_group_changes_its_protocol_and_keeps_its_offsets() -> None:
    world = await new_world()
    (classic,) = await stable_group(world, "billing-1")
    await classic.commit({tp(0): 7})
    await classic.leave()
    await world.settle()
    consumer = Consumer(world, "billing-2")
    await consumer.join()
    assert (world.view.protocol, await world.committed()) == (GroupProtocol.CONSUMER, {tp(0): 7})
    await world.reload()
    assert (world.view.protocol, await world.committed()) == (GroupProtocol.CONSUMER, {tp(0): 7})
    await consumer.leave()
    await stable_group(world, "billing-3")
    assert (world.view.protocol, await world.committed()) == (GroupProtocol.CLASSIC, {tp(0): 7})
    await world.reload()
    assert (world.view.protocol, await world.committed()) == (GroupProtocol.CLASSIC, {tp(0): 7})
    assert [member.client_id for member in world.view.members] == ["billing-3"]


async def test_a_change_of_protocol_that_cannot_be_stored_leaves_the_group_as_it_was() -> None:
    world = await new_world()
    (classic,) = await stable_group(world, "billing-1")
    await classic.commit({tp(0): 7})
    await classic.leave()
    await world.settle()
    world.log.error = NotEnoughReplicasError()
    consumer = Consumer(world, "billing-2")
    with pytest.raises(KafkaError):
        await consumer.join()
    await world.settle()
    assert (world.view.protocol, await world.committed()) == (GroupProtocol.CLASSIC, {tp(0): 7})


async def test_offsets_alone_are_taken_over_by_the_first_consumer() -> None:
    world = await new_world()
    await world.commit({tp(0): 7})
    await Consumer(world, "billing-1").join()
    assert (world.view.protocol, await world.committed()) == (GroupProtocol.CONSUMER, {tp(0): 7})


async def test_offsets_that_nobody_needs_expire_whatever_the_group_does() -> None:
    world = await new_world(offsets_retention_minutes=60, group_consumer_session_timeout_ms=2_000_000)
    world.topics["payments"] = 1
    first, second = await reconciled(world, "billing-1", "billing-2", rebalance_timeout_ms=100_000_000)
    await first.commit({tp(0): 1, tp(0, "payments"): 2})
    third = Consumer(world, "billing-3")
    await third.join()
    for _ in range(5):
        for consumer in (first, second, third):
            await consumer.beat()
        await world.clock.advance(1_000_000)
    assert world.view.state is GroupState.RECONCILING
    assert await world.committed() == {tp(0): 1}


# Another coordinator


async def test_the_next_coordinator_knows_members_targets_and_who_has_what() -> None:
    world = await new_world()
    first, second = Consumer(world, "billing-1"), Consumer(world, "billing-2", group_instance_id="two")
    await first.join()
    await second.join()
    await first.beat()
    before = world.view
    await world.reload()
    after = world.view
    for name in ("state", "generation", "assignment_epoch", "assignor", "protocol"):
        assert getattr(after, name) == getattr(before, name), name
    for was, now in zip(before.members, after.members, strict=True):
        for name in ("member_id", "group_instance_id", "epoch", "state", "assignment", "target", "revoking", "topics"):
            assert getattr(now, name) == getattr(was, name), name
    await first.give_up()
    await second.beat()
    assert (world.view.state, second.owned) == (GroupState.STABLE, set(tps(2, 3)))
    assert world.rebalances[-1].cause == "the group has another coordinator"


async def test_records_in_the_order_compaction_leaves_them_say_the_same() -> None:
    world = await new_world()
    consumers = await reconciled(world, "billing-1", "billing-2", "billing-3")
    await consumers[0].leave()
    await reconcile(*consumers[1:])
    before = world.view
    records = world.log.records[PARTITION]
    latest = {key: at for at, (key, *_) in enumerate(records)}
    world.log.records[PARTITION] = [records[at] for at in sorted(latest.values())]
    await world.reload()
    assert [member.target for member in world.view.members] == [member.target for member in before.members]
    assert world.view.state is GroupState.STABLE


async def test_a_session_begins_anew_with_another_coordinator() -> None:
    world = await new_world(group_consumer_session_timeout_ms=5_000)
    await reconciled(world, "billing-1")
    await world.clock.advance(4_000)
    await world.reload()
    await world.clock.advance(4_999)
    assert world.view.members
    await world.clock.advance(1)
    assert not world.view.members


async def test_partitions_of_a_topic_made_anew_are_told_apart_from_the_old_ones() -> None:
    world = await new_world()
    (first,) = await reconciled(world, "billing-1")
    await world.reload()
    assert world.view.members[0].assignment == tps(0, 1, 2, 3)
    del world.topics["orders"]
    await world.reload()
    assert (await first.beat()).assignment == ()
    with pytest.raises(NonEmptyGroupError):
        world.coordinator._shards.of(GROUP).groups[GROUP].check_delete()
