"""Points in time as a person writes them: the lab's clock, back from now, ISO 8601, or ms since the epoch."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

ACCEPTED = "-5m (5 minutes ago), 00:03:12 (the lab's clock), 2026-11-24T02:30:36 (UTC) or ms since 1970"

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_AGO = re.compile(r"(-)?(\d{1,12}(?:\.\d{1,6})?)(ms|s|m|h|d)(\s+ago)?")
_CLOCK = re.compile(r"(?:(\d{1,6}):)?(\d{1,2}):(\d{1,2}(?:\.\d{1,3})?)")
_LEAST_EPOCH_MS = 10**10
"""Smaller numbers are not taken for a time: 1970 is not what anybody means."""


@dataclass(frozen=True, slots=True)
class Times:
    """What written times are measured from, in lab ms."""

    now_ms: float
    began_ms: float


def read_time(text: str, times: Times) -> int | None:
    """The time in ms since the epoch; None where it is none."""
    text = text.strip()
    ago = _AGO.fullmatch(text)
    if ago and (ago[1] or ago[4]):
        return round(times.now_ms - float(ago[2]) * _UNITS[ago[3]])
    if clock := _CLOCK.fullmatch(text):
        seconds = int(clock[1] or 0) * 3600 + int(clock[2]) * 60 + float(clock[3])
        return round(times.began_ms + seconds * 1000)
    if text.isascii() and text.isdecimal():
        return int(text) if _LEAST_EPOCH_MS <= int(text[:20]) < 10**15 else None
    if not re.match(r"\d{4}-\d{2}", text):
        return None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
