"""Where a producer's records go: the partitions of each topic it knows, and the rule for records without a key."""

from __future__ import annotations

import random

from engine.clients.accumulator import Accumulator
from engine.clients.batches import PartitionQueue
from engine.clients.metadata import ClientMetadata
from engine.clients.partitioners import KeylessRule, Partitioner, keyless_rule
from engine.errors import IllegalStateError
from engine.types import TopicPartition


class Target:
    """One topic as the producer sees it: a queue for each partition, and how keyless records are spread."""

    __slots__ = ("all", "available", "queues", "rule")

    def __init__(self, queues: list[PartitionQueue], available: tuple[int, ...], rule: KeylessRule) -> None:
        self.queues = queues
        self.all = range(len(queues))
        self.available = available or tuple(self.all)
        self.rule = rule


class Targets:
    """The topics a producer has sent to, as its metadata last had them. `partitioner` is asked for every record."""

    def __init__(
        self,
        metadata: ClientMetadata,
        accumulator: Accumulator,
        partitioner: str | Partitioner | None,
        rng: random.Random,
    ) -> None:
        self.known: dict[str, Target] = {}
        self.partitioner = partitioner if callable(partitioner) else None
        self._metadata = metadata
        self._accumulator = accumulator
        self._rule = partitioner if isinstance(partitioner, str) else "default"
        self._rng = rng

    async def find(self, topic: str, partition: int, within_ms: float) -> Target:
        """The topic, once it is known with that partition; raises as `ClientMetadata.wait_for`."""
        if partition < 0:
            raise IllegalStateError(f"A partition is numbered from 0 and cannot be {partition}.")
        target = self.known.get(topic)
        if target is None or partition not in target.all:
            await self._metadata.wait_for(topic, within_ms, partition)
            target = self._place(topic)
        return target

    def ask(self, topic: str, key: bytes | None, target: Target) -> int:
        """The partition the callable chooses; IllegalStateError if there is no such one."""
        assert self.partitioner is not None
        chosen = self.partitioner(key, list(target.all), list(target.available))
        if chosen not in target.all:
            raise IllegalStateError(
                f"The partitioner chose partition {chosen!r}; {topic!r} has 0 to {len(target.queues) - 1}."
            )
        return chosen

    def refresh(self) -> None:
        """The metadata has changed."""
        for topic in tuple(self.known):
            if self._metadata.partitions(topic):
                self._place(topic)
            else:
                del self.known[topic]

    def _place(self, topic: str) -> Target:
        known = self.known.get(topic)
        queues = [
            self._accumulator.queue(TopicPartition(topic, number)) for number in self._metadata.partitions(topic) or ()
        ]
        rule = known.rule if known else keyless_rule(self._rule, self._accumulator.batch_bytes, self._rng)
        self.known[topic] = placed = Target(queues, self._metadata.available(topic), rule)
        return placed
