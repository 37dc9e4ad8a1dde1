"""Which partition a record goes to: by its key's murmur2, or by one of three rules when it has none.

`sticky` is Kafka's rule since 3.3 (KIP-794, `BuiltInPartitioner`), `roundrobin` that of clients before 2.4, `random`
aiokafka's. All three hash keys as `org.apache.kafka.common.utils.Utils.murmur2` does.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Protocol

Partitioner = Callable[[bytes | None, Sequence[int], Sequence[int]], int]
"""(key, all partitions, those with a leader) -> partition, as aiokafka calls it."""

PARTITIONERS = ("default", "roundrobin", "random")

_MASK = 0xFFFFFFFF
_M = 0x5BD1E995
_SEED = 0x9747B28C


@lru_cache(maxsize=1 << 16)
def murmur2(data: bytes) -> int:
    """Kafka's hash of a key: signed, 32 bits."""
    length = len(data)
    h = _SEED ^ length
    whole = length >> 2
    for word in struct.unpack_from(f"<{whole}I", data):
        k = word * _M & _MASK
        k = (k ^ k >> 24) * _M & _MASK
        h = h * _M & _MASK ^ k
    if length & 3:
        h = (h ^ int.from_bytes(data[whole << 2 :], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    h ^= h >> 15
    return h - (1 << 32) if h & 0x80000000 else h


def partition_for_key(key: bytes, partitions: int) -> int:
    """The partition of a key among `partitions`."""
    return (murmur2(key) & 0x7FFFFFFF) % partitions


class KeylessRule(Protocol):
    """Chooses for the records of one topic that have no key."""

    def choose(self, partitions: Sequence[int], size: int) -> int:
        """One of `partitions` for a record of about `size` bytes."""

    def batch_ended(self, waiting: Sequence[int]) -> None:
        """A batch is full or gone. `waiting` says how many batches wait for each of the partitions."""


class Sticky:
    """Stays with a partition for a batch's worth of bytes, then moves on, rather to where less is waiting."""

    def __init__(self, batch_bytes: int, rng: random.Random) -> None:
        self._batch_bytes = batch_bytes
        self._rng = rng
        self._current = -1
        self._produced = 0
        self._waiting: Sequence[int] = ()

    def choose(self, partitions: Sequence[int], size: int) -> int:
        """One of `partitions` for a record of about `size` bytes."""
        if self._current < 0 or self._produced >= self._batch_bytes or self._current not in partitions:
            self._current = self._another(partitions)
            self._produced = 0
        self._produced += size
        return self._current

    def batch_ended(self, waiting: Sequence[int]) -> None:
        """Move on with the next record."""
        self._waiting = waiting
        self._current = -1

    def _another(self, partitions: Sequence[int]) -> int:
        waiting, self._waiting = self._waiting, ()
        if len(waiting) != len(partitions):
            return self._rng.choice(partitions)
        most = max(waiting) + 1
        return self._rng.choices(partitions, [most - batches for batches in waiting])[0]


class RoundRobin:
    """Each record to the next partition, starting anywhere."""

    def __init__(self, rng: random.Random) -> None:
        self._turn = rng.randrange(1 << 16)

    def choose(self, partitions: Sequence[int], size: int) -> int:
        """The next of `partitions`."""
        self._turn += 1
        return partitions[self._turn % len(partitions)]

    def batch_ended(self, waiting: Sequence[int]) -> None:
        """Does not matter to this rule."""


class Anywhere:
    """Each record to any partition."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def choose(self, partitions: Sequence[int], size: int) -> int:
        """Any of `partitions`."""
        return self._rng.choice(partitions)

    def batch_ended(self, waiting: Sequence[int]) -> None:
        """Does not matter to this rule."""


def keyless_rule(name: str, batch_bytes: int, rng: random.Random) -> KeylessRule:
    """The rule of that name for one topic."""
    if name == "roundrobin":
        return RoundRobin(rng)
    if name == "random":
        return Anywhere(rng)
    return Sticky(batch_bytes, rng)
