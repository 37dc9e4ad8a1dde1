"""Clients that lie, stall, vanish or crowd in: each is answered or dropped with one line, and disturbs nobody."""

from __future__ import annotations

import asyncio
import resource
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from engine.cluster import Cluster
from engine.config import BrokerConfig
from engine.errors import RefusedError
from engine.snapshot import ListeningView
from tests.wire.clients.members import until
from tests.wire.conftest import TP
from tests.wire.peer import Peer
from tests.wire.test_records import batch, fetch, produce

API_VERSIONS, METADATA, JOIN_GROUP = 18, 3, 11


@asynccontextmanager
async def lab_with(**settings: Any) -> AsyncIterator[Cluster]:
    async with Cluster.open(None, brokers=1, inline_storage=True, seed=7, config=BrokerConfig(**settings)) as lab:
        await lab.create_topic("orders", partitions=1)
        await lab.listen(port=0)
        yield lab


def said(lab: Cluster) -> list[str]:
    """What the log says of clients."""
    return [event.sentence() for event in lab.events.last(100) if event.subject == "listener"][1:]


@pytest.mark.parametrize(
    ("bytes_", "why"),
    [
        (struct.pack(">i", 2**31 - 1), "says it has 2,147,483,647 bytes"),
        (struct.pack(">i", -5), "says it has -5 bytes"),
        (b"GET / HTTP/1.1\r\n\r\n", "says it has 1,195,725,856 bytes"),
        (struct.pack(">ihhih", 10, 999, 0, 1, -1), "a request of kind 999, which is not served"),
        (struct.pack(">ihhih", 10, METADATA, 99, 1, -1), "Metadata v99; versions 0 to 13 are served"),
        (struct.pack(">ihhih", 10, 28, 5, 1, -1), "TxnOffsetCommit v5; versions 0 to 4 are served"),
        (struct.pack(">ihhihi", 14, METADATA, 1, 1, -1, 1 << 30), "an array says it has 1073741824 elements"),
        (struct.pack(">ihhihi", 14, METADATA, 1, 1, -1, 2), "an array says it has 2 elements"),
        (struct.pack(">ihh", 4, METADATA, 1), "it ends after 4 bytes"),
        (struct.pack(">ihhih", 10, METADATA, 1, 1, 500), "a field says it has 500 bytes"),
    ],
    ids=["too long", "negative", "http", "unknown kind", "unknown version", "no place for an error",
         "array of a billion", "array too long", "half a header", "string too long"],
)  # fmt: skip
async def test_what_cannot_be_read_ends_the_connection_with_one_line(
    lab: Cluster, peer: Peer, bytes_: bytes, why: str
) -> None:
    liar = await Peer.connect(lab)
    liar.writer.write(bytes_)
    assert await liar.is_closed()
    await liar.close()
    [line] = said(lab)
    assert why in line
    assert line.startswith(("A client at 127.0.0.1:", "peer at 127.0.0.1:"))
    assert (await peer.ask(API_VERSIONS, 0)).error_code == 0, "nobody else is disturbed"


async def test_a_length_that_promises_much_takes_no_memory_for_it(lab: Cluster, peer: Peer) -> None:
    [connection] = lab._listening._listener.connections() if lab._listening._listener else []
    peer.writer.write(struct.pack(">i", 100_000_000) + bytes(70_000))
    await peer.writer.drain()
    await until(lab, lambda: connection.bytes_in >= 70_004)
    assert len(connection.get_buffer(0)) <= 2 << 20


async def test_a_frame_that_comes_byte_by_byte_is_answered_like_any_other(peer: Peer) -> None:
    frame = struct.pack(">ihhih", 10, API_VERSIONS, 0, 1, -1)
    for byte in frame:
        peer.writer.write(bytes((byte,)))
        await peer.writer.drain()
        await asyncio.sleep(0)
    assert (await peer.answer(API_VERSIONS, 0)).error_code == 0


