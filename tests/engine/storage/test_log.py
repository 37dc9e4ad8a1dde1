import asyncio
from pathlib import Path

import pytest

from engine.errors import InvalidRecordError, OffsetOutOfRangeError, UnknownTopicOrPartitionError
from engine.records import BatchHeader, check, read_records, stamp
from engine.storage.times import offset_for_timestamp, offset_of_max_timestamp
from tests.engine.storage.helpers import TOPIC_ID, TP, append, bases, batch, batch_of, log, offsets, store, stored

both_ways = pytest.mark.parametrize("inline", [True, False], ids=["inline", "threaded"])


@both_ways
async def test_batches_get_the_next_offsets_and_come_back_as_they_were(inline: bool, tmp_path: Path) -> None:
    async with log(tmp_path / "b.db", inline=inline) as one:
        first = await one.append(batch(10, 5_000), leader_epoch=2)
        second = await one.append(batch(5), leader_epoch=2)
        assert (first.base_offset, first.last_offset, first.timestamp, first.max_timestamp) == (0, 9, -1, 5_009)
        assert (second.base_offset, second.last_offset) == (10, 14)
        assert (one.log_start_offset, one.flushed_offset, one.log_end_offset) == (0, 15, 15)
        assert one.max_timestamp == 5_009
        assert one.size_bytes == first.size_bytes + second.size_bytes
        assert await one.read(0, 10_000) == (stamp(batch(10, 5_000), 0, 2), stamp(batch(5), 10, 2))


async def test_offsets_are_given_in_the_order_of_the_calls_before_anything_is_written() -> None:
    async with log() as one:
        waiting = [asyncio.ensure_future(one.append(batch(count), leader_epoch=0)) for count in (3, 1, 2)]
        await asyncio.sleep(0)
        assert (one.log_end_offset, one.flushed_offset) == (6, 0)
        assert await one.read(0, 1_000) == ()
        assert [(await info).base_offset for info in waiting] == [0, 3, 4]
        assert offsets(await stored(one)) == list(range(6))


async def test_under_log_append_time_the_brokers_time_is_stored() -> None:
    async with log() as one:
        info = await one.append(batch(3, 5_000), leader_epoch=0, log_append_time=9_000)
        assert (info.timestamp, info.max_timestamp, one.max_timestamp) == (9_000, 9_000, 9_000)
        assert {record.timestamp for record in await stored(one)} == {9_000}
        check((await one.read(0, 0))[0])


@both_ways
async def test_a_read_begins_with_the_batch_that_holds_the_offset_and_keeps_to_its_limits(
    inline: bool, tmp_path: Path
) -> None:
    size = len(batch(10))
    async with log(tmp_path / "b.db", inline=inline) as one:
        await append(one, *[batch(10)] * 6)
        for _ in range(2):  # from memory, then from disk
            assert bases(await one.read(25, 0)) == [20]
            assert bases(await one.read(25, 2 * size)) == [20, 30]
            assert bases(await one.read(25, 3 * size - 1)) == [20, 30]
            assert bases(await one.read(0, 1 << 20)) == [0, 10, 20, 30, 40, 50]
            assert bases(await one.read(15, 1 << 20, up_to=40)) == [10, 20, 30]
            assert bases(await one.read(15, 1 << 20, up_to=31)) == [10, 20, 30]
            assert await one.read(20, 1 << 20, up_to=20) == ()
            assert await one.read(60, 1 << 20) == ()
            one._tail.clear()


@both_ways
async def test_reading_back_gives_the_batches_before_an_offset_in_ascending_order(inline: bool, tmp_path: Path) -> None:
    size = len(batch(10))
    async with log(tmp_path / "b.db", inline=inline) as one:
        await append(one, *[batch(10)] * 6)
        assert bases(await one.read_before(60, 2 * size)) == [40, 50]
        assert bases(await one.read_before(41, 0)) == [40]
        assert bases(await one.read_before(40, 0)) == [30]
        assert bases(await one.read_before(999, 0)) == [50]
        await one.delete_records(25)
        assert bases(await one.read_before(40, 1 << 20)) == [20, 30]
        assert await one.read_before(20, 1 << 20) == ()
        assert await one.read_before(0, 1 << 20) == ()


