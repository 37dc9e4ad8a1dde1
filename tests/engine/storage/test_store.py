import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.errors import KafkaStorageError, LabDamagedError, LabNotWritableError, LabTooNewError
from engine.storage import connection
from engine.storage.connection import connect
from engine.storage.store import BrokerStore
from engine.storage.times import offset_for_timestamp
from engine.types import TopicPartition
from tests.engine.storage.helpers import TOPIC_ID, TP, append, bases, batch, offsets, store, stored

both_ways = pytest.mark.parametrize("inline", [True, False], ids=["inline", "threaded"])


def assert_threads_end(but: int) -> None:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and threading.active_count() > but:
            thread.join(5)
    assert threading.active_count() <= but


@both_ways
async def test_reopening_finds_every_log_as_it_was(inline: bool, tmp_path: Path) -> None:
    path = tmp_path / "broker-1.db"
    async with store(path, inline=inline) as first:
        for number in range(3):
            one = await first.create_log(TopicPartition("orders", number), TOPIC_ID)
            await append(one, *[batch(4, 1_000 * number)] * (number + 1))
        await first.create_log(TopicPartition("empty", 0), bytes(16))
        await first.log(TopicPartition("orders", 2)).delete_records(5)
        before = {tp: await stored(one) for tp, one in first.logs().items()}
    async with store(path, inline=inline) as again:
        assert {tp: await stored(one) for tp, one in again.logs().items()} == before
        one = again.log(TopicPartition("orders", 2))
        assert (one.log_start_offset, one.log_end_offset, one.max_timestamp) == (5, 12, 2_003)
        assert one.size_bytes == 2 * len(batch(4, 2_000))
        assert one.topic_id == TOPIC_ID
        assert (await one.append(batch(1), leader_epoch=0)).base_offset == 12


async def test_an_empty_log_keeps_its_offsets(tmp_path: Path) -> None:
    async with store(tmp_path / "b.db") as first:
        one = await first.create_log(TP, TOPIC_ID)
        await append(one, batch(10))
        await one.delete_records(10)
    async with store(tmp_path / "b.db") as again:
        assert (again.log(TP).log_start_offset, again.log(TP).log_end_offset) == (10, 10)


@both_ways
async def test_a_log_is_made_once_for_its_topic(inline: bool, tmp_path: Path) -> None:
    async with store(tmp_path / "b.db", inline=inline) as opened:
        first, second = await asyncio.gather(opened.create_log(TP, TOPIC_ID), opened.create_log(TP, TOPIC_ID))
        assert first is second is await opened.create_log(TP, TOPIC_ID) is opened.log(TP)
        with pytest.raises(KafkaStorageError, match="another topic of that name"):
            await opened.create_log(TP, bytes(16))
        with pytest.raises(KeyError):
            opened.log(TopicPartition("nothing", 0))


async def test_a_topic_deleted_and_made_again_begins_anew(tmp_path: Path) -> None:
    async with store(tmp_path / "b.db") as opened:
        other = await opened.create_log(TopicPartition("other", 0), TOPIC_ID)
        await append(other, batch(3))
        old = await opened.create_log(TP, TOPIC_ID)
        await asyncio.gather(*(old.append(batch(1), leader_epoch=3) for _ in range(1_100)))
        deleting = asyncio.ensure_future(opened.delete_log(TP))
        await asyncio.sleep(0)
        fresh = await opened.create_log(TP, bytes(16))
        await append(fresh, batch(2))
        await deleting
        assert offsets(await stored(fresh)) == [0, 1]
        assert offsets(await stored(other)) == [0, 1, 2]
    async with store(tmp_path / "b.db") as again:
        assert offsets(await stored(again.log(TP))) == [0, 1]
    rows = sqlite3.connect(tmp_path / "b.db").execute("SELECT count(*) FROM batch").fetchall()
    assert rows == [(2,)]


