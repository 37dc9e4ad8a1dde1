"""Why a record is in its partition: what Kafka's partitioners make of its key (`Partitioner`, `BuiltInPartitioner`)."""

from __future__ import annotations

from engine.clients.partitioners import partition_for_key
from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC
from engine.coordinators.placing import partition_for
from engine.errors import CorruptRecordError
from engine.groups.records import decode_key
from engine.records import ConsumerRecord
from engine.transactions.records import decode_key as transactional_id_of

LONGEST_KEY = 1 << 16
"""Keys of more bytes are not hashed for a sentence."""


def why_here(record: ConsumerRecord, partitions: int, *, control: bool = False) -> str:
    """The rule that leads to the partition, or that it must have been chosen otherwise."""
    here, key = record.partition, record.key
    if control:
        return "a marker goes to every partition of its transaction"
    if record.topic == TRANSACTION_TOPIC and (transactional_id := _transactional_id_of(key)) is not None:
        return f"hash of the transactional id mod {partitions} = {partition_for(transactional_id, partitions)}"
    if record.topic == INTERNAL_TOPIC and (group := _group_of(key)) is not None:
        found = partition_for(group, partitions)
        return f"hash of the group's name mod {partitions} = {found}" + (
            "" if found == here else f", yet it is in {here}"
        )
    if key is None:
        return "no key: any partition will do; sticky producers fill one batch, then move on"
    if len(key) > LONGEST_KEY:
        return f"murmur2 of the key mod {partitions}, for a key of this length not worked out here"
    found = partition_for_key(key, partitions)
    if found == here:
        return f"murmur2(key) mod {partitions} = {found}"
    return (
        f"murmur2(key) mod {partitions} = {found}, yet it is in {here}: its producer chose {here} itself, or the topic "
        "had fewer partitions then"
    )


def _transactional_id_of(key: bytes | None) -> str | None:
    try:
        return transactional_id_of(key or b"")
    except CorruptRecordError:
        return None


def _group_of(key: bytes | None) -> str | None:
    try:
        named = decode_key(key or b"")
    except CorruptRecordError:
        return None
    return named.group_id if named is not None else None
