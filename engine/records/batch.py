"""RecordBatch v2 from the outside: its header, the broker's stamp on it, and the checks before it is taken in.

The layout is that of `org.apache.kafka.common.record.DefaultRecordBatch`; the checks are those of `LogValidator` and
`UnifiedLog.analyzeAndValidateRecords`. The CRC starts behind base offset and leader epoch, so the broker can stamp
those without looking at the records.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from crc32c import crc32c

from engine.errors import (
    CorruptRecordError,
    InvalidRecordError,
    InvalidTimestampError,
    RecordTooLargeError,
    UnsupportedForMessageFormatError,
)
from engine.records.compression import name_of
from engine.records.record import CREATE_TIME, LOG_APPEND_TIME

HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_SIZE = HEADER.size
MAGIC = 2

_PLACE = struct.Struct(">qii")
_PLACE_SIZE = _PLACE.size
_LENGTH = struct.Struct(">qi")
_CRC = struct.Struct(">I")
_CRC_AT = 17
_CHECKED_FROM = 21
ATTRIBUTES_AT = 22
"""Where the byte with the flags below stands."""
_MAX_TIMESTAMP_AT = 35
_PRODUCER = struct.Struct(">qhi")
_PRODUCER_AT = 43

CODEC_MASK = 0x07
TIMESTAMP_TYPE_FLAG = 0x08
TRANSACTIONAL_FLAG = 0x10
CONTROL_FLAG = 0x20
DELETE_HORIZON_FLAG = 0x40


class BatchHeader(NamedTuple):
    """What stands before the records of a batch, in the order it stands there. Timestamps are ms since the epoch."""

    base_offset: int
    length: int
    """Bytes that follow this field."""
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    base_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    count: int  # type: ignore[assignment]  # Kafka's own word, though tuples have a method of that name

    @classmethod
    def parse(cls, batch: bytes) -> BatchHeader:
        """Read it from the start of `batch`; CorruptRecordError if that is too short or of another format."""
        if len(batch) < HEADER_SIZE:
            raise CorruptRecordError(f"A batch needs {HEADER_SIZE} bytes for its header; there are {len(batch)}.")
        header = cls(*HEADER.unpack_from(batch))
        if header.magic != MAGIC:
            raise UnsupportedForMessageFormatError(
                f"The batch is of format {header.magic}; only format {MAGIC} is taken (Kafka 0.11 and later)."
            )
        return header

    @property
    def last_offset(self) -> int:
        """The offset of its last record, or where that was before compaction."""
        return self.base_offset + self.last_offset_delta

    @property
    def last_sequence(self) -> int:
        """The producer's sequence number of its last record, -1 without one; it wraps around after 2^31-1."""
        if self.base_sequence < 0:
            return -1
        return (self.base_sequence + self.last_offset_delta) & 0x7FFFFFFF

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole batch, header and all."""
        return self.length + _LENGTH.size

    @property
    def codec(self) -> int:
        """The code of its compression."""
        return self.attributes & CODEC_MASK

    @property
    def compression(self) -> str:
        """The name of its compression; UnsupportedCompressionTypeError for an unknown code."""
        return name_of(self.codec)

    @property
    def timestamp_type(self) -> int:
        """Whose clock stamped the records: 0 the producer's (CreateTime), 1 the broker's (LogAppendTime)."""
        return LOG_APPEND_TIME if self.attributes & TIMESTAMP_TYPE_FLAG else CREATE_TIME

    @property
    def is_transactional(self) -> bool:
        """Whether it belongs to a transaction."""
        return bool(self.attributes & TRANSACTIONAL_FLAG)

    @property
    def is_control(self) -> bool:
        """Whether it holds a transaction's marker, which no consumer is given."""
        return bool(self.attributes & CONTROL_FLAG)

    @property
    def delete_horizon_ms(self) -> int | None:
        """When its tombstones may go (KIP-534); None before the cleaner has first seen them."""
        return self.base_timestamp if self.attributes & DELETE_HORIZON_FLAG else None


