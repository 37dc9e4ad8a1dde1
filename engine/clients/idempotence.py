"""An idempotent producer's numbers: its id and epoch, and for each partition the next sequence and what is under way.

After `org.apache.kafka.clients.producer.internals.TransactionManager` and `TxnPartitionEntry` (KIP-98, KIP-360):
several batches of a partition may be under way, and come into the log in the order of their sequences or not at all. A
batch that comes before its turn is refused and sent again. Where a sequence is missing for good, a new epoch begins.
"""

from __future__ import annotations

from engine.clients.batches import Batch
from engine.clients.connection import Connection
from engine.errors import KafkaError, OutOfOrderSequenceError
from engine.messages import InitProducerIdRequest
from engine.types import TopicPartition

MOST_IN_FLIGHT = 5
"""Requests under way to a broker: it knows no more batches of a producer again."""
LAST_EPOCH = 0x7FFF
_WRAP = 0x7FFFFFFF


class _Standing:
    """Where one partition is."""

    __slots__ = ("epoch", "in_flight", "last_acked", "next_sequence", "producer_id", "since_oldest")

    def __init__(self, producer_id: int, epoch: int) -> None:
        self.producer_id = producer_id
        self.epoch = epoch
        self.next_sequence = 0
        self.last_acked = -1
        self.in_flight: list[Batch] = []
        """Numbered and not ended, in order: on their way, or to be sent again."""
        self.since_oldest: list[Batch] = []
        """All that were numbered since the oldest of those, itself among them."""

    def span(self) -> int:
        """How many batches back a leader has to know, so that it knows the oldest that is under way again."""
        while self.since_oldest and self.since_oldest[0] not in self.in_flight:
            del self.since_oldest[0]
        return len(self.since_oldest)

    def ended(self, batch: Batch) -> None:
        """It is not under way any more."""
        self.in_flight.remove(batch)
        if not self.in_flight:
            self.since_oldest.clear()

    def is_next(self, sequence: int) -> bool:
        """Whether everything before `sequence` is acknowledged."""
        return sequence == (self.last_acked + 1) & _WRAP


