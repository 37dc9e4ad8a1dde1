"""A transaction from its beginning to its end, and what can be asked about it, byte by byte, in every version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.cluster import Cluster
from engine.records import BatchBuilder
from tests.wire.clients.members import until
from tests.wire.conftest import TP
from tests.wire.peer import Peer
from tests.wire.test_records import fetch

PRODUCE, FIND_COORDINATOR, INIT, ADD_PARTITIONS, ADD_OFFSETS, END = 0, 10, 22, 24, 25, 26
COMMIT, DESCRIBE_PRODUCERS, DESCRIBE, LIST, HEARTBEAT = 28, 61, 65, 66, 68


@pytest.fixture
async def coordinator(lab: Cluster, peer: Peer) -> AsyncIterator[Peer]:
    """Somebody at the coordinator of the transactional id `shop`."""
    found = await peer.ask(FIND_COORDINATOR, 3, key="shop", key_type=1)
    opened = await Peer.connect(lab, found.node_id)
    yield opened
    await opened.close()


async def init(coordinator: Peer, version: int = 4, producer: tuple[int, int] = (-1, -1)) -> Any:
    more = {"producer_id": producer[0], "producer_epoch": producer[1]} if version >= 3 else {}
    timeout = coordinator.ms(60_000)
    return await coordinator.ask(INIT, version, transactional_id="shop", transaction_timeout=timeout, **more)


async def add_partition(coordinator: Peer, version: int, me: Any) -> Any:
    topic = coordinator.part(ADD_PARTITIONS, version, "AddPartitionsToTxnTopic", name="orders", partitions=(0,))
    answer = await coordinator.ask(
        ADD_PARTITIONS,
        version,
        v3_and_below_transactional_id="shop",
        v3_and_below_producer_id=me.producer_id,
        v3_and_below_producer_epoch=me.producer_epoch,
        v3_and_below_topics=(topic,),
    )
    return answer.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code


async def end(coordinator: Peer, version: int, me: Any, *, committed: bool = True) -> Any:
    answer = await coordinator.ask(
        END,
        version,
        transactional_id="shop",
        producer_id=me.producer_id,
        producer_epoch=me.producer_epoch,
        committed=committed,
    )
    return answer.error_code


async def write(peer: Peer, me: Any) -> Any:
    builder = BatchBuilder(
        1 << 20, producer_id=me.producer_id, producer_epoch=me.producer_epoch, base_sequence=0, transactional=True
    )
    builder.append(1_000, None, b"one")
    data = peer.part(PRODUCE, 9, "PartitionProduceData", index=0, records=builder.build())
    topic = peer.part(PRODUCE, 9, "TopicProduceData", name="orders", partition_data=(data,))
    answer = await peer.ask(PRODUCE, 9, transactional_id="shop", acks=-1, timeout=peer.ms(5_000), topic_data=(topic,))
    return answer.responses[0].partition_responses[0].error_code


@pytest.mark.parametrize("version", range(5))
async def test_a_transaction_is_made_and_ended_in_every_version(
    lab: Cluster, peer: Peer, coordinator: Peer, version: int
) -> None:
    me = await init(coordinator, version)
    assert (me.error_code, me.producer_epoch) == (0, 0)
    assert await add_partition(coordinator, min(version, 3), me) == 0
    assert await write(peer, me) == 0
    [before] = (await fetch(lab, peer, 12)).responses[0].partitions
    assert (before.high_watermark, before.last_stable_offset) == (1, 0)
    offsets = await coordinator.ask(
        ADD_OFFSETS,
        version,
        transactional_id="shop",
        producer_id=me.producer_id,
        producer_epoch=me.producer_epoch,
        group_id="billing",
    )
    assert offsets.error_code == 0
    assert await end(coordinator, version, me) == 0
    await until(lab, lambda: lab.nodes.leader(TP).last_stable_offset == 2)
    [after] = (await fetch(lab, peer, 12)).responses[0].partitions
    assert after.last_stable_offset == after.high_watermark == 2, "the record and its marker"


@pytest.mark.parametrize("version", range(5))
async def test_who_is_fenced_is_told_by_the_word_its_version_knows(coordinator: Peer, version: int) -> None:
    me = await init(coordinator)
    await init(coordinator)
    word = "invalid_producer_epoch" if version < 2 else "producer_fenced"
    assert (await end(coordinator, version, me)).name == word
    assert (await add_partition(coordinator, min(version, 3), me)).name == word


@pytest.mark.parametrize("version", [3, 4, 5])
async def test_who_is_fenced_may_not_take_a_new_epoch(coordinator: Peer, version: int) -> None:
    me = await init(coordinator)
    await init(coordinator)
    await init(coordinator)
    fenced = await init(coordinator, version, (me.producer_id, me.producer_epoch))
    assert fenced.error_code.name == ("invalid_producer_epoch" if version < 4 else "producer_fenced")


@pytest.mark.parametrize("half", [(5, -1), (-1, 0)])
async def test_who_names_its_id_without_its_epoch_or_the_reverse_is_refused(
    coordinator: Peer, half: tuple[int, int]
) -> None:
    assert (await init(coordinator, 5, half)).error_code.name == "invalid_request"


async def commit_offsets(group: Peer, version: int, me: Any, **member: Any) -> Any:
    one = group.part(COMMIT, version, "TxnOffsetCommitRequestPartition", partition_index=0, committed_offset=1,
                     committed_metadata=None, **({"committed_leader_epoch": -1} if version >= 2 else {}))  # fmt: skip
    topic = group.part(COMMIT, version, "TxnOffsetCommitRequestTopic", name="orders", partitions=(one,))
    answer = await group.ask(
        COMMIT, version, transactional_id="shop", group_id="billing", producer_id=me.producer_id,
        producer_epoch=me.producer_epoch, topics=(topic,), **member,
    )  # fmt: skip
    return answer.topics[0].partitions[0].error_code.name


async def test_a_transactional_commit_of_a_member_in_another_epoch_is_of_an_illegal_generation(
    lab: Cluster, peer: Peer, coordinator: Peer
) -> None:
    me = await init(coordinator)
    group = await Peer.connect(lab, (await peer.ask(FIND_COORDINATOR, 3, key="billing", key_type=0)).node_id)
    joined = await group.ask(
        HEARTBEAT, 1, group_id="billing", member_id="m", member_epoch=0, subscribed_topic_names=("orders",),
        rebalance_timeout=group.ms(5_000), topic_partitions=(),
    )  # fmt: skip
    assert joined.error_code == 0
    for epoch, word in ((7, "illegal_generation"), (joined.member_epoch, "none")):
        member = {"generation_id": epoch, "member_id": "m", "group_instance_id": None}
        assert await commit_offsets(group, 3, me, **member) == word
    await group.close()


@pytest.mark.parametrize(("version", "word"), [(1, "coordinator_not_available"), (2, "coordinator_load_in_progress")])
async def test_old_producers_are_not_told_that_a_coordinator_still_reads_its_log(
    lab: Cluster, peer: Peer, coordinator: Peer, version: int, word: str
) -> None:
    me = await init(coordinator)
    broker_id = (await peer.ask(FIND_COORDINATOR, 3, key="billing", key_type=0)).node_id
    group = await Peer.connect(lab, broker_id)
    assert await commit_offsets(group, version, me) == "none"
    for shard in lab.nodes.alive[broker_id].coordinator._shards:
        shard.loading = True
    assert await commit_offsets(group, version, me) == word
    await group.close()


async def test_an_open_transaction_can_be_looked_into(lab: Cluster, peer: Peer, coordinator: Peer) -> None:
    me = await init(coordinator)
    await add_partition(coordinator, 3, me)
    await write(peer, me)
    [described] = (await coordinator.ask(DESCRIBE, 0, transactional_ids=("shop",))).transaction_states
    assert (described.transaction_state, described.producer_id) == ("Ongoing", me.producer_id)
    assert [(topic.topic, topic.partitions) for topic in described.topics] == [("orders", (0,))]
    [listed] = (
        await coordinator.ask(LIST, 1, state_filters=("Ongoing", "Odd"), producer_id_filters=())
    ).transaction_states
    assert (listed.transactional_id, listed.transaction_state) == ("shop", "Ongoing")
    topic = peer.part(DESCRIBE_PRODUCERS, 0, "TopicRequest", name="orders", partition_indexes=(0,))
    [found] = (await peer.ask(DESCRIBE_PRODUCERS, 0, topics=(topic,))).topics[0].partitions
    [producer] = found.active_producers
    assert (producer.producer_id, producer.current_txn_start_offset) == (me.producer_id, 0)
    assert lab.nodes.leader(TP).high_watermark == 1


@pytest.mark.parametrize(
    ("pattern", "found"),
    [(None, ["shop"]), ("", ["shop"]), ("sh.*", ["shop"]), ("sh", []), ("ho", []), ("[a-z]+", ["shop"])],
)
async def test_ids_are_listed_by_a_pattern_that_they_match_as_a_whole(
    coordinator: Peer, pattern: str | None, found: list[str]
) -> None:
    await init(coordinator)
    answer = await coordinator.ask(
        LIST, 2, state_filters=(), producer_id_filters=(), duration_filter=-1, transactional_id_pattern=pattern
    )
    assert (answer.error_code, [each.transactional_id for each in answer.transaction_states]) == (0, found)


async def test_a_pattern_that_is_none_is_refused(coordinator: Peer) -> None:
    await init(coordinator)
    answer = await coordinator.ask(
        LIST, 2, state_filters=(), producer_id_filters=(), duration_filter=-1, transactional_id_pattern="(shop"
    )
    assert answer.error_code.name == "invalid_regular_expression"


async def test_an_id_that_is_not_there_is_an_error_of_its_own(coordinator: Peer) -> None:
    [described] = (await coordinator.ask(DESCRIBE, 0, transactional_ids=("shop",))).transaction_states
    assert described.error_code.name == "transactional_id_not_found"
