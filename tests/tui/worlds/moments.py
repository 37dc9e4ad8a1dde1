"""A world of which moments are kept."""

from __future__ import annotations

from dataclasses import replace

from engine.snapshot import MomentView, World
from tests.tui.worlds.outside import paused


def kept() -> World:
    """Moments of it are kept: one before something was broken, one by hand, one that was left by going back."""
    now = paused()
    written = sum(log.log_end_offset for each in now.topics if not each.internal for log in each.partitions)
    moments = (
        MomentView(3, now.now_ms - 152_000, "before crash: billing-2", True, written - 4_310, 3_820_000),
        MomentView(4, now.now_ms - 61_000, "kept by hand", False, written - 1_045, 5_100_000),
        MomentView(7, now.now_ms + 30_000, "before going back from here", True, written + 702, 5_900_000),
    )
    return replace(now, moments=moments)