async def test_an_offset_outside_the_log_is_out_of_range() -> None:
    async with log() as one:
        await append(one, batch(10), batch(10))
        await one.delete_records(4)
        for offset in (-1, 3, 21):
            with pytest.raises(OffsetOutOfRangeError, match="orders-0 holds offsets 4 to 20"):
                await one.read(offset, 100)


async def test_the_first_record_since_a_time_is_found_within_its_batch() -> None:
    async with log() as one:
        assert await offset_for_timestamp(one, 0) is None
        assert await offset_of_max_timestamp(one) is None
        await append(one, batch(10, 1_000), batch(10, 3_000), batch(10, 2_000))
        assert await offset_for_timestamp(one, 0) == (0, 1_000)
        assert await offset_for_timestamp(one, 1_009) == (9, 1_009)
        assert await offset_for_timestamp(one, 1_010) == (10, 3_000)
        assert await offset_for_timestamp(one, 2_005) == (10, 3_000)
        assert await offset_for_timestamp(one, 3_010) is None
        assert await offset_of_max_timestamp(one) == (19, 3_009)


async def test_times_are_still_found_when_the_newest_record_was_deleted_from_the_start() -> None:
    async with log() as one:
        await append(one, batch_of([(None, b"")] * 4, [10, 9_000, 20, 30]), batch(2, 40), batch(2, 35), batch(2, 50))
        await one.delete_records(2)
        assert await offset_for_timestamp(one, 25) == (3, 30)
        assert await offset_for_timestamp(one, 45) == (8, 50)
        assert await offset_for_timestamp(one, 60) is None
        assert await offset_of_max_timestamp(one) == (9, 51)
        await one.delete_records(4)
        assert one.max_timestamp == 51
        assert await offset_for_timestamp(one, 41) == (5, 41)
        assert await offset_of_max_timestamp(one) == (9, 51)


@both_ways
async def test_deleting_records_moves_the_start_and_removes_only_whole_batches(inline: bool, tmp_path: Path) -> None:
    async with log(tmp_path / "b.db", inline=inline) as one:
        await append(one, batch(10), batch(10), batch(10))
        assert await one.delete_records(15) == 15
        assert [info.base_offset for info in await one.batches(0)] == [10, 20]
        assert offsets(await stored(one)) == list(range(15, 30))
        assert one.size_bytes == 2 * len(batch(10))
        assert await one.delete_records(3) == 15
        with pytest.raises(OffsetOutOfRangeError, match="up to 30, not 31"):
            await one.delete_records(31)
        assert await one.delete_records(30) == 30
        assert (one.log_start_offset, one.log_end_offset, one.size_bytes, one.max_timestamp) == (30, 30, 0, -1)
        assert (await one.append(batch(1), leader_epoch=0)).base_offset == 30


async def test_many_batches_are_removed_in_several_goes_and_appends_run_in_between() -> None:
    async with log() as one:
        await asyncio.gather(*(one.append(batch(1), leader_epoch=0) for _ in range(1_200)))
        deleting = asyncio.ensure_future(one.delete_records(1_200))
        await asyncio.sleep(0)
        info = await one.append(batch(1), leader_epoch=0)
        assert info.base_offset == 1_200
        assert await deleting == 1_200
        assert offsets(await stored(one)) == [1_200]
        assert one.size_bytes == info.size_bytes


@both_ways
async def test_truncating_drops_whole_batches_and_what_is_appended_meanwhile_goes_behind(
    inline: bool, tmp_path: Path
) -> None:
    async with log(tmp_path / "b.db", inline=inline) as one:
        await append(one, batch(10, 1_000), batch(10, 9_000), batch(10, 2_000))
        cutting = asyncio.ensure_future(one.truncate_to(15))
        await asyncio.sleep(0)
        info = await one.append(batch(4, 3_000), leader_epoch=0)
        await cutting
        assert info.base_offset == 10
        assert offsets(await stored(one)) == list(range(14))
        assert one.max_timestamp == 3_003
        assert one.size_bytes == len(batch(10)) + len(batch(4))
        await one.truncate_to(99)
        assert one.log_end_offset == 14