async def test_many_requests_sent_at_once_are_answered_in_their_order(lab: Cluster, peer: Peer) -> None:
    for number in range(60):
        if number % 3:
            peer.say(API_VERSIONS, 0)
        else:
            data = peer.part(0, 8, "PartitionProduceData", index=0, records=batch(b"%d" % number))
            topic = peer.part(0, 8, "TopicProduceData", name="orders", partition_data=(data,))
            peer.say(0, 8, transactional_id=None, acks=-1, timeout=peer.ms(5_000), topic_data=(topic,))
    order = [struct.unpack(">i", (await peer.frame_raw())[:4])[0] for _ in range(60)]
    assert order == list(range(1, 61))
    records = await lab.nodes.leader(TP).log.read(0, 1 << 20)
    assert len(records) == 20


async def test_a_client_that_is_silent_for_too_long_is_closed_without_a_word() -> None:
    async with lab_with(connections_max_idle_ms=100) as lab:
        peer = await Peer.connect(lab)
        await peer.ask(API_VERSIONS, 0)
        assert await peer.is_closed()
        await peer.close()
        assert said(lab) == []


async def test_a_request_that_never_becomes_whole_is_closed_with_a_line() -> None:
    async with lab_with(connections_max_idle_ms=100) as lab:
        peer = await Peer.connect(lab)
        peer.writer.write(struct.pack(">i", 100) + b"the beginning")
        assert await peer.is_closed()
        await peer.close()
        assert "did not become whole in time" in said(lab)[0]


async def test_a_client_more_than_may_be_is_turned_away_and_the_others_stay() -> None:
    async with lab_with(max_connections=2) as lab, AsyncExitStack() as peers:
        first, second, third = [await Peer.connect(lab) for _ in range(3)]
        for peer in (first, second, third):
            peers.push_async_callback(peer.close)
        assert await third.is_closed()
        assert (await first.ask(API_VERSIONS, 0)).error_code == 0
        assert (await second.ask(API_VERSIONS, 0)).error_code == 0
        assert "has 2 connections, as many as max.connections allows" in said(lab)[0]


async def test_a_thousand_idle_connections_keep_nobody_from_working() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4_096), hard))
    try:
        async with lab_with() as lab, AsyncExitStack() as peers:
            for _ in range(1_000):
                peers.push_async_callback((await Peer.connect(lab)).close)
            busy = await Peer.connect(lab)
            peers.push_async_callback(busy.close)
            assert (await produce(lab, busy, 9, batch(b"through"))).error_code == 0
            listening = lab.snapshot().listening
            assert listening is not None
            assert len(listening.connections) == 1_001
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_who_never_reads_is_served_no_more_than_fits_and_holds_up_nobody(lab: Cluster, peer: Peer) -> None:
    for _ in range(8):
        await produce(lab, peer, 9, batch(bytes(900_000)))
    deaf = await Peer.connect(lab, lab.nodes.leader(TP).broker_id)
    for _ in range(100):
        one = deaf.part(1, 4, "FetchPartition", partition=0, fetch_offset=0, partition_max_bytes=8_000_000)
        topic = deaf.part(1, 4, "FetchTopic", topic="orders", partitions=(one,))
        deaf.say(1, 4, replica_id=-1, max_wait=deaf.ms(0), min_bytes=1, topics=(topic,))
    assert (await fetch(lab, peer, 12)).responses[0].partitions[0].high_watermark == 8
    assert lab._listening._listener is not None
    connection = lab._listening._listener.connections()[-1]
    await until(lab, lambda: connection.requests >= 1)
    for _ in range(60):  # time enough to serve it everything
        assert (await fetch(lab, peer, 12)).error_code == 0
    assert connection.requests < 20, "it is served no more before it has read what there is"
    deaf.writer.transport.abort()


