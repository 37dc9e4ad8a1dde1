"""What became of the workload's records, in figures, and the records behind a figure."""

from __future__ import annotations

from dataclasses import dataclass

from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class ProducerLedger:
    """What became of a producer's records on the way into the log."""

    name: str
    acks: str
    sent: int
    acked: int
    """With acks=0 there is nothing to count."""
    lost_acked: int
    """Acknowledged, and gone though nothing was to remove them."""
    lost_unacked: int
    """Never acknowledged, and in no log."""
    since: int = 0
    """Records from this sequence on can be named."""
    aborted: int = 0
    """Stored, but in transactions that were aborted."""


@dataclass(frozen=True, slots=True)
class GroupLedger:
    """What became of the workload's records in a group: each figure counts records, not deliveries."""

    group_id: str
    once: int
    again: int
    """Processed more than once."""
    never: int
    """Acknowledged, below the committed offset, and not processed."""
    late: int
    """Processed for the first time after a later record of the same producer and key."""
    writes_to: tuple[str, ...] = ()
    """Topics that its processors write to: a record counts when a reader of committed records finds it there."""


@dataclass(frozen=True, slots=True)
class LedgerView:
    """Every producer and group of the workload, and what became of its records."""

    producers: tuple[ProducerLedger, ...] = ()
    groups: tuple[GroupLedger, ...] = ()


NOTHING_YET = LedgerView()
"""The ledger of a lab that has just begun."""


@dataclass(frozen=True, slots=True)
class LedgerFigure:
    """One figure of the ledger: of which producer or group, and in which column (the field's name)."""

    of_group: bool
    name: str
    column: str


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """A record that a figure counts; where it lay, if that is known (`offset` -1 and no `tp` otherwise)."""

    producer: str
    sequence: int
    tp: TopicPartition | None
    offset: int
