"""Reading the records of a batch, with aiokafka's compiled decoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatch

from engine.errors import CorruptRecordError, InvalidRecordError, InvalidTimestampError, KafkaError
from engine.records.batch import HEADER_SIZE, BatchHeader
from engine.records.compression import name_of
from engine.records.record import ConsumerRecord

_new = tuple.__new__


def read_records(
    batch: bytes, topic: str, partition: int, from_offset: int = 0, *, control: bool = False
) -> list[ConsumerRecord]:
    """The records of one batch at `from_offset` and later, in order.

    A control batch counts as empty unless `control` is set, as for Kafka's consumers. After compaction a batch may
    hold fewer records than it spans, or none: whoever reads on goes on behind its `last_offset`. CorruptRecordError
    if the bytes cannot be read.
    """
    header = BatchHeader.parse(batch)
    if header.is_control and not control:
        return []
    kind = header.timestamp_type
    record = ConsumerRecord
    try:
        # Six attribute reads and one tuple a record: measured as the least there is without a decoder of our own.
        records = [
            _new(
                record,
                (
                    topic,
                    partition,
                    r.offset,
                    r.timestamp,
                    kind,
                    r.key,
                    r.value,
                    tuple(headers) if (headers := r.headers) else (),
                ),
            )
            for r in _decode(header, batch)
        ]
    except Exception as error:  # the decoder and each compression fail in their own ways
        raise _unreadable(header, error) from error
    if from_offset > header.base_offset:
        return [each for each in records if each.offset >= from_offset]
    return records


def read_all(batches: Iterable[bytes], topic: str, partition: int, from_offset: int = 0) -> list[ConsumerRecord]:
    """The records of several batches, as `read_records` gives those of one."""
    return [record for batch in batches for record in read_records(batch, topic, partition, from_offset)]


def require_keys(batch: bytes) -> None:
    """InvalidRecordError if a record has no key, which a compacted topic needs to know what replaces what."""
    header = BatchHeader.parse(batch)
    try:
        missing = next((index for index, r in enumerate(_decode(header, batch)) if r.key is None), None)
    except Exception as error:
        raise _unreadable(header, error) from error
    if missing is not None:
        raise InvalidRecordError(
            f"Record {missing} of the batch has no key. A compacted topic keeps the newest record of each key, "
            "so every record needs one."
        )


def _decode(header: BatchHeader, batch: bytes) -> Iterable[Any]:
    name_of(header.codec)
    # An empty batch, as compaction leaves them, has no compressed bytes to undo.
    return () if header.count == 0 and len(batch) == HEADER_SIZE else DefaultRecordBatch(batch)


def _unreadable(header: BatchHeader, error: Exception) -> KafkaError:
    if isinstance(error, KafkaError):
        return error
    why = str(error) or type(error).__name__
    return CorruptRecordError(f"The batch at offset {header.base_offset} cannot be read: {why}")


def require_times(batch: bytes, earliest: float, latest: float) -> None:
    """InvalidTimestampError unless every record is of a time (ms) from `earliest` to `latest`, or of none."""
    header = BatchHeader.parse(batch)
    wrong = header.max_timestamp if header.max_timestamp > latest else None
    if wrong is None and earliest > 0:
        try:
            wrong = next((r.timestamp for r in _decode(header, batch) if 0 <= r.timestamp < earliest), None)
        except Exception as error:
            raise _unreadable(header, error) from error
    if wrong is not None:
        raise InvalidTimestampError(
            f"A record has the timestamp {wrong}; the topic takes {max(0, earliest)} to {latest} just now "
            "(message.timestamp.before.max.ms, message.timestamp.after.max.ms)."
        )
