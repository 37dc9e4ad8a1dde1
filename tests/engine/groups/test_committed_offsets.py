"""OffsetCommit, OffsetFetch, OffsetDelete (KIP-496), DeleteGroups, and how offsets expire."""

from __future__ import annotations

import asyncio

import pytest

from engine.coordinators.placing import partition_for
from engine.errors import (
    CoordinatorNotAvailableError,
    ErrorCode,
    GroupIdNotFoundError,
    IllegalGenerationError,
    InvalidRequestError,
    NotEnoughReplicasError,
    RebalanceInProgressError,
    UnknownMemberIdError,
)
from engine.groups.records import GroupKey, OffsetKey, OffsetValue, decode_key, decode_offset, encode_key, encode_offset
from engine.messages import (
    DeleteGroupsRequest,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    OffsetFetchRequest,
)
from engine.snapshot import GroupState
from engine.types import ClientInfo, OffsetAndMetadata, TopicPartition
from tests.engine.groups.group_world import (
    GROUP,
    PARTITION,
    World,
    answers,
    new_world,
    rebalance,
    refused,
    stable_group,
    tp,
    tps,
)

ADMIN = ClientInfo("admin")
DAY_MS = 86_400_000


# Who may commit when ---------------------------------------------------------------------------------------


async def test_a_commit_from_outside_makes_a_group_of_offsets_alone() -> None:
    world = await new_world()
    await world.commit({tp(1): 17})
    assert await world.committed() == {tp(1): 17}
    assert (world.view.state, world.view.protocol_type, world.view.members) == (GroupState.EMPTY, "", ())
    assert [(offset.tp, offset.committed, offset.lag) for offset in world.view.offsets] == [(tp(1), 17, 83)]


async def test_a_commit_from_outside_is_accepted_only_while_the_group_is_empty() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    with pytest.raises(UnknownMemberIdError, match="stop them first"):
        await world.commit({tp(1): 17})
    await member.leave()
    await world.commit({tp(1): 17})
    assert await world.committed() == {tp(1): 17}


async def test_members_commit_in_their_own_generation() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    await member.commit({tp(0): 5})
    member.generation = 0
    with pytest.raises(IllegalGenerationError):
        await member.commit({tp(0): 6})
    member.generation, member.member_id = 1, "nobody"
    with pytest.raises(UnknownMemberIdError):
        await member.commit({tp(0): 6})
    assert await world.committed() == {tp(0): 5}


async def test_a_member_of_a_group_that_is_gone_commits_nothing() -> None:
    world = await new_world()
    with pytest.raises(GroupIdNotFoundError):
        await world.commit({tp(0): 5}, generation=3, member_id="x")


async def test_members_may_commit_what_they_did_while_the_group_prepares_but_not_while_the_leader_computes() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    rejoining = leader.start_join()
    await world.settle()
    await follower.commit({tp(2): 8})
    await answers(world, rejoining, follower.start_join())
    with pytest.raises(RebalanceInProgressError):
        await follower.commit({tp(2): 9})
    assert await world.committed() == {tp(2): 8}


async def test_a_commit_is_a_sign_of_life() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    for _ in range(3):
        await world.clock.advance(9_000)
        await member.commit({tp(0): 5})
    assert len(world.view.members) == 1


async def test_partitions_that_do_not_exist_and_metadata_that_is_too_long_fail_alone() -> None:
    world = await new_world(offset_metadata_max_bytes=5)
    offsets = {
        tp(0): OffsetAndMetadata(1, "12345"),
        tp(1): OffsetAndMetadata(1, "123456"),
        tp(4): OffsetAndMetadata(1),
        tp(0, "nowhere"): OffsetAndMetadata(1),
    }
    answer = await world.coordinator.offset_commit(ADMIN, OffsetCommitRequest(GROUP, offsets))
    assert answer.errors == {
        tp(0): ErrorCode.NONE,
        tp(1): ErrorCode.OFFSET_METADATA_TOO_LARGE,
        tp(4): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        tp(0, "nowhere"): ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    }
    answer2 = await world.coordinator.offset_fetch(ADMIN, OffsetFetchRequest(GROUP))
    assert answer2.offsets == {tp(0): OffsetAndMetadata(1, "12345")}


