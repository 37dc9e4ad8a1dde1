"""Where a producer's transaction stands, and what errors make of it.

After the states of `org.apache.kafka.clients.producer.internals.TransactionManager`: what fails on the way makes the
transaction one that can only be aborted; a newer producer with the same transactional id ends this one for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, TypeVar

from engine.clients.connection import Connection
from engine.clients.coordination import CoordinatorLink
from engine.clients.idempotence import Identity
from engine.clock import Clock
from engine.errors import (
    ConcurrentTransactionsError,
    IllegalStateError,
    InvalidProducerEpochError,
    InvalidProducerIdMappingError,
    InvalidTxnStateError,
    KafkaError,
    ProducerFencedError,
    TransactionAbortedError,
)
from engine.messages import CoordinatorType, Request

R = TypeVar("R")

CONCURRENT_BACKOFF_MS = 20
"""How soon a transaction tries again to begin while the one before is being completed."""
_FENCED = (ProducerFencedError, InvalidProducerEpochError)


class State(Enum):
    """Where a producer's transaction stands (`TransactionManager.State`)."""

    UNINITIALIZED = "not initialized"
    READY = "ready"
    IN_TRANSACTION = "in a transaction"
    COMMITTING = "committing"
    ABORTING = "aborting"
    ABORTABLE_ERROR = "in a transaction that can only be aborted"
    FATAL_ERROR = "at an end"


@dataclass(frozen=True, slots=True)
class TransactionConfig:
    """What a transactional producer keeps to; times in ms."""

    transactional_id: str
    timeout_ms: int
    retry_backoff_ms: float
    max_block_ms: float


class TransactionState(Identity):
    """`wake`, `drop` and `spawn` are the producer's."""

    def __init__(self, config: TransactionConfig, connection: Connection, clock: Clock) -> None:
        super().__init__(connection)
        self.transactional_id = config.transactional_id
        self.state = State.UNINITIALIZED
        self.error: KafkaError | None = None
        """Why the transaction, or the producer, is at an end."""
        self.wake: Callable[[], None] = lambda: None
        self.drop: Callable[[KafkaError, bool], None] = lambda *_: None
        """Fails every batch that was never sent, or, if that is wanted, every one that waits to be sent."""
        self.spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]] = _spawn
        """Begins a task that ends with the producer."""
        self._config = config
        self._clock = clock
        self._link = CoordinatorLink(
            config.transactional_id, connection, clock, config.retry_backoff_ms, CoordinatorType.TRANSACTION
        )
        self._bump = False
        """Whether the next transaction needs another epoch, because sequences are missing."""

    @property
    def fatal(self) -> KafkaError | None:
        """What has ended this producer for good."""
        return self.error if self.state is State.FATAL_ERROR else None

    @property
    def is_open(self) -> bool:
        """Whether there is a transaction to be ended."""
        return self.state in (State.IN_TRANSACTION, State.COMMITTING, State.ABORTING, State.ABORTABLE_ERROR)

    def check_sending(self) -> None:
        """Refuse a record outside a transaction, or in one that cannot be committed any more."""
        if self.state is not State.IN_TRANSACTION:
            self._check_usable()
            raise IllegalStateError(
                f"{self.transactional_id} is {self.state.value}; a transactional producer sends between "
                "begin_transaction() and commit_transaction()."
            )

    def batch_failed(self, error: KafkaError) -> None:
        """A record will not be in the log, so the transaction can only be aborted."""
        if not isinstance(error, TransactionAbortedError):
            self._fail(error)

    async def _retrying(self, request: Request[R]) -> R:
        """The coordinator's answer, asking again after retriable errors for `max_block_ms`; raises KafkaError."""
        deadline = self._clock.now_ms() + self._config.max_block_ms
        while True:
            pause_ms = self._config.retry_backoff_ms
            try:
                return await self._link.call(request)
            except ConcurrentTransactionsError:
                pause_ms = CONCURRENT_BACKOFF_MS
                if self._clock.now_ms() + pause_ms > deadline:
                    raise
            except KafkaError as error:
                if not error.retriable or self._clock.now_ms() + pause_ms > deadline:
                    raise
            await self._clock.sleep(pause_ms)

    @contextmanager
    def _fatal_if_fenced(self) -> Iterator[None]:
        """What only a newer producer with this id, or a contradiction with the coordinator, explains ends this one."""
        try:
            yield
        except _FENCED as error:
            fenced = ProducerFencedError(
                f"{self.transactional_id}: this producer was fenced. A newer one with its transactional id has taken "
                f"over, or its transaction was open for too long and was aborted ({error}) Close it; nothing it sent "
                "in its last transaction counts."
            )
            self._end_for_good(fenced)
            raise fenced from error
        except InvalidTxnStateError as error:
            self._end_for_good(error)
            raise
        except InvalidProducerIdMappingError:
            self._bump = True
            raise

    def _end_for_good(self, error: KafkaError) -> None:
        self.state, self.error = State.FATAL_ERROR, error
        self.drop(error, True)
        self.wake()

    def _fail(self, error: KafkaError) -> None:
        """The transaction can only be aborted from now on."""
        if self.state in (State.IN_TRANSACTION, State.COMMITTING):
            self.state, self.error = State.ABORTABLE_ERROR, error
            why = TransactionAbortedError(f"{self.transactional_id}: the transaction cannot be committed. {error}")
            self.drop(why, False)

    def _check_fatal(self) -> None:
        if self.state is State.FATAL_ERROR:
            self._check_usable()

    def _check_usable(self) -> None:
        if self.error is None:
            return
        if self.state is State.FATAL_ERROR:
            raise type(self.error)(str(self.error))
        if self.state is State.ABORTABLE_ERROR:
            raise TransactionAbortedError(
                f"{self.transactional_id}: this transaction can only be aborted. {self.error} Call abort_transaction()."
            ) from self.error


def _spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work, name=name)
