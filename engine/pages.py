"""What is read of a log without being anybody's consumer: records with their batches, in pages and stretches."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.records import ConsumerRecord
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class BrowsedRecord:
    """A record and the batch it came in; sizes in bytes."""

    record: ConsumerRecord
    base_offset: int
    last_offset: int
    leader_epoch: int
    compression: str
    batch_bytes: int
    batch_count: int
    producer_id: int
    control: bool
    """Whether it is a transaction's marker."""
    transaction: str = ""
    """"open" or "aborted" where it belongs to such a transaction: who reads committed records does not get it."""


@dataclass(frozen=True, slots=True)
class Page:
    """Records of one partition in order, and the log's ends when it was read (log_end: the high watermark)."""

    tp: TopicPartition
    rows: tuple[BrowsedRecord, ...]
    log_start: int
    log_end: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was looked through of one or more partitions: from `low` up to, not including, `high` in each."""

    rows: tuple[BrowsedRecord, ...]
    """The records that were wanted, oldest first."""
    low: Mapping[TopicPartition, int]
    high: Mapping[TopicPartition, int]
    looked_at: int
    """How many records were looked at."""


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for, and how much is looked at for one answer."""

    matches: Callable[[ConsumerRecord], bool] | None
    """None: every record."""
    holding: bytes = b""
    """Lower-case bytes that occur, in upper or lower case, in the key, value or headers of whatever matches."""
    most: int = 2_000
    """About how many records are looked at."""
