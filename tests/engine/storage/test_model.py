"""A log under random operations, held against a plain list."""

import asyncio
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.config import TopicConfig
from engine.errors import OffsetOutOfRangeError
from engine.records import ConsumerRecord
from engine.storage.log import PartitionLog
from engine.storage.retention import apply_retention
from engine.storage.times import offset_for_timestamp, offset_of_max_timestamp
from tests.engine.storage.helpers import (
    TOPIC_ID,
    TP,
    assert_newest_so_far_is_true,
    bases,
    batch_of,
    offsets,
    store,
    stored,
)

times = st.integers(0, 60)
appends = st.tuples(st.just("append"), st.lists(st.lists(times, min_size=1, max_size=4), min_size=1, max_size=4))
shares = st.tuples(st.sampled_from(["delete", "truncate"]), st.floats(0, 1))
retention = st.tuples(st.just("retain"), st.tuples(st.integers(-1, 400), st.integers(-1, 70)))
others = st.tuples(st.sampled_from(["reopen", "forget"]), st.none())
operations = st.lists(st.one_of(appends, appends, shares, retention, others), max_size=14)


class Model:
    """What a log should be: batches as lists of (offset, timestamp), and two ends."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[int, int]]] = []
        self.sizes: list[int] = []
        self.start = self.end = 0

    def append(self, batch_times: list[int], size: int) -> None:
        self.batches.append([(self.end + index, at) for index, at in enumerate(batch_times)])
        self.sizes.append(size)
        self.end += len(batch_times)

    def delete(self, before: int) -> None:
        self.start = max(self.start, before)
        while self.batches and self.batches[0][-1][0] < self.start:
            del self.batches[0], self.sizes[0]

    def truncate(self, offset: int) -> None:
        if offset >= self.end:
            return
        if offset < self.start:
            self.batches, self.sizes, self.start, self.end = [], [], offset, offset
            return
        while self.batches and self.batches[-1][-1][0] >= offset:
            del self.batches[-1], self.sizes[-1]
        self.end = max(self.start, self.batches[-1][-1][0] + 1 if self.batches else 0)

    def retain(self, max_bytes: int, max_age: int, now: int) -> None:
        while self.batches and (
            (max_bytes >= 0 and sum(self.sizes) - self.sizes[0] >= max_bytes)
            or (max_age >= 0 and max(at for _, at in self.batches[0]) < now - max_age)
        ):
            self.delete(self.batches[0][-1][0] + 1)

    def records(self) -> list[tuple[int, int]]:
        return [record for batch in self.batches for record in batch if record[0] >= self.start]


def plain(records: list[ConsumerRecord]) -> list[tuple[int, int]]:
    return [(record.offset, record.timestamp) for record in records]


async def compare(log: PartitionLog, model: Model) -> None:
    records = model.records()
    assert (log.log_start_offset, log.flushed_offset, log.log_end_offset) == (model.start, model.end, model.end)
    assert log.size_bytes == sum(model.sizes)
    assert plain(await stored(log)) == records
    assert log.max_timestamp == max((at for batch in model.batches for _, at in batch), default=-1)
    await assert_newest_so_far_is_true(log)
    for timestamp in range(0, 62, 4):
        found = await offset_for_timestamp(log, timestamp)
        assert found == next(((offset, at) for offset, at in records if at >= timestamp), None)
    newest = max((at for _, at in records), default=None)
    assert await offset_of_max_timestamp(log) == next(((o, at) for o, at in records if at == newest), None)
    for offset in range(model.start, model.end + 1):
        held = [batch[0][0] for batch in model.batches if batch[-1][0] >= offset]
        assert bases(await log.read(offset, 150)) == taken(held, model, 150)
        before = [batch[0][0] for batch in model.batches if batch[0][0] < offset]
        assert bases(await log.read_before(offset, 150))[::-1] == taken(before[::-1], model, 150)
    for offset in (model.start - 1, model.end + 1):
        with pytest.raises(OffsetOutOfRangeError):
            await log.read(offset, 100)


def taken(candidates: list[int], model: Model, max_bytes: int) -> list[int]:
    """Batches as far as `max_bytes` goes, but at least one."""
    size = {batch[0][0]: size for batch, size in zip(model.batches, model.sizes, strict=True)}
    result: list[int] = []
    for base in candidates:
        if result and sum(size[each] for each in result) + size[base] > max_bytes:
            break
        result.append(base)
    return result


async def run(steps: list[tuple[str, object]], path: Path) -> None:
    model = Model()
    async with store(path) as opened:
        await opened.create_log(TP, TOPIC_ID)
    for number, (what, how) in enumerate([*steps, ("reopen", None)]):
        async with store(path) as opened:
            log = opened.log(TP)
            match what, how:
                case "append", list(batches):
                    infos = await asyncio.gather(
                        *(log.append(batch_of([(None, b"")] * len(t), t), leader_epoch=number) for t in batches)
                    )
                    for batch_times, info in zip(batches, infos, strict=True):
                        assert info.base_offset == model.end
                        model.append(batch_times, info.size_bytes)
                case "delete", float(share):
                    before = round(model.start + share * (model.end - model.start))
                    assert await log.delete_records(before) == max(before, model.start)
                    model.delete(before)
                case "truncate", float(share):
                    await log.truncate_to(round(share * model.end))
                    model.truncate(round(share * model.end))
                case "retain", (int(max_bytes), int(max_age)):
                    config = TopicConfig(retention_bytes=max_bytes, retention_ms=max_age)
                    await apply_retention(log, config, 60)
                    model.retain(max_bytes, max_age, 60)
                case "forget", None:
                    log._tail.clear()
            await compare(log, model)
            assert log.epochs.latest <= number
            assert offsets(await stored(log)) == sorted(set(offsets(await stored(log))))


@given(operations)
@settings(max_examples=40, deadline=None)
def test_a_log_does_what_a_plain_list_would(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(steps, Path(folder) / "b.db"))
