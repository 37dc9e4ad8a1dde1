"""The only ways a stored batch is ever written anew: by the cleaner, and under a topic's own `compression.type`.

As in `MemoryRecords.filterTo`, base and last offset, the producer's state and every timestamp stay what they were.
"""

from __future__ import annotations

from collections.abc import Sequence

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from engine.records.batch import (
    CODEC_MASK,
    DELETE_HORIZON_FLAG,
    HEADER,
    HEADER_SIZE,
    MAGIC,
    BatchHeader,
    seal,
)
from engine.records.compression import compress, decompress
from engine.records.record import LOG_APPEND_TIME, ConsumerRecord

_NO_LIMIT = 2**31 - 1


def rewrite(batch: bytes, kept: Sequence[ConsumerRecord], delete_horizon_ms: int | None = None) -> bytes:
    """The batch with only the records `kept`, offsets unchanged; with none, its header alone.

    `delete_horizon_ms` says from when its tombstones may go; it takes the place of the base timestamp (KIP-534).
    """
    header = BatchHeader.parse(batch)
    if header.base_timestamp < 0:
        header = header._replace(base_timestamp=0)  # -1 means "none yet" to the builder
    if delete_horizon_ms is not None:
        header = header._replace(attributes=header.attributes | DELETE_HORIZON_FLAG, base_timestamp=delete_horizon_ms)
    if kept and header.timestamp_type != LOG_APPEND_TIME:
        header = header._replace(max_timestamp=max(record.timestamp for record in kept))
    body = compress(header.codec, _encode(header, kept)) if kept else b""
    return seal(bytearray(HEADER.pack(*header._replace(count=len(kept)))) + body)


def recompress(batch: bytes, codec: int) -> bytes:
    """The batch in another compression (a code), its records untouched; the same object if it has that one."""
    header = BatchHeader.parse(batch)
    if header.codec == codec:
        return batch
    body = compress(codec, decompress(header.codec, batch[HEADER_SIZE:]))
    attributes = header.attributes & ~CODEC_MASK | codec
    return seal(bytearray(HEADER.pack(*header._replace(attributes=attributes))) + body)


def _encode(header: BatchHeader, records: Sequence[ConsumerRecord]) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=MAGIC,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=_NO_LIMIT,
    )
    # The builder takes its first record's timestamp for the batch's; a first record that is cut off again holds it.
    # Its offset is 0 for the builder's sake, which takes in that one whatever its size.
    builder.append(0, header.base_timestamp, None, None, [])
    body_at = builder.size()
    for record in records:
        offset_delta = record.offset - header.base_offset
        builder.append(offset_delta, record.timestamp, record.key, record.value, list(record.headers))
    return bytes(builder.build()[body_at:])
