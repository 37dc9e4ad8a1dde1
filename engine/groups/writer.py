"""Writes a coordinator's records: one append at a time to a partition of its topic, in the order asked for.

Records that arrive while an append is under way all go into the next one (Kafka's `CoordinatorRuntime` gathers them
too), so that many small commits cost few appends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from engine.errors import (
    CoordinatorNotAvailableError,
    ErrorCode,
    KafkaError,
    NotCoordinatorError,
    UnknownServerError,
)

LogRecord = tuple[bytes, bytes | None]
"""Key and value; no value is a tombstone."""

Written = Callable[[KafkaError | None], None]
"""Told when records are committed, or what went wrong."""


class OffsetsLog(Protocol):
    """The partitions of a coordinator's topic, as a broker keeps them."""

    topic: str

    async def append(self, partition: int, records: Sequence[LogRecord]) -> None:
        """Append keys and values (None: a tombstone) and return when they are committed; raises KafkaError."""

    async def read(self, partition: int) -> Sequence[tuple[bytes, bytes | None, int]]:
        """Every key, value and timestamp, in order."""


class Writer:
    """The one who appends to a partition."""

    def __init__(self, partition: int, log: OffsetsLog) -> None:
        self._partition = partition
        self._log = log
        self._waiting: list[tuple[Sequence[LogRecord], Written]] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def write(self, records: Sequence[LogRecord], then: Written) -> None:
        """Append `records`; `then` is told when they are committed, or what went wrong."""
        if self._closed:
            then(self._elsewhere())
            return
        self._waiting.append((records, then))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write_all())

    async def write_and_wait(self, records: Sequence[LogRecord], then: Written | None = None) -> None:
        """Append `records` and return when they are committed; raises what went wrong."""
        done: asyncio.Future[KafkaError | None] = asyncio.get_running_loop().create_future()

        def written(error: KafkaError | None) -> None:
            if then is not None:
                then(error)
            if not done.done():
                done.set_result(error)

        self.write(records, written)
        error = await done
        if error is not None:
            raise error

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                error = await self._append([record for records, _ in batch for record in records])
                for _, then in batch:  # in order, and none held up by another that fails
                    asyncio.get_running_loop().call_soon(then, error)
        finally:
            self._task = None

    async def _append(self, records: Sequence[LogRecord]) -> KafkaError | None:
        try:
            await self._log.append(self._partition, records)
        except KafkaError as error:
            return as_answered(error)
        except Exception as error:  # whatever it was, somebody waits for an answer, and gets to see it
            return UnknownServerError(f"A record of {self._log.topic} could not be stored: {error!r}")
        return None

    def close(self) -> None:
        """Write nothing any more; what has not been begun fails with NotCoordinatorError."""
        self._closed = True
        waiting, self._waiting = self._waiting, []
        for _, then in waiting:
            then(self._elsewhere())

    def _elsewhere(self) -> NotCoordinatorError:
        return NotCoordinatorError(f"This broker does not lead {self._log.topic}-{self._partition} any more.")


def as_answered(error: KafkaError) -> KafkaError:
    """What a client is told when its record could not be appended (`CoordinatorOperationExceptionHelper`)."""
    if error.code in (
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NOT_ENOUGH_REPLICAS,
        ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND,
        ErrorCode.REQUEST_TIMED_OUT,
    ):
        return CoordinatorNotAvailableError(str(error))
    if error.code in (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.KAFKA_STORAGE_ERROR):
        return NotCoordinatorError(str(error))
    if error.code in (ErrorCode.MESSAGE_TOO_LARGE, ErrorCode.RECORD_LIST_TOO_LARGE):
        return UnknownServerError(str(error))
    return error
