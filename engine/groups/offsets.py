"""The offsets of the groups of one partition of `__consumer_offsets`: who may commit them, and when they are in force.

Kafka's `OffsetMetadataManager`. What is committed is written first and counts when it is in the log; in a transaction,
when the transaction's marker is.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping

from engine.clock import Clock
from engine.coordinators.writer import LogRecord, Within, Writer
from engine.errors import GroupIdNotFoundError, IllegalGenerationError, KafkaError
from engine.groups.pending import Pending, PendingOffsets
from engine.groups.records import OffsetKey, OffsetValue, encode_key, encode_offset
from engine.groups.registry import Groups
from engine.messages import OffsetCommitRequest, TxnOffsetCommitRequest
from engine.types import OffsetAndMetadata, TopicPartition


class Offsets:
    """Those committed, and those that are being committed."""

    def __init__(self, groups: Groups, writer: Writer, clock: Clock) -> None:
        self._groups = groups
        self._writer = writer
        self._clock = clock
        self._pending = PendingOffsets()
        self._order = itertools.count()
        """Which of two offsets is the later, as they are written and read."""

    # Who may commit

    def check_commit(self, request: OffsetCommitRequest) -> None:
        """Refuse a commit out of turn; one from outside any group makes a group of offsets alone."""
        group = self._groups.get(request.group_id)
        if group is not None:
            group.check_commit(request)
        elif request.generation_id >= 0:
            kind = GroupIdNotFoundError if request.knows_epochs else IllegalGenerationError
            raise kind(_no_generation(request))

    def check_transactional_commit(self, request: TxnOffsetCommitRequest) -> None:
        """Refuse a member out of turn; who names no member is asked nothing (KIP-447)."""
        group = self._groups.get(request.group_id)
        if group is not None:
            group.check_transactional_commit(request)
        elif request.generation_id >= 0:
            raise IllegalGenerationError(_no_generation(request))

    # Committing

    async def commit(self, group_id: str, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Store offsets that were checked; they are in force once they are committed to the log."""
        values = self._values(offsets)
        records = _records(group_id, values)
        group = self._groups.get_or_new(group_id)
        group.committed.writing(values)

        def written(error: KafkaError | None) -> None:
            group.committed.written(values)
            if error is None:
                for tp, value in values.items():
                    self.replay(OffsetKey(group_id, *tp), value)
            else:
                self._groups.discard_if_bare(group_id)

        await self._writer.write_and_wait(records, written)

    async def commit_in_transaction(
        self, request: TxnOffsetCommitRequest, offsets: Mapping[TopicPartition, OffsetAndMetadata]
    ) -> None:
        """Store offsets that were checked, to be in force once their producer's commit marker is there."""
        group_id, within = request.group_id, Within(request.producer_id, request.producer_epoch)
        values = self._values(offsets)
        records = _records(group_id, values)
        group = self._groups.get_or_new(group_id)
        group.committed.writing(values)

        def written(error: KafkaError | None) -> None:
            if error is None:
                for tp, value in values.items():
                    self.replay(OffsetKey(group_id, *tp), value, within)
            group.committed.written(values)
            self._groups.discard_if_bare(group_id)

        await self._writer.write_and_wait(records, written, within)

    async def end_transaction(self, within: Within) -> None:
        """Write a transaction's marker; its offsets count, or are dropped, when that is committed."""

        def written(error: KafkaError | None) -> None:
            if error is None:
                self.replay_marker(within)

        await self._writer.write_and_wait((), written, within)

    def unstable(self, group_id: str) -> frozenset[TopicPartition]:
        """Partitions over whose offset in this group a transaction is open."""
        return frozenset(self._pending.of(group_id))

    def _values(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> dict[TopicPartition, OffsetValue]:
        now = self._clock.now()
        return {tp: OffsetValue(given.offset, given.metadata, now, given.leader_epoch) for tp, given in offsets.items()}

    # As records say

    def replay(self, key: OffsetKey, value: OffsetValue | None, within: Within | None = None) -> None:
        """A record is in the log: it counts, or is pending in a transaction; no value is a tombstone."""
        order = next(self._order)
        if value is None:
            self.forget(key)
        elif within is None:
            self._groups.get_or_new(key.group_id).committed.put(key.tp, value, order)
        elif self._pending.put(within.producer_id, Pending(key, value, order)):
            self._groups.get_or_new(key.group_id).committed.writing((key.tp,))

    def replay_marker(self, within: Within) -> None:
        """A marker says how a producer's transaction ended: its offsets count from now on, or never."""
        for key, value, order in self._pending.end(within.producer_id):
            group = self._groups.get_or_new(key.group_id)
            group.committed.written((key.tp,))
            if within.marker is not None and within.marker.committed:
                group.committed.put(key.tp, value, order)
            self._groups.discard_if_bare(key.group_id)

    def forget(self, key: OffsetKey) -> None:
        """Nothing is committed there any more, nor about to be in a transaction."""
        group = self._groups.get(key.group_id)
        pending = self._pending.forget(key)
        if group is not None:
            group.committed.forget(key.tp)
            group.committed.written((key.tp,) * pending)


def _records(group_id: str, values: Mapping[TopicPartition, OffsetValue]) -> list[LogRecord]:
    return [(encode_key(OffsetKey(group_id, *tp)), encode_offset(value)) for tp, value in values.items()]


def _no_generation(request: OffsetCommitRequest | TxnOffsetCommitRequest) -> str:
    return f"There is no group {request.group_id}, so there is no generation {request.generation_id} of it."
