"""Faults on purpose, and what they lead to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from math import inf, nan
from typing import Any

import pytest

from engine.clients.producer import Producer
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.cluster.faults import Faults
from engine.errors import KafkaStorageError, NetworkError, RefusedError
from engine.messages import (
    AlteredPartition,
    AlterPartitionRequest,
    AlterPartitionResponse,
    FetchRequest,
    ProduceRequest,
    ReadMetadataRequest,
)
from engine.network import CONTROLLER
from engine.types import ClientInfo, TopicPartition
from tests.engine.replicas.batches import batch_of

TP = TopicPartition("orders", 0)


async def _producer(cluster: Cluster, clock: ManualClock, **options: object) -> Producer:
    producer = cluster.producer(**options)
    await clock.complete(producer.start())
    return producer


async def _values(cluster: Cluster) -> list[bytes | None]:
    return [row.record.value for row in (await cluster.browser.read(TP, 0)).rows]


@pytest.mark.parametrize(("idempotent", "copies"), [(True, 1), (False, 3)])
async def test_a_lost_acknowledgement_repeats_a_record_only_without_idempotence(
    cluster: Cluster, clock: ManualClock, idempotent: bool, copies: int
) -> None:
    await cluster.create_topic("orders")
    producer = await _producer(cluster, clock, enable_idempotence=idempotent)
    cluster.faults.lose(ProduceRequest, answers=True, times=2)
    meta = await clock.complete(producer.send_and_wait("orders", b"once?"))
    await clock.complete(producer.send_and_wait("orders", b"next"))
    assert await _values(cluster) == [b"once?"] * copies + [b"next"]
    assert meta.offset == copies - 1
    assert cluster.faults.rules == ()
    await clock.complete(producer.stop())


async def test_a_lost_request_is_sent_again(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    producer = await _producer(cluster, clock)
    cluster.faults.lose(ProduceRequest, times=3)
    await clock.complete(producer.send_and_wait("orders", b"v"))
    assert await _values(cluster) == [b"v"]
    await clock.complete(producer.stop())


async def test_a_late_request_is_not_overtaken_by_the_next_of_its_client(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    producer = await _producer(cluster, clock, enable_idempotence=False, max_batch_size=1)
    other = await _producer(cluster, clock)
    rule = cluster.faults.delay(300, ProduceRequest)
    late = await producer.send("orders", b"late")
    await clock.settle()
    cluster.faults.end(rule)
    next_ = await producer.send("orders", b"next")
    await clock.settle()
    assert (await clock.complete(other.send_and_wait("orders", b"of another"), 0)).offset == 0
    await clock.advance(299)
    assert not late.done()
    assert not next_.done()
    await clock.complete(producer.stop())
    assert await _values(cluster) == [b"of another", b"late", b"next"]
    await clock.complete(other.stop())


async def test_a_new_leader_knows_the_producers_of_the_old_one(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", replication_factor=3)
    await clock.advance(2_000)
    producer = await _producer(cluster, clock)
    await clock.complete(producer.send_and_wait("orders", b"first"))
    leader = cluster.describe_topic("orders").partitions[0].leader
    assert leader is not None
    cluster.faults.lose(ProduceRequest, answers=True, times=1)
    sending = await producer.send("orders", b"second")
    await clock.settle()
    await cluster.faults.crash(leader)
    await clock.complete(sending)
    assert await _values(cluster) == [b"first", b"second"]
    await clock.complete(producer.stop())


async def test_a_slow_disk_makes_every_write_wait(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    producer = await _producer(cluster, clock)
    cluster.faults.slow_disk(1, 400)
    began = clock.now_ms()
    await clock.complete(producer.send_and_wait("orders", b"v"))
    assert clock.now_ms() - began == 400
    await clock.complete(producer.stop())


async def test_writes_keep_their_order_though_the_disk_becomes_faster(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    leader = cluster.nodes.leader(TP)
    cluster.faults.slow_disk(1, 400)
    writing = [asyncio.ensure_future(leader.append(batch_of(b"slow")))]
    await clock.settle()
    for ms in (100, 0):
        cluster.faults.slow_disk(1, ms)
        writing.append(asyncio.ensure_future(leader.append(batch_of(b"%d" % ms))))
        await clock.settle()
    await clock.complete(asyncio.gather(*writing))
    assert await _values(cluster) == [b"slow", b"100", b"0"]
    began = clock.now_ms()
    await clock.complete(leader.append(batch_of(b"at once")))
    assert clock.now_ms() == began


async def test_a_full_disk_refuses_until_there_is_room(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    cluster.faults.fill_disk(1)
    with pytest.raises(KafkaStorageError, match=r"disk is full: .* until some space is freed"):
        await cluster.nodes.leader(TP).append(batch_of(b"v"))
    producer = await _producer(cluster, clock)
    sending = await producer.send("orders", b"later")
    await clock.advance(5_000)
    assert not sending.done()
    cluster.faults.free_disk(1)
    await clock.complete(sending)
    assert await _values(cluster) == [b"later"]
    await clock.complete(producer.stop())


async def test_a_broker_that_is_cut_off_loses_what_it_took_with_acks_1(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders", replication_factor=3)
    await clock.advance(2_000)
    leader = cluster.describe_topic("orders").partitions[0].leader
    assert leader is not None
    cluster.faults.isolate(leader)
    lost = await cluster.nodes.alive[leader].partitions[TP].append(batch_of(b"lost"), acks=1)
    assert lost.base_offset == 0
    await clock.advance(12_000)
    assert cluster.describe_topic("orders").partitions[0].leader not in (None, leader)
    cluster.faults.rejoin(leader)
    await clock.advance(12_000)
    assert await _values(cluster) == []
    assert leader in cluster.describe_topic("orders").partitions[0].isr


async def test_faults_on_what_is_not_there_are_refused(cluster: Cluster) -> None:
    with pytest.raises(RefusedError, match="no broker 7"):
        await cluster.faults.crash(7)
    await cluster.faults.crash(1)
    with pytest.raises(RefusedError, match="down already"):
        await cluster.faults.crash(1)
    with pytest.raises(RefusedError, match="running already"):
        await cluster.faults.start(2)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda faults: faults.lose(share=nan),
        lambda faults: faults.lose(share=0),
        lambda faults: faults.lose(share=2),
        lambda faults: faults.lose(times=0),
        lambda faults: faults.delay(0),
        lambda faults: faults.delay(inf),
        lambda faults: faults.delay(nan),
        lambda faults: faults.delay(5, share=-1),
        lambda faults: faults.lose_answers(1, 1.5),
        lambda faults: faults.lose_answers(1, nan),
        lambda faults: faults.slow_disk(1, -1),
        lambda faults: faults.slow_disk(1, inf),
        lambda faults: faults.slow_disk(CONTROLLER, 5),
        lambda faults: faults.fill_disk(CONTROLLER),
        lambda faults: faults.isolate(CONTROLLER),
        lambda faults: faults.heal(1, 7),
    ],
)
async def test_faults_that_make_no_sense_are_refused_and_nothing_is_done(
    cluster: Cluster, wrong: Callable[[Faults], object]
) -> None:
    with pytest.raises(RefusedError):
        wrong(cluster.faults)
    assert cluster.faults.rules == ()
    assert cluster.faults.cuts() == ()
    assert not any(broker.slow_ms or broker.full for broker in cluster.snapshot().brokers)


async def test_a_broker_whose_answers_to_producers_are_lost_shows_it_until_it_is_put_right(cluster: Cluster) -> None:
    cluster.faults.lose_answers(2, 0.5)
    assert [broker.lost_answers for broker in cluster.snapshot().brokers] == [0, 0.5, 0]
    assert "50% of answers to Produce to broker 2 are lost" in cluster.events.last(1)[0].sentence()
    cluster.faults.lose_answers(2, 0)
    assert cluster.faults.rules == ()
    assert not any(broker.lost_answers for broker in cluster.snapshot().brokers)
    cluster.faults.lose(node=CONTROLLER)
    assert "100% of all requests to the controller are lost" in cluster.events.last(1)[0].sentence()


async def test_a_client_that_found_no_broker_can_be_started_again(cluster: Cluster, clock: ManualClock) -> None:
    await cluster.create_topic("orders")
    producer = cluster.producer()
    consumer = cluster.consumer("orders", group_id="readers", auto_offset_reset="earliest")
    for broker_id in (1, 2, 3):
        await clock.complete(cluster.faults.stop(broker_id))
    for start in (producer.start, consumer.start):
        with pytest.raises(NetworkError):
            await clock.complete(start())
    for broker_id in (1, 2, 3):
        await clock.complete(cluster.faults.start(broker_id))
    await clock.complete(producer.start())
    await clock.complete(consumer.start())
    await clock.complete(producer.send_and_wait("orders", b"v"))
    assert (await clock.complete(consumer.getone())).value == b"v"
    await clock.complete(producer.stop())
    await clock.complete(consumer.stop())


async def test_a_change_waits_no_longer_than_its_session_for_a_broker_that_is_not_heard(
    cluster: Cluster, clock: ManualClock
) -> None:
    cluster.faults.lose(source=3)
    await clock.complete(cluster.create_topic("orders", partitions=3))
    await clock.settle()
    leaders = [partition.leader for partition in cluster.describe_topic("orders").partitions]
    assert 3 not in leaders
    assert [broker.broker_id for broker in cluster.snapshot().brokers if broker.registered] == [1, 2]


async def test_a_change_waits_no_longer_for_a_broker_that_lives_and_does_not_come_to_read_of_it(
    cluster: Cluster, clock: ManualClock
) -> None:
    cluster.faults.lose(ReadMetadataRequest, source=3)
    await clock.complete(cluster.create_topic("first"), 10_000)
    await clock.complete(cluster.create_topic("second"), 10_000)
    assert 3 in cluster.controller.image.live


async def test_a_partition_whose_copying_fails_does_not_hurry_the_others_along(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.create_topic("orders", partitions=4, replication_factor=3)
    await clock.advance(2_000)
    leader = cluster.nodes.leader(TP)
    leader.state = replace(leader.state, leader_epoch=leader.state.leader_epoch + 1)  # its followers do not know yet
    asked: list[object] = []
    going = cluster.network.call

    async def call(client: ClientInfo, node: int, request: Any, **others: Any) -> Any:
        asked.append(request)
        assert len(asked) < 1_000, "asked for ever while no time passed"
        return await going(client, node, request, **others)

    cluster.network.call = call  # type: ignore[method-assign]
    await clock.advance(3_000)
    assert len([request for request in asked if isinstance(request, FetchRequest)]) < 120


async def test_a_replica_that_may_have_come_into_the_isr_counts_until_the_controller_is_heard_of(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.create_topic("orders", replication_factor=3, config={"min.insync.replicas": "2"})
    await clock.advance(2_000)
    leader = cluster.nodes.leader(TP)
    _, comes = (broker_id for broker_id in (1, 2, 3) if broker_id != leader.broker_id)
    await clock.complete(cluster.faults.stop(comes))
    await clock.complete(leader.append(batch_of(b"before")))

    async def agree_and_be_cut_off(client: ClientInfo, request: Any) -> Any:
        if isinstance(request, AlterPartitionRequest):
            cluster.faults.cut(CONTROLLER, leader.broker_id)
        return await cluster.controller.handle(client, request)

    cluster.network.attach(CONTROLLER, agree_and_be_cut_off)
    await clock.complete(cluster.faults.start(comes))
    await clock.until(lambda: comes in cluster.controller.state_of(TP).isr)
    assert comes not in leader.state.isr
    cluster.faults.cut(leader.broker_id, comes)
    appending = asyncio.ensure_future(leader.append(batch_of(b"not acknowledged without it"), timeout_ms=60_000))
    await clock.advance(25_000)
    assert leader.leads
    assert not appending.done()
    appending.cancel()


async def test_an_isr_that_the_controller_does_not_agree_to_is_not_asked_for_again_at_once(
    cluster: Cluster, clock: ManualClock
) -> None:
    await cluster.create_topic("orders", replication_factor=3)
    await clock.advance(2_000)
    comes = next(broker_id for broker_id in (1, 2, 3) if broker_id != cluster.nodes.leader(TP).broker_id)
    await clock.complete(cluster.faults.stop(comes))
    asked = 0

    async def disagree(client: ClientInfo, request: Any) -> Any:
        nonlocal asked
        if not isinstance(request, AlterPartitionRequest):
            return await cluster.controller.handle(client, request)
        asked += 1
        assert asked < 1_000, "asked for ever while no time passed"
        return AlterPartitionResponse(
            {tp: AlteredPartition(state=cluster.controller.state_of(tp)) for tp in request.partitions}
        )

    cluster.network.attach(CONTROLLER, disagree)
    await clock.complete(cluster.faults.start(comes))
    await clock.advance(5_000)
    assert 1 <= asked < 50
