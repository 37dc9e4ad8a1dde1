"""What the controller knows, and the log of its changes that every broker follows.

As in KRaft, a broker that cannot reach the controller goes on with what it last read.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass

from engine.config import TopicConfig
from engine.errors import InvalidTopicError
from engine.messages import PartitionMetadata

_LEGAL = re.compile(r"[a-zA-Z0-9._-]+\Z")


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic; `overrides` are settings as they were given."""

    name: str
    topic_id: bytes
    internal: bool
    overrides: Mapping[str, str]
    config: TopicConfig
    partitions: tuple[PartitionMetadata, ...]

    @property
    def replication_factor(self) -> int:
        """Copies of each partition."""
        return len(self.partitions[0].replicas)


@dataclass(frozen=True, slots=True)
class TopicGone:
    """A topic was deleted."""

    name: str


@dataclass(frozen=True, slots=True)
class LiveBrokers:
    """Which brokers are registered and not fenced, with their epochs."""

    epochs: Mapping[int, int]


Change = Topic | TopicGone | LiveBrokers


class MetadataImage:
    """The metadata as one node has it after so many changes."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.live: Mapping[int, int] = {}
        """The brokers alive, each with its epoch."""
        self.counts: dict[str, int] = {}
        """How many partitions each topic has."""
        self.names: dict[bytes, str] = {}
        """The topics by their ids."""
        self.ids: dict[str, bytes] = {}
        """The id of each topic."""
        self.version = 0
        """How many changes led here."""

    def apply(self, change: Change) -> None:
        """Take a change in."""
        self.version += 1
        match change:
            case Topic():
                self._forget_id(change.name)
                self.topics[change.name] = change
                self.names[change.topic_id] = change.name
                self.counts[change.name] = len(change.partitions)
                self.ids[change.name] = change.topic_id
            case TopicGone(name):
                self._forget_id(name)
                self.topics.pop(name, None)
                self.counts.pop(name, None)
                self.ids.pop(name, None)
            case LiveBrokers(epochs):
                self.live = epochs

    def _forget_id(self, name: str) -> None:
        known = self.topics.get(name)
        if known is not None:
            self.names.pop(known.topic_id, None)


class MetadataLog:
    """The changes in order, kept while the lab is open, and who waits for the next."""

    def __init__(self) -> None:
        self._changes: list[Change] = []
        self._news = asyncio.Event()

    @property
    def end_offset(self) -> int:
        """How many there are."""
        return len(self._changes)

    def append(self, change: Change) -> None:
        """Add one and wake whoever waits."""
        self._changes.append(change)
        self._news.set()
        self._news = asyncio.Event()

    def read(self, offset: int) -> tuple[Change, ...]:
        """The changes from `offset` on."""
        return tuple(self._changes[offset:])

    async def more_than(self, offset: int) -> None:
        """Return when there are changes from `offset` on."""
        while self.end_offset <= offset:
            await self._news.wait()


def check_name(name: str) -> None:
    """InvalidTopicError unless Kafka would take `name` for a topic (`internals.Topic`)."""
    if not name:
        raise InvalidTopicError("A topic needs a name.")
    if name in (".", ".."):
        raise InvalidTopicError(f"A topic cannot be named {name!r}.")
    if len(name) > 249:
        raise InvalidTopicError(f"A topic's name has at most 249 characters; this one has {len(name)}.")
    if not _LEGAL.match(name):
        raise InvalidTopicError(f"A topic's name holds letters, digits, '.', '_' and '-' only; {name!r} holds others.")
