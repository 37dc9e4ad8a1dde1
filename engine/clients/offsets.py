"""Looks offsets up: by time, at either end, and where an assigned partition begins to be read.

A partition begins at its group's committed offset, or where `auto_offset_reset` says (`OffsetFetcher`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine.clients.connection import Connection
from engine.clients.metadata import ClientMetadata
from engine.clients.partition_state import PartitionState
from engine.clock import Clock
from engine.errors import (
    ErrorCode,
    KafkaError,
    KafkaTimeoutError,
    LeaderNotAvailableError,
    NoOffsetForPartitionError,
    error_for,
)
from engine.messages import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    IsolationLevel,
    ListedOffset,
    ListOffsetsRequest,
)
from engine.types import OffsetAndMetadata, TopicPartition

Committed = Callable[[Sequence[TopicPartition]], Awaitable[Mapping[TopicPartition, OffsetAndMetadata]]]

_AT = {"earliest": EARLIEST_TIMESTAMP, "latest": LATEST_TIMESTAMP}


class OffsetLookup:
    """Asks leaders for offsets, again and again while that may help."""

    def __init__(
        self,
        connection: Connection,
        metadata: ClientMetadata,
        clock: Clock,
        isolation: IsolationLevel,
        retry_backoff_ms: float,
    ) -> None:
        self._connection = connection
        self._metadata = metadata
        self._clock = clock
        self._isolation = isolation
        self._retry_backoff_ms = retry_backoff_ms

    async def by_time(
        self, timestamps: Mapping[TopicPartition, int], within_ms: float
    ) -> dict[TopicPartition, ListedOffset]:
        """What is found at each timestamp (ms, or a special one of Kafka's); raises KafkaTimeoutError, KafkaError."""
        deadline = self._clock.now_ms() + within_ms
        found: dict[TopicPartition, ListedOffset] = {}
        while True:
            failed = await self._ask({tp: at for tp, at in timestamps.items() if tp not in found}, found)
            if not failed:
                return found
            for error in failed.values():
                if not error.retriable:
                    raise error
            tp, error = next(iter(failed.items()))
            if self._clock.now_ms() + self._retry_backoff_ms > deadline:
                raise KafkaTimeoutError(f"The offset of {tp} could not be found within {within_ms:.0f} ms: {error}")
            await self._clock.sleep(self._retry_backoff_ms)
            try:
                await self._metadata.refresh()
            except KafkaError:
                continue  # no broker to ask just now; the deadline ends this

    async def begin(
        self, states: Sequence[PartitionState], policy: str, committed: Committed | None
    ) -> dict[TopicPartition, KafkaError]:
        """Give each of these a position; returns why it could not be done, for those it could not."""
        failed: dict[TopicPartition, KafkaError] = {}
        wanted: dict[TopicPartition, tuple[PartitionState, str | None]] = {s.tp: (s, s.reset) for s in states}
        known: Mapping[TopicPartition, OffsetAndMetadata] = {}
        unread = [state.tp for state in states if state.reset is None]
        if committed is not None and unread:
            try:
                known = await committed(unread)
            except KafkaError as error:
                failed.update(dict.fromkeys(unread, error))
        timestamps = {}
        for tp, (state, reset) in wanted.items():
            if tp in failed or state.position is not None or state.reset != reset:
                continue  # sought meanwhile
            if reset is None and tp in known:
                self._metadata.heard_of_epoch(tp, known[tp].leader_epoch)
                state.seek(known[tp].offset, known[tp].leader_epoch)
            elif (how := reset or policy) in _AT:
                timestamps[tp] = _AT[how]
            else:
                failed[tp] = NoOffsetForPartitionError(
                    f"No offset is committed for {tp} and auto_offset_reset is none. "
                    "Seek to where it should begin, or set auto_offset_reset to earliest or latest."
                )
        found: dict[TopicPartition, ListedOffset] = {}
        failed |= await self._ask(timestamps, found)
        for tp, listed in found.items():
            state, reset = wanted[tp]
            if state.position is None and state.reset == reset:
                state.seek(listed.offset)
        return failed

    async def _ask(
        self, timestamps: Mapping[TopicPartition, int], found: dict[TopicPartition, ListedOffset]
    ) -> dict[TopicPartition, KafkaError]:
        """Ask each leader once, adding to `found`; returns what failed."""
        failed: dict[TopicPartition, KafkaError] = {}
        by_leader: dict[int, dict[TopicPartition, int]] = {}
        for tp, timestamp in timestamps.items():
            leader = self._metadata.leader(tp)
            if leader is None:
                failed[tp] = LeaderNotAvailableError(f"No leader of {tp} is known.")
            else:
                by_leader.setdefault(leader, {})[tp] = timestamp
        for answer in await asyncio.gather(*(self._ask_one(leader, wanted) for leader, wanted in by_leader.items())):
            for tp, listed in answer.items():
                if listed.error == ErrorCode.NONE:
                    self._metadata.heard_of_epoch(tp, listed.leader_epoch)
                    found[tp] = listed
                else:
                    failed[tp] = error_for(listed.error, f"{tp}: {error_for(listed.error)}")
        if failed:
            self._metadata.request_update()
        return failed

    async def _ask_one(self, leader: int, wanted: dict[TopicPartition, int]) -> Mapping[TopicPartition, ListedOffset]:
        epochs = {tp: self._metadata.leader_epoch(tp) for tp in wanted}
        try:
            response = await self._connection.call(leader, ListOffsetsRequest(wanted, self._isolation, epochs))
        except KafkaError as error:
            return {tp: ListedOffset(error.code) for tp in wanted}
        return response.partitions