def stamp(batch: bytes, base_offset: int, leader_epoch: int, log_append_time: int | None = None) -> bytes:
    """The batch at its place in the log.

    With `log_append_time` (ms) every record gets that time, as under `message.timestamp.type=LogAppendTime`; this
    changes what the CRC covers, so it is computed anew.
    """
    (length,) = struct.unpack_from(">i", batch, 8)
    place = _PLACE.pack(base_offset, length, leader_epoch)
    if log_append_time is None:
        return b"".join((place, memoryview(batch)[_PLACE_SIZE:]))
    stamped = bytearray(batch)
    stamped[:_PLACE_SIZE] = place
    stamped[ATTRIBUTES_AT] |= TIMESTAMP_TYPE_FLAG
    struct.pack_into(">q", stamped, _MAX_TIMESTAMP_AT, log_append_time)
    return seal(stamped)


def numbered(batch: bytes, producer_id: int, producer_epoch: int, base_sequence: int) -> bytes:
    """The batch with other numbers of its producer's (KIP-98)."""
    changed = bytearray(batch)
    _PRODUCER.pack_into(changed, _PRODUCER_AT, producer_id, producer_epoch, base_sequence)
    return seal(changed)


def seal(batch: bytearray) -> bytes:
    """The batch with length and CRC as its other bytes have them. Changes `batch` too."""
    struct.pack_into(">i", batch, 8, len(batch) - _LENGTH.size)
    _CRC.pack_into(batch, _CRC_AT, crc_of(batch))
    return bytes(batch)


def crc_of(batch: bytes | bytearray) -> int:
    """CRC-32C over what it has to cover: from the attributes to the end."""
    return crc32c(memoryview(batch)[_CHECKED_FROM:])


def check(batch: bytes) -> BatchHeader:
    """The header of one whole, undamaged batch; CorruptRecordError says what does not fit."""
    header = BatchHeader.parse(batch)
    if header.size_bytes != len(batch):
        raise CorruptRecordError(f"The batch says it has {header.size_bytes} bytes; {len(batch)} came.")
    if header.crc != crc_of(batch):
        raise CorruptRecordError("The batch does not match its CRC; it was damaged on its way. Send it again.")
    return header


def validate(batch: bytes, max_bytes: int, *, coordinator: bool = False) -> BatchHeader:
    """The header of a batch a producer sent, if a broker may take it in.

    `max_bytes` is the topic's `max.message.bytes`. A `coordinator` writes markers and unnumbered batches, too. Raises
    RecordTooLargeError, CorruptRecordError, InvalidRecordError, InvalidTimestampError or
    UnsupportedCompressionTypeError.
    """
    header = BatchHeader.parse(batch)
    if header.size_bytes > max_bytes:
        raise RecordTooLargeError(
            f"The batch has {header.size_bytes:,} bytes; max.message.bytes of the topic allows {max_bytes:,}. "
            "Send smaller records or batches, or raise the setting."
        )
    if 0 < header.size_bytes < len(batch):
        raise InvalidRecordError("A producer may send one batch to a partition in a request; there are more.")
    check(batch)
    span = header.last_offset_delta + 1
    if header.base_offset != 0:
        raise InvalidRecordError(f"A producer's batch starts at offset 0; this one says {header.base_offset}.")
    if header.count <= 0 or span <= 0:
        raise InvalidRecordError(f"The batch says it holds {header.count} records over {span} offsets.")
    if header.count != span:
        raise InvalidRecordError(f"The batch says it holds {header.count} records but spans {span} offsets.")
    if header.is_control and not coordinator:
        raise InvalidRecordError("Only brokers write control records.")
    if not coordinator and header.producer_id >= 0 and header.base_sequence < 0:
        raise InvalidRecordError(f"The batch has a producer id but the sequence number {header.base_sequence}.")
    if header.timestamp_type == LOG_APPEND_TIME:
        raise InvalidTimestampError("The batch says its time was set by a broker; a producer sends CreateTime.")
    name_of(header.codec)
    return header


def split_batches(data: bytes) -> list[bytes]:
    """The batches that stand one behind the other in `data`; CorruptRecordError if the last is cut off."""
    batches = []
    start = 0
    while start < len(data):
        if len(data) - start < HEADER_SIZE:
            raise CorruptRecordError(f"{len(data) - start} bytes are left behind the last whole batch.")
        size = _LENGTH.unpack_from(data, start)[1] + _LENGTH.size
        if size < HEADER_SIZE or start + size > len(data):
            raise CorruptRecordError(f"A batch says it has {size} bytes; {len(data) - start} are left.")
        batches.append(data[start : start + size])
        start += size
    return batches
