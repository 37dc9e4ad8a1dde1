"""What goes on by itself: retention and compaction of every log, the figures of each second, and saving the time.

Follows `kafka.log.LogManager` and `LogCleaner`, at the lab's own intervals.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence

from engine.clock import Clock
from engine.cluster.nodes import Nodes
from engine.config import BrokerConfig
from engine.errors import KafkaStorageError
from engine.events import EventLog, Tone
from engine.snapshot import Throughput
from engine.storage.cleaner import compact
from engine.storage.retention import apply_retention

KEEP_S = 120
CHECKPOINT_MS = 5_000
"""Kafka's replica.high.watermark.checkpoint.interval.ms."""


class Housekeeping:
    """Runs on the lab's clock from `start` until `close`."""

    def __init__(
        self,
        clock: Clock,
        config: BrokerConfig,
        events: EventLog,
        nodes: Nodes,
        each_second: Callable[[], Awaitable[tuple[int, int, int]]],
    ) -> None:
        self._clock = clock
        self._config = config
        self._events = events
        self._nodes = nodes
        self._each_second = each_second
        self._tasks: list[asyncio.Task[None]] = []
        self._seconds: deque[tuple[int, int, int]] = deque(maxlen=KEEP_S)
        """Records produced, consumed, and total lag."""
        self.throughput = Throughput((), (), ())

    def start(self) -> None:
        """Begin."""
        for job, every_ms in (
            (self._retain, self._config.log_retention_check_interval_ms),
            (self._clean, self._config.log_cleaner_backoff_ms),
            (self._count, 1_000),
            (self._checkpoint, CHECKPOINT_MS),
        ):
            self._tasks.append(asyncio.create_task(self._again(job, every_ms), name=job.__name__))

    async def close(self) -> None:
        """Stop; raises what a job failed with."""
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _again(self, job: Callable[[], Awaitable[None]], every_ms: int) -> None:
        told = ""
        while True:
            await self._clock.sleep(every_ms)
            try:
                await job()
                told = ""
            except KafkaStorageError as error:
                if str(error) != told:
                    told = str(error)
                    self._events.tell(self._clock.now_ms(), "storage", told, Tone.WARNING)

    async def _retain(self) -> None:
        removed: dict[str, int] = {}
        for partition in tuple(self._nodes.led()):
            if partition.config.deletes:
                result = await apply_retention(partition.log, partition.config, self._clock.now())
                if result.records:
                    removed[partition.tp.topic] = removed.get(partition.tp.topic, 0) + result.records
        for topic, records in removed.items():
            self._events.tell(
                self._clock.now_ms(),
                topic,
                f"Retention removed {records:,} old records of {topic}: its log start moved on.",
            )

    async def _clean(self) -> None:
        removed: dict[str, int] = {}
        for partition in tuple(self._nodes.led()):
            if partition.config.compacted:
                fate = partition.producers.transactions.fate
                result = await compact(
                    partition.log,
                    partition.config,
                    self._clock.now(),
                    up_to=partition.last_stable_offset,
                    aborted=lambda producer_id, offset, fate=fate: fate(producer_id, offset) == "aborted",  # type: ignore[misc]
                )
                if result.records_removed and not partition.tp.topic.startswith("__"):
                    removed[partition.tp.topic] = removed.get(partition.tp.topic, 0) + result.records_removed
        for topic, records in removed.items():
            self._events.tell(
                self._clock.now_ms(),
                topic,
                f"Compaction removed {records:,} records of {topic} that a newer record of the same key replaced; "
                "offsets stay as they were, with gaps.",
                Tone.INFO,
            )

    async def _checkpoint(self) -> None:
        for broker in tuple(self._nodes.alive.values()):
            await broker.replicas.checkpoint()

    async def _count(self) -> None:
        produced, consumed, lag = await self._each_second()
        self._seconds.append((produced, consumed, lag))
        self._show()

    def kept(self) -> list[tuple[int, int, int]]:
        """The figures of the last seconds as plain values."""
        return list(self._seconds)

    def recall(self, kept: Iterable[Sequence[int]]) -> None:
        """Go on from figures that were kept."""
        self._seconds.extend((produced, consumed, lag) for produced, consumed, lag in kept)
        self._show()

    def _show(self) -> None:
        if self._seconds:
            self.throughput = Throughput(*(tuple(column) for column in zip(*self._seconds, strict=True)))
