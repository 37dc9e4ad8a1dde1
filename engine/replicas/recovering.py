"""The producers of a log as its replica remembers them: what was kept of them, what came later, and what comes now.

`ProducerStateManager`, where it deals with the log.
"""

from __future__ import annotations

from engine.records import BatchHeader, marker_of
from engine.replicas.producers import ProducerStates
from engine.replicas.transactions import AbortedTransaction, Transactions
from engine.storage.log import PartitionLog
from engine.storage.producers import KnownBatch
from engine.storage.store import Standing


class RepeatedError(Exception):
    """A batch was sent again; `known` says where it lies."""

    def __init__(self, known: KnownBatch) -> None:
        super().__init__(known)
        self.known = known


class ProducerMemory:
    """The producers of one log: learned from it, again whenever it has lost something, and kept at checkpoints."""

    def __init__(self, log: PartitionLog) -> None:
        self.states = ProducerStates()
        self._log = log
        self._as_of = -1
        """How often the log had lost something when `states` was read from it."""
        self._kept = (-1, -1)
        """What was last kept of the producers: their version, and up to which offset."""

    def place(self, header: BatchHeader, batch: bytes) -> None:
        """A producer's batch gets its place in the log; RepeatedError, KafkaError if it may not have it."""
        known = self.states.check(header)
        if known is not None:
            raise RepeatedError(known)
        self.states.appended(header)

    def place_coordinated(self, header: BatchHeader, batch: bytes) -> None:
        """So does a coordinator's."""
        marker = marker_of(batch) if header.is_control else None
        self.states.check_coordinated(header, marker)
        self.states.appended(header, marker)

    def take_in(self, header: BatchHeader, batch: bytes) -> None:
        """And what a leader has taken in before."""
        take_in(self.states, header, batch)

    async def recover(self) -> bool:
        """Learn them from the log if it has lost something since; whether they were learned. KafkaStorageError."""
        learned = False
        while (lost := self._log.truncations) != self._as_of:
            states = await learn_producers(self._log)
            if lost != self._as_of:  # else somebody else was faster, and more may have been appended since
                self.states, self._as_of, self._kept = states, lost, (-1, -1)
                learned = True
        return learned

    def standing(self) -> Standing | None:
        """What is to be kept of them; None while that has not changed since it was kept."""
        states, end = self.states, self._log.log_end_offset
        if self._as_of != self._log.truncations or states.version == max(0, self._kept[0]):
            return None
        states.transactions.forget_below(self._log.log_start_offset)
        aborted = [it for it in states.transactions.aborted if it.last_offset >= self._kept[1]]
        return Standing(self._log, end, states.known(), aborted, states.version)

    def kept(self, standing: Standing) -> None:
        """This is on disk."""
        if self._as_of == self._log.truncations:
            self._kept = (standing.version, standing.end)


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
