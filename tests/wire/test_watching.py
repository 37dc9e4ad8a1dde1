"""What is shown of connections and of what passes on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.cluster import Cluster
from engine.snapshot import ListeningView, WatchedView
from engine.wire import summary
from tests.wire.peer import Peer
from tests.wire.test_records import batch, fetch, produce

METADATA, FIND_COORDINATOR, HEARTBEAT = 3, 10, 12
Look = Callable[[], ListeningView]


async def ask_for_metadata(peer: Peer) -> Any:
    topic = peer.part(METADATA, 5, "MetadataRequestTopic", name="orders")
    return await peer.ask(METADATA, 5, topics=(topic,), allow_auto_topic_creation=False)


async def test_the_requests_of_the_client_that_is_watched_are_told_with_their_answers(
    lab: Cluster, peer: Peer, listening: Look
) -> None:
    await ask_for_metadata(peer)
    [connection] = listening().connections
    lab.watch_client(connection.number)
    await ask_for_metadata(peer)
    await peer.ask(HEARTBEAT, 3, group_id="billing", generation_id=4, member_id="m-1", group_instance_id=None)
    seen = listening()
    assert seen.watched == WatchedView("peer", False, (connection.number,))
    metadata, heartbeat = seen.requests
    assert (metadata.name, metadata.api_version, metadata.summary) == ("Metadata", 5, "topics=[(name=orders)]")
    assert "cluster_id=" in metadata.answer
    assert metadata.bytes_in > 0 < metadata.bytes_out
    assert metadata.latency_ms is not None
    assert heartbeat.summary == "group_id=billing generation_id=4 member_id=m-1"
    assert heartbeat.answer in ("error_code=NOT_COORDINATOR", "error_code=UNKNOWN_MEMBER_ID")


async def test_nothing_is_kept_of_a_client_that_nobody_watches(lab: Cluster, peer: Peer, listening: Look) -> None:
    await ask_for_metadata(peer)
    [connection] = listening().connections
    lab.watch_client(connection.number)
    await ask_for_metadata(peer)
    lab.watch_client(None)
    await ask_for_metadata(peer)
    assert (listening().watched, listening().requests) == (None, ())


async def test_topics_are_told_by_name_where_they_are_asked_for_by_id_and_what_goes_without_saying_is_not_said(
    lab: Cluster, peer: Peer, listening: Look
) -> None:
    await ask_for_metadata(peer)
    [connection] = listening().connections
    lab.watch_client(connection.number)
    await produce(lab, peer, 13, batch(b"one"))
    await fetch(lab, peer, 16, 0)
    produced, fetched = listening().requests
    assert produced.summary.startswith("acks=-1 orders-0: ")
    assert produced.answer == "orders-0: at 0"
    assert fetched.summary == (
        "max_wait=0 min_bytes=1 max_bytes=2147483647 isolation_level=0 session_epoch=-1 "
        "topics=[(topic=orders partitions=[(partition=0 fetch_offset=0 partition_max_bytes=1048576)])]"
    )
    assert fetched.answer.startswith("orders-0: 1 batch from 0, ")


def test_an_id_of_no_topic_is_told_as_kafka_writes_ids() -> None:
    assert summary.line({"topics": [{"topic_id": bytes(15) + b"\1"}]}, {}) == "topics=[(topic=AAAAAAAAAAAAAAAAAAAAAQ)]"


async def test_a_client_is_watched_on_all_its_connections_those_to_come_too(
    lab: Cluster, peer: Peer, listening: Look
) -> None:
    second, other = await Peer.connect(lab, 2), await Peer.connect(lab, 3)
    other.client_id = b"somebody else"
    for each in (peer, second, other):
        await ask_for_metadata(each)
    first, *_ = listening().connections
    lab.watch_client(first.number)
    third = await Peer.connect(lab, 3)
    for each in (other, third, second):
        await ask_for_metadata(each)
    seen = listening()
    assert seen.watched is not None
    assert len(seen.watched.connections) == 3
    assert [request.broker_id for request in seen.requests] == [3, 2]
    for each in (second, other, third):
        await each.close()


async def test_one_connection_of_a_client_is_watched_alone(lab: Cluster, peer: Peer, listening: Look) -> None:
    second = await Peer.connect(lab, 2)
    for each in (peer, second):
        await ask_for_metadata(each)
    first, _ = listening().connections
    lab.watch_client(first.number, alone=True)
    for each in (second, peer):
        await ask_for_metadata(each)
    assert listening().watched == WatchedView("peer", True, (first.number,))
    assert len(listening().requests) == 1
    await second.close()


async def test_clients_without_an_id_are_watched_each_alone(lab: Cluster, peer: Peer, listening: Look) -> None:
    peer.client_id, second = b"", await Peer.connect(lab, 2)
    second.client_id = b""
    for each in (peer, second):
        await ask_for_metadata(each)
    first, _ = listening().connections
    lab.watch_client(first.number)
    for each in (second, peer):
        await ask_for_metadata(each)
    assert listening().watched == WatchedView("", True, (first.number,))
    assert len(listening().requests) == 1
    await second.close()


async def test_who_goes_is_shown_no_more(lab: Cluster, peer: Peer, listening: Look) -> None:
    await ask_for_metadata(peer)
    other = await Peer.connect(lab)
    await other.ask(18, 0)
    assert len(listening().connections) == 2
    await lab.stop_listening()
    assert await other.is_closed()
    await other.close()
    assert lab.snapshot().listening is None
