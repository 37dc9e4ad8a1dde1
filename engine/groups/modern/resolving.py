"""When what the patterns of a group's members match is found out (`maybeUpdateRegularExpressions`).

That is done apart from heartbeats, for all of them at once, and what was found is kept as records.
"""

from __future__ import annotations

from collections.abc import Collection

from engine.groups.modern.group import ModernGroup

LEAST_INTERVAL_MS = 10_000
"""Between two times that a group's patterns are resolved (`REGEX_BATCH_REFRESH_MIN_INTERVAL_MS`)."""


def patterns_of(group: ModernGroup) -> set[str]:
    """Those its members subscribe by."""
    return {member.said.pattern for member in group.members.values() if member.said.pattern is not None}


def due(group: ModernGroup, topics: Collection[str], among: Collection[str], now: int, interval_ms: int) -> bool:
    """Whether a heartbeat has to have them resolved: one is not yet, or there are topics that were not there before.

    `among` are the topics there were the last time. What was found holds for `interval_ms` at most.
    """
    patterns = patterns_of(group)
    last = max((found.timestamp for found in group.patterns.values()), default=None)
    if not patterns or (last is not None and now <= last + LEAST_INTERVAL_MS):
        return False
    unknown = patterns != group.patterns.keys() or any(topic not in among for topic in topics)
    return unknown or last is None or now > last + interval_ms
