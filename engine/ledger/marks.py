"""How a record of the workload is told from others: by the headers `producer` and `sequence`."""

from __future__ import annotations

from collections.abc import Sequence

LIMIT = 5_000_000
"""How many sequences of a producer, and offsets of a partition, are remembered one by one."""
EXAMPLES = 300
"""How many records behind a figure are named."""

Mark = tuple[bytes, int]
"""A producer's name, as its headers have it, and the sequence."""


def mark_of(headers: Sequence[tuple[str, bytes | None]]) -> Mark | None:
    """Who sent a record, and as which; None for one that is not the workload's."""
    if len(headers) < 2:
        return None
    (first, name), (second, sequence) = headers[0], headers[1]
    if first != "producer" or second != "sequence" or name is None or sequence is None or not sequence.isdigit():
        return None
    number = int(sequence)
    return (name, number) if number < 1 << 32 else None


def by_header(group_id: str) -> tuple[str, bytes]:
    """The header that says which group's processor wrote a record; it follows the mark of the record it was made of."""
    return "by", name_bytes(group_id)


def name_bytes(name: str) -> bytes:
    """A producer's name as its headers have it."""
    return name.encode("utf-8", "surrogateescape")


class Bytes:
    """One byte for each sequence from `since` on; the oldest are forgotten beyond `LIMIT`."""

    __slots__ = ("data", "since")

    def __init__(self, since: int = 0) -> None:
        self.since = since
        self.data = bytearray()

    def place(self, sequence: int) -> int:
        """Where its byte is in `data`; -1 for one that is forgotten."""
        at = sequence - self.since
        if at >= len(self.data):
            if at >= LIMIT:
                self._forget(at)
                at = sequence - self.since
            self.data.extend(bytes(at + 1024 - len(self.data)))
        return at if at >= 0 else -1

    def _forget(self, at: int) -> None:
        gone = max(LIMIT // 4, at - LIMIT + 1)
        del self.data[:gone]
        self.since += gone
