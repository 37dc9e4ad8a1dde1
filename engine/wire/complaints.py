"""What is said of clients that misbehave: a line each, but not more than a person can read."""

from __future__ import annotations

from collections.abc import Callable

_MOST = 5


class Complaints:
    """Passes on a few in each stretch between two calls of `breathe`, and counts the others."""

    def __init__(self, tell: Callable[[str], None]) -> None:
        self._tell = tell
        self._said = 0

    def add(self, sentence: str) -> None:
        """Something was wrong."""
        self._said += 1
        if self._said <= _MOST:
            self._tell(sentence)

    def breathe(self) -> None:
        """A stretch is over."""
        more = self._said - _MOST
        self._said = 0
        if more > 0:
            self._tell(f"Of {more:,} more connections from outside there was something of the kind to say.")
