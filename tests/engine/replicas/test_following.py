"""Where a follower's log parts from its leader's, and what it takes from whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from engine.clock import ManualClock
from engine.config import BrokerConfig, TopicConfig
from engine.errors import FencedLeaderEpochError, KafkaStorageError, OffsetOutOfRangeError, UnknownLeaderEpochError
from engine.messages import EpochEnd, FetchedPartition, FetchPosition, PartitionMetadata
from engine.records import BatchHeader, stamp
from engine.replicas.disk import Disk
from engine.replicas.partition import Partition
from engine.storage.store import BrokerStore
from engine.types import TopicPartition
from tests.engine.replicas.batches import batch_of

TP = TopicPartition("orders", 0)
Replica = Callable[[int], Awaitable[Partition]]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(0)


@pytest.fixture
async def replica(clock: ManualClock) -> AsyncIterator[Replica]:
    """Makes the copy of one broker."""
    stores: list[BrokerStore] = []

    async def make(broker_id: int) -> Partition:
        stores.append(await BrokerStore.open(None, clock, inline=True))
        log = await stores[-1].create_log(TP, bytes(16))
        return Partition(broker_id, log, Disk(clock), clock, BrokerConfig(), TopicConfig())

    yield make
    for store in stores:
        await store.close()


def _led(by: int, epoch: int) -> PartitionMetadata:
    return PartitionMetadata(0, by, epoch, (1, 2, 3), (1, 2, 3), partition_epoch=epoch)


def _lead(partition: Partition, epoch: int) -> None:
    partition.become(_led(partition.broker_id, epoch), TopicConfig())


def _follow(partition: Partition, leader: int, epoch: int) -> None:
    partition.become(_led(leader, epoch), TopicConfig())


def _copied(at: int, *values: bytes, epoch: int) -> FetchedPartition:
    return FetchedPartition(batches=(stamp(batch_of(*values), at, epoch),), high_watermark=0, log_start_offset=0)


async def _asked(leader: Partition, offset: int, epoch: int) -> FetchedPartition:
    position = FetchPosition(offset, 1 << 20, leader.state.leader_epoch, last_fetched_epoch=epoch)
    return await leader.fetch(position, 1 << 20, replica_id=3)


async def test_a_leader_knows_where_the_epoch_before_ended_though_it_has_appended_nothing_yet(replica: Replica) -> None:
    leader = await replica(1)
    _lead(leader, 4)
    await leader.append(batch_of(b"kept"), acks=1)
    _lead(leader, 6)
    assert (await _asked(leader, 3, epoch=4)).diverging == EpochEnd(leader_epoch=4, end_offset=1)
    assert (await _asked(leader, 1, epoch=5)).diverging == EpochEnd(leader_epoch=4, end_offset=1)
    assert (await _asked(leader, 1, epoch=4)).diverging is None


async def test_and_while_its_first_batch_is_only_on_its_way_to_disk(replica: Replica) -> None:
    leader = await replica(1)
    _lead(leader, 4)
    await leader.append(batch_of(b"kept"), acks=1)
    _lead(leader, 5)
    appending = asyncio.ensure_future(leader.append(batch_of(b"later", b"later too"), acks=1))
    await asyncio.sleep(0)
    assert (leader.log.flushed_offset, leader.log.log_end_offset) == (1, 3)
    assert (await _asked(leader, 3, epoch=4)).diverging == EpochEnd(leader_epoch=4, end_offset=1)
    await appending


async def test_what_a_follower_has_that_has_parted_counts_for_nothing(replica: Replica) -> None:
    leader = await replica(1)
    _lead(leader, 4)
    await leader.append(batch_of(b"1", b"2"), acks=1)
    _lead(leader, 6)
    await leader.append(batch_of(b"3"), acks=1)
    for broker_id in (2, 3):
        position = FetchPosition(3, 1 << 20, 6, last_fetched_epoch=4)
        assert (await leader.fetch(position, 1 << 20, replica_id=broker_id)).batches == ()
    assert leader.high_watermark == 0


async def test_a_follower_below_the_log_start_is_out_of_range_whatever_its_epoch(replica: Replica) -> None:
    leader = await replica(1)
    _lead(leader, 4)
    await leader.append(batch_of(b"1", b"2"), acks=1)
    await leader.log.delete_records(2)
    with pytest.raises(OffsetOutOfRangeError):
        await _asked(leader, 1, epoch=2)
    with pytest.raises(OffsetOutOfRangeError, match="has not come to leader epoch 9"):
        await _asked(leader, 2, epoch=9)


async def test_who_is_no_replica_is_told_to_ask_again(replica: Replica) -> None:
    leader = await replica(1)
    _lead(leader, 4)
    with pytest.raises(UnknownLeaderEpochError, match="Broker 7 is no replica"):
        await leader.fetch(FetchPosition(0), 1 << 20, replica_id=7)


async def test_what_an_older_leader_sent_is_not_stored_once_there_is_a_new_one(
    replica: Replica, clock: ManualClock
) -> None:
    follower = await replica(3)
    _follow(follower, 1, 4)
    follower._disk.delay_ms = 100
    taking = asyncio.ensure_future(follower.follow(_copied(0, b"of broker 1", epoch=4), 4))
    await clock.advance(50)
    _follow(follower, 2, 5)
    await clock.advance(100)
    with pytest.raises(FencedLeaderEpochError):
        await taking
    assert follower.log.log_end_offset == 0
    follower._disk.delay_ms = 0
    await follower.follow(_copied(0, b"of broker 2", epoch=5), 5)
    assert [BatchHeader.parse(each).leader_epoch for each in await follower.log.read(0, 1 << 20)] == [5]


async def test_an_epoch_that_began_and_has_no_records_is_forgotten_by_who_follows(replica: Replica) -> None:
    follower = await replica(3)
    _lead(follower, 4)
    await follower.append(batch_of(b"1"), acks=1)
    _lead(follower, 5)
    _follow(follower, 1, 6)
    assert follower.log.epochs.latest == 5
    await follower.truncate_to(1)
    assert follower.log.epochs.entries == ((4, 0),)


async def test_who_sent_what_is_learned_with_the_very_batch_that_is_copied(replica: Replica) -> None:
    follower = await replica(3)
    _follow(follower, 1, 4)
    batch = stamp(batch_of(b"v", producer_id=7, base_sequence=0), 0, 4)
    taking = asyncio.ensure_future(follower.follow(FetchedPartition(batches=(batch,), log_start_offset=0), 4))
    await asyncio.sleep(0)
    assert follower.log.log_end_offset == 1
    taking.cancel()  # as when it is made leader just now
    known = follower.producers.get(7)
    assert known is not None
    assert known.last_sequence == 0


async def test_after_a_batch_that_could_not_be_written_its_sender_may_send_it_again(
    replica: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = await replica(1)
    _lead(leader, 4)
    await leader.append(batch_of(b"1", producer_id=7, base_sequence=0), acks=1)
    first = asyncio.ensure_future(leader.append(batch_of(b"2", producer_id=7, base_sequence=1), acks=1))
    await asyncio.sleep(0)
    leader.log._writer.abandon()  # what a disk error does to all that waits
    with pytest.raises(KafkaStorageError):
        await first
    assert (await leader.append(batch_of(b"2", producer_id=7, base_sequence=1), acks=1)).base_offset == 1
    assert leader.log.epochs.entries == ((4, 0),)
