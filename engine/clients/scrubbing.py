"""Where a consumer stands: its positions and its group's commits, read, moved and looked up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from engine.clients.consumer_core import ConsumerCore
from engine.clients.coordination import CoordinatorLink, offsets_given
from engine.clients.partition_state import PartitionState
from engine.errors import (
    CommitFailedError,
    IllegalStateError,
    InvalidGroupIdError,
    RebalanceInProgressError,
)
from engine.messages import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, ListedOffset
from engine.types import MOST_OFFSET, OffsetAndMetadata, OffsetAndTimestamp, TopicPartition


class Scrubbing(ConsumerCore):
    """The verbs of a consumer that are about offsets."""

    # Where it stands

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Hand out `offset` of the partition next; raises ValueError, IllegalStateError."""
        if not isinstance(offset, int) or not 0 <= offset <= MOST_OFFSET:
            raise ValueError(f"An offset is a whole number from 0, not {offset!r}.")
        self._subscription.state(partition).seek(offset)
        self._fetcher.clear_error(partition)
        self._fetcher.wake()

    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool:
        """Go to the start of these partitions, or of all assigned; raises IllegalStateError, KafkaTimeoutError."""
        return await self._seek_to("earliest", partitions)

    async def seek_to_end(self, *partitions: TopicPartition) -> bool:
        """Go to the end of these partitions, or of all assigned; raises IllegalStateError, KafkaTimeoutError."""
        return await self._seek_to("latest", partitions)

    async def _seek_to(self, where: str, partitions: tuple[TopicPartition, ...]) -> bool:
        states = await self._states(partitions)
        for state in states:
            state.forget_position(where)
            self._fetcher.clear_error(state.tp)
        self._fetcher.wake()
        for state in states:
            await self._positioned(state)
        return True

    async def seek_to_committed(self, *partitions: TopicPartition) -> dict[TopicPartition, int | None]:
        """Go to what is committed of these partitions, or of all assigned; returns it, None where nothing is."""
        states = await self._states(partitions)
        found = await self._coordinator().committed([state.tp for state in states])
        for state in states:
            if state.tp in found and self._subscription.state(state.tp) is state:
                self._metadata.heard_of_epoch(state.tp, found[state.tp].leader_epoch)
                state.seek(found[state.tp].offset, found[state.tp].leader_epoch)
                self._fetcher.clear_error(state.tp)
        self._fetcher.wake()
        return {state.tp: found[state.tp].offset if state.tp in found else None for state in states}

    async def position(self, partition: TopicPartition) -> int:
        """The offset handed out next, waiting until it is known; raises IllegalStateError, KafkaTimeoutError."""
        state = self._subscription.state(partition)
        if state.position is None or state.awaiting_validation:
            await self._positioned(state)
        assert state.position is not None
        return state.position

    def position_of(self, partition: TopicPartition) -> int | None:
        """The offset that is handed out next; None while it is not known, or the partition is not assigned."""
        state = self._subscription.assigned.get(partition)
        return None if state is None else state.position

    def highwater(self, partition: TopicPartition) -> int | None:
        """The high watermark as of the last fetch, None before the first; raises IllegalStateError."""
        return self._subscription.state(partition).high_watermark

    def last_stable_offset(self, partition: TopicPartition) -> int | None:
        """The last stable offset as of the last fetch, None before the first; raises IllegalStateError."""
        return self._subscription.state(partition).last_stable_offset

    async def offsets_for_times(
        self, timestamps: Mapping[TopicPartition, int]
    ) -> dict[TopicPartition, OffsetAndTimestamp | None]:
        """The first record at or after each time (ms), None where there is none; raises KafkaTimeoutError."""
        for tp, timestamp in timestamps.items():
            if timestamp < 0:
                raise ValueError(f"The time for {tp} is in ms since 1970 and cannot be {timestamp}.")
        found = await self._offsets({tp: int(timestamp) for tp, timestamp in timestamps.items()})
        return {
            tp: OffsetAndTimestamp(each.offset, each.timestamp) if each.offset >= 0 else None
            for tp, each in found.items()
        }

    async def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The log start offset of each; raises KafkaTimeoutError."""
        found = await self._offsets(dict.fromkeys(partitions, EARLIEST_TIMESTAMP))
        return {tp: each.offset for tp, each in found.items()}

    async def end_offsets(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset after the last record of each that can be read; raises KafkaTimeoutError."""
        found = await self._offsets(dict.fromkeys(partitions, LATEST_TIMESTAMP))
        return {tp: each.offset for tp, each in found.items()}

    async def _offsets(self, timestamps: dict[TopicPartition, int]) -> dict[TopicPartition, ListedOffset]:
        self._check_open()
        for topic in {tp.topic for tp in timestamps}:
            if self._metadata.partitions(topic) is None:
                await self._metadata.wait_for(topic, self._request_timeout_ms)
        return await self._lookup.by_time(timestamps, self._request_timeout_ms)

    def partitions_for_topic(self, topic: str) -> set[int] | None:
        """The partitions of a topic; None if this consumer does not know the topic."""
        known = self._metadata.partitions(topic)
        return None if known is None else set(known)

    async def topics(self) -> set[str]:
        """All topics there are, but for Kafka's own."""
        self._check_open()
        return await self._metadata.every_topic()

    # Committing

    async def commit(self, offsets: Mapping[TopicPartition, Any] | None = None) -> None:
        """Commit everything handed out, or these offsets: of the next record, or (offset, metadata).

        Raises CommitFailedError when the group went on without this consumer, IllegalStateError, KafkaError.
        """
        self._check_open(while_closing=True)
        if self._commits is None or self._membership is None:
            raise self._without_group()
        if not self._subscription.by_hand and not self._subscription.subscribed and not self._closing:
            raise IllegalStateError("This consumer is neither subscribed nor assigned anything to commit.")
        wanted = self._commits.handed_out() if offsets is None else offsets_given(offsets)
        deadline = self._clock.now_ms() + self._request_timeout_ms
        while True:
            for tp in wanted:
                self._check_still_assigned(tp)
            try:
                await self._commits.commit(wanted, max(0.0, deadline - self._clock.now_ms()))
                return
            except CommitFailedError as error:
                self._commit_failed(error)
                raise
            except RebalanceInProgressError:
                await self._until_settled(deadline)

    def to_commit(self, offsets: Mapping[TopicPartition, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        """These offsets with the leader epochs of the records before them, for `commit` or a transaction.

        As `ConsumerRecords.nextOffsets` has them; without an epoch where the record before was not just handed out.
        """
        assigned = self._subscription.assigned
        return {
            tp: OffsetAndMetadata(at, leader_epoch=assigned[tp].epoch_before(at) if tp in assigned else -1)
            for tp, at in offsets.items()
        }

    async def _until_settled(self, deadline: float) -> None:
        assert self._membership is not None
        self._membership.request_rejoin("the group is rebalancing")
        try:
            await self._clock.wait_for(self._membership.settled(), max(1.0, deadline - self._clock.now_ms()))
        except TimeoutError:
            raise CommitFailedError(f"{self.group_id} kept rebalancing; nothing was committed. Try again.") from None

    def _check_still_assigned(self, tp: TopicPartition) -> None:
        if tp in self._subscription.assigned:
            return
        if self._subscription.by_hand:
            raise IllegalStateError(f"{tp} is not assigned to this consumer.")
        raise CommitFailedError(
            f"{tp} was not committed: it does not belong to this consumer any more; {self.group_id} has given it away."
        )

    async def committed(self, partition: TopicPartition) -> int | None:
        """The group's committed offset, None where there is none; raises InvalidGroupIdError, KafkaError."""
        self._check_open(while_closing=True)
        found = await self._coordinator().committed([partition])
        return found[partition].offset if partition in found else None

    async def _states(self, partitions: tuple[TopicPartition, ...]) -> list[PartitionState]:
        """The states of these partitions, or of all assigned, waiting for the group to assign some."""
        self._check_open()
        if partitions:
            return [self._subscription.state(tp) for tp in partitions]
        await self._until(lambda: bool(self._subscription.assigned), "No partitions were assigned")
        return list(self._subscription.assigned.values())

    async def _positioned(self, state: PartitionState) -> None:
        await self._until(
            lambda: (
                (state.position is not None and not state.awaiting_validation)
                or self._subscription.assigned.get(state.tp) is not state
            ),
            f"The position of {state.tp} could not be found",
            state,
        )
        if state.position is None:
            raise IllegalStateError(f"{state.tp} is not assigned to this consumer any more.")

    def _coordinator(self) -> CoordinatorLink:
        if self._link is None:
            raise self._without_group()
        return self._link

    def _without_group(self) -> InvalidGroupIdError:
        return InvalidGroupIdError("Only a consumer with a group_id can commit, or ask what is committed.")
