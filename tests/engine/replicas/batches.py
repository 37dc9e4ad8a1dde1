"""Batches as a producer would send them."""

from __future__ import annotations

from engine.records import BatchBuilder


def batch_of(*values: bytes, timestamp: int = 1) -> bytes:
    """One batch of these values, without keys."""
    builder = BatchBuilder(1_000_000)
    for value in values:
        builder.append(timestamp, None, value)
    return builder.build()
