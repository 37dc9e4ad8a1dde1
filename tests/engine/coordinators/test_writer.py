"""The writer of a coordinator's records: order, company, and nobody left waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from engine.clock import ManualClock
from engine.coordinators.writer import LogRecord, Within, Writer
from engine.errors import KafkaError, NotCoordinatorError, RecordTooLargeError, UnknownServerError
from tests.engine.groups.group_world import MemoryLog


async def test_one_that_fails_on_being_told_holds_up_nobody_else() -> None:
    clock = ManualClock(0)
    writer = Writer(0, MemoryLog(clock))
    told: list[KafkaError | None] = []
    failures: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failures.append(context["exception"]))

    def fails(error: KafkaError | None) -> None:
        raise ZeroDivisionError

    writer.write([(b"a", b"1")], fails)
    writer.write([(b"b", b"2")], told.append)
    await clock.settle()
    writer.write([(b"c", b"3")], told.append)
    await clock.settle()
    assert told == [None, None]
    assert [type(failure) for failure in failures] == [ZeroDivisionError]


async def test_what_has_not_been_begun_when_it_closes_fails_and_so_does_what_comes_after() -> None:
    clock = ManualClock(0)
    log = MemoryLog(clock)
    log.open.clear()
    writer = Writer(0, log)
    tasks = [asyncio.create_task(writer.write_and_wait([(key, None)])) for key in (b"a", b"b")]
    await asyncio.sleep(0)
    writer.close()
    with pytest.raises(NotCoordinatorError):
        await writer.write_and_wait([(b"c", None)])
    log.open.set()
    await clock.settle()
    assert all(isinstance(task.exception(), NotCoordinatorError) for task in tasks)


async def test_what_is_too_large_for_the_log_fails_alone() -> None:
    class Small(MemoryLog):
        async def append(self, partition: int, records: Sequence[LogRecord], within: Within | None = None) -> None:
            for key, value in records:
                if len(value or b"") > 3:
                    raise RecordTooLargeError
                await super().append(partition, [(key, value)], within)

    clock = ManualClock(0)
    log = Small(clock)
    writer = Writer(0, log)
    told: list[KafkaError | None] = []
    for value in (b"1", b"too large", b"3"):
        writer.write([(b"k", value)], told.append)
    await clock.settle()
    assert [type(error) for error in told] == [type(None), UnknownServerError, type(None)]
    assert log.records[0][-1].value == b"3"


async def test_a_log_that_breaks_in_its_own_way_is_answered_for() -> None:
    class Broken(MemoryLog):
        async def append(self, partition: int, records: object, within: object = None) -> None:
            raise OSError("no space left")

    with pytest.raises(UnknownServerError, match="no space left"):
        await Writer(0, Broken(ManualClock(0))).write_and_wait([(b"a", None)])