async def test_a_commit_is_a_record_and_counts_once_that_is_committed() -> None:
    world = await new_world()
    world.log.open.clear()
    committing = asyncio.create_task(world.commit({tp(1): 17}))
    await world.settle()
    assert not committing.done()
    assert await world.committed() == {}
    world.log.open.set()
    await committing
    key, value, *_ = world.log.records[PARTITION][-1]
    assert decode_key(key) == OffsetKey(GROUP, "orders", 1)
    assert decode_offset(value or b"") == OffsetValue(17, "", world.clock.now())
    assert await world.committed() == {tp(1): 17}


async def test_a_commit_that_cannot_be_stored_leaves_the_old_offset() -> None:
    world = await new_world()
    world.log.error = NotEnoughReplicasError()
    with pytest.raises(CoordinatorNotAvailableError):
        await world.commit({tp(1): 17})
    assert world.views() == ()
    world.log.error = None
    await world.commit({tp(1): 17})
    world.log.error = NotEnoughReplicasError()
    with pytest.raises(CoordinatorNotAvailableError):
        await world.commit({tp(1): 18})
    assert await world.committed() == {tp(1): 17}


async def test_commits_that_arrive_together_share_one_append_and_keep_their_order() -> None:
    world = await new_world()
    world.log.open.clear()
    commits = [asyncio.create_task(world.commit({tp(1): offset})) for offset in (1, 2, 3, 4)]
    await world.settle()
    world.log.open.set()
    await answers(world, *commits)
    assert world.log.appends in ([1, 3], [4])
    assert await world.committed() == {tp(1): 4}


async def test_fetching_names_only_what_is_committed() -> None:
    world = await new_world()
    await world.commit({tp(1): 17, tp(2): 3})
    answer = await world.coordinator.offset_fetch(ADMIN, OffsetFetchRequest(GROUP, (tp(0), tp(2))))
    assert answer.offsets == {tp(2): OffsetAndMetadata(3)}


# OffsetDelete, DeleteGroups, deleted topics ----------------------------------------------------------------


async def delete_offsets(world: World, *partitions: TopicPartition) -> dict[TopicPartition, ErrorCode]:
    answer = await world.coordinator.administration.offset_delete(ADMIN, OffsetDeleteRequest(GROUP, partitions))
    return dict(answer.errors)


async def test_offsets_of_a_topic_that_is_subscribed_to_cannot_be_deleted() -> None:
    world = await new_world()
    world.topics["payments"] = 1
    await world.commit({tp(0): 1, tp(0, "payments"): 2})
    (member,) = await stable_group(world, "billing-1")
    assert await delete_offsets(world, tp(0), tp(0, "payments")) == {
        tp(0): ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC,
        tp(0, "payments"): ErrorCode.NONE,
    }
    assert await world.committed() == {tp(0): 1}
    await member.leave()
    assert await delete_offsets(world, tp(0), tp(3)) == {tp(0): ErrorCode.NONE, tp(3): ErrorCode.NONE}
    assert await world.committed() == {}


async def test_offsets_of_no_group_cannot_be_deleted() -> None:
    world = await new_world()
    with pytest.raises(GroupIdNotFoundError):
        await delete_offsets(world, tp(0))


async def delete_group(world: World, *group_ids: str) -> dict[str, ErrorCode]:
    answer = await world.coordinator.administration.delete_groups(ADMIN, DeleteGroupsRequest(group_ids))
    return dict(answer.errors)


