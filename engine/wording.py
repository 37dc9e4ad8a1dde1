"""Numbers in sentences."""

from __future__ import annotations


def plural(count: int, one: str, many: str = "") -> str:
    """A count with its noun: 1 partition, 6 partitions."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
