"""A producer's verbs for transactions: what is sent between their begin and their end counts together (KIP-98)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.clients.coordination import CoordinatorLink, offsets_given
from engine.clients.producer_core import ProducerCore
from engine.clients.transactions import Transaction, TransactionalIdentity
from engine.errors import IllegalStateError, KafkaError
from engine.types import ConsumerGroupMetadata, TopicPartition


class TransactionVerbs(ProducerCore):
    """Each refuses a producer without a `transactional_id`."""

    @property
    def fatal(self) -> KafkaError | None:
        """What has ended a transactional producer for good: all that is left is to close it."""
        return self._transactions.fatal if self._transactions is not None else None

    async def begin_transaction(self) -> None:
        """Open a transaction; raises IllegalStateError, or why this producer is at an end."""
        self._transactional().begin_transaction()

    async def commit_transaction(self) -> None:
        """Commit everything sent since it began, all or none; raises why that cannot be, and then it is to be aborted.

        After KafkaTimeoutError or another retriable error it may be called again: the outcome is the same.
        """
        await self._transactional().commit(self.flush)

    async def abort_transaction(self) -> None:
        """Have everything sent since it began count for nothing; raises KafkaError."""
        await self._transactional().abort(self.flush)

    def transaction(self) -> Transaction:
        """`async with producer.transaction():` commits at the end, or aborts if the block raises."""
        return Transaction(self._transactional(), self.commit_transaction, self.abort_transaction)

    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, Any], group: str | ConsumerGroupMetadata
    ) -> None:
        """Let these be the group's committed offsets if the transaction commits.

        With `consumer.group_metadata()` in place of a group id, a member that its group went on without is refused.
        """
        transactions = self._transactional()
        metadata = ConsumerGroupMetadata(group) if isinstance(group, str) else group
        link = self._groups.get(metadata.group_id)
        if link is None:
            link = CoordinatorLink(metadata.group_id, self._connection, self._clock, self._retry_backoff_ms)
            self._groups[metadata.group_id] = link
        if offsets:
            await transactions.send_offsets(offsets_given(offsets), metadata, link)

    def _transactional(self) -> TransactionalIdentity:
        self._check_open()
        if self._transactions is None:
            raise IllegalStateError(f"{self.client_id} has no transactional_id; give it one to use transactions.")
        return self._transactions
