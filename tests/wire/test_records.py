"""Producing, fetching and looking offsets up, byte by byte, in every version."""

from __future__ import annotations

from typing import Any

import pytest

from engine.cluster import Cluster
from engine.records import BatchBuilder, BatchHeader, read_all, split_batches
from tests.wire.clients.members import until
from tests.wire.conftest import TP
from tests.wire.peer import Peer

PRODUCE, FETCH, LIST_OFFSETS, EPOCHS = 0, 1, 2, 23


def batch(*values: bytes, timestamp: int = 1_000) -> bytes:
    builder = BatchBuilder(1 << 20)
    for value in values:
        assert builder.append(timestamp, None, value)
    return builder.build()


def topic_key(lab: Cluster, key: int, version: int) -> dict[str, Any]:
    """The topic as the version names it."""
    from uuid import UUID

    if version >= 13:
        return {"topic_id": UUID(bytes=lab.controller.topics["orders"].topic_id)}
    return {"topic" if key == FETCH else "name": "orders"}


async def produce(lab: Cluster, peer: Peer, version: int, records: bytes, acks: int = -1, partition: int = 0) -> Any:
    data = peer.part(PRODUCE, version, "PartitionProduceData", index=partition, records=records)
    topic = peer.part(PRODUCE, version, "TopicProduceData", partition_data=(data,), **topic_key(lab, PRODUCE, version))
    asked = {"transactional_id": None, "acks": acks, "timeout": peer.ms(5_000), "topic_data": (topic,)}
    if acks == 0:
        peer.say(PRODUCE, version, **asked)
        return None
    answer = await peer.ask(PRODUCE, version, **asked)
    return answer.responses[0].partition_responses[0]


async def fetch(
    lab: Cluster,
    peer: Peer,
    version: int,
    offset: int = 0,
    *,
    session: tuple[int, int] = (0, -1),
    wait_ms: int = 0,
    named: bool = True,
    partitions: int = 1,
    partition_max_bytes: int = 1 << 20,
    last_fetched_epoch: int = -1,
    **limits: int,
) -> Any:
    extra = {"log_start_offset": -1} if version >= 5 else {}
    if version >= 12:
        extra["last_fetched_epoch"] = last_fetched_epoch
    wanted = tuple(
        peer.part(FETCH, version, "FetchPartition", partition=number, fetch_offset=offset,
                  partition_max_bytes=partition_max_bytes, **extra)
        for number in range(partitions)
    )  # fmt: skip
    topic = peer.part(FETCH, version, "FetchTopic", partitions=wanted, **topic_key(lab, FETCH, version))
    asked: dict[str, Any] = {"max_wait": peer.ms(wait_ms), "min_bytes": 1, "topics": (topic,) if named else ()}
    asked |= limits
    if version < 15:
        asked["replica_id"] = -1
    if version >= 7:
        asked |= {"session_id": session[0], "session_epoch": session[1], "forgotten_topics_data": ()}
    return await peer.ask(FETCH, version, **asked)


@pytest.mark.parametrize("version", range(3, 14))
async def test_what_is_produced_in_any_version_is_told_where_it_lies(lab: Cluster, peer: Peer, version: int) -> None:
    first = await produce(lab, peer, version, batch(b"one", b"two"))
    second = await produce(lab, peer, version, batch(b"three"))
    assert (first.error_code, first.base_offset, second.base_offset) == (0, 0, 2)
    assert lab.nodes.leader(TP).high_watermark == 3


@pytest.mark.parametrize("version", range(4, 19))
async def test_every_version_fetches_the_very_batches_that_are_stored(lab: Cluster, peer: Peer, version: int) -> None:
    await produce(lab, peer, 8, batch(b"one", b"two"))
    await produce(lab, peer, 8, batch(b"three"))
    [found] = (await fetch(lab, peer, version, 1)).responses[0].partitions
    assert (found.error_code, found.high_watermark, found.last_stable_offset) == (0, 3, 3)
    stored = await lab.nodes.leader(TP).log.read(0, 1 << 20)
    assert bytes(found.records) == b"".join(stored)
    assert [r.value for r in read_all(split_batches(bytes(found.records)), *TP, 1)] == [b"two", b"three"]


