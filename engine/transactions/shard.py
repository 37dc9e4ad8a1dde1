"""The transactional ids of one partition of `__transaction_state` that this broker leads (`TransactionStateManager`).

What is to be remembered is written first and takes effect when it is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.coordinators.shards import Shard
from engine.coordinators.writer import LogEntry, StateLog
from engine.errors import CorruptRecordError, KafkaError, NotCoordinatorError
from engine.snapshot import TransactionState
from engine.transactions.metadata import TransactionMetadata
from engine.transactions.records import TransactionValue, decode_key, decode_value, encode_key, encode_value


class TransactionShard(Shard):
    """They, by id. `epoch` is the leader epoch it coordinates in."""

    def __init__(self, partition: int, epoch: int, log: StateLog) -> None:
        super().__init__(partition, log)
        self.epoch = epoch
        self.transactions: dict[str, TransactionMetadata] = {}

    def load(self, records: Sequence[LogEntry], passed_over: Callable[[str], None]) -> None:
        """Rebuild the ids from the partition's records, oldest first; `passed_over` hears of those that are damaged."""
        for key, value, *_ in records:
            try:
                self._replay(key, value)
            except CorruptRecordError as error:
                passed_over(f"A record of __transaction_state-{self.partition} was passed over. {error}")
        self.loading = False

    def _replay(self, key: bytes, value: bytes | None) -> None:
        transactional_id = decode_key(key)
        if transactional_id is None:
            return
        if value is None:
            self.transactions.pop(transactional_id, None)
        else:
            self.transactions[transactional_id] = TransactionMetadata(transactional_id, decode_value(value))

    async def store(self, metadata: TransactionMetadata, value: TransactionValue, *, keep_trying: bool = False) -> None:
        """Write what was prepared, and let it be in force once it is committed.

        Raises what went wrong; then the change is off, unless it is to be tried again.
        """
        records = [(encode_key(metadata.transactional_id), encode_value(value))]

        def written(error: KafkaError | None) -> None:
            if self.closed:
                return
            if error is None:
                metadata.completed(value)
            elif not (keep_trying and error.retriable):
                metadata.pending = None

        await self._writer.write_and_wait(records, written)
        if self.closed:
            raise NotCoordinatorError

    async def forget(self, over: Sequence[TransactionMetadata]) -> None:
        """Write tombstones for ids that nobody uses any more; raises what went wrong."""
        for metadata in over:
            metadata.die()

        def written(error: KafkaError | None) -> None:
            for metadata in over:
                metadata.pending = None
                if error is None and self.transactions.get(metadata.transactional_id) is metadata:
                    del self.transactions[metadata.transactional_id]

        await self._writer.write_and_wait([(encode_key(each.transactional_id), None) for each in over], written)

    def prepared(self) -> list[TransactionMetadata]:
        """Transactions whose outcome is stored, while their markers may be missing."""
        ending = (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)
        return [metadata for metadata in self.transactions.values() if metadata.state in ending]
