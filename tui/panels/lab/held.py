"""What open transactions hold back: told only of those that last, for most are over before anybody could read it."""

from __future__ import annotations

from collections.abc import Collection

from engine.snapshot import PartitionView, World

LASTING_MS = 1_000.0
SLOW = 0.25
"""At this pace or slower even a short transaction can be watched."""

Waits = Collection[int] | None
"""Ids of producers whose transaction lasts; None for whatever is open."""


def waits_of(world: World) -> Waits:
    """Whose open transactions are worth telling of."""
    if world.paused or world.speed <= SLOW:
        return None
    lasting_ms = LASTING_MS * max(1.0, world.speed)
    return [
        each.producer_id
        for each in world.transactions
        if each.began_ms is not None and world.now_ms - each.began_ms >= lasting_ms
    ]


def held_back(log: PartitionView, waits: Waits) -> int:
    """Records of a partition behind its last stable offset, while one of these transactions is open in it."""
    if log.last_stable_offset < 0 or not any(waits is None or each in waits for each, _ in log.open_transactions):
        return 0
    return max(0, log.high_watermark - log.last_stable_offset)
