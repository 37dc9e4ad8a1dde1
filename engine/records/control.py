"""Control batches: the markers that end a transaction in each partition it wrote to (KIP-98).

Kafka's `EndTransactionMarker` and `ControlRecordType`: a batch of one record, whose key says commit or abort and whose
value says by which epoch of the transaction coordinator.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from engine.errors import CorruptRecordError
from engine.records.batch import ATTRIBUTES_AT, CONTROL_FLAG, seal
from engine.records.builder import BatchBuilder
from engine.records.reading import read_records

_KEY, _VALUE = struct.Struct(">hh"), struct.Struct(">hi")
_ABORT, _COMMIT = 0, 1
_VERSION = 0
_SIZE = 1_000


class Marker(NamedTuple):
    """How a transaction ended, and by which epoch of its coordinator."""

    committed: bool
    coordinator_epoch: int

    @property
    def words(self) -> str:
        """What it is called."""
        return "commit marker" if self.committed else "abort marker"


def marker_batch(producer_id: int, producer_epoch: int, marker: Marker, timestamp: int) -> bytes:
    """The control batch for a marker of this producer's transaction, at `timestamp` (ms)."""
    builder = BatchBuilder(_SIZE, producer_id=producer_id, producer_epoch=producer_epoch, transactional=True)
    key = _KEY.pack(_VERSION, _COMMIT if marker.committed else _ABORT)
    builder.append(timestamp, key, _VALUE.pack(_VERSION, marker.coordinator_epoch))
    batch = bytearray(builder.build())
    batch[ATTRIBUTES_AT] |= CONTROL_FLAG
    return seal(batch)


def marker_of(batch: bytes) -> Marker | None:
    """The marker in a control batch; None for one that was emptied by compaction. Raises CorruptRecordError."""
    records = read_records(batch, "", 0, control=True)
    return decode_marker(records[0].key, records[0].value) if records else None


def decode_marker(key: bytes | None, value: bytes | None) -> Marker:
    """The marker a control record holds; CorruptRecordError if it holds something else."""
    try:
        _, kind = _KEY.unpack_from(key or b"")
        _, coordinator_epoch = _VALUE.unpack_from(value or b"")
    except struct.error as error:
        raise CorruptRecordError("A control record cannot be read: its key or value is too short.") from error
    if kind not in (_ABORT, _COMMIT):
        raise CorruptRecordError(f"A control record of type {kind} ends no transaction.")
    return Marker(kind == _COMMIT, coordinator_epoch)
