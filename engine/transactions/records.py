"""The records of `__transaction_state`, in Kafka's bytes, and a person's reading of them.

Kafka's `TransactionLogKey` v0 and `TransactionLogValue` v1, the first flexible one (transaction version 1); version 0
of the value is read too.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.coordinators.primitives import (
    INT8,
    INT16,
    INT32,
    INT64,
    NO_TAGS,
    Reader,
    compact_length,
    compact_string,
    string,
    tagged,
    varint,
)
from engine.errors import CorruptRecordError
from engine.snapshot import TransactionState
from engine.types import TopicPartition

KEY_VERSION, VALUE_VERSION = 0, 1

_STATES = (
    TransactionState.EMPTY,
    TransactionState.ONGOING,
    TransactionState.PREPARE_COMMIT,
    TransactionState.PREPARE_ABORT,
    TransactionState.COMPLETE_COMMIT,
    TransactionState.COMPLETE_ABORT,
    TransactionState.DEAD,
    TransactionState.PREPARE_EPOCH_FENCE,
)
"""In the order of Kafka's ids."""
_PREVIOUS_PRODUCER_ID = 0
_WHAT = "A transaction record"


@dataclass(frozen=True, slots=True)
class TransactionValue:
    """A transactional id as it stands (`TxnTransitMetadata`); times are ms, -1 for none."""

    producer_id: int
    producer_epoch: int
    timeout_ms: int
    state: TransactionState
    partitions: frozenset[TopicPartition] = frozenset()
    start_ms: int = -1
    update_ms: int = -1
    previous_producer_id: int = -1
    """The one before, where its epochs were used up."""
    last_epoch: int = -1
    """The epoch before a bump the producer itself asked for, in case it asks again; not kept in the log."""


def encode_key(transactional_id: str) -> bytes:
    """The record key. Raises InvalidRequestError for an id no record can hold."""
    return INT16.pack(KEY_VERSION) + string(transactional_id)


def decode_key(data: bytes) -> str | None:
    """Whose record it is; None for a kind this coordinator does not keep. Raises CorruptRecordError."""
    reader = Reader(data, _WHAT)
    return reader.string() if reader.int16() == KEY_VERSION else None


def encode_value(value: TransactionValue) -> bytes:
    """The record value, version 1."""
    parts = [
        INT16.pack(VALUE_VERSION),
        INT64.pack(value.producer_id),
        INT16.pack(value.producer_epoch),
        INT32.pack(value.timeout_ms),
        INT8.pack(_STATES.index(value.state)),
    ]
    if value.state is TransactionState.EMPTY:
        parts.append(varint(0))
    else:
        topics: dict[str, list[int]] = {}
        for topic, partition in sorted(value.partitions):
            topics.setdefault(topic, []).append(partition)
        parts.append(compact_length(len(topics)))
        for topic, partitions in topics.items():
            numbers = b"".join(map(INT32.pack, partitions))
            parts += [compact_string(topic), compact_length(len(partitions)), numbers, NO_TAGS]
    previous = value.previous_producer_id
    parts += [
        INT64.pack(value.update_ms),
        INT64.pack(value.start_ms),
        tagged({_PREVIOUS_PRODUCER_ID: INT64.pack(previous)} if previous >= 0 else {}),
    ]
    return b"".join(parts)


def decode_value(data: bytes) -> TransactionValue:
    """What a record value of version 0 or 1 says. Raises CorruptRecordError."""
    reader = Reader(data, _WHAT)
    flexible = reader.version(VALUE_VERSION) >= 1
    producer_id, epoch, timeout_ms, number = reader.int64(), reader.int16(), reader.int32(), reader.int8()
    if not 0 <= number < len(_STATES):
        raise CorruptRecordError(f"A transaction record cannot be read: there is no state {number}.")
    partitions = _flexible_partitions(reader) if flexible else _partitions(reader)
    update_ms, start_ms = reader.int64(), reader.int64()
    previous = -1
    if flexible and (data_of := reader.tags().get(_PREVIOUS_PRODUCER_ID)) is not None:
        previous = Reader(data_of, _WHAT).int64()
    return TransactionValue(
        producer_id, epoch, timeout_ms, _STATES[number], frozenset(partitions), start_ms, update_ms, previous
    )


def _partitions(reader: Reader) -> list[TopicPartition]:
    found = []
    for _ in range(max(0, reader.int32())):
        topic = reader.string()
        found += [TopicPartition(topic, reader.int32()) for _ in range(reader.length())]
    return found


def _flexible_partitions(reader: Reader) -> list[TopicPartition]:
    found = []
    for _ in range(reader.compact_length()):
        topic = reader.compact_string()
        found += [TopicPartition(topic, reader.int32()) for _ in range(reader.compact_length())]
        reader.skip_tags()
    return found


def describe(key: bytes | None, value: bytes | None) -> str:
    """What a record of `__transaction_state` says, in a sentence; bytes that cannot be read are said to be so."""
    try:
        transactional_id = decode_key(key or b"")
        if transactional_id is None:
            return "A record of a kind that this coordinator does not keep."
        if value is None:
            return f"The transactional id {transactional_id} is forgotten (tombstone)."
        said = decode_value(value)
    except CorruptRecordError as error:
        return str(error)
    partitions = " ".join(map(str, sorted(said.partitions)))
    where = f", partitions {partitions}" if partitions else ""
    return (
        f"{transactional_id} is {said.state.value}: producer id {said.producer_id}, epoch {said.producer_epoch}, "
        f"timeout {said.timeout_ms:,} ms{where}."
    )