async def test_a_damaged_batch_is_refused_and_nothing_is_stored(lab: Cluster, peer: Peer) -> None:
    damaged = bytearray(batch(b"one"))
    damaged[-1] ^= 1
    answer = await produce(lab, peer, 9, bytes(damaged))
    assert answer.error_code.name == "corrupt_message"
    assert "CRC" in answer.error_message
    assert lab.nodes.leader(TP).log.log_end_offset == 0


async def test_a_batch_of_the_format_of_long_ago_is_refused(lab: Cluster, peer: Peer) -> None:
    old = bytearray(batch(b"one"))
    old[16] = 1
    assert (await produce(lab, peer, 9, bytes(old))).error_code.name == "unsupported_for_message_format"


@pytest.mark.parametrize(
    ("config", "stored"),
    [
        ({"compression.type": "zstd"}, "zstd"),
        ({"message.timestamp.type": "LogAppendTime"}, "none"),
        ({"cleanup.policy": "compact"}, "none"),
    ],
)
async def test_a_topic_may_have_what_it_is_sent_changed_or_looked_into(
    lab: Cluster, peer: Peer, config: dict[str, str], stored: str
) -> None:
    await lab.alter_topic_config("orders", config)
    builder = BatchBuilder(1 << 20)
    for value in (b"one", b"two"):
        builder.append(1_000, b"key", value)
    assert (await produce(lab, peer, 9, builder.build())).error_code == 0
    [found] = (await fetch(lab, peer, 12)).responses[0].partitions
    assert BatchHeader.parse(bytes(found.records)).compression == stored
    assert [r.value for r in read_all([bytes(found.records)], *TP)] == [b"one", b"two"]
    if "cleanup.policy" in config:
        assert (await produce(lab, peer, 9, batch(b"no key"))).error_code.name == "invalid_record"


async def test_with_acks_0_nothing_is_answered_and_the_record_is_there(lab: Cluster, peer: Peer) -> None:
    await produce(lab, peer, 9, batch(b"one"), acks=0)
    assert (await produce(lab, peer, 9, batch(b"two"), acks=1)).base_offset == 1


async def test_what_fails_with_acks_0_costs_the_connection(lab: Cluster, peer: Peer) -> None:
    await produce(lab, peer, 9, batch(b"one"), acks=0, partition=7)
    assert await peer.is_closed()
    assert "acks=0" in lab.events.last(1)[0].sentence()


async def test_who_asks_the_wrong_broker_is_told_who_leads(lab: Cluster, peer: Peer) -> None:
    leader = lab.nodes.leader(TP).broker_id
    other = await Peer.connect(lab, leader % 3 + 1)
    answer = await produce(lab, other, 10, batch(b"one"))
    assert answer.error_code.name == "not_leader_or_follower"
    assert answer.current_leader.leader_id == leader
    fetched = await fetch(lab, other, 16)
    [endpoint] = fetched.node_endpoints
    listening = lab.snapshot().listening
    assert listening is not None
    assert (endpoint.node_id, endpoint.port) == (leader, listening.addresses[leader - 1].port)
    assert fetched.responses[0].partitions[0].current_leader.leader_id == leader
    await other.close()


async def test_an_unknown_topic_id_is_an_error_of_its_own(lab: Cluster, peer: Peer) -> None:
    await produce(lab, peer, 8, batch(b"one"))
    topic = lab.controller.topics["orders"]
    await lab.delete_topic("orders")
    await lab.create_topic("orders", partitions=1)
    assert lab.controller.topics["orders"].topic_id != topic.topic_id
    from uuid import UUID

    data = peer.part(PRODUCE, 13, "PartitionProduceData", index=0, records=batch(b"x"))
    old = peer.part(PRODUCE, 13, "TopicProduceData", topic_id=UUID(bytes=topic.topic_id), partition_data=(data,))
    answer = await peer.ask(PRODUCE, 13, transactional_id=None, acks=-1, timeout=peer.ms(1000), topic_data=(old,))
    assert answer.responses[0].partition_responses[0].error_code.name == "unknown_topic_id"


