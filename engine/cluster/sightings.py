"""Where one marked record lies in one replica's log, found by reading what was added to it."""

from __future__ import annotations

from collections.abc import Callable

from engine.journey import Copy
from engine.ledger.marks import Mark, mark_of
from engine.records import BatchHeader, read_records
from engine.replicas.partition import Partition
from engine.types import TopicPartition

READ_BYTES = 1 << 20


def holds(batch: bytes, tp: TopicPartition, mark: Mark) -> list[int]:
    """The offsets in a batch at which the record of that mark lies."""
    return [record.offset for record in read_records(batch, *tp) if mark_of(record.headers) == mark]


class Sighting:
    """One broker's replica; as it was last seen while that broker is down. `woken` is called when there is news."""

    def __init__(self, broker_id: int, tp: TopicPartition, mark: Mark, woken: Callable[[], None]) -> None:
        self.broker_id = broker_id
        self.offsets: list[int] = []
        self._tp = tp
        self._mark = mark
        self._woken = woken
        self._partition: Partition | None = None
        self._unwatch: Callable[[], None] = lambda: None
        self._ends = (0, 0)
        self._from: int | None = None
        self._scanned = 0
        self._truncations = -1

    @property
    def alive(self) -> bool:
        """Whether its broker runs and has the replica."""
        return self._partition is not None

    @property
    def leads(self) -> bool:
        """Whether it takes itself for the leader."""
        return self._partition is not None and self._partition.leads

    def take(self, partition: Partition | None) -> None:
        """The replica there is now; None while its broker is down."""
        if partition is self._partition:
            return
        self.forget()
        self._partition, self._truncations = partition, -1
        if partition is not None:
            self._unwatch = partition.watch(self._woken)

    def forget(self) -> None:
        """Look no more."""
        self._unwatch()
        self._unwatch = lambda: None

    def has_news(self) -> bool:
        """Whether the log is not as it was when it was last read."""
        partition = self._partition
        if partition is None:
            return False
        return partition.log.flushed_offset != self._scanned or partition.log.truncations != self._truncations

    async def look(self) -> None:
        """Read what is new; raises KafkaError when the broker has just gone."""
        if self._partition is None:
            return
        log = self._partition.log
        found = list(self.offsets)
        if log.truncations != self._truncations or log.flushed_offset < self._scanned:
            known = log.log_end_offset if self._from is None else self._from
            self._from = self._scanned = min(known, log.log_end_offset, log.high_watermark)
            self._truncations, found = log.truncations, []
        while self._scanned < log.flushed_offset:
            batches = await log.read(max(self._scanned, log.log_start_offset), READ_BYTES)
            if not batches:
                break
            for batch in batches:
                found += [offset for offset in holds(batch, self._tp, self._mark) if offset not in found]
                self._scanned = BatchHeader.parse(batch).last_offset + 1
        self.offsets = found
        self._ends = (log.log_start_offset, log.log_end_offset)

    def copy(self, in_sync: bool, runs: bool) -> Copy:
        """What was seen of it. `runs`: its broker does, though it may not have the replica yet."""
        starting = runs and not self.alive
        return Copy(self.broker_id, self.alive, in_sync, *self._ends, tuple(self.offsets), starting)
