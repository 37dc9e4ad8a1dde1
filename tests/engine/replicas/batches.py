"""Batches as a producer would send them."""

from __future__ import annotations

from engine.records import BatchBuilder


def batch_of(*values: bytes, timestamp: int = 1, producer_id: int = -1, base_sequence: int = -1) -> bytes:
    """One batch of these values, without keys."""
    epoch = 0 if producer_id >= 0 else -1
    builder = BatchBuilder(1_000_000, producer_id=producer_id, producer_epoch=epoch, base_sequence=base_sequence)
    for value in values:
        builder.append(timestamp, None, value)
    return builder.build()
