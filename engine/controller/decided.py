"""What the controller decided: kept in its store first, then published to the brokers that follow its log."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Set
from dataclasses import replace
from typing import Any, Protocol

from engine.clock import Clock
from engine.config import TopicConfig
from engine.controller.image import Change, MetadataImage, MetadataLog, Topic, TopicGone
from engine.errors import UnknownTopicOrPartitionError
from engine.messages import PartitionMetadata, ReadMetadataRequest, ReadMetadataResponse
from engine.types import TopicPartition


class TopicStore(Protocol):
    """Where topics are kept."""

    async def put_topic(
        self,
        name: str,
        topic_id: bytes,
        internal: bool,
        config: Mapping[str, str],
        partitions: Iterable[PartitionMetadata],
    ) -> None:
        """Keep a topic, new or changed."""

    async def delete_topic(self, name: str) -> None:
        """Forget a topic."""

    async def topics(self) -> list[tuple[str, bytes, bool, dict[str, str], tuple[PartitionMetadata, ...]]]:
        """Every topic kept."""

    async def put_settings(self, values: Mapping[str, Any]) -> None:
        """Keep plain values by name."""

    async def settings(self) -> dict[str, Any]:
        """Every value kept."""


class Decided:
    """The metadata as it stands, and who has read how far.

    `alive` tells the brokers that whoever wants everybody to know waits for; the dead are waited for no more, and
    the living not for longer than `patience_ms`.
    """

    def __init__(self, store: TopicStore, alive: Callable[[], Set[int]], clock: Clock, patience_ms: float) -> None:
        self.image = MetadataImage()
        self._store = store
        self._alive = alive
        self._clock = clock
        self._patience_ms = patience_ms
        self._log = MetadataLog()
        self._applied: dict[int, int] = {}
        self._moved = asyncio.Event()

    async def load(self) -> None:
        """Publish the topics kept."""
        for name, topic_id, internal, overrides, partitions in await self._store.topics():
            self.publish(Topic(name, topic_id, internal, overrides, TopicConfig.of(overrides), partitions))

    # Writing

    async def save(self, topic: Topic, changed: Iterable[PartitionMetadata] | None = None) -> None:
        """Keep, then publish a topic, of its partitions only those that `changed` if they are given."""
        states = topic.partitions if changed is None else tuple(changed)
        await self._store.put_topic(topic.name, topic.topic_id, topic.internal, topic.overrides, states)
        self.publish(topic)

    async def change(self, changes: Mapping[TopicPartition, PartitionMetadata]) -> None:
        """Keep and publish the partitions that did change, one publication a topic."""
        by_topic: dict[str, dict[int, PartitionMetadata]] = {}
        for tp, state in changes.items():
            now = self.state_of(tp)
            if state != now:
                fresh = replace(state, partition_epoch=now.partition_epoch + 1)
                by_topic.setdefault(tp.topic, {})[tp.partition] = fresh
        for name, states in by_topic.items():
            topic = self.topic(name)
            partitions = tuple(states.get(state.partition, state) for state in topic.partitions)
            await self.save(replace(topic, partitions=partitions), states.values())

    async def delete(self, name: str) -> None:
        """Forget a topic."""
        await self._store.delete_topic(name)
        self.publish(TopicGone(name))

    def publish(self, change: Change) -> None:
        """Let the brokers read it. Nobody is waited for: epochs tell old decisions from new ones."""
        self.image.apply(change)
        self._log.append(change)

    async def known_to_all(self) -> None:
        """Return when every live broker that follows the log has taken in what is published by now."""
        offset = self._log.end_offset
        give_up = self._clock.call_later(self._patience_ms, self._wake)
        try:
            while not give_up.cancelled and any(self._applied.get(each, offset) < offset for each in self._alive()):
                await self._moved.wait()
        finally:
            give_up.cancel()

    # Reading

    async def read(self, request: ReadMetadataRequest) -> ReadMetadataResponse:
        """What was published since a broker last asked; waits for something."""
        self._applied[request.broker_id] = request.offset
        self._wake()
        await self._log.more_than(request.offset)
        return ReadMetadataResponse(self._log.read(request.offset), self._log.end_offset)

    def forget_reader(self, broker_id: int) -> None:
        """A broker reads the log no more, so nobody waits for it."""
        self._applied.pop(broker_id, None)
        self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    # Questions

    def topic(self, name: str) -> Topic:
        """The topic of that name; UnknownTopicOrPartitionError."""
        topic = self.image.topics.get(name)
        if topic is None:
            raise UnknownTopicOrPartitionError(f"There is no topic {name!r}.")
        return topic

    def state_of(self, tp: TopicPartition) -> PartitionMetadata:
        """Who leads and copies `tp`; UnknownTopicOrPartitionError says whether topic or partition is missing."""
        topic = self.topic(tp.topic)
        if tp.partition not in range(len(topic.partitions)):
            raise UnknownTopicOrPartitionError(f"{tp.topic} has no partition {tp.partition}.")
        return topic.partitions[tp.partition]

    def every(self) -> list[tuple[Topic, TopicPartition, PartitionMetadata]]:
        """Every partition, with its topic and its state."""
        return [
            (topic, TopicPartition(topic.name, state.partition), state)
            for topic in self.image.topics.values()
            for state in topic.partitions
        ]
