"""What a client learns when it comes in."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from confluent_kafka.admin import AdminClient

from engine.cluster import Cluster
from engine.events import Tone
from engine.wire.hosts import reached_at
from tests.wire.clients.members import until
from tests.wire.conftest import TP
from tests.wire.peer import Peer

API_VERSIONS, METADATA, FIND_COORDINATOR = 18, 3, 10


@pytest.mark.parametrize("version", range(14))
async def test_every_version_of_metadata_names_topics_and_where_brokers_are_reached(
    lab: Cluster, peer: Peer, version: int
) -> None:
    more = {"allow_auto_topic_creation": False} if version >= 4 else {}
    if version >= 8:
        more["include_topic_authorized_operations"] = False
    if 8 <= version <= 10:
        more["include_cluster_authorized_operations"] = False
    answer = await peer.ask(METADATA, version, topics=None if version else (), **more)
    listening = lab.snapshot().listening
    assert listening is not None
    assert [(b.node_id, b.host, b.port) for b in answer.brokers] == [
        (a.broker_id, a.host, a.port) for a in listening.addresses
    ]
    [orders] = answer.topics
    assert (orders.name, len(orders.partitions)) == ("orders", 1)
    assert sorted(orders.partitions[0].replica_nodes) == [1, 2, 3]


@pytest.mark.parametrize(
    ("version", "word", "told"), [(0, "replica_not_available", 2), (1, "none", 3), (13, "none", 3)]
)
async def test_a_replica_that_is_down_is_left_out_in_version_0_and_told_of_since(
    lab: Cluster, peer: Peer, version: int, word: str, told: int
) -> None:
    await lab.faults.stop(lab.nodes.leader(TP).broker_id % 3 + 1)
    await until(lab, lambda: len(lab.nodes.leader(TP).state.isr) == 2)
    more = {"allow_auto_topic_creation": False, "include_topic_authorized_operations": False} if version else {}
    answer = await peer.ask(METADATA, version, topics=None if version else (), **(more if version >= 8 else {}))
    [partition] = answer.topics[0].partitions
    assert (partition.error_code.name, len(partition.replica_nodes)) == (word, told)
    assert len(partition.isr_nodes) == 2


@pytest.mark.parametrize("version", [10, 11])
async def test_ids_of_topics_are_taken_from_version_12_on(lab: Cluster, peer: Peer, version: int) -> None:
    more = {"include_cluster_authorized_operations": False} if version == 10 else {}
    for name, topic_id in ((None, UUID(int=1)), ("orders", UUID(int=1)), (None, None)):
        topic = peer.part(METADATA, version, "MetadataRequestTopic", name=name, topic_id=topic_id)
        asked = {"allow_auto_topic_creation": False, "include_topic_authorized_operations": False, **more}
        answer = await peer.ask(METADATA, version, topics=(topic,), **asked)
        assert answer.topics[0].error_code.name == "invalid_request"
    named = peer.part(METADATA, 12, "MetadataRequestTopic", name=None, topic_id=UUID(int=1))
    answer = await peer.ask(METADATA, 12, topics=(named,), include_topic_authorized_operations=False)
    assert answer.topics[0].error_code.name == "unknown_topic_id"


async def test_asking_for_a_topic_that_is_not_there_makes_it_unless_the_client_says_not_to(
    lab: Cluster, peer: Peer
) -> None:
    for name, wanted in (("unwanted", False), ("wanted", True)):
        topic = peer.part(METADATA, 5, "MetadataRequestTopic", name=name)
        await peer.ask(METADATA, 5, topics=(topic,), allow_auto_topic_creation=wanted)
    assert [view.name for view in lab.snapshot().topics] == ["orders", "wanted"]


@pytest.mark.parametrize("version", range(5))
async def test_the_table_of_versions_is_given_in_every_version_of_its_own(peer: Peer, version: int) -> None:
    names = {"client_software_name": "peer", "client_software_version": "1.0"} if version >= 3 else {}
    answer = await peer.ask(API_VERSIONS, version, **names)
    assert (API_VERSIONS, 0, 4) in [(api.api_key, api.min_version, api.max_version) for api in answer.api_keys]


async def test_a_client_newer_than_the_table_is_answered_in_version_0_and_may_go_on(peer: Peer) -> None:
    peer.say_raw(API_VERSIONS, 99, b"\0whatever this is")
    answer = await peer.answer(API_VERSIONS, 0)
    assert answer.error_code == 35
    assert [(api.api_key, api.max_version) for api in answer.api_keys] == [(API_VERSIONS, 4)]
    assert (await peer.ask(API_VERSIONS, 0)).error_code == 0


@pytest.mark.parametrize(
    ("key", "version"),
    [(22, 6), (24, 5), (26, 5), (29, 1), (29, 3), (48, 1), (71, 0), (74, 1), (78, 2), (88, 0)],
)
async def test_what_kafka_knows_and_the_lab_does_not_serve_is_answered_so(peer: Peer, key: int, version: int) -> None:
    peer.say_raw(key, version, b"\0 and whatever it says")
    answer = await peer.answer(key, version)
    assert answer.error_code.name == "unsupported_version"
    assert (await peer.ask(API_VERSIONS, 0)).error_code == 0, "the connection goes on"


async def test_a_client_is_shown_with_the_name_and_version_of_its_software(lab: Cluster, peer: Peer) -> None:
    await peer.ask(API_VERSIONS, 3, client_software_name="librdkafka", client_software_version="2.6.0")
    listening = lab.snapshot().listening
    assert listening is not None
    [seen] = listening.connections
    assert (seen.client_id, seen.software, seen.version, seen.requests) == ("peer", "librdkafka", "2.6.0", 1)
    assert seen.address.startswith("127.0.0.1:")


async def test_who_comes_in_by_any_address_is_told_the_one_it_came_by_and_a_person_is_warned() -> None:
    async with Cluster.open(None, brokers=2, seed=7) as lab:
        await lab.listen("0.0.0.0", port=0)
        listening = lab.snapshot().listening
        assert listening is not None
        assert listening.beyond_loopback
        peer = await Peer.connect(lab)
        answer = await peer.ask(METADATA, 1, topics=())
        assert [broker.host for broker in answer.brokers] == ["127.0.0.1", "127.0.0.1"]
        await peer.close()
        warning = lab.events.last(1)[0]
    assert warning.tone is Tone.WARNING
    assert "can read, write and delete everything in this lab, without a password" in warning.sentence()


def test_an_ipv6_address_is_told_in_brackets() -> None:
    assert [reached_at(host, 9092) for host in ("::1", "127.0.0.1", "lab")] == [
        "[::1]:9092",
        "127.0.0.1:9092",
        "lab:9092",
    ]


async def test_a_real_client_learns_of_every_broker(bootstrap: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    told = await asyncio.to_thread(admin.list_topics, timeout=10)
    assert sorted(told.brokers) == [1, 2, 3]


@pytest.mark.parametrize("version", range(7))
async def test_every_version_finds_the_coordinator_of_a_group(lab: Cluster, peer: Peer, version: int) -> None:
    asked = {"coordinator_keys": ("billing",)} if version >= 4 else {"key": "billing"}
    answer = await peer.ask(FIND_COORDINATOR, version, **asked)
    found = answer.coordinators[0] if version >= 4 else answer
    assert found.error_code == 0
    listening = lab.snapshot().listening
    assert listening is not None
    assert (found.node_id, found.port) in [(a.broker_id, a.port) for a in listening.addresses]
