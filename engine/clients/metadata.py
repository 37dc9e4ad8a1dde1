"""What a client knows of the cluster: topics, their partitions and leaders (`org.apache.kafka.clients.Metadata`).

It is asked for anew when something turns out to be stale, and at the latest after `metadata_max_age_ms`. A broker that
is cut off may tell of leaders that lead no more: of each partition the newest leader epoch heard of is remembered, and
what is older does not count (KIP-320).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping

from engine.clients.connection import Connection
from engine.clock import Clock
from engine.errors import ErrorCode, KafkaError, KafkaTimeoutError, error_for
from engine.messages import MetadataRequest, PartitionMetadata, TopicMetadata
from engine.types import TopicPartition

Leading = tuple[int | None, int]
"""A partition's leader and its epoch; (None, -1) while unknown, or without a leader."""
_UNKNOWN: Leading = (None, -1)


class ClientMetadata:
    """The topics a client wants to know of, as a broker last described them; `on_change` is told of every answer."""

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        max_age_ms: float,
        retry_backoff_ms: float,
        on_change: Callable[[], None],
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._max_age_ms = max_age_ms
        self._retry_backoff_ms = retry_backoff_ms
        self._on_change = on_change
        self._wanted: set[str] = set()
        self._topics: dict[str, TopicMetadata] = {}
        self._errors: dict[str, ErrorCode] = {}
        self._leaders: dict[TopicPartition, Leading] = {}
        self._newest: dict[TopicPartition, tuple[bytes, int]] = {}
        """The topic's id and the newest leader epoch heard of."""
        self._asking = asyncio.Lock()
        self._stale = asyncio.Event()
        self.everything = False
        """Whether all topics are wanted, as a pattern needs them."""

    def partitions(self, topic: str) -> tuple[int, ...] | None:
        """The partitions of a topic in order; None while the topic is not known."""
        known = self._topics.get(topic)
        return None if known is None else tuple(each.partition for each in known.partitions)

    def available(self, topic: str) -> tuple[int, ...]:
        """Those partitions of a topic that have a leader."""
        every = self.partitions(topic) or ()
        return tuple(number for number in every if self.leader(TopicPartition(topic, number)) is not None)

    def leading(self, tp: TopicPartition) -> Leading:
        """Who leads `tp`, and in which epoch."""
        return self._leaders.get(tp, _UNKNOWN)

    def leader(self, tp: TopicPartition) -> int | None:
        """The broker that leads `tp`, None while unknown or without one."""
        return self.leading(tp)[0]

    def leader_epoch(self, tp: TopicPartition) -> int:
        """The epoch of that leader, -1 while unknown."""
        return self.leading(tp)[1]

    def heard_of_epoch(self, tp: TopicPartition, epoch: int) -> None:
        """There is this leader epoch: a leader of an older one is known no more (`updateLastSeenEpochIfNewer`)."""
        topic_id, newest = self._newest.get(tp, (b"", epoch))
        if epoch > newest:
            self._newest[tp] = (topic_id, epoch)
            self._leaders.pop(tp, None)
            self.request_update()

    def topics(self, *, internal: bool = False) -> set[str]:
        """The topics known, without Kafka's own unless `internal`."""
        return {name for name, topic in self._topics.items() if internal or not topic.internal}

    def error(self, topic: str) -> KafkaError | None:
        """Why a topic that was asked for is not known, in the broker's words."""
        code = self._errors.get(topic)
        return None if code is None else error_for(code, f"{topic!r}: {error_for(code)}")

    def want(self, topics: Iterable[str]) -> None:
        """Ask for these from now on, and no others."""
        self._wanted = set(topics)
        if any(topic not in self._topics for topic in self._wanted):
            self.request_update()

    def request_update(self) -> None:
        """What is known has turned out to be stale."""
        self._stale.set()

    async def refresh(self) -> None:
        """Ask a broker now; raises KafkaError."""
        async with self._asking:
            await self._ask()

    async def every_topic(self) -> set[str]:
        """All topics a broker knows of now, but for Kafka's own; raises KafkaError. What is wanted stays as it is."""
        response = await self._connection.call_any(MetadataRequest(None))
        return {topic.name for topic in response.topics if topic.error == ErrorCode.NONE and not topic.internal}

    async def wait_for(self, topic: str, within_ms: float, partition: int = 0) -> None:
        """Return when `topic` is known with `partition`; raises KafkaTimeoutError, or what refuses the topic's name."""
        deadline = self._clock.now_ms() + within_ms
        self._wanted.add(topic)
        last: KafkaError | None = None
        while True:
            async with self._asking:
                if partition < len(self.partitions(topic) or ()):
                    return
                try:
                    await self._ask()
                    last = self.error(topic)
                except KafkaError as error:
                    last = error
            known = self.partitions(topic)
            if known is not None and partition < len(known):
                return
            if last is not None and not last.retriable:
                self._wanted.discard(topic)
                raise last
            if self._clock.now_ms() + self._retry_backoff_ms > deadline:
                missing = (
                    f"Topic {topic!r}" if not known else f"Partition {partition} of {topic!r} ({len(known)} in all)"
                )
                because = f" {last}" if last else ""
                raise KafkaTimeoutError(f"{missing} was not to be found within {within_ms:.0f} ms.{because}")
            await self._clock.sleep(self._retry_backoff_ms)

    async def keep_fresh(self) -> None:
        """Refresh whenever it is asked for or due; runs until cancelled."""
        while True:
            timer = self._clock.call_later(self._max_age_ms, self._stale.set)
            try:
                await self._stale.wait()
            finally:
                timer.cancel()
            await self._clock.running()
            self._stale.clear()
            try:
                await self.refresh()
            except KafkaError:
                self._stale.set()  # no broker to ask just now: again after the pause below
            await self._clock.sleep(self._retry_backoff_ms)

    async def _ask(self) -> None:
        request = MetadataRequest(None if self.everything else tuple(sorted(self._wanted)))
        response = await self._connection.call_any(request)
        self._topics = {topic.name: topic for topic in response.topics if topic.error == ErrorCode.NONE}
        self._errors = {topic.name: topic.error for topic in response.topics if topic.error != ErrorCode.NONE}
        before, self._leaders = self._leaders, {}
        for name, topic in self._topics.items():
            for each in topic.partitions:
                self._take(TopicPartition(name, each.partition), topic.topic_id, each, before)
        self._on_change()

    def _take(
        self,
        tp: TopicPartition,
        topic_id: bytes,
        told: PartitionMetadata,
        before: Mapping[TopicPartition, Leading],
    ) -> None:
        """Take up what a broker tells of a partition, or keep what was known, if that is newer."""
        known_id, newest = self._newest.get(tp, (topic_id, -1))
        if known_id != topic_id or told.leader_epoch >= newest:
            self._newest[tp] = (topic_id, told.leader_epoch)
            self._leaders[tp] = (told.leader, told.leader_epoch)
        elif tp in before:
            self._leaders[tp] = before[tp]
