from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.cluster import Cluster
from engine.cluster import browser as browsing
from engine.pages import BrowsedRecord, Search
from engine.records import ConsumerRecord, read_records
from engine.types import TopicPartition

P0, P1 = TopicPartition("orders", 0), TopicPartition("orders", 1)


async def fill(cluster: Cluster, records: int, partitions: int = 1, size: int = 0) -> None:
    """Records 0, 1, ... at 1000 ms, 1001 ms, ..., dealt out to the partitions in turn, a few a batch."""
    await cluster.create_topic("orders", partitions)
    async with cluster.producer(linger_ms=0) as producer:
        for number in range(records):
            value = f"{number}".encode().ljust(size, b".")
            await producer.send("orders", value, partition=number % partitions, timestamp_ms=1000 + number)
            if number % 7 == 0:
                await producer.flush()


def values(rows: tuple[BrowsedRecord, ...]) -> list[int]:
    return [int((row.record.value or b"").rstrip(b".")) for row in rows]


def ending_in(digit: int) -> Callable[[ConsumerRecord], bool]:
    return lambda record: int(record.value or b"0") % 10 == digit


async def test_pages_follow_each_other_in_both_directions(cluster: Cluster) -> None:
    await fill(cluster, 60)
    browser = cluster.browser
    first = await browser.read(P0, 0, limit=25)
    assert values(first.rows) == list(range(25))
    assert (first.log_start, first.log_end) == (0, 60)
    assert values((await browser.read(P0, 50, limit=25)).rows) == list(range(50, 60))
    assert values((await browser.read_before(P0, 50, limit=25)).rows) == list(range(25, 50))
    assert values((await browser.read_before(P0, 3, limit=25)).rows) == [0, 1, 2]
    assert (await browser.read(P0, 60)).rows == ()


async def test_a_record_tells_the_batch_it_came_in(cluster: Cluster) -> None:
    await fill(cluster, 20)
    rows = (await cluster.browser.read(P0, 0)).rows
    assert all(row.base_offset <= row.record.offset <= row.last_offset for row in rows)
    assert all(row.batch_count == row.last_offset - row.base_offset + 1 for row in rows)


async def test_records_deleted_at_the_start_are_passed_over(cluster: Cluster) -> None:
    await fill(cluster, 30)
    await cluster.delete_records(P0, 12)
    assert values((await cluster.browser.read(P0, 0, limit=2)).rows) == [12, 13]
    assert values((await cluster.browser.read_before(P0, 14)).rows) == [12, 13]
    assert (await cluster.browser.backward({P0: 14})).low == {P0: 12}
    assert (await cluster.browser.onward({P0: 0}, limit=2)).low == {P0: 12}


async def test_two_partitions_are_merged_by_time(cluster: Cluster) -> None:
    await fill(cluster, 60, partitions=2)
    seen: list[int] = []
    places = {P0: 0, P1: 0}
    while places != {P0: 30, P1: 30}:
        stretch = await cluster.browser.onward(places, limit=20)
        seen += values(stretch.rows)
        places = dict(stretch.high)
    assert seen == list(range(60))

    back: list[int] = []
    while places != {P0: 0, P1: 0}:
        stretch = await cluster.browser.backward(places, limit=20)
        back = values(stretch.rows) + back
        places = dict(stretch.low)
    assert back == list(range(60))


async def test_looking_for_records_says_how_far_it_came(cluster: Cluster) -> None:
    await fill(cluster, 60)
    some = await cluster.browser.onward({P0: 0}, search=Search(ending_in(3), most=20))
    assert values(some.rows)[:2] == [3, 13]
    assert 20 <= some.high[P0] < 60
    assert some.looked_at == some.high[P0]
    rest = await cluster.browser.onward(some.high, search=Search(ending_in(3)))
    assert values(some.rows) + values(rest.rows) == [3, 13, 23, 33, 43, 53]
    back = await cluster.browser.backward({P0: 60}, limit=2, search=Search(ending_in(3)))
    assert values(back.rows) == [43, 53]
    assert back.low[P0] == 43


async def test_looking_through_merged_partitions_finds_every_match_in_order(cluster: Cluster) -> None:
    await fill(cluster, 90, partitions=2)
    places, seen = {P0: 0, P1: 0}, []
    while places != {P0: 45, P1: 45}:
        stretch = await cluster.browser.onward(places, search=Search(ending_in(7), most=20))
        seen += values(stretch.rows)
        places = dict(stretch.high)
    assert seen == list(range(7, 90, 10))


async def test_large_values_make_short_pages(cluster: Cluster) -> None:
    await fill(cluster, 12, size=900_000)
    rows = (await cluster.browser.read(P0, 0)).rows
    assert 0 < len(rows) < 12
    assert values((await cluster.browser.read(P0, len(rows))).rows)[0] == len(rows)
    assert values((await cluster.browser.read_before(P0, 12)).rows)[-1] == 11


async def test_a_time_leads_to_the_first_record_at_or_after_it(cluster: Cluster) -> None:
    await fill(cluster, 20)
    assert await cluster.browser.offset_at(P0, 1007) == 7
    assert await cluster.browser.offset_at(P0, 1) == 0
    assert await cluster.browser.offset_at(P0, 9_999) == 20


async def test_a_record_written_by_hand_is_acknowledged_and_there(cluster: Cluster) -> None:
    await cluster.create_topic("orders", 2)
    written = await cluster.browser.produce("orders", b"key", b"7", [("trace", b"1")], partition=1)
    [row] = (await cluster.browser.read(P1, written.offset)).rows
    assert (row.record.key, row.record.value, row.record.headers) == (b"key", b"7", (("trace", b"1"),))


async def test_batches_that_cannot_hold_a_match_are_passed_over_unread(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    await fill(cluster, 60)
    opened: list[bytes] = []
    read = read_records

    def counted(batch: bytes, *rest: Any, **more: Any) -> list[ConsumerRecord]:
        opened.append(batch)
        return read(batch, *rest, **more)

    monkeypatch.setattr(browsing, "read_records", counted)
    search = Search(lambda record: record.value == b"43", holding=b"43")
    for stretch in (
        await cluster.browser.onward({P0: 0}, search=search),
        await cluster.browser.backward({P0: 60}, search=search),
    ):
        assert values(stretch.rows) == [43]
        assert (stretch.low[P0], stretch.high[P0], stretch.looked_at) == (0, 60, 60)
    assert len(opened) == 2


async def test_compressed_batches_are_opened_to_look_into_them(cluster: Cluster) -> None:
    await cluster.create_topic("orders", 1)
    async with cluster.producer(compression_type="zstd") as producer:
        for number in range(50):
            await producer.send("orders", f"Number {number}".encode())
    search = Search(lambda record: b"number 3" in (record.value or b"").lower(), holding=b"number 3")
    found = (await cluster.browser.onward({P0: 0}, search=search)).rows
    assert [row.record.value for row in found] == [b"Number 3", *(f"Number {at}".encode() for at in range(30, 40))]
