"""How much a Fetch brings (KIP-74), what a session remembers (KIP-227), and when it is answered, byte by byte."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from engine.cluster import Cluster
from engine.records import split_batches
from engine.types import TopicPartition
from tests.wire.clients.members import until
from tests.wire.conftest import TP
from tests.wire.peer import Peer
from tests.wire.test_records import batch, fetch, produce


@pytest.fixture
async def alone(lab: Cluster) -> AsyncIterator[Peer]:
    """Somebody at the only broker that holds `orders`, which has three partitions."""
    await lab.create_topic("orders", partitions=3, replication_factor=3)
    for number in range(3):
        await lab.controller.reassign(TopicPartition("orders", number), (1,))
    await until(lab, lambda: all(p.replicas == (1,) for p in lab.controller.topics["orders"].partitions))
    await until(lab, lambda: all(p.leader == 1 for p in lab.controller.topics["orders"].partitions))
    opened = await Peer.connect(lab, 1)
    yield opened
    await opened.close()


@pytest.mark.parametrize("limits", [{"max_bytes": 0}, {"max_bytes": 10}, {"partition_max_bytes": 0}])
async def test_a_batch_larger_than_every_limit_is_fetched_all_the_same_and_the_others_wait(
    lab: Cluster, alone: Peer, limits: dict[str, Any]
) -> None:
    for number in (1, 2):
        for value in (b"one", b"two"):
            await produce(lab, alone, 9, batch(value), partition=number)
    answer = await fetch(lab, alone, 12, partitions=3, **limits)
    found = [bytes(each.records or b"") for each in answer.responses[0].partitions]
    assert [len(split_batches(records)) for records in found] == [0, 1, 0]


async def test_a_partition_gives_as_many_batches_as_fit_and_the_next_none_that_does_not(
    lab: Cluster, alone: Peer
) -> None:
    for number in range(3):
        for value in (b"one", b"two"):
            await produce(lab, alone, 9, batch(value), partition=number)
    size = len(batch(b"one"))
    answer = await fetch(lab, alone, 12, partitions=3, max_bytes=3 * size + 1)
    found = [bytes(each.records or b"") for each in answer.responses[0].partitions]
    assert [len(split_batches(records)) for records in found] == [2, 1, 0]


async def test_more_than_may_be_sent_is_not_waited_for(lab: Cluster, peer: Peer) -> None:
    await produce(lab, peer, 9, batch(b"one"))
    answer = await asyncio.wait_for(fetch(lab, peer, 12, wait_ms=3_600_000, min_bytes=1 << 20, max_bytes=50), 30)
    assert answer.responses[0].partitions[0].records


# Sessions


async def test_a_session_tells_only_what_has_changed(lab: Cluster, peer: Peer) -> None:
    await produce(lab, peer, 8, batch(b"one"))
    full = await fetch(lab, peer, 12, 0, session=(0, 0))
    assert full.session_id > 0
    assert full.responses[0].partitions[0].high_watermark == 1
    quiet = await fetch(lab, peer, 12, 1, session=(full.session_id, 1))
    assert quiet.responses == ()
    await produce(lab, peer, 8, batch(b"two"))
    news = await fetch(lab, peer, 12, session=(full.session_id, 2), named=False)
    assert news.responses[0].partitions[0].high_watermark == 2


async def test_a_session_that_is_not_known_or_out_of_step_is_refused(lab: Cluster, peer: Peer) -> None:
    assert (await fetch(lab, peer, 12, session=(99, 1))).error_code.name == "fetch_session_id_not_found"
    known = await fetch(lab, peer, 12, session=(0, 0))
    wrong = await fetch(lab, peer, 12, session=(known.session_id, 5))
    assert wrong.error_code.name == "invalid_fetch_session_epoch"


async def test_a_fetch_that_waits_is_answered_as_soon_as_there_is_a_record(lab: Cluster, peer: Peer) -> None:
    waiting = asyncio.create_task(fetch(lab, peer, 12, wait_ms=60_000))
    other = await Peer.connect(lab, lab.nodes.leader(TP).broker_id)
    await produce(lab, other, 9, batch(b"at last"))
    [found] = (await asyncio.wait_for(waiting, 30)).responses[0].partitions
    assert found.high_watermark == 1
    await other.close()


async def test_whose_log_has_parted_from_the_leaders_is_told_at_once(lab: Cluster, peer: Peer) -> None:
    await produce(lab, peer, 9, batch(b"one"))
    old = lab.nodes.leader(TP)
    epoch = old.state.leader_epoch
    await lab.faults.stop(old.broker_id)
    await until(lab, lambda: lab.nodes.leader(TP) is not old)
    other = await Peer.connect(lab, lab.nodes.leader(TP).broker_id)
    await produce(lab, other, 9, batch(b"two"))
    answer = await asyncio.wait_for(fetch(lab, other, 12, 2, wait_ms=3_600_000, last_fetched_epoch=epoch), 30)
    told = answer.responses[0].partitions[0].diverging_epoch
    assert (told.epoch, told.end_offset) == (epoch, 1)
    await other.close()
