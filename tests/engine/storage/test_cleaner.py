import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import TopicConfig
from engine.records import COMPRESSIONS, BatchHeader, check
from engine.records.batch import HEADER, TRANSACTIONAL_FLAG, seal
from engine.storage import cleaner
from engine.storage.cleaner import compact
from engine.storage.log import PartitionLog
from engine.storage.rows import BatchInfo
from engine.storage.times import offset_for_timestamp, offset_of_max_timestamp
from tests.engine.storage.helpers import (
    TP,
    KeyValue,
    append,
    assert_newest_so_far_is_true,
    batch_of,
    log,
    offsets,
    store,
    stored,
)

ALWAYS = TopicConfig.of({"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0"})
LAST = batch_of([(b"last", b"the newest batch is left alone")])


async def latest(of: PartitionLog) -> dict[bytes | None, tuple[int, bytes | None]]:
    return {record.key: (record.offset, record.value) for record in await stored(of)}


async def test_only_the_newest_record_of_a_key_stays_at_its_own_offset() -> None:
    async with log() as one:
        await append(
            one, batch_of([(b"a", b"1"), (b"b", b"1")]), batch_of([(b"a", b"2")]), batch_of([(b"c", b"1")]), LAST
        )
        before = one.size_bytes
        result = await compact(one, ALWAYS, 0)
        assert [(r.offset, r.key, r.value) for r in await stored(one)][:-1] == [
            (1, b"b", b"1"),
            (2, b"a", b"2"),
            (3, b"c", b"1"),
        ]
        assert (result.records_removed, result.batches_removed, result.cleaned_to) == (1, 0, 4)
        assert result.size_removed == before - one.size_bytes > 0
        assert (one.log_start_offset, one.log_end_offset) == (0, 5)


async def test_batches_without_records_go_but_for_the_last_of_a_cleaning_and_of_a_producer() -> None:
    def mine(value: bytes, sequence: int) -> bytes:
        return batch_of([(b"a", value)], producer_id=9, producer_epoch=0, base_sequence=sequence)

    async with log() as one:
        await append(one, mine(b"1", 0), mine(b"2", 1), batch_of([(b"a", b"3")]), batch_of([(b"a", b"4")]), LAST)
        result = await compact(one, ALWAYS, 0)
        assert [(b.base_offset, b.count) for b in await one.batches(0)] == [(1, 0), (3, 1), (4, 1)]
        assert (result.records_removed, result.batches_removed) == (3, 2)
        empty = (await one.read(1, 0))[0]
        assert (check(empty).producer_id, BatchHeader.parse(empty).last_sequence) == (9, 1)
        assert (await offset_for_timestamp(one, 0), offsets(await stored(one))) == ((3, 1_000), [3, 4])
        await append(one, batch_of([(b"a", b"5")]), batch_of([(b"x", b"")]))
        await compact(one, ALWAYS, 0)
        assert [(b.base_offset, b.count) for b in await one.batches(0)] == [(1, 0), (4, 1), (5, 1), (6, 1)]


