"""Writes a record's time: on the lab's clock, as the list shows it, and in full."""

from __future__ import annotations

from datetime import UTC, datetime

from tui.painting.text import clock, duration

_LAST_MS = 253_402_300_799_999
"""The end of the year 9999, where Python's calendar ends."""


def on_lab_clock(timestamp_ms: int, began_ms: float) -> str:
    """At most twelve cells: 00:03:08.214, -00:00:02.1 before the lab was made; the date when that is far away."""
    since = timestamp_ms - began_ms
    if 0 <= since < 360_000_000:
        return f"{clock(since)}.{int(since) % 1000:03d}"
    if timestamp_ms >= 0 and -86_400_000 < since < 0:
        return f"-{clock(-since)}.{int(-since) % 1000 // 100}"
    if not 0 <= timestamp_ms <= _LAST_MS:
        return "no time" if timestamp_ms < 0 else "far future"
    return f"{datetime.fromtimestamp(timestamp_ms / 1000, UTC):%Y-%m-%d}"


def in_full(timestamp_ms: int) -> str:
    """2023-11-14 22:16:28.214 UTC."""
    if not 0 <= timestamp_ms <= _LAST_MS:
        return f"{timestamp_ms} ms"
    moment = datetime.fromtimestamp(timestamp_ms // 1000, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{timestamp_ms % 1000:03d} UTC"


def age(timestamp_ms: int, now_ms: float) -> str:
    """3.8 s ago; in 2 h for a time to come."""
    past = now_ms - timestamp_ms
    return f"{duration(past)} ago" if past >= 0 else f"in {duration(-past)}"
