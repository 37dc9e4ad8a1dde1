"""A consumer's settings: what they may be, and what they stand for.

After `org.apache.kafka.clients.consumer.ConsumerConfig`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.clients.partition_state import Transform
from engine.clients.settings import one_of
from engine.errors import InvalidConfigError, InvalidGroupIdError
from engine.messages import IsolationLevel
from engine.records import ConsumerRecord

ISOLATION = {
    "read_uncommitted": IsolationLevel.READ_UNCOMMITTED,
    "read_committed": IsolationLevel.READ_COMMITTED,
}
RESETS = ("earliest", "latest", "none")
PROTOCOLS = ("classic", "consumer")


def check_consumer(
    group_id: str | None,
    protocol: str,
    remote_assignor: str | None,
    session_timeout_ms: int,
    heartbeat_interval_ms: int,
    max_poll_records: int | None,
) -> None:
    """Whether these go together; InvalidConfigError and InvalidGroupIdError say what does."""
    if group_id == "":
        raise InvalidGroupIdError("A group id must not be empty; leave it out to read without a group.")
    one_of("group_protocol", protocol, PROTOCOLS)
    if remote_assignor is not None and protocol == "classic":
        raise InvalidConfigError("group_remote_assignor goes with group_protocol='consumer' alone.")
    if protocol == "classic" and heartbeat_interval_ms >= session_timeout_ms:
        raise InvalidConfigError(
            f"heartbeat_interval_ms ({heartbeat_interval_ms}) must be below session_timeout_ms "
            f"({session_timeout_ms}); a third of it is usual."
        )
    if max_poll_records is not None and max_poll_records < 1:
        raise InvalidConfigError(f"max_poll_records cannot be {max_poll_records}; it takes 1 or more, or None.")


def deserializing(
    key: Callable[[bytes | None], Any] | None, value: Callable[[bytes | None], Any] | None
) -> Transform | None:
    """What turns the bytes of a record into what the application wants; None if it wants the bytes."""
    if key is None and value is None:
        return None

    def transform(record: ConsumerRecord) -> ConsumerRecord:
        return record._replace(
            key=record.key if key is None else key(record.key),
            value=record.value if value is None else value(record.value),
        )

    return transform
