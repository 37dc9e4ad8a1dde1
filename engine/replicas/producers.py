"""What a partition remembers of idempotent and transactional producers: their epoch, their last batches, and whether
a transaction of theirs is open.

Rules from `org.apache.kafka.storage.internals.log.ProducerStateManager`, `ProducerStateEntry` and
`ProducerAppendInfo` (KIP-98, KIP-360): a batch sent again is answered with where it lies already, a gap is refused.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from engine.errors import (
    InvalidProducerEpochError,
    InvalidTxnStateError,
    OutOfOrderSequenceError,
    TransactionCoordinatorFencedError,
)
from engine.records import BatchHeader, Marker
from engine.replicas.transactions import Transactions
from engine.storage.producers import REMEMBERED, KnownBatch, KnownProducer

_WRAP = 0x7FFFFFFF


class ProducerEntry:
    """One producer as one partition knows it; times are ms."""

    __slots__ = ("batches", "coordinator_epoch", "epoch", "last_offset", "last_timestamp")

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch
        self.coordinator_epoch = -1
        """Of whoever coordinated its last transaction here; -1 before any marker."""
        self.last_timestamp = -1
        self.last_offset = -1
        """Of its newest batch or marker."""
        self.batches: deque[KnownBatch] = deque(maxlen=REMEMBERED)

    @property
    def last_sequence(self) -> int:
        """Of its newest batch, -1 before any."""
        return self.batches[-1].last_sequence if self.batches else -1


class ProducerStates:
    """The producers of one partition, by id."""

    def __init__(self, transactions: Transactions | None = None) -> None:
        self.transactions = transactions or Transactions()
        self.version = 0
        """Grows whenever something is learned."""
        self._entries: dict[int, ProducerEntry] = {}

    def get(self, producer_id: int) -> ProducerEntry | None:
        """What is known of a producer."""
        return self._entries.get(producer_id)

    @property
    def entries(self) -> dict[int, ProducerEntry]:
        """Every producer that is known, by id."""
        return self._entries

    # Before a batch is appended

    def check(self, header: BatchHeader) -> KnownBatch | None:
        """The batch that this one of a producer's repeats, or None for one that may be appended.

        InvalidProducerEpochError for an older epoch, OutOfOrderSequenceError for a gap, or for a first batch of a
        newer epoch that does not begin at 0, InvalidTxnStateError for one outside the transaction that is open. A
        producer that is not known may begin anywhere.
        """
        if header.producer_id < 0:
            return None
        entry = self._entries.get(header.producer_id)
        if entry is not None:
            self._check_epoch(header, entry)
            known = _repeated(header, entry)
            if known is not None:
                return known
            same = header.producer_epoch == entry.epoch
            expected = (entry.last_sequence + 1) & _WRAP if same else 0
            if header.base_sequence != expected:
                raise OutOfOrderSequenceError(
                    f"Producer {header.producer_id} sent sequence {header.base_sequence}; {expected} was to come next."
                )
        self._check_transaction(header)
        return None

    def check_coordinated(self, header: BatchHeader, marker: Marker | None) -> None:
        """Whether a coordinator may append this: offsets of a transaction, or its `marker`.

        InvalidProducerEpochError, TransactionCoordinatorFencedError or InvalidTxnStateError.
        """
        if header.producer_id < 0:
            return
        entry = self._entries.get(header.producer_id)
        if entry is not None:
            self._check_epoch(header, entry)
            if marker is not None and marker.coordinator_epoch < entry.coordinator_epoch:
                raise TransactionCoordinatorFencedError(
                    f"Epoch {entry.coordinator_epoch} of the transaction coordinator has written a marker of producer "
                    f"{header.producer_id}; epoch {marker.coordinator_epoch} may not any more."
                )
        if marker is None:
            self._check_transaction(header)

    def _check_epoch(self, header: BatchHeader, entry: ProducerEntry) -> None:
        if header.producer_epoch < entry.epoch:
            raise InvalidProducerEpochError(
                f"Producer {header.producer_id} is at epoch {entry.epoch}; this batch says {header.producer_epoch}."
            )

    def _check_transaction(self, header: BatchHeader) -> None:
        if header.producer_id in self.transactions.open and not header.is_transactional:
            raise InvalidTxnStateError(
                f"Producer {header.producer_id} has an open transaction here; this batch belongs to none."
            )

    # Once it has its place

    def appended(self, header: BatchHeader, marker: Marker | None = None) -> None:
        """A batch lies in the log; `marker` is what a control batch holds."""
        producer_id = header.producer_id
        if producer_id < 0:
            return
        self.version += 1
        entry = self._entries.get(producer_id)
        if entry is None or header.producer_epoch > entry.epoch:
            fresh = ProducerEntry(header.producer_epoch)
            if entry is not None:
                fresh.coordinator_epoch = entry.coordinator_epoch
            entry = self._entries[producer_id] = fresh
        entry.last_offset = max(entry.last_offset, header.last_offset)
        entry.last_timestamp = max(entry.last_timestamp, header.max_timestamp)
        if header.is_control:
            if marker is not None:
                entry.coordinator_epoch = max(entry.coordinator_epoch, marker.coordinator_epoch)
                self.transactions.ended(producer_id, marker.committed, header.last_offset)
            return
        entry.batches.append(
            KnownBatch(
                header.base_sequence,
                header.last_sequence,
                header.base_offset,
                header.last_offset,
                header.max_timestamp,
            )
        )
        if header.is_transactional and producer_id not in self.transactions.open:
            self.transactions.began(producer_id, header.base_offset)

    def expire(self, now_ms: float, expiration_ms: int) -> None:
        """Forget who has no open transaction and was not heard of for so long (`producer.id.expiration.ms`)."""
        over = [
            producer_id
            for producer_id, entry in self._entries.items()
            if producer_id not in self.transactions.open and now_ms - entry.last_timestamp >= expiration_ms
        ]
        for producer_id in over:
            del self._entries[producer_id]
        self.version += bool(over)

    # Keeping

    def known(self) -> list[KnownProducer]:
        """Everything about everyone, as it is kept."""
        return [
            KnownProducer(
                producer_id,
                entry.epoch,
                entry.coordinator_epoch,
                entry.last_timestamp,
                entry.last_offset,
                self.transactions.open.get(producer_id, -1),
                tuple(entry.batches),
            )
            for producer_id, entry in self._entries.items()
        ]

    def recall(self, producers: Iterable[KnownProducer]) -> None:
        """Add what was kept of producers that are not known otherwise."""
        for kept in producers:
            if kept.producer_id in self._entries:
                continue
            entry = self._entries[kept.producer_id] = ProducerEntry(kept.epoch)
            entry.coordinator_epoch = kept.coordinator_epoch
            entry.last_timestamp, entry.last_offset = kept.last_timestamp, kept.last_offset
            entry.batches.extend(kept.batches)
            if kept.transaction_start >= 0:
                self.transactions.began(kept.producer_id, kept.transaction_start)


def _repeated(header: BatchHeader, entry: ProducerEntry) -> KnownBatch | None:
    if header.producer_epoch != entry.epoch:
        return None
    sequences = (header.base_sequence, header.last_sequence)
    return next((known for known in entry.batches if (known.base_sequence, known.last_sequence) == sequences), None)
