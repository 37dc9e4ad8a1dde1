"""The partitions of an internal topic that a broker leads, as its coordinator writes and reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.clock import Clock
from engine.coordinators.writer import LogEntry, LogRecord, Within
from engine.errors import NotCoordinatorError
from engine.records import BatchBuilder, BatchHeader, marker_batch, marker_of, read_records
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

    async def append(self, partition: int, records: Sequence[LogRecord], within: Within | None = None) -> None:
        """Write records in order, in a transaction or outside any, or a transaction's marker; raises KafkaError."""
        replica = self._replica(partition)
        now = self._clock.now()
        if within is not None and within.marker is not None:
            batch = marker_batch(within.producer_id, within.producer_epoch, within.marker, now)
            await replica.append(batch, ALL, coordinator=True)
            return
        producer_id, epoch = (within.producer_id, within.producer_epoch) if within is not None else (-1, -1)
        waiting = list(records)
        while waiting:
            builder = BatchBuilder(
                replica.config.max_message_bytes,
                producer_id=producer_id,
                producer_epoch=epoch,
                transactional=within is not None,
            )
            taken = 0
            for key, value in waiting:
                if not builder.append(now, key, value):
                    break
                taken += 1
            await replica.append(builder.build(), ALL, coordinator=True)
            del waiting[:taken]

    async def read(self, partition: int) -> Sequence[LogEntry]:
        """Everything that stands there."""
        log = self._replica(partition).log
        found: list[LogEntry] = []
        offset = log.log_start_offset
        while offset < log.flushed_offset:
            for batch in await log.read(offset, 1 << 20, up_to=log.flushed_offset):
                header = BatchHeader.parse(batch)
                whose = (header.producer_id, header.producer_epoch)
                if header.is_control:
                    marker = marker_of(batch)
                    found += [LogEntry(b"", None, header.max_timestamp, Within(*whose, marker))] if marker else []
                else:
                    within = Within(*whose) if header.is_transactional else None
                    records = read_records(batch, self.topic, partition, offset)
                    found += [LogEntry(record.key or b"", record.value, record.timestamp, within) for record in records]
                offset = header.last_offset + 1
        return found
