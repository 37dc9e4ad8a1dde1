"""A transactional producer: who it is to its coordinator and to leaders, and how its transactions begin and end.

After `org.apache.kafka.clients.producer.internals.TransactionManager` (KIP-98, KIP-360, KIP-447).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from engine.clients.batches import Batch
from engine.clients.connection import Connection
from engine.clients.idempotence import LAST_EPOCH
from engine.clients.transaction_parts import TransactionParts
from engine.clients.transaction_state import State, TransactionConfig
from engine.clock import Clock
from engine.errors import (
    IllegalStateError,
    KafkaError,
    OutOfOrderSequenceError,
    TransactionAbortedError,
)
from engine.messages import EndTxnRequest, InitProducerIdRequest


class TransactionalIdentity(TransactionParts):
    """Who ends a transaction says how to wait until all is sent."""

    def __init__(self, config: TransactionConfig, connection: Connection, clock: Clock) -> None:
        super().__init__(config, connection, clock)
        self._initializing = asyncio.Lock()

    # Who it is

    async def begin(self) -> None:
        """Ask the coordinator for id and epoch, which fences whoever had them before; raises KafkaError."""
        async with self._initializing:
            if self.state is State.UNINITIALIZED:
                with self._fatal_if_fenced():
                    await self._initialize()
                self.state = State.READY

    async def _initialize(self) -> None:
        known = (self.producer_id, self.epoch)
        answer = await self._retrying(InitProducerIdRequest(self.transactional_id, self._config.timeout_ms, *known))
        self.producer_id, self.epoch = answer.producer_id, answer.producer_epoch
        self._forget_standings()
        self._bump = False

    # What the sender asks

    def may_try_again(self, batch: Batch, error: KafkaError) -> bool:
        """Whether sending it again may help; where a sequence is missing for good, only aborting does."""
        if self.state is State.FATAL_ERROR:
            return False
        if isinstance(error, OutOfOrderSequenceError):
            return not (batch.tp in self._gaps or self._is_turn(batch))
        return error.retriable

    def settle(self) -> None:
        """Gaps are left until the transaction is aborted: the next gets another epoch from the coordinator."""

    def refused(self, batch: Batch) -> None:
        """It will not be in the log: the transaction is incomplete."""
        super().refused(batch)
        self._bump = True

    def expired(self, batch: Batch) -> None:
        """It was given up after it was sent: the transaction may be incomplete."""
        super().expired(batch)
        self._bump = True

    # The transaction

    def begin_transaction(self) -> None:
        """Open a transaction; its coordinator hears of it with the first record or offset."""
        self._check_usable()
        if self.state is not State.READY:
            raise IllegalStateError(f"{self.transactional_id} is {self.state.value}; it cannot begin a transaction.")
        self.state = State.IN_TRANSACTION

    async def commit(self, flush: Callable[[], Awaitable[None]]) -> None:
        """Wait until everything is in the log, then commit; raises why it cannot be."""
        self._check_usable()
        if self.state not in (State.IN_TRANSACTION, State.COMMITTING):
            raise IllegalStateError(f"{self.transactional_id} is {self.state.value}; there is nothing to commit.")
        self.state = State.COMMITTING
        await flush()
        self._check_usable()
        try:
            await self._end(committed=True)
        except KafkaError as error:
            if not error.retriable:
                self._fail(error)
            raise

    async def abort(self, flush: Callable[[], Awaitable[None]]) -> None:
        """Drop what was not sent, wait for the rest, then abort; raises KafkaError."""
        if self.state is State.FATAL_ERROR:
            self._check_usable()
        if not self.is_open:
            raise IllegalStateError(f"{self.transactional_id} is {self.state.value}; there is nothing to abort.")
        if self.state is State.COMMITTING:
            raise IllegalStateError(
                f"{self.transactional_id} is committing, and may have done so already; call commit_transaction() again."
            )
        self.state = State.ABORTING
        self.drop(TransactionAbortedError(f"{self.transactional_id}: the transaction was aborted."), False)
        await flush()
        try:
            await self._end(committed=False)
        except KafkaError as error:
            if not error.retriable and self.state is not State.FATAL_ERROR:
                self._end_for_good(error)
            raise

    async def complete(self, flush: Callable[[], Awaitable[None]]) -> None:
        """End what is open, as a producer does that is closed: go on with a commit that was begun, abort all else."""
        if self.state is State.COMMITTING:
            await self.commit(flush)
        elif self.is_open:
            await self.abort(flush)

    async def _end(self, committed: bool) -> None:
        if self._adding is not None:
            await asyncio.wait({self._adding})
            self._check_fatal()
        with self._fatal_if_fenced():
            if self._doubtful is not None and not self._begun:
                await self._make_known(self._doubtful)  # what never began cannot be ended, what began has to be
            if self._begun:
                request = EndTxnRequest(self.transactional_id, self.producer_id, self.epoch, committed)
                await self._retrying(request)
            if self._bump or self.epoch >= LAST_EPOCH:
                await self._initialize()
        self._forget_parts()
        self.error = None
        self.state = State.READY


class Transaction:
    """`async with producer.transaction():` commits at the end of the block, or aborts if that raises."""

    def __init__(
        self,
        identity: TransactionalIdentity,
        commit: Callable[[], Awaitable[None]],
        abort: Callable[[], Awaitable[None]],
    ) -> None:
        self._identity = identity
        self._commit = commit
        self._abort = abort

    async def __aenter__(self) -> None:
        self._identity.begin_transaction()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            await self._commit()
        elif self._identity.state is not State.FATAL_ERROR:
            await self._abort()
