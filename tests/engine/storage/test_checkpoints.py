import sqlite3
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.storage.checkpoints import Checkpoints
from engine.storage.connection import Connection, connect
from engine.storage.store import BrokerStore
from tests.engine.storage.helpers import TOPIC_ID, TP, append, batch, store

MEGABYTE = batch(count=1_000, size=1_000)


async def write(to: BrokerStore, megabytes: int) -> None:
    log = await to.create_log(TP, TOPIC_ID)
    await append(log, *[MEGABYTE] * megabytes)


async def test_a_burst_waits_for_no_checkpoint_and_rest_brings_one(tmp_path: Path) -> None:
    clock = ManualClock(0)
    file = tmp_path / "broker-1.db"
    async with store(file, clock, inline=False) as opened:
        await write(opened, 12)
        assert file.stat().st_size < len(MEGABYTE)
        await clock.advance(2_000)
        assert file.stat().st_size > 12 * len(MEGABYTE)


async def test_a_writer_in_full_flow_is_not_at_rest(tmp_path: Path) -> None:
    clock = ManualClock(0)
    file = tmp_path / "broker-1.db"
    async with store(file, clock, inline=False) as opened:
        for _ in range(4):
            await write(opened, 12)
            await clock.advance(900)
        assert file.stat().st_size < len(MEGABYTE)


async def test_one_that_writes_a_little_all_the_time_is_at_rest(tmp_path: Path) -> None:
    clock = ManualClock(0)
    file = tmp_path / "broker-1.db"
    async with store(file, clock, inline=False) as opened:
        log = await opened.create_log(TP, TOPIC_ID)
        for _ in range(600):
            await append(log, batch(1))
            await clock.advance(25)
        wal = Path(f"{file}-wal")
        assert wal.stat().st_size < 8 << 20


async def test_a_few_records_are_not_worth_a_checkpoint(tmp_path: Path) -> None:
    clock = ManualClock(0)
    file = tmp_path / "broker-1.db"
    async with store(file, clock, inline=False) as opened:
        log = await opened.create_log(TP, TOPIC_ID)
        before = file.stat().st_size
        await append(log, *[batch()] * 20)
        await clock.advance(60_000)
        assert file.stat().st_size == before


async def test_a_writer_that_never_rests_gets_one_all_the_same(tmp_path: Path) -> None:
    clock = ManualClock(0)
    asked: list[int] = []

    async def note() -> Connection:
        asked.append(clock.now())
        return await connect(tmp_path / "broker-1.db", 1, [["CREATE TABLE some (id)"]])

    checkpoints = Checkpoints(note, clock)
    for _ in range(300):
        checkpoints.committed(1 << 20)
        await clock.advance(10)
    [when] = asked
    assert when < 3_000
    await checkpoints.close()


async def test_what_a_checkpoint_could_not_do_is_said_at_the_end(tmp_path: Path) -> None:
    clock = ManualClock(0)

    async def refuse() -> Connection:
        raise sqlite3.OperationalError("disk I/O error")

    checkpoints = Checkpoints(refuse, clock)
    checkpoints.committed(8 << 20)
    await clock.advance(3_000)
    with pytest.raises(sqlite3.OperationalError, match="disk I/O error"):
        await checkpoints.close()
