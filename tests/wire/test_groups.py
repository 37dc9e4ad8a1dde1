"""A member's life in a classic group and what it commits, byte by byte, in every version."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from engine.cluster import Cluster
from engine.groups.consumer_protocol import (
    Assignment,
    Subscription,
    decode_assignment,
    encode_assignment,
    encode_subscription,
)
from engine.snapshot import GroupState
from tests.wire.clients.members import until
from tests.wire.conftest import TP
from tests.wire.peer import Peer

OFFSET_COMMIT, OFFSET_FETCH, FIND_COORDINATOR, JOIN, HEARTBEAT, LEAVE, SYNC, DESCRIBE = 8, 9, 10, 11, 12, 13, 14, 15


@pytest.fixture
async def member(lab: Cluster, peer: Peer) -> AsyncIterator[Peer]:
    """Somebody at the coordinator of the group `billing`."""
    found = await peer.ask(FIND_COORDINATOR, 3, key="billing", key_type=0)
    opened = await Peer.connect(lab, found.node_id)
    yield opened
    await opened.close()


async def join(member: Peer, version: int, member_id: str = "", instance: str | None = None) -> Any:
    subscription = encode_subscription(Subscription(("orders",)))
    protocol = member.part(JOIN, version, "JoinGroupRequestProtocol", name="range", metadata=subscription)
    asked: dict[str, Any] = {
        "group_id": "billing",
        "session_timeout": member.ms(10_000),
        "member_id": member_id,
        "protocol_type": "consumer",
        "protocols": (protocol,),
    }
    if version >= 1:
        asked["rebalance_timeout"] = member.ms(10_000)
    if version >= 5:
        asked["group_instance_id"] = instance
    if version >= 8:
        asked["reason"] = "it begins"
    return await member.ask(JOIN, version, **asked)


async def joined(member: Peer, version: int = 9) -> Any:
    answer = await join(member, version)
    if version >= 4:
        assert answer.error_code.name == "member_id_required"
        answer = await join(member, version, answer.member_id)
    return answer


@pytest.mark.parametrize("version", range(10))
async def test_a_member_joins_in_every_version(member: Peer, version: int) -> None:
    answer = await joined(member, version)
    assert (answer.error_code, answer.generation_id, answer.protocol_name) == (0, 1, "range")
    assert answer.leader == answer.member_id
    assert [each.member_id for each in answer.members] == [answer.member_id]


@pytest.mark.parametrize("version", range(6))
async def test_the_leader_brings_the_assignment_and_a_heartbeat_is_heard_in_every_version(
    member: Peer, version: int
) -> None:
    me = await joined(member)
    given = encode_assignment(Assignment((TP,)))
    mine = member.part(SYNC, version, "SyncGroupRequestAssignment", member_id=me.member_id, assignment=given)
    asked: dict[str, Any] = {
        "group_id": "billing",
        "generation_id": me.generation_id,
        "member_id": me.member_id,
        "assignments": (mine,),
    }
    if version >= 3:
        asked["group_instance_id"] = None
    if version >= 5:
        asked |= {"protocol_type": "consumer", "protocol_name": "range"}
    answer = await member.ask(SYNC, version, **asked)
    assert answer.error_code == 0
    assert tuple(decode_assignment(answer.assignment).partitions) == (TP,)
    if version <= 4:
        instance = {"group_instance_id": None} if version >= 3 else {}
        beat = {"group_id": "billing", "generation_id": me.generation_id, "member_id": me.member_id, **instance}
        assert (await member.ask(HEARTBEAT, version, **beat)).error_code == 0
        late = await member.ask(HEARTBEAT, version, **{**beat, "generation_id": 77})
        assert late.error_code.name == "illegal_generation"


async def test_who_believes_in_another_protocol_gets_no_assignment(member: Peer) -> None:
    me = await joined(member)
    asked = {"group_id": "billing", "generation_id": me.generation_id, "member_id": me.member_id, "assignments": ()}
    for kind, name in (("consumer", "sticky"), ("connect", "range")):
        answer = await member.ask(SYNC, 5, **asked, group_instance_id=None, protocol_type=kind, protocol_name=name)
        assert answer.error_code.name == "inconsistent_group_protocol"


async def test_who_names_no_protocol_where_the_version_asks_for_one_gets_no_assignment(member: Peer) -> None:
    me = await joined(member)
    asked = {"group_id": "billing", "generation_id": me.generation_id, "member_id": me.member_id, "assignments": ()}
    for kind, name in ((None, "range"), ("consumer", None)):
        answer = await member.ask(SYNC, 5, **asked, group_instance_id=None, protocol_type=kind, protocol_name=name)
        assert answer.error_code.name == "inconsistent_group_protocol"


@pytest.mark.parametrize("version", [5, 8, 9])
async def test_a_static_leader_that_comes_back_is_not_made_to_assign(member: Peer, version: int) -> None:
    first = await join(member, version, instance="worker-1")
    given = encode_assignment(Assignment((TP,)))
    mine = member.part(SYNC, 4, "SyncGroupRequestAssignment", member_id=first.member_id, assignment=given)
    stable = await member.ask(
        SYNC, 4, group_id="billing", generation_id=1, member_id=first.member_id, group_instance_id="worker-1",
        assignments=(mine,),
    )  # fmt: skip
    assert stable.error_code == 0
    again = await join(member, version, instance="worker-1")
    assert (again.error_code, again.generation_id) == (0, 1)
    assert again.member_id != first.member_id
    if version >= 9:
        assert (again.leader, again.skip_assignment) == (again.member_id, True)
    else:
        assert (again.leader, again.members) == (first.member_id, ())


async def test_what_members_were_given_is_described_while_they_join_again_too(lab: Cluster, member: Peer) -> None:
    me = await joined(member)
    given = encode_assignment(Assignment((TP,)))
    mine = member.part(SYNC, 4, "SyncGroupRequestAssignment", member_id=me.member_id, assignment=given)
    await member.ask(
        SYNC,
        4,
        group_id="billing",
        generation_id=1,
        member_id=me.member_id,
        group_instance_id=None,
        assignments=(mine,),
    )
    address = member.writer.get_extra_info("peername")
    second = Peer(*await asyncio.open_connection(*address))
    joining = asyncio.create_task(join(second, 3))  # it is answered when the first has joined again

    def rebalances() -> bool:
        group = lab.snapshot().group("billing")
        return group is not None and group.state is GroupState.PREPARING_REBALANCE

    await until(lab, rebalances)
    [group] = (await member.ask(DESCRIBE, 5, groups=("billing",), include_authorized_operations=False)).groups
    assert group.group_state == "PreparingRebalance"
    told = {each.member_id: (each.member_metadata, each.member_assignment) for each in group.members}
    assert told[me.member_id] == (b"", given)
    joining.cancel()
    await second.close()


@pytest.mark.parametrize("version", range(6))
async def test_a_member_leaves_in_every_version(lab: Cluster, member: Peer, version: int) -> None:
    me = await joined(member)
    if version < 3:
        answer = await member.ask(LEAVE, version, group_id="billing", member_id=me.member_id)
        again = await member.ask(LEAVE, version, group_id="billing", member_id=me.member_id)
        assert (answer.error_code, again.error_code.name) == (0, "unknown_member_id")
    else:
        reason = {"reason": "it ends"} if version >= 5 else {}
        leaving = [
            member.part(LEAVE, version, "MemberIdentity", member_id=name, group_instance_id=None, **reason)
            for name in (me.member_id, "nobody")
        ]
        answer = await member.ask(LEAVE, version, group_id="billing", members=tuple(leaving))
        assert [each.error_code.name for each in answer.members] == ["none", "unknown_member_id"]
    group = lab.snapshot().group("billing")
    assert group is not None
    assert group.members == ()


def topic(lab: Cluster, version: int) -> dict[str, Any]:
    """The topic as the version names it."""
    return {"topic_id": UUID(bytes=lab.controller.topics["orders"].topic_id)} if version >= 10 else {"name": "orders"}


async def commit(lab: Cluster, member: Peer, version: int, offset: int) -> Any:
    epoch = {"committed_leader_epoch": 5} if version >= 6 else {}
    one = member.part(
        OFFSET_COMMIT,
        version,
        "OffsetCommitRequestPartition",
        partition_index=0,
        committed_offset=offset,
        committed_metadata="note",
        **epoch,
    )
    part = member.part(OFFSET_COMMIT, version, "OffsetCommitRequestTopic", partitions=(one,), **topic(lab, version))
    answer = await member.ask(
        OFFSET_COMMIT, version, group_id="billing", member_id="", generation_id_or_member_epoch=-1, topics=(part,)
    )
    return answer.topics[0].partitions[0]


@pytest.mark.parametrize("version", range(2, 11))
async def test_offsets_are_committed_in_every_version(lab: Cluster, member: Peer, version: int) -> None:
    assert (await commit(lab, member, version, 42)).error_code == 0
    group = lab.snapshot().group("billing")
    assert group is not None
    assert [(offset.committed, offset.metadata) for offset in group.offsets] == [(42, "note")]


@pytest.mark.parametrize("version", range(1, 11))
async def test_offsets_are_fetched_in_every_version_and_what_is_not_committed_is_no_error(
    lab: Cluster, member: Peer, version: int
) -> None:
    await commit(lab, member, 8, 42)
    name = "OffsetFetchRequestTopics" if version >= 8 else "OffsetFetchRequestTopic"
    part = member.part(OFFSET_FETCH, version, name, partition_indexes=(0, 1), **topic(lab, version))
    if version >= 8:
        groups = [
            member.part(OFFSET_FETCH, version, "OffsetFetchRequestGroup", group_id="billing", topics=topics)
            for topics in ((part,), None)
        ]
        answer = await member.ask(OFFSET_FETCH, version, groups=tuple(groups))
        found, everything = answer.groups
        assert len(everything.topics[0].partitions) == 1
    else:
        found = await member.ask(OFFSET_FETCH, version, group_id="billing", topics=(part,))
    committed, none = found.topics[0].partitions
    assert (committed.committed_offset, committed.metadata, committed.error_code) == (42, "note", 0)
    assert version < 5 or committed.committed_leader_epoch == 5
    assert (none.committed_offset, none.error_code) == (-1, 0)


async def test_an_unknown_group_has_committed_nothing_and_that_is_no_error(lab: Cluster, member: Peer) -> None:
    part = member.part(OFFSET_FETCH, 7, "OffsetFetchRequestTopic", name="orders", partition_indexes=(0,))
    answer = await member.ask(OFFSET_FETCH, 7, group_id="billing", topics=(part,))
    assert answer.error_code == 0
    assert answer.topics[0].partitions[0].committed_offset == -1


@pytest.mark.parametrize(("version", "word"), [(8, "illegal_generation"), (9, "group_id_not_found")])
async def test_a_member_of_no_group_commits_nothing(member: Peer, version: int, word: str) -> None:
    one = member.part(OFFSET_COMMIT, version, "OffsetCommitRequestPartition", partition_index=0, committed_offset=1,
                      committed_leader_epoch=-1, committed_metadata=None)  # fmt: skip
    part = member.part(OFFSET_COMMIT, version, "OffsetCommitRequestTopic", name="orders", partitions=(one,))
    answer = await member.ask(
        OFFSET_COMMIT, version, group_id="billing", member_id="m", generation_id_or_member_epoch=3, topics=(part,)
    )
    assert answer.topics[0].partitions[0].error_code.name == word


async def test_a_commit_for_a_topic_id_of_no_topic_is_refused(lab: Cluster, member: Peer) -> None:
    one = member.part(
        OFFSET_COMMIT,
        10,
        "OffsetCommitRequestPartition",
        partition_index=0,
        committed_offset=1,
        committed_metadata=None,
    )
    part = member.part(OFFSET_COMMIT, 10, "OffsetCommitRequestTopic", topic_id=UUID(int=99), partitions=(one,))
    answer = await member.ask(
        OFFSET_COMMIT, 10, group_id="billing", member_id="", generation_id_or_member_epoch=-1, topics=(part,)
    )
    assert answer.topics[0].partitions[0].error_code.name == "unknown_topic_id"


async def test_who_asks_the_wrong_broker_for_a_group_is_told_so(lab: Cluster, member: Peer, peer: Peer) -> None:
    found = await peer.ask(FIND_COORDINATOR, 3, key="billing", key_type=0)
    other = await Peer.connect(lab, found.node_id % 3 + 1)
    assert (await join(other, 9)).error_code.name == "not_coordinator"
    await other.close()