async def test_truncating_before_the_start_leaves_the_log_empty_there() -> None:
    async with log() as one:
        await append(one, batch(10), batch(10))
        await one.delete_records(15)
        await one.truncate_to(7)
        assert (one.log_start_offset, one.log_end_offset, one.size_bytes, one.max_timestamp) == (7, 7, 0, -1)
        await append(one, batch(2))
        assert offsets(await stored(one)) == [7, 8]


async def test_truncating_at_the_start_of_a_half_deleted_batch_never_moves_the_start_back() -> None:
    async with log() as one:
        await append(one, batch(10))
        await one.delete_records(5)
        await one.truncate_to(8)
        assert (one.log_start_offset, one.log_end_offset) == (5, 5)


async def test_a_follower_stores_the_leaders_batches_unchanged_gaps_and_all() -> None:
    async with log() as leader, store() as other:
        await append(leader, batch(3), batch(2), batch(4), epoch=6)
        batches = await leader.read(0, 1 << 20)
        follower = await other.create_log(TP, TOPIC_ID)
        await follower.append_stored([batches[0], batches[2]])
        assert await follower.read(0, 1 << 20) == (batches[0], batches[2])
        assert follower.log_end_offset == 9
        assert follower.epochs.entries == ((6, 0),)
        assert bases(await follower.read(4, 0)) == [5]
        with pytest.raises(InvalidRecordError, match="ends at 9 here; the leader's batch begins at 5"):
            await follower.append_stored([batches[2]])
        await follower.append_stored([])
        assert follower.log_end_offset == 9


async def test_the_log_knows_where_each_leader_epoch_ended(tmp_path: Path) -> None:
    async with log(tmp_path / "b.db") as one:
        await append(one, batch(10), batch(10), epoch=1)
        await append(one, batch(10), epoch=4)
        await append(one, batch(10), epoch=5)
        assert one.end_offset_for_epoch(1) == (1, 20)
        assert one.end_offset_for_epoch(3) == (1, 20)
        assert one.end_offset_for_epoch(5) == (5, 40)
        assert one.end_offset_for_epoch(6) == (-1, -1)
        await one.truncate_to(30)
        assert one.end_offset_for_epoch(4) == (4, 30)
        await append(one, batch(10), epoch=7)
        await one.delete_records(25)
    async with log(tmp_path / "b.db") as again:
        assert again.epochs.entries == ((4, 25), (7, 30))
        assert [BatchHeader.parse(each).leader_epoch for each in await again.read(25, 1 << 20)] == [4, 7]


async def test_a_deleted_log_takes_nothing_more_and_fails_what_waits() -> None:
    async with store() as opened:
        one = await opened.create_log(TP, TOPIC_ID)
        waiting = asyncio.ensure_future(one.append(batch(), leader_epoch=0))
        await asyncio.sleep(0)
        await opened.delete_log(TP)
        with pytest.raises(Exception, match="deleted"):
            await waiting
        with pytest.raises(UnknownTopicOrPartitionError, match="orders-0 was deleted"):
            await one.append(batch(), leader_epoch=0)
        assert TP not in opened.logs()


async def test_a_reader_who_gives_up_takes_nothing_along(tmp_path: Path) -> None:
    async with log(tmp_path / "b.db", inline=False) as one:
        appending = asyncio.ensure_future(one.append(batch(10), leader_epoch=0))
        await asyncio.sleep(0)
        appending.cancel()
        await append(one, batch(5))
        reading = asyncio.ensure_future(one.read(0, 100))
        reading.cancel()
        assert offsets(await stored(one)) == list(range(15))
        assert read_records((await one.read(10, 0))[0], *TP)[0].offset == 10


async def test_who_waits_for_the_disk_waits_for_what_was_copied_too_though_the_copier_is_gone() -> None:
    async with log() as one:
        copying = asyncio.ensure_future(one.append_stored([stamp(batch(3), 0, 0)]))
        await asyncio.sleep(0)
        copying.cancel()
        await one.flushed()
        assert one.flushed_offset == one.log_end_offset == 3