# Looking up


async def list_offsets(peer: Peer, version: int, *timestamps: int) -> Any:
    """The answer for each time, all of the same partition."""
    wanted = tuple(
        peer.part(LIST_OFFSETS, version, "ListOffsetsPartition", partition_index=0, timestamp=timestamp)
        for timestamp in timestamps
    )
    topic = peer.part(LIST_OFFSETS, version, "ListOffsetsTopic", name="orders", partitions=wanted)
    more: dict[str, Any] = {"isolation_level": 0} if version >= 2 else {}
    if version >= 10:
        more["timeout"] = peer.ms(1_000)
    answer = await peer.ask(LIST_OFFSETS, version, replica_id=-1, topics=(topic,), **more)
    return answer.topics[0].partitions


@pytest.mark.parametrize("version", range(1, 12))
async def test_every_version_looks_offsets_up(lab: Cluster, peer: Peer, version: int) -> None:
    await produce(lab, peer, 9, batch(b"early", timestamp=1_000))
    await produce(lab, peer, 9, batch(b"late", timestamp=5_000))

    async def look_up(timestamp: int) -> Any:
        return (await list_offsets(peer, version, timestamp))[0]

    assert (await look_up(-2)).offset == 0
    assert (await look_up(-1)).offset == 2
    found = await look_up(2_000)
    assert (found.offset, found.timestamp) == (1, 5_000)
    newest = await look_up(-3)
    assert (newest.offset if version >= 7 else newest.error_code.name) == (1 if version >= 7 else "unsupported_version")
    assert (await look_up(9_000)).offset == -1


async def test_a_partition_asked_for_twice_is_refused(lab: Cluster, peer: Peer) -> None:
    assert {each.error_code.name for each in await list_offsets(peer, 7, -1, -2)} == {"invalid_request"}


async def test_what_is_looked_up_comes_with_the_epoch_of_its_leader_then(lab: Cluster, peer: Peer) -> None:
    await produce(lab, peer, 9, batch(b"early", timestamp=1_000))
    old = lab.nodes.leader(TP)
    epoch = old.state.leader_epoch
    await lab.faults.stop(old.broker_id)
    await until(lab, lambda: lab.nodes.leader(TP) is not old)
    other = await Peer.connect(lab, lab.nodes.leader(TP).broker_id)
    await produce(lab, other, 9, batch(b"late", timestamp=5_000))
    later = lab.nodes.leader(TP).state.leader_epoch
    found = [(await list_offsets(other, 7, timestamp))[0] for timestamp in (-2, 500, 2_000, -1)]
    assert [(each.offset, each.leader_epoch) for each in found] == [(0, epoch), (0, epoch), (1, later), (2, later)]
    await other.close()


@pytest.mark.parametrize(("version", "word"), [(4, "leader_not_available"), (5, "offset_not_available")])
async def test_a_leader_that_does_not_know_yet_how_far_may_be_read_says_so_in_words_the_version_knows(
    lab: Cluster, peer: Peer, version: int, word: str
) -> None:
    leading = lab.nodes.leader(TP).leading
    assert leading is not None
    leading.epoch_start_offset = 1
    assert [each.error_code.name for each in await list_offsets(peer, version, -1)] == [word]


@pytest.mark.parametrize("version", range(2, 5))
async def test_a_consumer_learns_where_an_epoch_ended(lab: Cluster, peer: Peer, version: int) -> None:
    await produce(lab, peer, 9, batch(b"one"))
    epoch = lab.nodes.leader(TP).state.leader_epoch
    one = peer.part(EPOCHS, version, "OffsetForLeaderPartition", partition=0, leader_epoch=epoch)
    topic = peer.part(EPOCHS, version, "OffsetForLeaderTopic", topic="orders", partitions=(one,))
    more: dict[str, Any] = {"replica_id": -1} if version >= 3 else {}
    answer = await peer.ask(EPOCHS, version, topics=(topic,), **more)
    [end] = answer.topics[0].partitions
    assert (end.error_code, end.leader_epoch, end.end_offset) == (0, epoch, 1)
