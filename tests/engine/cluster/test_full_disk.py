"""A disk that is really full: what could not be stored is told, and done once there is room."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

import pytest

from engine.broker.coordinator_log import CoordinatorLog
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import KafkaStorageError
from engine.storage.store import BrokerStore
from engine.types import TopicPartition
from tests.engine.replicas.batches import batch_of

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


async def _no_room(*_: object) -> None:
    raise KafkaStorageError("The disk is full: broker-2.db cannot grow.")


async def _sqlite_full() -> None:
    raise sqlite3.OperationalError("database or disk is full")


def _coordinated(cluster: Cluster) -> list[int]:
    shards = [shard for broker in cluster.nodes.alive.values() for shard in broker.coordinator._shards]
    return sorted(shard.partition for shard in shards if not shard.loading)


async def _leader_of_a_new_topic(cluster: Cluster, clock: ManualClock) -> int:
    await cluster.create_topic("orders", replication_factor=3)
    await clock.advance(2_000)
    return cluster.nodes.leader(TP).broker_id


def _told(cluster: Cluster) -> int:
    return sum("could not store what it decided" in event.sentence() for event in cluster.events.last(100))


async def test_others_lead_what_a_dead_broker_led_as_soon_as_that_can_be_stored(
    cluster: Cluster, clock: ManualClock, full: Disk
) -> None:
    leader = await _leader_of_a_new_topic(cluster, clock)
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


async def test_a_broker_that_has_no_room_for_a_new_log_goes_on_with_the_others_and_makes_it_later(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = cluster.nodes.alive[2].store
    with monkeypatch.context() as disk:
        disk.setattr(store, "create_logs", _no_room)
        await clock.complete(cluster.create_topic("orders", replication_factor=3))
        await clock.advance(5_000)
        assert TP not in cluster.nodes.alive[2].partitions
        assert TP in cluster.nodes.alive[3].partitions
        told = [event.sentence() for event in cluster.events.last(50)]
        assert sum("Broker 2 cannot do with orders-0" in sentence for sentence in told) == 1
    await clock.advance(15_000)
    assert TP in cluster.nodes.alive[2].partitions
    assert cluster.controller.state_of(TP).isr == (1, 2, 3)


async def test_a_coordinator_that_had_no_room_for_its_log_coordinates_once_it_has(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = BrokerStore.create_log

    async def room_for_some(self: BrokerStore, tp: TopicPartition, topic_id: bytes) -> object:
        return await (_no_room() if tp.partition % 5 == 4 else create(self, tp, topic_id))

    with monkeypatch.context() as disk:
        disk.setattr(BrokerStore, "create_log", room_for_some)
        await clock.complete(cluster.controller.ensure_offsets_topic())
    await clock.advance(5_000)
    loaded = [shard.partition for broker in cluster.nodes.alive.values() for shard in broker.coordinator._shards]
    assert sorted(loaded) == list(range(50))


async def test_a_log_that_could_not_be_deleted_is_deleted_later_and_not_taken_for_the_next(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await cluster.create_topic("orders")
    leader = cluster.nodes.leader(TP)
    await clock.complete(leader.append(batch_of(b"of the topic that was"), acks=1))
    store = cluster.nodes.alive[leader.broker_id].store
    with monkeypatch.context() as disk:
        disk.setattr(store._writer._connection, "commit", _sqlite_full)
        await clock.complete(cluster.delete_topic("orders"))
        assert TP in store.logs()
    await clock.advance(3_000)
    assert TP not in store.logs()
    await clock.complete(cluster.create_topic("orders"))
    assert (await clock.complete(cluster.nodes.leader(TP).append(batch_of(b"v"), acks=1))).base_offset == 0


async def test_a_broker_that_stops_while_that_cannot_be_stored_is_followed_by_others_as_soon_as_it_can(
    cluster: Cluster, clock: ManualClock, full: Disk
) -> None:
    leader = await _leader_of_a_new_topic(cluster, clock)
    full(True)
    await clock.complete(cluster.faults.stop(leader))
    assert cluster.controller.state_of(TP).leader == leader
    full(False)
    await clock.advance(1_000)
    assert cluster.controller.state_of(TP).leader not in (None, leader)


async def test_a_broker_that_comes_back_counts_as_out_of_sync_though_that_could_not_be_stored_at_first(
    cluster: Cluster, clock: ManualClock, full: Disk
) -> None:
    leader = await _leader_of_a_new_topic(cluster, clock)
    full(True)
    await cluster.faults.crash(leader)
    await cluster.faults.delete_file(leader)
    await clock.advance(9_000)
    await clock.complete(cluster.faults.start(leader))
    await clock.advance(3_000)
    assert leader not in cluster.network.reachable()
    full(False)
    await clock.advance(3_000)
    assert leader in cluster.network.reachable()
    assert cluster.controller.state_of(TP).leader != leader


async def test_groups_whose_log_could_not_be_read_are_coordinated_once_it_can(
    cluster: Cluster, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(*_: object) -> None:
        raise KafkaStorageError("broker-1.db could not be used.")

    with monkeypatch.context() as disk:
        disk.setattr(CoordinatorLog, "read", unreadable)
        await clock.complete(cluster.controller.ensure_offsets_topic())
        await clock.advance(5_000)
        assert _coordinated(cluster) == []
        told = [event.sentence() for event in cluster.events.last(200)]
        assert "Broker 1 cannot coordinate what __consumer_offsets-0 holds. broker-1.db could not be used." in told
    await clock.advance(2_000)
    assert _coordinated(cluster) == list(range(50))