async def test_only_an_empty_group_can_be_deleted_and_its_offsets_go_with_it() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1")
    await member.commit({tp(0): 1, tp(1): 2})
    elsewhere = next(f"g{n}" for n in range(99) if partition_for(f"g{n}", 50) != PARTITION)
    assert await delete_group(world, GROUP, elsewhere) == {
        GROUP: ErrorCode.NON_EMPTY_GROUP,
        elsewhere: ErrorCode.NOT_COORDINATOR,
    }
    await member.leave()
    await world.settle()
    before = len(world.log.records[PARTITION])
    assert await delete_group(world, GROUP) == {GROUP: ErrorCode.NONE}
    written = world.log.records[PARTITION][before:]
    assert {decode_key(key) for key, *_ in written} == {
        OffsetKey(GROUP, "orders", 0),
        OffsetKey(GROUP, "orders", 1),
        GroupKey(GROUP),
    }
    assert all(value is None for _, value, *_ in written)
    assert world.views() == ()
    assert await delete_group(world, GROUP) == {GROUP: ErrorCode.GROUP_ID_NOT_FOUND}
    await world.reload()
    assert world.views() == ()


async def test_a_group_that_could_not_be_deleted_is_still_there() -> None:
    world = await new_world()
    await world.commit({tp(0): 1})
    world.log.error = NotEnoughReplicasError()
    assert await delete_group(world, GROUP) == {GROUP: ErrorCode.COORDINATOR_NOT_AVAILABLE}
    assert await world.committed() == {tp(0): 1}


async def test_a_commit_on_its_way_while_the_group_is_deleted_is_deleted_too() -> None:
    world = await new_world()
    await world.commit({tp(0): 1})
    world.log.open.clear()
    committing = asyncio.create_task(world.commit({tp(1): 1}))
    await world.settle()
    deleting = asyncio.create_task(delete_group(world, GROUP))
    await world.settle()
    world.log.open.set()
    await answers(world, committing)
    assert deleting.result() == {GROUP: ErrorCode.NONE}
    assert await world.committed() == {}
    assert world.views() == ()
    await world.reload()
    assert world.views() == ()


async def test_a_deleted_topic_takes_its_offsets_along() -> None:
    world = await new_world()
    world.topics["payments"] = 1
    await world.commit({tp(0): 1, tp(0, "payments"): 2})
    del world.topics["payments"]
    world.coordinator.forget_topic("payments")
    await world.settle()
    assert await world.committed() == {tp(0): 1}
    assert world.log.records[PARTITION][-1][:2] == (encode_key(OffsetKey(GROUP, "payments", 0)), None)


@pytest.mark.parametrize("made_anew", [False, True])
async def test_a_deleted_topics_offsets_that_could_not_be_forgotten_are_soon_after_unless_it_is_back(
    made_anew: bool,
) -> None:
    world = await new_world()
    await world.commit({tp(0): 1})
    del world.topics["orders"]
    world.log.error = NotEnoughReplicasError()
    world.coordinator.forget_topic("orders")
    await world.settle()
    world.log.error = None
    world.topics["orders"] = 4 if made_anew else 0
    if not made_anew:
        del world.topics["orders"]
    await world.clock.advance(500)
    assert await world.committed() == ({tp(0): 1} if made_anew else {})


async def test_a_group_that_came_back_while_the_deletion_of_its_predecessor_failed_has_its_offsets() -> None:
    world = await new_world()
    await world.commit({tp(0): 1, tp(1): 1})
    world.log.open.clear()
    deleting = asyncio.create_task(delete_group(world, GROUP))
    await world.settle()
    committing = asyncio.create_task(world.commit({tp(1): 2}))
    await world.settle()
    world.log.error = NotEnoughReplicasError()
    world.log.open.set()
    await asyncio.gather(deleting, committing, return_exceptions=True)
    world.log.error = None
    assert deleting.result() == {GROUP: ErrorCode.COORDINATOR_NOT_AVAILABLE}
    assert await world.committed() == {tp(0): 1, tp(1): 1}
    await world.commit({tp(1): 3})
    assert await world.committed() == {tp(0): 1, tp(1): 3}


async def test_metadata_that_no_record_can_hold_is_refused_and_leaves_nothing_behind() -> None:
    world = await new_world(offset_metadata_max_bytes=100_000)
    request = OffsetCommitRequest(GROUP, {tp(0): OffsetAndMetadata(1, "x" * 40_000)})
    with pytest.raises(InvalidRequestError, match="at most 32767 bytes"):
        await world.coordinator.offset_commit(ClientInfo("admin"), request)
    assert world.views() == ()


