"""Writes a coordinator's records: one append at a time to a partition of its topic, in the order asked for.

Records that arrive while an append is under way all go into the next one (Kafka's `CoordinatorRuntime` gathers them
too), so that many small commits cost few appends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from engine.errors import (
    CoordinatorNotAvailableError,
    ErrorCode,
    KafkaError,
    NotCoordinatorError,
    RecordListTooLargeError,
    RecordTooLargeError,
    UnknownServerError,
)
from engine.records import Marker

LogRecord = tuple[bytes, bytes | None]
"""Key and value; no value is a tombstone."""


class Within(NamedTuple):
    """Whose transaction records belong to, or with `marker`, whose is ended."""

    producer_id: int
    producer_epoch: int
    marker: Marker | None = None


class LogEntry(NamedTuple):
    """A record as it is read again, with its time (ms); a marker has no value and an empty key."""

    key: bytes
    value: bytes | None
    timestamp: int
    within: Within | None = None


Written = Callable[[KafkaError | None], None]
"""Told when records are committed, or what went wrong."""
_Waiting = tuple[Sequence[LogRecord], Written, Within | None]
_TOO_LARGE = (RecordTooLargeError, RecordListTooLargeError)


class StateLog(Protocol):
    """The partitions of a coordinator's topic, as a broker keeps them."""

    topic: str

    async def append(self, partition: int, records: Sequence[LogRecord], within: Within | None = None) -> None:
        """Append keys and values (None: a tombstone) or a marker; returns when that is committed, raises KafkaError."""

    async def read(self, partition: int) -> Sequence[LogEntry]:
        """Everything that stands there, in order."""


class Writer:
    """The one who appends to a partition."""

    def __init__(self, partition: int, log: StateLog) -> None:
        self._partition = partition
        self._log = log
        self._waiting: list[_Waiting] = []
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    def write(self, records: Sequence[LogRecord], then: Written, within: Within | None = None) -> None:
        """Append `records`, or a transaction's marker; `then` is told when that is committed, or what went wrong."""
        if self._closed:
            then(self._elsewhere())
            return
        self._waiting.append((records, then, within))
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._write_all())

    async def write_and_wait(
        self, records: Sequence[LogRecord], then: Written | None = None, within: Within | None = None
    ) -> None:
        """Append `records` and return when they are committed; raises what went wrong."""
        done: asyncio.Future[KafkaError | None] = asyncio.get_running_loop().create_future()

        def written(error: KafkaError | None) -> None:
            if then is not None:
                then(error)
            if not done.done():
                done.set_result(error)

        self.write(records, written, within)
        error = await done
        if error is not None:
            raise error

    async def _write_all(self) -> None:
        try:
            while self._waiting:
                together = self._take()
                outcomes = await self._append_all(together)
                for (_, then, _), error in zip(together, outcomes, strict=True):
                    # In order, and none held up by another that fails.
                    asyncio.get_running_loop().call_soon(then, None if error is None else as_answered(error))
        finally:
            self._task = None

    async def _append_all(self, together: Sequence[_Waiting]) -> list[KafkaError | None]:
        """What became of each; what is too large for the log does not take the others along."""
        within = together[0][2]
        error = await self._append([record for records, _, _ in together for record in records], within)
        if len(together) == 1 or not isinstance(error, _TOO_LARGE):
            return [error] * len(together)
        return [await self._append(records, within) for records, _, _ in together]

    def _take(self) -> list[_Waiting]:
        """What goes into the next append: all that waits, up to where another transaction begins or one ends."""
        within = self._waiting[0][2]
        count = 1
        if within is None or within.marker is None:
            while count < len(self._waiting) and self._waiting[count][2] == within:
                count += 1
        together, self._waiting = self._waiting[:count], self._waiting[count:]
        return together

    async def _append(self, records: Sequence[LogRecord], within: Within | None) -> KafkaError | None:
        try:
            await self._log.append(self._partition, records, within)
        except KafkaError as error:
            return error
        except Exception as error:  # whatever it was, somebody waits for an answer, and gets to see it
            return UnknownServerError(f"A record of {self._log.topic} could not be stored: {error!r}")
        return None

    def close(self) -> None:
        """Write nothing any more; what has not been begun fails with NotCoordinatorError."""
        self._closed = True
        waiting, self._waiting = self._waiting, []
        for _, then, _ in waiting:
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
    if isinstance(error, _TOO_LARGE):
        return UnknownServerError(str(error))
    return error
