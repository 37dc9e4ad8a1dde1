"""The lab's own file: what is written is written whole, and a full disk is told in words."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.errors import KafkaStorageError
from engine.messages import PartitionMetadata
from engine.storage.connection import connect
from engine.storage.metadata import SCHEMA, MetadataStore

PARTITIONS = [PartitionMetadata(number, 1, 0, (1,), (1,)) for number in range(4)]


async def _halfway(store: MetadataStore, monkeypatch: pytest.MonkeyPatch) -> asyncio.Task[None]:
    """Somebody who makes a topic and gets no further than to its partitions."""
    write = store._connection.executemany
    halfway = asyncio.Event()

    async def comes_no_further(sql: str, rows: object) -> None:
        if "INTO partition" in sql:
            halfway.set()
            await asyncio.Event().wait()
        await write(sql, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(store._connection, "executemany", comes_no_further)
    making = asyncio.create_task(store.put_topic("orders", b"\1" * 16, False, {}, PARTITIONS))
    await halfway.wait()
    return making


async def test_a_topic_is_kept_with_all_its_partitions_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await MetadataStore.open(tmp_path / "cluster.db")
    making = await _halfway(store, monkeypatch)
    saving = asyncio.create_task(store.put_settings({"now_ms": 1}))
    await asyncio.wait({saving}, timeout=0.05)
    await store.close()
    for task in (making, saving):
        task.cancel()
    await asyncio.gather(making, saving, return_exceptions=True)

    store = await MetadataStore.open(tmp_path / "cluster.db")
    assert await store.topics() == []
    await store.close()


async def test_what_somebody_who_was_cancelled_left_halfway_is_not_kept_with_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await MetadataStore.open(tmp_path / "cluster.db")
    making = await _halfway(store, monkeypatch)
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    await store.put_settings({"now_ms": 1})
    assert await store.topics() == []
    assert await store.settings() == {"now_ms": 1}
    await store.close()


async def test_a_partition_under_way_to_other_brokers_is_kept_as_it_is(tmp_path: Path) -> None:
    moving = PartitionMetadata(0, 2, 7, (4, 1, 2, 3), (1, 2), partition_epoch=19, target=(4, 1), adding=(4,))
    store = await MetadataStore.open(tmp_path / "cluster.db")
    await store.put_topic("orders", b"\1" * 16, False, {}, [moving])
    await store.close()
    store = await MetadataStore.open(tmp_path / "cluster.db")
    assert [partitions for *_, partitions in await store.topics()] == [(moving,)]
    await store.close()


async def test_a_file_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    old = await connect(tmp_path / "cluster.db", 1, SCHEMA[:1])
    await old.execute("INSERT INTO topic VALUES ('orders', zeroblob(16), 0, '{}')")
    await old.execute("INSERT INTO partition VALUES ('orders', 0, 1, 3, '[1, 2]', '[1]')")
    await old.commit()
    await old.close()
    store = await MetadataStore.open(tmp_path / "cluster.db")
    assert [partitions for *_, partitions in await store.topics()] == [(PartitionMetadata(0, 1, 3, (1, 2), (1,)),)]
    await store.close()


async def test_on_a_full_disk_nothing_is_kept_by_halves_and_the_file_is_named(tmp_path: Path) -> None:
    store = await MetadataStore.open(tmp_path / "cluster.db")
    await store._connection.execute("PRAGMA max_page_count = 1")
    with pytest.raises(KafkaStorageError, match=r"disk is full: .*cluster\.db"):
        await store.put_topic("orders", b"\1" * 16, False, {"note": "x" * 100_000}, PARTITIONS)
    await store._connection.execute("PRAGMA max_page_count = 1000000")
    await store.put_settings({"now_ms": 1})
    assert await store.topics() == []
    await store.close()


async def test_a_page_of_the_diary_keeps_its_newest_entries(tmp_path: Path) -> None:
    store = await MetadataStore.open(tmp_path / "cluster.db", inline=True)
    await store.write_diary({"a": list(range(5)), "b": ["x"]}, {"a": 3, "b": 3})
    await store.write_diary({"a": [5, {"n": 6}]}, {"a": 3, "b": 0})
    assert await store.diary() == {"a": [4, 5, {"n": 6}]}
    await store.close()
