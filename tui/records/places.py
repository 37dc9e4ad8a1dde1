"""Where a person wants to go in a log: an offset, a time, the start, the end, or where a group stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tui.records.times import ACCEPTED as TIMES_ACCEPTED
from tui.records.times import Times, read_time


@dataclass(frozen=True, slots=True)
class AtOffset:
    """The record at an offset."""

    offset: int


@dataclass(frozen=True, slots=True)
class AtTimestamp:
    """The first record at or after a time in ms."""

    timestamp_ms: int


@dataclass(frozen=True, slots=True)
class AtStart:
    """The log start."""


@dataclass(frozen=True, slots=True)
class AtEnd:
    """The log end."""


@dataclass(frozen=True, slots=True)
class AtGroup:
    """The first record a group has not committed."""

    group_id: str


Place = AtOffset | AtTimestamp | AtStart | AtEnd | AtGroup


class PlaceError(Exception):
    """What was typed is no place; the sentence says what is accepted."""


def read_place(text: str, times: Times, groups: Sequence[str]) -> Place:
    """The place that was typed; raises PlaceError."""
    text = text.strip()
    if text in groups:
        return AtGroup(text)
    if text.lower() in ("start", "first", "earliest"):
        return AtStart()
    if text.lower() in ("end", "last", "latest"):
        return AtEnd()
    time = read_time(text, times)
    if time is not None:
        return AtTimestamp(time)
    digits = text.replace(",", "").replace("_", "")
    if digits.isascii() and digits.isdecimal() and len(digits) <= 19:
        return AtOffset(int(digits))
    named = [group for group in groups if text and group.lower().startswith(text.lower())]
    if len(named) == 1:
        return AtGroup(named[0])
    raise PlaceError(f"Write an offset like 12,000; start or end; the name of a group; or a time: {TIMES_ACCEPTED}.")
