"""Which records a person wants to see: reads what was typed, and tells whether a record matches.

Words are parted by blanks and all of them must hold. What cannot be understood is answered with what would be.
"""

from __future__ import annotations

import difflib
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.records import ConsumerRecord
from tui.records.times import ACCEPTED as TIMES_ACCEPTED
from tui.records.times import Times, read_time

FIELDS = ("key", "value", "header", "offset", "time", "partition")
ACCEPTED = 'text, "some text", key:…, value:…, header:…, offset:>=n, time:>=-5m, partition:n'

_WORD = re.compile(r'(?:(\w+):)?(>=|<=|>|<|=)?(?:"([^"]*)("?)|(\S*))')
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "=": operator.eq,
}


class FilterError(Exception):
    """What was typed is no filter; the sentence says what is accepted."""


@dataclass(frozen=True, slots=True)
class Contains:
    """The key, the value or either holds this text, in upper or lower case."""

    where: str
    """"key", "value", or "" for either."""
    needle: bytes
    exact: bool = False

    def holds(self, record: ConsumerRecord) -> bool:
        """Whether it does."""
        if self.where != "value" and self._in(record.key):
            return True
        return self.where != "key" and self._in(record.value)

    def _in(self, data: bytes | None) -> bool:
        if data is None:
            return False
        return data.lower() == self.needle if self.exact else self.needle in data.lower()


@dataclass(frozen=True, slots=True)
class Header:
    """A header of this name holds this text; without a text, a header's name or value holds the name."""

    name: str
    needle: bytes | None

    def holds(self, record: ConsumerRecord) -> bool:
        """Whether one does."""
        if self.needle is not None:
            return any(
                name.lower() == self.name and self.needle in (value or b"").lower() for name, value in record.headers
            )
        raw = self.name.encode("utf-8", "surrogatepass")
        return any(self.name in name.lower() or raw in (value or b"").lower() for name, value in record.headers)


@dataclass(frozen=True, slots=True)
class Compares:
    """The record's offset, timestamp (ms) or partition stands in this relation to a number."""

    what: str
    how: str
    number: int

    def holds(self, record: ConsumerRecord) -> bool:
        """Whether it does."""
        at = {"offset": record.offset, "time": record.timestamp, "partition": record.partition}[self.what]
        return _COMPARE[self.how](at, self.number)


Condition = Contains | Header | Compares


@dataclass(frozen=True, slots=True)
class Filter:
    """Conditions that must all hold, and the bounds that follow from them: nothing outside can match."""

    text: str
    """As it was typed."""
    conditions: tuple[Condition, ...] = field(default=())

    def matches(self, record: ConsumerRecord) -> bool:
        """Whether the record is wanted."""
        return all(condition.holds(record) for condition in self.conditions)

    @property
    def holding(self) -> bytes:
        """The longest text asked for: lower-case bytes that every match holds in some case."""
        needles = [each.needle or b"" for each in self.conditions if isinstance(each, Contains | Header)]
        return max(needles, key=len, default=b"")

    @property
    def first_offset(self) -> int:
        """No record before this offset matches."""
        return max((_least(each) for each in self.conditions if _is(each, "offset")), default=0)

    @property
    def end_offset(self) -> int | None:
        """No record at this offset or later matches; None without such a bound."""
        ends = [end for each in self.conditions if _is(each, "offset") and (end := _end(each)) is not None]
        return min(ends, default=None)

    @property
    def since_ms(self) -> int:
        """No record with a timestamp before this matches; 0 without such a bound."""
        return max((_least(each) for each in self.conditions if _is(each, "time")), default=0)


def _is(condition: Condition, what: str) -> bool:
    return isinstance(condition, Compares) and condition.what == what


def _least(condition: Condition) -> int:
    assert isinstance(condition, Compares)
    return {">=": condition.number, "=": condition.number, ">": condition.number + 1}.get(condition.how, 0)


def _end(condition: Condition) -> int | None:
    assert isinstance(condition, Compares)
    return {"<": condition.number, "<=": condition.number + 1, "=": condition.number + 1}.get(condition.how)


def parse(text: str, times: Times) -> Filter | None:
    """The filter in what was typed, None for nothing; raises FilterError."""
    conditions: list[Condition] = []
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        word = _WORD.match(text, at)
        assert word is not None  # \S* matches anything
        at = word.end()
        name, compare, quoted, closed, plain = word.groups()
        if quoted is not None and not closed:
            raise FilterError('A quotation mark is open; close it, as in "two words".')
        conditions.append(_condition(word[0], name, compare, plain if quoted is None else quoted, times))
    return Filter(text.strip(), tuple(conditions)) if conditions else None


def _condition(word: str, name: str | None, compare: str | None, text: str, times: Times) -> Condition:
    if name is not None and name.lower() not in FIELDS:
        alike = difflib.get_close_matches(name.lower(), FIELDS, 1, 0.7)
        if alike:
            raise FilterError(f'There is no {name}: to filter by; write {alike[0]}:…, or "{word}" for the text itself.')
        name, compare, text = None, None, word
    if name is None:
        text = (compare or "") + text if compare else text
        return Contains("", _needle(text))
    name = name.lower()
    if name in ("offset", "partition"):
        return Compares(name, compare or "=", _number(name, text))
    if name == "time":
        if compare is None or not text:
            raise FilterError(f"time takes a comparison and a time: time:>= and {TIMES_ACCEPTED}.")
        time = read_time(text, times)
        if time is None:
            raise FilterError(f"time takes {TIMES_ACCEPTED}; {text!r} is none of these.")
        return Compares(name, compare, time)
    if compare not in (None, "="):
        raise FilterError(
            f"{name} holds text, which {name}:… finds in it; {compare} works for offset, time, partition."
        )
    if not text:
        raise FilterError(f"{name}: looks for text; write some behind the colon, as in {name}:42.")
    if name == "header":
        header, equals, value = text.partition("=")
        return Header(header.lower(), _needle(value) if equals else None)
    return Contains(name, _needle(text), exact=compare == "=")


def _needle(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass").lower()


def _number(name: str, text: str) -> int:
    digits = text.replace(",", "").replace("_", "")
    if not (digits.isascii() and digits.isdecimal()) or len(digits) > 19:
        raise FilterError(f"{name} takes a whole number, as in {name}:>=100 or {name}:7; {text!r} is none.")
    return int(digits)
