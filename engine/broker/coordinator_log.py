"""The partitions of an internal topic that a broker leads, as its coordinator writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.clock import Clock
from engine.errors import NotCoordinatorError
from engine.records import BatchBuilder, BatchHeader, read_records
from engine.replicas.partition import ALL, Partition
from engine.types import TopicPartition


class CoordinatorLog:
    """One topic. Appends are acknowledged by every in-sync replica, as Kafka's coordinator demands."""

    def __init__(self, topic: str, partitions: Mapping[TopicPartition, Partition], clock: Clock) -> None:
        self.topic = topic
        self._partitions = partitions
        self._clock = clock

    def _replica(self, partition: int) -> Partition:
        replica = self._partitions.get(TopicPartition(self.topic, partition))
        if replica is None:
            raise NotCoordinatorError
        return replica

    async def append(self, partition: int, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        """Write records in order; raises KafkaError."""
        replica = self._replica(partition)
        now = self._clock.now()
        waiting = list(records)
        while waiting:
            builder = BatchBuilder(replica.config.max_message_bytes)
            taken = 0
            for key, value in waiting:
                if not builder.append(now, key, value):
                    break
                taken += 1
            await replica.append(builder.build(), ALL)
            del waiting[:taken]

    async def read(self, partition: int) -> Sequence[tuple[bytes, bytes | None, int]]:
        """Everything that stands there: key, value, timestamp (ms)."""
        log = self._replica(partition).log
        found: list[tuple[bytes, bytes | None, int]] = []
        offset = log.log_start_offset
        while offset < log.flushed_offset:
            for batch in await log.read(offset, 1 << 20, up_to=log.flushed_offset):
                records = read_records(batch, self.topic, partition, offset)
                found += [(record.key or b"", record.value, record.timestamp) for record in records]
                offset = BatchHeader.parse(batch).last_offset + 1
        return found
