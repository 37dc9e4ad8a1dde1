import asyncio
import sqlite3
from pathlib import Path

import pytest

from engine.errors import KafkaStorageError
from engine.storage.connection import Connection
from engine.storage.log import AppendInfo
from engine.storage.store import BrokerStore
from engine.types import TopicPartition
from tests.engine.storage.helpers import TOPIC_ID, TP, append, batch, offsets, store, stored

OTHER = TopicPartition("payments", 3)

both_ways = pytest.mark.parametrize("inline", [True, False], ids=["inline", "threaded"])


async def allow_pages(opened: BrokerStore, more: int) -> None:
    """Let the file grow by `more` pages and not one beyond: a full disk, as SQLite sees it."""
    [(pages,)] = await opened._writing.execute_fetchall("PRAGMA page_count")
    await opened._writing.execute_fetchall(f"PRAGMA max_page_count = {pages + more}")


async def outcomes(*appends: asyncio.Future[AppendInfo]) -> list[int | str]:
    """The base offset each got, or the name of what it failed with."""
    results = await asyncio.gather(*appends, return_exceptions=True)
    return [result.base_offset if isinstance(result, AppendInfo) else type(result).__name__ for result in results]


async def test_appends_that_arrive_together_share_one_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    async with store() as opened:
        one, other = await opened.create_log(TP, TOPIC_ID), await opened.create_log(OTHER, TOPIC_ID)
        commits = 0
        commit = opened._writing.commit

        async def counted() -> None:
            nonlocal commits
            commits += 1
            await commit()

        monkeypatch.setattr(opened._writing, "commit", counted)
        both = [to.append(batch(1), leader_epoch=0) for _ in range(50) for to in (one, other)]
        assert len(await asyncio.gather(*both)) == 100
        assert commits == 1


@both_ways
async def test_on_a_full_disk_nothing_is_acknowledged_and_no_gap_remains(inline: bool, tmp_path: Path) -> None:
    async with store(tmp_path / "b.db", inline=inline) as opened:
        one = await opened.create_log(TP, TOPIC_ID)
        await append(one, batch(10))
        await allow_pages(opened, 4)
        waiting = [asyncio.ensure_future(one.append(batch(10, size=2_000), leader_epoch=0)) for _ in range(5)]
        assert await outcomes(*waiting) == ["KafkaStorageError"] * 5
        with pytest.raises(KafkaStorageError, match=r"The disk is full: .*b\.db cannot grow. Free some space"):
            await one.append(batch(10, size=20_000), leader_epoch=0)
        assert (one.log_end_offset, one.flushed_offset) == (10, 10)
        await allow_pages(opened, 1_000)
        assert (await one.append(batch(10, size=20_000), leader_epoch=1)).base_offset == 10
        assert one.epochs.entries == ((0, 0), (1, 10))
        assert offsets(await stored(one)) == list(range(20))
    async with store(tmp_path / "b.db") as again:
        assert offsets(await stored(again.log(TP))) == list(range(20))
        assert again.log(TP).epochs.entries == ((0, 0), (1, 10))


@both_ways
async def test_what_is_queued_behind_a_failed_append_fails_too_but_only_in_its_own_log(
    inline: bool, tmp_path: Path
) -> None:
    async with store(tmp_path / "b.db", inline=inline) as opened:
        one, other = await opened.create_log(TP, TOPIC_ID), await opened.create_log(OTHER, TOPIC_ID)
        await allow_pages(opened, 6)
        huge = asyncio.ensure_future(one.append(batch(10, size=500_000), leader_epoch=0))
        await asyncio.sleep(0)  # the writer is at work on the first; these come too late for its transaction
        behind = asyncio.ensure_future(one.append(batch(1), leader_epoch=0))
        beside = asyncio.ensure_future(other.append(batch(1), leader_epoch=0))
        results = await outcomes(huge, behind, beside)
        # Inline, the writer was done with the first before the second came, and its offset was free again.
        assert results == ["KafkaStorageError", 0 if inline else "KafkaStorageError", 0]
        await append(one, batch(2))
        assert offsets(await stored(one)) == list(range(one.log_end_offset))
        assert offsets(await stored(other)) == [0]


async def test_a_change_that_fails_leaves_the_log_as_it_was() -> None:
    async with store() as opened:
        one = await opened.create_log(TP, TOPIC_ID)
        await append(one, batch(10), batch(10))

        async def broken(_: Connection) -> None:
            await opened._writing.execute("DELETE FROM batch")
            raise sqlite3.OperationalError("the cable fell out")

        with pytest.raises(KafkaStorageError, match="the cable fell out"):
            await opened._writer.change(broken)
        one._tail.clear()
        assert offsets(await stored(one)) == list(range(20))


async def test_a_failed_deletion_is_told_and_can_be_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    async with store() as opened:
        one = await opened.create_log(TP, TOPIC_ID)
        await append(one, batch(10), batch(10))
        with monkeypatch.context() as patch:

            async def fail() -> None:
                raise sqlite3.OperationalError("disk I/O error")

            patch.setattr(opened._writing, "commit", fail)
            with pytest.raises(KafkaStorageError, match="disk I/O error"):
                await one.delete_records(10)
            with pytest.raises(KafkaStorageError, match="disk I/O error"):
                await one.truncate_to(10)
        assert (one.log_start_offset, one.log_end_offset, one.size_bytes) == (0, 20, 2 * len(batch(10)))
        assert offsets(await stored(one)) == list(range(20))
        assert await one.delete_records(10) == 10
        assert offsets(await stored(one)) == list(range(10, 20))


async def test_what_a_failed_commit_held_never_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    async with store() as opened:
        one = await opened.create_log(TP, TOPIC_ID)
        with monkeypatch.context() as patch:

            async def fail() -> None:
                raise sqlite3.OperationalError("disk I/O error")

            patch.setattr(opened._writing, "commit", fail)
            with pytest.raises(KafkaStorageError, match="disk I/O error"):
                await append(one, batch(3))
        await append(one, batch(2))
        assert [(info.base_offset, info.count) for info in await one.batches(0)] == [(0, 2)]


async def test_a_writer_cut_off_with_its_loop_leaves_nobody_waiting(tmp_path: Path) -> None:
    async with store(tmp_path / "b.db", inline=False) as opened:
        one = await opened.create_log(TP, TOPIC_ID)
        waiting = [asyncio.ensure_future(one.append(batch(1), leader_epoch=0)) for _ in range(3)]
        await asyncio.sleep(0)
        deleting = asyncio.ensure_future(opened.create_log(OTHER, TOPIC_ID))
        await asyncio.sleep(0)
        assert opened._writer._task is not None
        opened._writer._task.cancel()
        results = await asyncio.gather(*waiting, deleting, return_exceptions=True)
        assert {type(result) for result in results} == {asyncio.CancelledError}