async def test_opening_finishes_a_deletion_that_was_cut_short(tmp_path: Path) -> None:
    async with store(tmp_path / "b.db") as opened:
        await append(await opened.create_log(TP, TOPIC_ID), batch(3), batch(3))
    plain = sqlite3.connect(tmp_path / "b.db")
    plain.execute("UPDATE log SET topic = NULL")
    plain.commit()
    async with store(tmp_path / "b.db") as again:
        assert not again.logs()
    assert plain.execute("SELECT (SELECT count(*) FROM batch), (SELECT count(*) FROM log)").fetchall() == [(0, 0)]
    plain.close()


async def test_records_whose_deletion_was_cut_short_are_not_seen_again_and_go_later(tmp_path: Path) -> None:
    async with store(tmp_path / "b.db") as opened:
        await append(await opened.create_log(TP, TOPIC_ID), *[batch(10, 1_000 * n) for n in range(4)])
    plain = sqlite3.connect(tmp_path / "b.db")
    plain.execute("UPDATE log SET start_offset = 25")
    plain.commit()
    async with store(tmp_path / "b.db") as again:
        one = again.log(TP)
        assert offsets(await stored(one)) == list(range(25, 40))
        assert bases(await one.read_before(40, 1 << 20)) == [20, 30]
        assert await offset_for_timestamp(one, 0) == (25, 2_005)
        await one.delete_records(26)
        assert plain.execute("SELECT count(*) FROM batch").fetchall() == [(2,)]
    plain.close()


async def test_closing_writes_what_waits_and_leaves_no_thread_behind(tmp_path: Path) -> None:
    threads = threading.active_count()
    opened = await BrokerStore.open(tmp_path / "b.db", ManualClock(0))
    one = await opened.create_log(TP, TOPIC_ID)
    waiting = [asyncio.ensure_future(one.append(batch(1), leader_epoch=0)) for _ in range(20)]
    await asyncio.sleep(0)
    await opened.close()
    await opened.close()
    assert [(await info).base_offset for info in waiting] == list(range(20))
    with pytest.raises(KafkaStorageError, match="is closed"):
        await one.append(batch(1), leader_epoch=0)
    one._tail.clear()
    with pytest.raises(KafkaStorageError, match="is closed"):
        await one.read(0, 100)
    assert one.log_end_offset == 20
    assert_threads_end(threads)


async def test_a_clock_turned_by_hand_waits_for_the_threads(tmp_path: Path) -> None:
    clock = ManualClock(0)
    async with store(tmp_path / "b.db", clock, inline=False) as opened:
        one = await opened.create_log(TP, TOPIC_ID)
        appending = asyncio.ensure_future(one.append(batch(5), leader_epoch=0))
        await clock.settle()
        assert appending.done()
        one._tail.clear()
        reading = asyncio.ensure_future(one.read(0, 100))
        await clock.settle()
        assert reading.done()


async def test_the_size_of_a_store_is_that_of_its_files(tmp_path: Path) -> None:
    async with store(tmp_path / "b.db") as on_disk, store() as in_memory:
        for each in (on_disk, in_memory):
            before = each.size_bytes
            await append(await each.create_log(TP, TOPIC_ID), batch(1, size=100_000))
            assert 100_000 <= each.size_bytes - before < 200_000


@both_ways
async def test_what_was_deleted_gives_its_room_back(inline: bool, tmp_path: Path) -> None:
    async with store(tmp_path / "b.db", inline=inline) as opened:
        one, other = await opened.create_log(TP, TOPIC_ID), await opened.create_log(TopicPartition("t", 0), TOPIC_ID)
        await append(other, batch(10, size=2_000))
        await append(one, *[batch(10, size=100_000)] * 30)
        await one.delete_records(290)
        await other.delete_records(5)
        [(empty,)] = await opened._writing.execute_fetchall("PRAGMA freelist_count")
        assert empty < 512
        await append(one, *[batch(10, size=100_000)] * 20)
        await opened.delete_log(TP)
        assert offsets(await stored(other)) == list(range(5, 10))
    assert (tmp_path / "b.db").stat().st_size < 10_000_000


