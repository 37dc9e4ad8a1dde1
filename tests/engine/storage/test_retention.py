import asyncio

import pytest

from engine.config import TopicConfig
from engine.storage.retention import apply_retention, expired
from engine.storage.rows import BatchInfo
from tests.engine.storage.helpers import append, batch, batch_of, log, offsets, stored

DAY = 86_400_000
SIZE = len(batch(10))


def config(**overrides: str) -> TopicConfig:
    return TopicConfig.of({name.replace("_", "."): value for name, value in overrides.items()})


async def test_batches_go_by_time_when_their_newest_record_is_too_old() -> None:
    async with log() as one:
        await append(one, batch(10, 0), batch(10, 1_000), batch(10, 5_000))
        result = await apply_retention(one, config(retention_ms="4000"), 5_009)
        assert (result.records, result.batches, result.size, result.by_time) == (10, 1, SIZE, 10)
        assert result.log_start_offset == one.log_start_offset == 10
        assert (await apply_retention(one, config(retention_ms="4000"), 5_009)).records == 0
        assert (await apply_retention(one, config(retention_ms="4000"), 5_010)).records == 10
        assert offsets(await stored(one)) == list(range(20, 30))


async def test_retention_never_reaches_behind_a_batch_that_stays() -> None:
    async with log() as one:
        await append(one, batch(10, 9_000), batch(10, 0))
        assert (await apply_retention(one, config(retention_ms="1000"), 9_500)).records == 0
        assert (await apply_retention(one, config(retention_ms="1000"), 99_500)).records == 20
        assert (one.log_start_offset, one.log_end_offset) == (20, 20)


async def test_by_size_as_much_goes_as_leaves_at_least_what_is_kept() -> None:
    async with log() as one:
        await append(one, *[batch(10, DAY)] * 5)
        result = await apply_retention(one, config(retention_bytes=str(2 * SIZE + 1)), DAY)
        assert (result.records, result.by_time, one.size_bytes) == (20, 0, 3 * SIZE)
        assert (await apply_retention(one, config(retention_bytes=str(2 * SIZE)), DAY)).records == 10
        assert (await apply_retention(one, config(retention_bytes="0"), DAY)).records == 20
        assert one.size_bytes == 0


@pytest.mark.parametrize("kept", [{}, {"retention_ms": "-1"}, {"cleanup_policy": "compact", "retention_ms": "1"}])
async def test_nothing_goes_within_the_defaults_without_a_limit_or_under_compaction(kept: dict[str, str]) -> None:
    async with log() as one:
        await append(one, batch(10, 0))
        now = DAY if not kept else 999 * DAY
        assert (await apply_retention(one, config(**kept), now)).records == 0
        assert one.log_start_offset == 0


async def test_a_topic_with_both_policies_is_trimmed_too() -> None:
    async with log() as one:
        await append(one, batch(10, 0))
        both = config(cleanup_policy="compact,delete", retention_ms="10")
        assert (await apply_retention(one, both, DAY)).records == 10


async def test_nothing_goes_that_not_every_replica_has() -> None:
    async with log() as one:
        await append(one, *[batch(10, 0)] * 3)
        assert (await apply_retention(one, config(retention_ms="1"), DAY, up_to=25)).records == 20
        assert one.log_start_offset == 20


async def test_records_deleted_before_are_not_counted_again() -> None:
    async with log() as one:
        await append(one, *[batch(10, 0)] * 2)
        await one.delete_records(7)
        assert (await apply_retention(one, config(retention_ms="1"), DAY)).records == 13


async def test_a_long_log_is_trimmed_in_one_call() -> None:
    async with log() as one:
        await asyncio.gather(*(one.append(batch_of([(None, b"")], at), leader_epoch=0) for at in range(2_500)))
        result = await apply_retention(one, config(retention_ms="500"), 2_600)
        assert (result.records, result.batches, one.log_start_offset) == (2_100, 2_100, 2_100)


def test_a_batch_whose_records_have_no_time_does_not_age_but_an_empty_one_goes() -> None:
    timeless, empty = BatchInfo(0, 0, -1, 1, 70), BatchInfo(0, 0, -1, 0, 61)
    assert expired([timeless], 70, TopicConfig(), 999 * DAY).batches == 0
    assert expired([empty, empty], 122, TopicConfig(), 0).batches == 2
