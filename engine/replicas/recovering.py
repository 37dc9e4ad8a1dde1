"""What a log has to say of its producers: what was kept of them, and what came later (`ProducerStateManager`)."""

from __future__ import annotations

from engine.records import BatchHeader, marker_of
from engine.replicas.producers import ProducerStates
from engine.replicas.transactions import AbortedTransaction, Transactions
from engine.storage.log import PartitionLog


def take_in(states: ProducerStates, header: BatchHeader, batch: bytes) -> None:
    """A batch has its place in the log."""
    states.appended(header, marker_of(batch) if header.is_control else None)


async def learn_producers(log: PartitionLog) -> ProducerStates:
    """The producers of a log as far as it is committed; raises KafkaStorageError."""
    kept = await log.rows.kept_producers()
    if 0 <= kept.complete_to <= log.flushed_offset:
        aborted = map(AbortedTransaction._make, kept.aborted)
        states = ProducerStates(Transactions(aborted))
        states.recall(kept.producers)
        await _replay(states, log, kept.complete_to)
    else:
        states = ProducerStates()
        await _replay(states, log, 0)
        states.recall(kept.producers)
    return states


async def _replay(states: ProducerStates, log: PartitionLog, at: int) -> None:
    while batches := await log.rows.producer_batches(at):
        for batch in batches:
            header = BatchHeader.parse(batch)
            take_in(states, header, batch)
            at = header.last_offset + 1
