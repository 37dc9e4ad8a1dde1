"""A disk that is really full: what could not be stored is told, and done once there is room."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import KafkaStorageError
from engine.types import TopicPartition

TP = TopicPartition("orders", 0)
Disk = Callable[[bool], None]


@pytest.fixture
def full(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Fills the disk of the lab's own file, and makes room on it."""

    async def no_room(*_: object) -> None:
        raise KafkaStorageError("The disk is full: cluster.db cannot grow.")

    def fill(yes: bool) -> None:
        for verb in ("put_topic", "put_settings"):
            if yes:
                monkeypatch.setattr(cluster._store, verb, no_room)
            else:
                monkeypatch.delattr(cluster._store, verb)

    yield fill
    monkeypatch.undo()


def _told(cluster: Cluster) -> int:
    return sum("could not store what it decided" in event.sentence() for event in cluster.events.last(100))


async def test_others_lead_what_a_dead_broker_led_as_soon_as_that_can_be_stored(
    cluster: Cluster, clock: ManualClock, full: Disk
) -> None:
    await cluster.create_topic("orders", replication_factor=3)
    await clock.advance(2_000)
    leader = cluster.nodes.leader(TP).broker_id
    full(True)
    await cluster.faults.crash(leader)
    await clock.advance(15_000)
    assert cluster.controller.state_of(TP).leader == leader
    assert _told(cluster) == 1
    full(False)
    await clock.advance(1_000)
    assert cluster.controller.state_of(TP).leader not in (None, leader)


async def test_a_broker_that_comes_back_leads_what_nobody_led_as_soon_as_that_can_be_stored(
    cluster: Cluster, clock: ManualClock, full: Disk
) -> None:
    await cluster.create_topic("orders")
    leader = cluster.nodes.leader(TP).broker_id
    await clock.complete(cluster.faults.stop(leader))
    full(True)
    await clock.complete(cluster.faults.start(leader))
    await clock.advance(5_000)
    assert cluster.controller.state_of(TP).leader is None
    full(False)
    await clock.advance(1_000)
    assert cluster.controller.state_of(TP).leader == leader


async def test_leaders_go_back_to_where_they_belong_though_it_could_not_be_stored_once(
    cluster: Cluster, clock: ManualClock, full: Disk
) -> None:
    await cluster.create_topic("orders", replication_factor=3)
    preferred = cluster.nodes.leader(TP).broker_id
    await clock.complete(cluster.faults.stop(preferred))
    await clock.complete(cluster.faults.start(preferred))
    await clock.advance(250_000)
    full(True)
    await clock.advance(100_000)
    assert cluster.controller.state_of(TP).leader != preferred
    full(False)
    await clock.advance(300_000)
    assert cluster.controller.state_of(TP).leader == preferred


async def test_no_producer_id_is_given_that_was_not_reserved(cluster: Cluster, full: Disk) -> None:
    full(True)
    with pytest.raises(KafkaStorageError):
        await cluster.controller.next_producer_id()
    full(False)
    given = await cluster.controller.next_producer_id()
    assert cluster._store is not None
    assert (await cluster._store.settings())["producer_ids"] > given