async def test_who_vanishes_in_the_middle_of_joining_is_dropped_when_its_session_ends(lab: Cluster, peer: Peer) -> None:
    coordinator = (await peer.ask(10, 3, key="billing", key_type=0)).node_id

    async def join(who: Peer) -> None:
        protocol = who.part(JOIN_GROUP, 3, "JoinGroupRequestProtocol", name="range", metadata=b"\0\0\0\0\0\0\0\0\0\0")
        who.say(
            JOIN_GROUP,
            3,
            group_id="billing",
            session_timeout=who.ms(1_000),
            rebalance_timeout=who.ms(1_000),
            member_id="",
            protocol_type="consumer",
            protocols=(protocol,),
        )

    vanishing, staying = await Peer.connect(lab, coordinator), await Peer.connect(lab, coordinator)
    await join(vanishing)
    first = await vanishing.answer(JOIN_GROUP, 3)
    await join(staying)
    vanishing.writer.transport.abort()
    answer = await staying.answer(JOIN_GROUP, 3)
    assert answer.error_code == 0
    assert answer.generation_id > first.generation_id
    assert [member.member_id for member in answer.members] == [answer.member_id]
    await staying.close()


async def test_a_crowd_of_liars_leaves_a_few_lines(lab: Cluster, peer: Peer) -> None:
    for _ in range(30):
        liar = await Peer.connect(lab)
        liar.frame(b"\xff" * 20)
        assert await liar.is_closed()
        await liar.close()
    assert len([line for line in said(lab) if "disconnected" in line]) < 30


# Brokers that come and go


async def test_a_crash_closes_the_port_and_drops_its_connections_and_a_start_opens_the_same_port(
    lab: Cluster, listening: Callable[[], ListeningView]
) -> None:
    before = listening().addresses
    at_2, at_1 = await Peer.connect(lab, 2), await Peer.connect(lab, 1)
    await lab.faults.crash(2)
    assert await at_2.is_closed()
    assert [address.open for address in listening().addresses] == [True, False, True]
    with pytest.raises(ConnectionError):
        await Peer.connect(lab, 2)
    assert (await at_1.ask(API_VERSIONS, 0)).error_code == 0
    await lab.faults.start(2)
    await until(lab, lambda: listening().addresses == before)
    again = await Peer.connect(lab, 2)
    assert (await again.ask(API_VERSIONS, 0)).error_code == 0
    for peer in (at_1, at_2, again):
        await peer.close()


async def test_a_lab_that_stopped_listening_can_listen_there_again() -> None:
    async with lab_with() as lab:
        view = lab.snapshot().listening
        assert view is not None
        peer = await Peer.connect(lab)
        await lab.stop_listening()
        await lab.stop_listening()
        assert await peer.is_closed()
        await peer.close()
        with pytest.raises(ConnectionError):
            await asyncio.open_connection("127.0.0.1", view.addresses[0].port)
        await lab.listen(port=view.addresses[0].port)
        again = lab.snapshot().listening
        assert again is not None
        assert again.addresses == view.addresses
        with pytest.raises(RefusedError, match="listens already"):
            await lab.listen(port=0)


async def test_who_asks_twice_at_once_to_listen_is_refused_the_second_time() -> None:
    async with Cluster.open(None, brokers=1, seed=7) as lab:
        done = await asyncio.gather(lab.listen(port=0), lab.listen(port=0), return_exceptions=True)
        assert [type(each) for each in done] == [type(None), RefusedError]


async def test_a_broker_that_starts_dies_and_starts_while_its_port_opens_has_one_port_and_nobody_complains() -> None:
    async with lab_with() as lab:
        listener = lab._listening._listener
        assert listener is not None
        for answers in (False, True, False, True):
            listener._node_changed(1, answers)
        await until(lab, lambda: listener.view().addresses[0].open)
        peer = await Peer.connect(lab)
        assert (await peer.ask(API_VERSIONS, 0)).error_code == 0
        await peer.close()
        assert said(lab) == []


async def test_a_lab_whose_broker_is_down_opens_that_port_when_the_broker_starts() -> None:
    async with Cluster.open(None, brokers=2, seed=7) as lab:
        await lab.faults.stop(2)
        await lab.listen(port=0)

        def open_ports() -> list[bool]:
            view = lab.snapshot().listening
            assert view is not None
            return [address.open for address in view.addresses]

        assert open_ports() == [True, False]
        await lab.faults.start(2)
        await until(lab, lambda: open_ports() == [True, True])