@both_ways
async def test_a_file_of_a_newer_kafkarium_is_left_alone(inline: bool, tmp_path: Path) -> None:
    async with store(tmp_path / "b.db"):
        pass
    plain = sqlite3.connect(tmp_path / "b.db")
    plain.execute("PRAGMA user_version = 99")
    plain.close()
    with pytest.raises(LabTooNewError, match=r"b\.db was made by a newer Kafkarium"):
        await BrokerStore.open(tmp_path / "b.db", ManualClock(0), inline=inline)


def _not_a_database(path: Path) -> None:
    path.write_bytes(b"This is a letter to my aunt. " * 400)


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _overwritten(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:20_000] = b"\xa5" * (20_000 - 8192)
    path.write_bytes(data)


def _torn(path: Path) -> None:
    """Harm in the midst of a batch, which opening alone would not come across."""
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 8192 * 8192
    data[middle : middle + 8192] = b"\xa5" * 8192
    path.write_bytes(data)


def _something_else(path: Path) -> None:
    path.unlink()
    plain = sqlite3.connect(path)
    plain.execute("CREATE TABLE aunt (name)")
    plain.commit()
    plain.close()


@both_ways
@pytest.mark.parametrize("harm", [_not_a_database, _cut_short, _overwritten, _torn, _something_else])
async def test_a_damaged_file_is_named_and_left_as_it_is(inline: bool, harm: object, tmp_path: Path) -> None:
    threads = threading.active_count()
    path = tmp_path / "broker-2.db"
    async with store(path) as opened:
        await append(await opened.create_log(TP, TOPIC_ID), *[batch(10, size=10_000)] * 10)
    assert callable(harm)
    harm(path)
    before = path.read_bytes()
    with pytest.raises(LabDamagedError, match=r"broker-2\.db is damaged and cannot be read") as refused:
        await BrokerStore.open(path, ManualClock(0), inline=inline)
    assert "\n" not in str(refused.value)
    assert path.read_bytes() == before
    assert_threads_end(threads)


@both_ways
async def test_a_place_that_cannot_be_written_is_named(inline: bool, tmp_path: Path) -> None:
    threads = threading.active_count()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "b.db", tmp_path / "missing" / "b.db", tmp_path):
        with pytest.raises(LabNotWritableError, match="cannot be opened for writing"):
            await BrokerStore.open(path, ManualClock(0), inline=inline)
    assert_threads_end(threads)


@both_ways
async def test_a_file_that_cannot_be_begun_on_a_full_disk_is_named_and_one_is_told_to_free_some_space(
    inline: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(connection, "_bring_up", full)
    with pytest.raises(LabNotWritableError, match=r"The disk is full: .*b\.db cannot .* Free some space"):
        await BrokerStore.open(tmp_path / "b.db", ManualClock(0), inline=inline)


@both_ways
async def test_damage_met_later_is_a_storage_error_that_names_the_file(inline: bool, tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    async with store(path, inline=inline) as opened:
        one = await opened.create_log(TP, TOPIC_ID)
        await append(one, *[batch(10, size=1_000)] * 300)
        plain = sqlite3.connect(path)
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        plain.close()
        one._tail.clear()
        with path.open("r+b") as file:
            file.seek(8192 * 2)
            file.write(b"\xa5" * (path.stat().st_size - 8192 * 2))
        with pytest.raises(KafkaStorageError, match=r"b\.db"):
            await one.read(1_500, 1 << 30)


@both_ways
async def test_an_exclusive_file_keeps_others_out_until_it_is_closed(inline: bool, tmp_path: Path) -> None:
    schema = (("CREATE TABLE thing (name TEXT)",),)
    held = await connect(tmp_path / "lab.db", 1, schema, inline=inline, exclusive=True)
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            await connect(tmp_path / "lab.db", 1, schema, inline=inline, exclusive=True)
    finally:
        await held.close()
        await held.close()
    again = await connect(tmp_path / "lab.db", 1, schema, inline=inline, exclusive=True)
    assert await again.execute_fetchall("SELECT * FROM thing") == []
    await again.close()