# Expiry ----------------------------------------------------------------------------------------------------


async def test_an_empty_groups_offsets_expire_together_from_when_it_became_empty() -> None:
    world = await new_world()
    (member,) = await stable_group(world, "billing-1", session_timeout_ms=1_800_000)
    await member.commit({tp(0): 1})
    for _ in range(1_000):
        await world.clock.advance(1_000_000)
        await member.heartbeat()
    assert await world.committed() == {tp(0): 1}
    await member.leave()
    await world.clock.advance(7 * DAY_MS - 1_200_000)
    assert await world.committed() == {tp(0): 1}
    await world.clock.advance(1_800_000)
    assert world.views() == ()
    assert "nobody needed 1 committed offset for 10080 minutes" in world.told()[-1]
    assert world.log.records[PARTITION][-1][:2] == (encode_key(GroupKey(GROUP)), None)


async def test_a_simple_consumers_offsets_expire_each_from_its_commit() -> None:
    world = await new_world(offsets_retention_minutes=60)
    await world.commit({tp(0): 1, tp(1): 1})
    await world.clock.advance(1_800_000)
    await world.commit({tp(1): 2})
    await world.clock.advance(2_400_000)
    assert await world.committed() == {tp(1): 2}
    await world.clock.advance(1_800_000)
    assert world.views() == ()


async def test_a_working_groups_offsets_expire_where_nobody_subscribes_any_more() -> None:
    world = await new_world(offsets_retention_minutes=60)
    world.topics["payments"] = 1
    await world.commit({tp(0): 1, tp(0, "payments"): 1})
    (member,) = await stable_group(world, "billing-1", session_timeout_ms=1_800_000)
    for _ in range(5):
        await world.clock.advance(1_000_000)
        await member.heartbeat()
    assert await world.committed() == {tp(0): 1}
    assert "Its other offsets are kept." in world.told()[-1]


async def test_an_offset_that_is_being_committed_anew_does_not_expire() -> None:
    world = await new_world(offsets_retention_minutes=60)
    await world.commit({tp(0): 1})
    await world.clock.advance(3_600_000 - 1)
    world.log.open.clear()
    committing = asyncio.create_task(world.commit({tp(0): 2}))
    await world.clock.advance(1)
    world.log.open.set()
    await answers(world, committing)
    assert await world.committed() == {tp(0): 2}


async def test_an_offset_that_carries_its_own_expiry_goes_by_that() -> None:
    world = await new_world()
    value = OffsetValue(9, "", world.clock.now(), -1, world.clock.now() + 1_000_000)
    await world.log.append(PARTITION, [(encode_key(OffsetKey(GROUP, "orders", 0)), encode_offset(value))])
    await world.reload()
    await world.clock.advance(600_000)
    assert await world.committed() == {tp(0): 9}
    await world.clock.advance(600_000)
    assert await world.committed() == {}


# Nobody else moves a committed offset ----------------------------------------------------------------------


async def test_rebalances_and_crashes_leave_committed_offsets_where_they_are() -> None:
    world = await new_world()
    leader, follower = await stable_group(world, "billing-1", "billing-2")
    await leader.commit(dict.fromkeys(tps(0, 1), 10))
    await follower.commit(dict.fromkeys(tps(2, 3), 20))
    before = await world.committed()
    await world.clock.advance(9_000)
    await leader.heartbeat()
    await world.clock.advance(1_000)
    await rebalance(world, leader)
    assert await world.committed() == before
    await world.clock.advance(100_000)
    assert world.view.state is GroupState.EMPTY
    assert await world.committed() == before


async def test_a_commit_is_refused_while_loading_and_by_a_broker_that_does_not_coordinate() -> None:
    world = World()
    world.log.open.clear()
    loading = asyncio.create_task(world.coordinator.load(PARTITION))
    await world.settle()
    committing = asyncio.create_task(world.commit({tp(0): 1}))
    await world.settle()
    error = refused(committing)
    assert error is not None
    assert error.__name__ == "CoordinatorLoadInProgressError"
    world.log.open.set()
    await loading
    await world.commit({tp(0): 1})
