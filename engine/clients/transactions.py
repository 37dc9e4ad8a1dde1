"""A transactional producer: who it is to its coordinator and to leaders, and where its transaction stands.

After `org.apache.kafka.clients.producer.internals.TransactionManager` (KIP-98, KIP-360, KIP-447). A partition is added
to the transaction before its first batch goes out. What fails on the way makes the transaction one that can only be
aborted; a newer producer with the same transactional id ends this one for good.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from types import TracebackType
from typing import Any, TypeVar

from engine.clients.accumulator import Batch
from engine.clients.connection import Connection
from engine.clients.coordination import MOVED_ON, CoordinatorLink
from engine.clients.idempotence import LAST_EPOCH, Identity
from engine.clock import Clock
from engine.errors import (
    CommitFailedError,
    ConcurrentTransactionsError,
    ErrorCode,
    IllegalStateError,
    InvalidProducerEpochError,
    InvalidProducerIdMappingError,
    InvalidTxnStateError,
    KafkaError,
    OutOfOrderSequenceError,
    ProducerFencedError,
    TransactionAbortedError,
    error_for,
)
from engine.messages import (
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    CoordinatorType,
    EndTxnRequest,
    InitProducerIdRequest,
    Request,
    TxnOffsetCommitRequest,
)
from engine.types import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition

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


class TransactionalIdentity(Identity):
    """Times are ms. `wake`, `drop` and `spawn` are the producer's; it says how to wait until all is sent."""

    def __init__(
        self,
        transactional_id: str,
        timeout_ms: int,
        connection: Connection,
        clock: Clock,
        retry_backoff_ms: float,
        max_block_ms: float,
    ) -> None:
        super().__init__(connection)
        self.transactional_id = transactional_id
        self.state = State.UNINITIALIZED
        self.error: KafkaError | None = None
        """Why the transaction, or the producer, is at an end."""
        self.wake: Callable[[], None] = lambda: None
        self.drop: Callable[[KafkaError, bool], None] = lambda *_: None
        """Fails every batch that was never sent, or, if that is wanted, every one that waits to be sent."""
        self.spawn: Callable[[Coroutine[Any, Any, None], str], asyncio.Task[None]] = _spawn
        """Begins a task that ends with the producer."""
        self._timeout_ms = timeout_ms
        self._clock = clock
        self._retry_backoff_ms = retry_backoff_ms
        self._max_block_ms = max_block_ms
        self._link = CoordinatorLink(transactional_id, connection, clock, retry_backoff_ms, CoordinatorType.TRANSACTION)
        self._initializing = asyncio.Lock()
        self._added: set[TopicPartition] = set()
        self._wanted: set[TopicPartition] = set()
        self._adding: asyncio.Task[None] | None = None
        self._begun = False
        """Whether the coordinator knows of the transaction."""
        self._doubtful: AddPartitionsToTxnRequest | AddOffsetsToTxnRequest | None = None
        """What was given up without an answer: the coordinator may know of the transaction by it."""
        self._bump = False
        """Whether the next transaction needs another epoch, because sequences are missing."""

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
        answer = await self._retrying(InitProducerIdRequest(self.transactional_id, self._timeout_ms, *known))
        self.producer_id, self.epoch = answer.producer_id, answer.producer_epoch
        self._forget_standings()
        self._bump = False

    # What the sender asks

    def may_send(self, batch: Batch) -> bool:
        """As for any idempotent producer; besides, the partition has to be part of the transaction first."""
        if batch.base_sequence < 0:
            if self.state not in (State.IN_TRANSACTION, State.COMMITTING):
                return False
            if batch.tp not in self._added:
                self._want(batch.tp)
                return False
        return super().may_send(batch)

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

    def batch_failed(self, error: KafkaError) -> None:
        """A record will not be in the log, so the transaction can only be aborted."""
        if not isinstance(error, TransactionAbortedError):
            self._fail(error)

    # The transaction

    def check_sending(self) -> None:
        """Refuse a record outside a transaction, or in one that cannot be committed any more."""
        if self.state is not State.IN_TRANSACTION:
            self._check_usable()
            raise IllegalStateError(
                f"{self.transactional_id} is {self.state.value}; a transactional producer sends between "
                "begin_transaction() and commit_transaction()."
            )

    @property
    def fatal(self) -> KafkaError | None:
        """What has ended this producer for good."""
        return self.error if self.state is State.FATAL_ERROR else None

    @property
    def is_open(self) -> bool:
        """Whether there is a transaction to be ended."""
        return self.state in (State.IN_TRANSACTION, State.COMMITTING, State.ABORTING, State.ABORTABLE_ERROR)

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
        self._added.clear()
        self._wanted.clear()
        self._begun, self._doubtful = False, None
        self.error = None
        self.state = State.READY

    async def send_offsets(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group: ConsumerGroupMetadata, link: CoordinatorLink
    ) -> None:
        """Let these be the group's committed offsets once the transaction commits; raises KafkaError."""
        self.check_sending()
        try:
            with self._fatal_if_fenced():
                request = AddOffsetsToTxnRequest(self.transactional_id, self.producer_id, self.epoch, group.group_id)
                await self._make_known(request)
                await self._commit_offsets(offsets, group, link)
        except MOVED_ON as error:
            failed = CommitFailedError(
                f"The offsets were not added to the transaction: {group.group_id} went on without this member and may "
                f"have given its partitions to others ({error}) Abort the transaction; its records come again."
            )
            self._fail(failed)
            raise failed from error
        except KafkaError as error:
            self._fail(error)
            raise

    async def _commit_offsets(
        self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group: ConsumerGroupMetadata, link: CoordinatorLink
    ) -> None:
        deadline = self._clock.now_ms() + self._max_block_ms
        left = dict(offsets)
        while left:
            request = TxnOffsetCommitRequest(
                self.transactional_id,
                group.group_id,
                self.producer_id,
                self.epoch,
                left,
                group.generation_id,
                group.member_id,
                group.group_instance_id,
            )
            failed: KafkaError | None = None
            try:
                answer = await link.call(request)
                codes = {code for code in answer.errors.values() if code is not ErrorCode.NONE}
                left = {tp: given for tp, given in left.items() if answer.errors.get(tp) is not ErrorCode.NONE}
                failed = error_for(next(iter(codes))) if codes else None
                link.heard(failed)
            except KafkaError as error:
                failed = error
            if failed is not None:
                if not failed.retriable or self._clock.now_ms() + self._retry_backoff_ms > deadline:
                    raise failed
                await self._clock.sleep(self._retry_backoff_ms)

    # Partitions

    def _want(self, tp: TopicPartition) -> None:
        self._wanted.add(tp)
        if self._adding is None:
            self._adding = self.spawn(self._add(), f"{self.transactional_id}-adds")

    async def _add(self) -> None:
        try:
            while self._wanted and self.state in (State.IN_TRANSACTION, State.COMMITTING):
                wanted = tuple(sorted(self._wanted))
                request = AddPartitionsToTxnRequest(self.transactional_id, self.producer_id, self.epoch, wanted)
                with self._fatal_if_fenced():
                    await self._add_once(request)
        except KafkaError as error:
            self._fail(error)
        finally:
            self._adding = None
            self.wake()

    async def _add_once(self, request: AddPartitionsToTxnRequest) -> None:
        error = await self._make_known(request)
        if error is None:
            self._added.update(request.partitions)
            self._wanted.difference_update(request.partitions)
        elif error.retriable:
            await self._clock.sleep(self._retry_backoff_ms)
        else:
            raise error

    async def _make_known(self, request: AddPartitionsToTxnRequest | AddOffsetsToTxnRequest) -> KafkaError | None:
        """Have the coordinator know that this is part of the transaction; what it refuses of it; raises KafkaError."""
        try:
            answer: AddPartitionsToTxnResponse | AddOffsetsToTxnResponse = await self._retrying(request)
        except KafkaError as error:
            self._doubtful = request if error.retriable else None
            raise
        self._doubtful = None
        errors = answer.errors.values() if isinstance(answer, AddPartitionsToTxnResponse) else ()
        codes = {code for code in errors if code not in (ErrorCode.NONE, ErrorCode.OPERATION_NOT_ATTEMPTED)}
        self._begun = self._begun or not codes
        return error_for(next(iter(codes))) if codes else None

    # Errors

    async def _retrying(self, request: Request[R]) -> R:
        """The coordinator's answer, asking again after retriable errors for `max_block_ms`; raises KafkaError."""
        deadline = self._clock.now_ms() + self._max_block_ms
        while True:
            pause_ms = self._retry_backoff_ms
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


def _spawn(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(work, name=name)
