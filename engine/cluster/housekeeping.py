"""What goes on by itself: retention and compaction of every log, the figures of each second, and saving the time.

Follows `kafka.log.LogManager` and `LogCleaner`, at the lab's own intervals. Every broker compacts its own copies;
retention is the leader's, and its followers take over where the log starts.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from weakref import WeakKeyDictionary

from engine.clock import Clock
from engine.cluster.nodes import Nodes
from engine.config import BrokerConfig
from engine.errors import KafkaError, KafkaStorageError
from engine.events import EventLog, Tone
from engine.replicas.partition import Partition
from engine.snapshot import Throughput
from engine.storage.cleaner import compact
from engine.storage.retention import apply_retention
from engine.wording import plural

KEEP_S = 120
CHECKPOINT_MS = 5_000
"""Kafka's replica.high.watermark.checkpoint.interval.ms."""

Job = Callable[[], Awaitable[str]]
"""Says what could not be done, in words; nothing when all could."""


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
        self._looked_at: WeakKeyDictionary[Partition, object] = WeakKeyDictionary()
        """How logs stood in which there was nothing to compact, so that they need not be looked through again."""
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

    async def _again(self, job: Job, every_ms: int) -> None:
        told = ""
        while True:
            await self._clock.sleep(every_ms)
            try:
                failed = await job()
            except KafkaStorageError as error:
                failed = str(error)
            if failed and failed != told:
                self._events.tell(self._clock.now_ms(), "storage", failed, Tone.WARNING)
            told = failed

    async def _for_each(self, partitions: Iterable[Partition], work: Callable[[Partition], Awaitable[None]]) -> str:
        """Do it for all of them; what befalls one log holds up no other."""
        failed = ""
        for partition in tuple(partitions):
            try:
                await work(partition)
            except KafkaError as error:
                # Else its broker has just gone, its topic was deleted, or its end cut off: another look follows.
                here = self._nodes.replica(partition.broker_id, partition.tp) is partition
                if here and isinstance(error, KafkaStorageError):
                    failed = str(error)
        return failed

    async def _retain(self) -> str:
        removed: Counter[str] = Counter()

        async def retain(partition: Partition) -> None:
            now, committed = self._clock.now(), partition.high_watermark
            result = await apply_retention(partition.log, partition.config, now, up_to=committed)
            removed[partition.tp.topic] += result.records

        failed = await self._for_each((each for each in self._nodes.led() if each.config.deletes), retain)
        for topic, records in (+removed).items():
            self._events.tell(
                self._clock.now_ms(),
                topic,
                f"Retention removed {records:,} old records of {topic}: its log start moved on.",
            )
        return failed

    async def _clean(self) -> str:
        removed: Counter[str] = Counter()

        async def clean(partition: Partition) -> None:
            log, config, stable = partition.log, partition.config, partition.last_stable_offset
            seen = (log.cleaned_to, log.truncations, log.size_bytes, stable, config)
            if self._looked_at.get(partition) == seen and not config.compacts_by_time:
                return
            aborted = partition.producers.transactions.is_aborted
            result = await compact(log, config, self._clock.now(), up_to=stable, aborted=aborted)
            if not result.batches_removed and not result.records_removed:
                self._looked_at[partition] = seen
            if partition.leads and not partition.tp.topic.startswith("__"):
                removed[partition.tp.topic] += result.records_removed

        failed = await self._for_each((each for each in self._nodes.held() if each.config.compacted), clean)
        for topic, records in (+removed).items():
            self._events.tell(
                self._clock.now_ms(),
                topic,
                f"Compaction removed {plural(records, 'record')} of {topic} that a newer record of the same key "
                "replaced; offsets stay as they were, with gaps.",
                Tone.INFO,
            )
        return failed

    async def _checkpoint(self) -> str:
        failed = ""
        for broker in tuple(self._nodes.alive.values()):
            try:
                await broker.replicas.checkpoint()
            except KafkaStorageError as error:
                if self._nodes.alive.get(broker.broker_id) is broker:
                    failed = str(error)
        return failed

    async def _count(self) -> str:
        produced, consumed, lag = await self._each_second()
        self._seconds.append((produced, consumed, lag))
        self._show()
        return ""

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
