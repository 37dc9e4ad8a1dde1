"""Regular expressions from clients: subscriptions, matched against topic names, and what else is asked for by pattern.

Kafka uses RE2/J; RE2 itself takes time that grows with the text alone, so nobody's pattern can hold up a broker.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from engine.errors import InvalidRegularExpressionError


def check_pattern(pattern: str) -> None:
    """Raises InvalidRegularExpressionError for one RE2 does not know."""
    if pattern:
        compiled(pattern)


def matching(pattern: str | None, topics: Iterable[str]) -> frozenset[str]:
    """The topics whose whole name matches; Kafka's own never do."""
    if not pattern:
        return frozenset()
    matches = compiled(pattern).fullmatch
    return frozenset(topic for topic in topics if not topic.startswith("__") and matches(topic))


@lru_cache(maxsize=256)
def compiled(pattern: str) -> Any:
    """The expression, with `fullmatch`; InvalidRegularExpressionError for one RE2 does not know."""
    import re2  # not needed unless somebody asks so

    options = re2.Options()
    options.log_errors = False  # it would write over the screen
    try:
        return re2.compile(pattern, options)
    except UnicodeEncodeError as error:
        raise InvalidRegularExpressionError(f"{pattern[:80]!r} holds half a character.") from error
    except re2.error as error:
        why = error.args[0].decode() if isinstance(error.args[0], bytes) else error.args[0]
        raise InvalidRegularExpressionError(f"{pattern[:80]!r} is no regular expression of RE2: {why}.") from error
