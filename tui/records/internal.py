"""What records that Kafka writes for itself say: those of its internal topics, and the markers of transactions."""

from __future__ import annotations

from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC
from engine.errors import CorruptRecordError
from engine.groups.records import describe as describe_group
from engine.pages import BrowsedRecord
from engine.records import decode_marker
from engine.transactions.records import describe as describe_transaction


def said_by(row: BrowsedRecord) -> str | None:
    """A sentence for such a record; None for any other."""
    record = row.record
    if row.control:
        try:
            marker = decode_marker(record.key, record.value)
        except CorruptRecordError as error:
            return str(error)
        counts = "counts" if marker.committed else "is to be passed over"
        return f"{marker.words}: what producer id {row.producer_id} wrote before, in its transaction, {counts}."
    if record.topic == INTERNAL_TOPIC:
        return describe_group(record.key, record.value)
    if record.topic == TRANSACTION_TOPIC:
        return describe_transaction(record.key, record.value)
    return None


def is_abort(row: BrowsedRecord) -> bool:
    """Whether a record is the marker of an aborted transaction; a damaged one is not."""
    try:
        return row.control and not decode_marker(row.record.key, row.record.value).committed
    except CorruptRecordError:
        return False


def fate_of(row: BrowsedRecord) -> str:
    """What a record's transaction means for who reads committed records; empty where it means nothing."""
    match row.transaction:
        case "aborted":
            return "aborted: who reads committed records never gets it"
        case "open":
            return "its transaction is open: who reads committed records waits here"
    return ""
