"""A record as a consumer gets it, with the attributes of aiokafka's `ConsumerRecord`.

It is a tuple, because millions of them are made: the attributes that follow from others are computed when asked for.
"""

from __future__ import annotations

from typing import NamedTuple

CREATE_TIME, LOG_APPEND_TIME = 0, 1


class ConsumerRecord(NamedTuple):
    """One record and where it lies. `timestamp` is ms since the epoch, -1 when the record has none."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    """0 when the producer's clock set it (CreateTime), 1 when the broker's did (LogAppendTime)."""
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]

    @property
    def checksum(self) -> None:
        """None: records of this format have none of their own, only their batch has."""
        return

    @property
    def serialized_key_size(self) -> int:
        """Bytes of the key, -1 without one."""
        return -1 if self.key is None else len(self.key)

    @property
    def serialized_value_size(self) -> int:
        """Bytes of the value, -1 without one."""
        return -1 if self.value is None else len(self.value)
