"""What is part of a producer's transaction: the partitions it writes to, and the offsets of groups.

Its coordinator hears of each before anything of it is written (AddPartitionsToTxn, AddOffsetsToTxn; KIP-98, KIP-447),
and by the first that the transaction has begun.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine.clients.batches import Batch
from engine.clients.connection import Connection
from engine.clients.coordination import MOVED_ON, CoordinatorLink
from engine.clients.transaction_state import State, TransactionConfig, TransactionState
from engine.clock import Clock
from engine.errors import CommitFailedError, ErrorCode, KafkaError, error_for
from engine.messages import (
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    TxnOffsetCommitRequest,
)
from engine.types import ConsumerGroupMetadata, OffsetAndMetadata, TopicPartition


class TransactionParts(TransactionState):
    """Adds them one after the other, in the background those that batches wait for."""

    def __init__(self, config: TransactionConfig, connection: Connection, clock: Clock) -> None:
        super().__init__(config, connection, clock)
        self._added: set[TopicPartition] = set()
        self._wanted: set[TopicPartition] = set()
        self._adding: asyncio.Task[None] | None = None
        self._begun = False
        """Whether the coordinator knows of the transaction."""
        self._doubtful: AddPartitionsToTxnRequest | AddOffsetsToTxnRequest | None = None
        """What was given up without an answer: the coordinator may know of the transaction by it."""

    def _forget_parts(self) -> None:
        """The transaction has ended."""
        self._added.clear()
        self._wanted.clear()
        self._begun, self._doubtful = False, None

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

    # Partitions

    def may_send(self, batch: Batch) -> bool:
        """As for any idempotent producer; besides, the partition has to be part of the transaction first."""
        if batch.base_sequence < 0:
            if self.state not in (State.IN_TRANSACTION, State.COMMITTING):
                return False
            if batch.tp not in self._added:
                self._want(batch.tp)
                return False
        return super().may_send(batch)

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
            await self._clock.sleep(self._config.retry_backoff_ms)
        else:
            raise error

    # Offsets

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
        deadline = self._clock.now_ms() + self._config.max_block_ms
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
                if not failed.retriable or self._clock.now_ms() + self._config.retry_backoff_ms > deadline:
                    raise failed
                await self._clock.sleep(self._config.retry_backoff_ms)