async def test_a_tombstone_outlives_the_first_cleaning_by_delete_retention() -> None:
    config = TopicConfig.of(
        {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0", "delete.retention.ms": "5000"}
    )
    async with log() as one:
        await append(one, batch_of([(b"a", b"1"), (b"a", None)], [50, 60]), LAST)
        result = await compact(one, config, 1_000)
        assert (result.records_removed, result.tombstones_removed) == (1, 0)
        first = (await stored(one))[0]
        assert (first.offset, first.value, first.timestamp) == (1, None, 60)
        assert BatchHeader.parse((await one.read(0, 0))[0]).delete_horizon_ms == 6_000
        await append(one, LAST)
        assert (await compact(one, config, 5_999)).tombstones_removed == 0
        await append(one, LAST)
        assert (await compact(one, config, 6_000)).tombstones_removed == 1
        assert b"a" not in await latest(one)


async def test_a_log_is_left_alone_until_enough_of_it_is_dirty() -> None:
    config = TopicConfig.of({"cleanup.policy": "compact"})
    async with log() as one:
        await append(one, *[batch_of([(b"%d" % n, bytes(1_000))]) for n in range(4)], LAST)
        assert (await compact(one, config, 0)).cleaned_to == 4
        await append(one, *[batch_of([(b"0", bytes(1_000))])] * 3, LAST)
        assert (await compact(one, config, 0)).records_removed == 0
        await append(one, *[batch_of([(b"0", bytes(1_000))])] * 3, LAST)
        assert (await compact(one, config, 0)).records_removed == 7
        assert (await compact(one, config, 0)).records_removed == 0


async def test_exactly_as_dirty_as_allowed_is_not_dirty_enough() -> None:
    config = TopicConfig.of({"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.5"})
    async with log() as one:
        await append(one, *[batch_of([(b"%d" % n, b"")]) for n in range(3)])
        assert (await compact(one, config, 0)).cleaned_to == 2
        await append(one, *[batch_of([(b"%d" % n, b"")]) for n in range(2)])
        assert (await compact(one, config, 0)).cleaned_to == 2
        await append(one, batch_of([(b"2", b"")]))
        assert (await compact(one, config, 0)).cleaned_to == 5


async def test_young_records_wait_for_min_compaction_lag() -> None:
    config = TopicConfig.of(
        {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0", "min.compaction.lag.ms": "100"}
    )
    async with log() as one:
        await append(one, *[batch_of([(b"a", b"")], at) for at in (0, 10, 20)], LAST)
        assert (await compact(one, config, 110)).cleaned_to == 2
        assert offsets(await stored(one)) == [1, 2, 3]


async def test_without_the_policy_nothing_is_compacted() -> None:
    async with log() as one:
        await append(one, batch_of([(b"a", b"1"), (b"a", b"2")]), LAST)
        assert (await compact(one, TopicConfig(min_cleanable_dirty_ratio=0), 0)).records_removed == 0


async def test_records_of_committed_transactions_are_replaced_like_any_those_of_aborted_ones_go() -> None:
    async with log() as one:
        data = batch_of([(b"a", b"1"), (b"a", b"2")])
        header = BatchHeader.parse(data)
        data = seal(bytearray(HEADER.pack(*header._replace(attributes=TRANSACTIONAL_FLAG)) + data[HEADER.size :]))
        await append(one, data, batch_of([(b"a", b"3"), (b"a", b"4")]), LAST)
        await compact(one, ALWAYS, 0)
        assert offsets(await stored(one)) == [3, 4]
    async with log() as one:
        await append(one, data, batch_of([(b"b", b"3")]), LAST)
        await compact(one, ALWAYS, 0, aborted=lambda producer_id, offset: True)
        assert offsets(await stored(one)) == [2, 3]


async def test_records_without_a_key_from_before_the_policy_go() -> None:
    async with log() as one:
        await append(one, batch_of([(None, b"1"), (b"a", b"2")]), batch_of([(None, b"3")]), LAST)
        assert (await compact(one, ALWAYS, 0)).records_removed == 2
        assert [(b.base_offset, b.count) for b in await one.batches(0)] == [(0, 1), (2, 0), (3, 1)]


async def test_a_log_with_more_keys_than_fit_is_cleaned_in_several_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaner, "MOST_KEYS", 4)
    async with log() as one:
        await append(one, *[batch_of([(b"%d" % n, b"1"), (b"%d" % (n + 1), b"2")]) for n in range(10)], LAST)
        expected = await latest(one)
        reached = [(await compact(one, ALWAYS, 0)).cleaned_to for _ in range(5)]
        assert reached == [6, 12, 18, 20, 20]
        assert len(await stored(one)) == len(expected)
        assert await latest(one) == expected


@pytest.mark.parametrize("inline", [True, False], ids=["inline", "threaded"])
async def test_appends_deletions_and_truncation_meanwhile_do_no_harm(inline: bool, tmp_path: Path) -> None:
    async with log(tmp_path / "b.db", inline=inline) as one:
        await append(one, *[batch_of([(b"%d" % (n % 7), b"%d" % n)]) for n in range(400)])
        cleaning = asyncio.ensure_future(compact(one, ALWAYS, 0))
        for n in range(40):
            await append(one, batch_of([(b"%d" % (n % 7), b"new %d" % n)]))
            await one.delete_records(n * 3)
        result = await cleaning
        assert result.cleaned_to == 399
        records = await stored(one)
        assert [r.offset for r in records if r.offset >= 400] == list(range(400, 440))
        assert {r.key for r in records} == {b"%d" % n for n in range(7)}
        assert one.size_bytes == sum(info.size for info in await one.batches(0))

        await append(one, *[batch_of([(b"%d" % (n % 7), b"")]) for n in range(400)])
        cleaning = asyncio.ensure_future(compact(one, ALWAYS, 0))
        for _ in range(60):
            await asyncio.sleep(0)
        await one.truncate_to(500)
        await append(one, batch_of([(b"after", b"the cut")]))
        assert (await cleaning).cleaned_to <= 500
        assert offsets(await stored(one))[-1] == 500
        assert (await latest(one))[b"after"] == (500, b"the cut")
        assert one.size_bytes == sum(info.size for info in await one.batches(0))


async def test_what_was_cut_off_while_its_dirt_was_looked_for_is_not_taken_for_clean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with log() as one:
        await append(one, *[batch_of([(b"k", b"%d" % n)]) for n in range(10)])
        batches = one.rows.batches

        async def cut_meanwhile(*asked: int) -> list[BatchInfo]:
            found = await batches(*asked)
            if one.log_end_offset == 10:
                await one.truncate_to(5)
            return found

        monkeypatch.setattr(one.rows, "batches", cut_meanwhile)
        await compact(one, ALWAYS, 0)
        assert one.cleaned_to <= one.log_end_offset == 5


async def test_after_compaction_the_newest_times_are_known_again() -> None:
    async with log() as one:
        await append(one, batch_of([(b"x", b"")], 5), batch_of([(b"a", b"")], 900), batch_of([(b"b", b"")], 10))
        await append(one, batch_of([(b"a", b"")], 20), batch_of([(b"last", b"")], 30))
        await compact(one, ALWAYS, 0)
        await assert_newest_so_far_is_true(one)
        assert await offset_of_max_timestamp(one) == (4, 30)


async def test_truncating_to_what_compaction_left_at_the_front_keeps_the_offsets_used() -> None:
    async with log() as one:
        await append(one, *[batch_of([(b"a", b"")])] * 3, LAST)
        await compact(one, ALWAYS, 0)
        await one.truncate_to(2)
        assert (one.log_start_offset, one.log_end_offset) == (2, 2)


async def test_what_was_cleaned_is_known_after_reopening(tmp_path: Path) -> None:
    async with log(tmp_path / "b.db") as one:
        await append(one, *[batch_of([(b"a", b"%d" % n)], n) for n in range(50, 0, -1)], LAST)
        await compact(one, ALWAYS, 0)
        before = (one.cleaned_to, one.size_bytes, one.max_timestamp, await stored(one))
        assert before[:1] == (50,)
    async with store(tmp_path / "b.db") as again:
        one = again.log(TP)
        assert (one.cleaned_to, one.size_bytes, one.max_timestamp, await stored(one)) == before


keys = st.sampled_from([b"a", b"b", b"c", b"d"])
values = st.one_of(st.none(), st.binary(max_size=3))
rounds = st.lists(
    st.lists(st.lists(st.tuples(keys, values), min_size=1, max_size=5), min_size=1, max_size=5), min_size=1, max_size=4
)


@given(rounds, st.sampled_from(COMPRESSIONS))
@settings(max_examples=40, deadline=None)
def test_compaction_never_changes_what_a_reader_of_the_whole_log_ends_up_with(
    written: list[list[list[KeyValue]]], compression: str
) -> None:
    config = TopicConfig.of(
        {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0", "delete.retention.ms": "15"}
    )

    async def run() -> None:
        async with log() as one:
            model: dict[bytes | None, tuple[int, bytes | None]] = {}
            end = 0
            for number, batches in enumerate(written):
                for records in batches:
                    await append(one, batch_of(records, 7 * number - end % 13 + 20, compression=compression))
                    for key, value in records:
                        model[key] = (end, value)
                        end += 1
                await compact(one, config, 7.0 * number)
                await assert_newest_so_far_is_true(one)
                found = await latest(one)
                for key, (offset, value) in model.items():
                    if value is not None or key in found:
                        assert found[key] == (offset, value)
                assert one.log_end_offset == end
                clean = [r.key for r in await stored(one) if r.offset < one.cleaned_to]
                assert len(clean) == len(set(clean))
                times = [(r.timestamp, r.offset) for r in await stored(one)]
                for timestamp in range(0, 50, 3):
                    expected = next(((at, t) for t, at in times if t >= timestamp), None)
                    assert await offset_for_timestamp(one, timestamp) == expected

    asyncio.run(run())


async def test_what_is_dirty_for_too_long_is_compacted_however_little_it_is() -> None:
    async with log() as one:
        await append(one, *[batch_of([(b"%d" % n, b"x" * 500)], 1_000) for n in range(10)])
        await compact(one, ALWAYS, 0)
        await append(one, batch_of([(b"9", b"")], 5_000), batch_of([(b"9", b"")], 5_000))
        config = TopicConfig.of({"cleanup.policy": "compact", "max.compaction.lag.ms": "60000"})
        assert (await compact(one, config, 61_000)).records_removed == 0
        assert (await compact(one, config, 61_001)).records_removed == 1