class Identity:
    """Who a producer is to the leaders. Before `begin` it is nobody."""

    def __init__(self, connection: Connection) -> None:
        self.producer_id = -1
        self.epoch = -1
        self._connection = connection
        self._standings: dict[TopicPartition, _Standing] = {}
        self._unresolved: set[TopicPartition] = set()
        """Partitions with a batch that was given up, of which nobody knows yet if it arrived."""
        self._gaps: set[TopicPartition] = set()
        """Partitions that wait for a new epoch."""
        self.used_up = False
        """Whether the epochs of its id are, so that it needs another id."""

    async def begin(self) -> None:
        """Ask a broker for an id, once; raises KafkaError."""
        if self.producer_id < 0:
            answer = await self._connection.call_any(InitProducerIdRequest())
            self.producer_id, self.epoch, self.used_up = answer.producer_id, answer.producer_epoch, False

    def may_send(self, batch: Batch) -> bool:
        """Whether a partition's oldest batch that waits may go now.

        A new one waits while the partition still works in an older epoch, until what is missing there is known, and
        for the first acknowledgement: a leader that knows nothing of a producer would take its second batch first. It
        waits, too, while the oldest under way, maybe to an earlier leader, would no longer be known again (Kafka counts
        what is under way by connection). One that is sent again waits for those before it.
        """
        if self.producer_id < 0:
            return False
        standing = self._standings.get(batch.tp)
        if batch.base_sequence >= 0:
            return standing is not None and batch is standing.in_flight[0]
        if batch.tp in self._unresolved:
            return False
        if standing is None or not standing.in_flight:
            return True
        return standing.span() < MOST_IN_FLIGHT and standing.last_acked >= 0 and self._is_current(standing)

    def number(self, batch: Batch) -> None:
        """Give a batch its sequence numbers, before it is first sent."""
        if batch.base_sequence >= 0:
            batch.renumbered = False
            return
        standing = self._standings.get(batch.tp)
        if standing is None or not (standing.in_flight or self._is_current(standing)):
            standing = self._standings[batch.tp] = _Standing(self.producer_id, self.epoch)
        standing.in_flight.append(batch)
        standing.since_oldest.append(batch)
        _give(standing, batch)

    def acknowledged(self, batch: Batch) -> None:
        """It is in the log."""
        standing = self._standings[batch.tp]
        standing.ended(batch)
        last = (batch.base_sequence + batch.builder.count - 1) & _WRAP
        if standing.last_acked < 0 or (last - standing.last_acked) & _WRAP < _WRAP // 2:
            standing.last_acked = last

    def may_try_again(self, batch: Batch, error: KafkaError) -> bool:
        """Whether sending it again may help. A batch that came before its turn is tried until its turn comes.

        If it was its turn and the leader says otherwise, what it waits for is gone: the partition needs a new epoch.
        """
        if not isinstance(error, OutOfOrderSequenceError):
            return error.retriable
        if self._is_turn(batch):
            self._gaps.add(batch.tp)
        return True

    def _is_turn(self, batch: Batch) -> bool:
        """Whether everything before it is known to be in the log."""
        standing = self._standings[batch.tp]
        if batch.tp in self._unresolved:
            return batch is standing.in_flight[0]
        return standing.is_next(batch.base_sequence) and not batch.renumbered

    def refused(self, batch: Batch) -> None:
        """It will not be in the log, and so leaves a gap before those that follow."""
        self._standings[batch.tp].ended(batch)
        self._gaps.add(batch.tp)

    def expired(self, batch: Batch) -> None:
        """It was given up after it was sent, and may have arrived: what came of it shows when those behind it end."""
        self._standings[batch.tp].ended(batch)
        self._unresolved.add(batch.tp)

    def divided(self, batch: Batch, parts: list[Batch]) -> None:
        """It was refused as too large and goes out in parts, which share its numbers."""
        standing = self._standings[batch.tp]
        at = standing.in_flight.index(batch)
        standing.in_flight[at : at + 1] = parts
        at = standing.since_oldest.index(batch)
        standing.since_oldest[at : at + 1] = parts
        sequence = batch.base_sequence
        for part in parts:
            part.base_sequence = sequence
            part.builder.set_producer_state(standing.producer_id, standing.epoch, sequence)
            sequence = (sequence + part.builder.count) & _WRAP

    def settle(self) -> None:
        """Before anything more is sent: see what became of batches given up, and begin a new epoch if there is a gap.

        The batches under way of a partition with a gap are numbered anew, from 0; other partitions take up the new
        epoch once nothing of the old one is under way.
        """
        for tp in tuple(self._unresolved):
            standing = self._standings[tp]
            if not standing.in_flight:
                self._unresolved.discard(tp)
                if not standing.is_next(standing.next_sequence):
                    self._gaps.add(tp)
        if not self._gaps or self.producer_id < 0:
            return
        if self.epoch == LAST_EPOCH:
            self.producer_id, self.used_up = -1, True
            return
        self.epoch += 1
        self._start_anew()

    def _start_anew(self) -> None:
        for tp in self._gaps:
            under_way = self._standings[tp].in_flight
            standing = self._standings[tp] = _Standing(self.producer_id, self.epoch)
            standing.in_flight, standing.since_oldest = under_way, list(under_way)
            for batch in under_way:
                batch.renumbered = True
                _give(standing, batch)
        self._unresolved -= self._gaps
        self._gaps.clear()

    def _forget_standings(self) -> None:
        """Nothing is under way, and everything begins at sequence 0."""
        self._standings.clear()
        self._unresolved.clear()
        self._gaps.clear()

    def _is_current(self, standing: _Standing) -> bool:
        return standing.producer_id == self.producer_id and standing.epoch == self.epoch


def _give(standing: _Standing, batch: Batch) -> None:
    batch.base_sequence = standing.next_sequence
    batch.builder.set_producer_state(standing.producer_id, standing.epoch, standing.next_sequence)
    standing.next_sequence = (standing.next_sequence + batch.builder.count) & _WRAP
