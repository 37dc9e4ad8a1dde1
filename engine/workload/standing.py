"""Where a driven consumer stands in its partitions: what it polled, which record is next, what it has committed.

A partition that is taken away, or sought in, is *dropped*: what is left of it from the last poll is not processed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.clients.consumer import Consumer
from engine.records.record import ConsumerRecord
from engine.types import TopicPartition


class Standing:
    """Of one client, from its start to its end."""

    def __init__(self, client: Consumer) -> None:
        self.at: TopicPartition | None = None
        """The partition whose records are being processed."""
        self._client = client
        self._left: dict[TopicPartition, Sequence[ConsumerRecord]] = {}
        self._next: dict[TopicPartition, int] = {}
        self._committed: dict[TopicPartition, int] = {}
        self._given_up: set[TopicPartition] = set()

    def polled(
        self, got: Mapping[TopicPartition, Sequence[ConsumerRecord]]
    ) -> dict[TopicPartition, Sequence[ConsumerRecord]]:
        """Take in the records of a poll, and return them."""
        self._left = {tp: records for tp, records in got.items() if records}
        self._next.update((tp, records[0].offset) for tp, records in self._left.items())
        return dict(self._left)

    def holds(self, tp: TopicPartition, records: Sequence[ConsumerRecord]) -> bool:
        """Whether these polled records are still to be processed."""
        return self._left.get(tp) is records

    def begins(self, record: ConsumerRecord) -> None:
        """This record is being processed now."""
        self.at = tp = TopicPartition(record.topic, record.partition)
        self._next[tp] = record.offset

    def did(self, record: ConsumerRecord) -> None:
        """This record, and those before it, are processed."""
        self._next[TopicPartition(record.topic, record.partition)] = record.offset + 1

    def finished(self, tp: TopicPartition) -> None:
        """All that was polled of a partition is processed, or dropped."""
        self._left.pop(tp, None)
        self.at = None

    def drop(self, partitions: Iterable[TopicPartition]) -> None:
        """Process no more of what was polled of these."""
        for tp in partitions:
            self._left.pop(tp, None)

    def put_back(self) -> None:
        """Have everything that was polled but not processed delivered again."""
        for tp in tuple(self._left):
            if self.owns(tp):
                self._client.seek(tp, self._next[tp])
        self._left.clear()

    def give_up(self, partitions: set[TopicPartition]) -> None:
        """They go to others."""
        self._given_up |= partitions
        self.drop(partitions)
        for tp in partitions:
            self._committed.pop(tp, None)

    def take_over(self, partitions: set[TopicPartition]) -> None:
        """They are its own from now on."""
        self._given_up -= partitions

    def owns(self, tp: TopicPartition) -> bool:
        """Whether it takes the partition for its own."""
        return tp not in self._given_up and tp in self._client.assignment()

    def assignment(self) -> set[TopicPartition]:
        """The partitions it takes for its own."""
        return set(self._client.assignment()) - self._given_up

    def position(self, tp: TopicPartition) -> int | None:
        """The next offset it will process; None when the partition is not its own or not known yet."""
        if tp in self._given_up:
            return None
        return self._next[tp] if tp in self._left else self._client.position_of(tp)

    def positions(self) -> tuple[tuple[TopicPartition, int], ...]:
        """The positions known of the partitions it takes for its own, in order."""
        left, given_up, position_of = self._left, self._given_up, self._client.position_of
        found = (
            (tp, self._next[tp] if tp in left else position_of(tp))
            for tp in sorted(self._client.assignment())
            if tp not in given_up
        )
        return tuple((tp, at) for tp, at in found if at is not None)

    def at_record(self) -> str:
        """The record being processed, as "orders-3 @ 1204"; empty when there is none."""
        return f"{self.at} @ {self._next[self.at]}" if self.at is not None and self.at in self._left else ""

    def uncommitted(self, among: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The positions that differ from what it committed last."""
        positions = ((tp, self.position(tp)) for tp in among)
        return {tp: at for tp, at in positions if at is not None and self._committed.get(tp) != at}

    def committed(self, offsets: Mapping[TopicPartition, int]) -> None:
        """These were committed."""
        self._committed.update((tp, offset) for tp, offset in offsets.items() if tp not in self._given_up)
