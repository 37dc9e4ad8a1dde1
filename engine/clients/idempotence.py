"""An idempotent producer's numbers: its id from a broker, and for each partition an epoch and the next sequence.

After `org.apache.kafka.clients.producer.internals.TransactionManager` (KIP-98). One request a partition is under way at
a time, so sequences go out in order; after a batch is given up, the partition goes on in a new epoch (KIP-360).
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.clients.accumulator import Batch
from engine.clients.connection import Connection
from engine.messages import InitProducerIdRequest
from engine.types import TopicPartition

_WRAP = 0x7FFFFFFF


@dataclass(slots=True)
class _Standing:
    """Where one partition is."""

    epoch: int
    next_sequence: int = 0


class Identity:
    """Who a producer is to the leaders. Before `begin` it is nobody."""

    def __init__(self, connection: Connection) -> None:
        self.producer_id = -1
        self._connection = connection
        self._epoch = 0
        self._standings: dict[TopicPartition, _Standing] = {}

    async def begin(self) -> None:
        """Ask a broker for an id, once; raises KafkaError."""
        if self.producer_id < 0:
            answer = await self._connection.call_any(InitProducerIdRequest())
            self.producer_id, self._epoch = answer.producer_id, answer.producer_epoch

    def number(self, batch: Batch) -> None:
        """Give a batch its sequence numbers, before it is first sent."""
        if batch.base_sequence >= 0:
            return
        standing = self._standings.setdefault(batch.tp, _Standing(self._epoch))
        batch.base_sequence = standing.next_sequence
        batch.builder.set_producer_state(self.producer_id, standing.epoch, standing.next_sequence)
        standing.next_sequence = (standing.next_sequence + batch.builder.count) & _WRAP

    def take_back(self, batch: Batch) -> None:
        """It was refused as a whole and goes out in parts: those get its numbers."""
        self._standings[batch.tp].next_sequence = batch.base_sequence

    def gave_up(self, batch: Batch) -> None:
        """Nobody knows whether it arrived, so what follows must not be taken for its repetition."""
        if batch.base_sequence >= 0:
            self._standings[batch.tp] = _Standing(self._standings[batch.tp].epoch + 1)
