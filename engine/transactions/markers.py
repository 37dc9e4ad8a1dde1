"""Writes the markers of a transaction to the leaders of its partitions, again and again until every one has it, then
stores that it is complete (`TransactionMarkerChannelManager`, `TransactionMarkerRequestCompletionHandler`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from engine.clock import Clock
from engine.errors import ErrorCode, KafkaError, UnknownTopicOrPartitionError
from engine.messages import TransactionMarker, WriteTxnMarkersRequest, WriteTxnMarkersResponse
from engine.snapshot import TransactionState
from engine.transactions.metadata import TransactionMetadata
from engine.transactions.shard import TransactionShard
from engine.types import TopicPartition

RETRY_MS = 100
_FENCED = (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED)
"""Somebody newer has written there: this coordinator has nothing more to say."""
_NEEDS_NONE = (ErrorCode.UNSUPPORTED_FOR_MESSAGE_FORMAT, ErrorCode.UNSUPPORTED_VERSION)

Errors = Mapping[TopicPartition, ErrorCode]


class Leaders(Protocol):
    """Who leads which partition, as this broker knows it."""

    def __call__(self, tp: TopicPartition) -> int | None:
        """The leader; None while there is none. UnknownTopicOrPartitionError for a partition that is not there."""


class Markers:
    """Sends markers on behalf of one broker's coordinator."""

    def __init__(
        self,
        clock: Clock,
        leaders: Leaders,
        ask: Callable[[int, WriteTxnMarkersRequest], Awaitable[WriteTxnMarkersResponse]],
    ) -> None:
        self._clock = clock
        self._leaders = leaders
        self._ask = ask
        self._under_way: set[asyncio.Task[None]] = set()

    def begin(self, shard: TransactionShard, metadata: TransactionMetadata) -> None:
        """The outcome of a transaction is stored: bring it to an end in the background."""
        complete = metadata.complete(self._clock.now())
        committed = metadata.state is TransactionState.PREPARE_COMMIT

        async def finish() -> None:
            if not await self._write_all(shard, metadata, committed):
                return
            while not shard.closed:
                try:
                    await shard.store(metadata, complete, keep_trying=True)
                    return
                except KafkaError as error:
                    if metadata.pending is None or not error.retriable:
                        return
                await self._clock.sleep(RETRY_MS)

        task = asyncio.get_running_loop().create_task(finish(), name=f"markers of {metadata.transactional_id}")
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def close(self) -> None:
        """Send nothing more; raises what a task failed with."""
        tasks = tuple(self._under_way)
        for task in tasks:
            task.cancel()
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result

    async def _write_all(self, shard: TransactionShard, metadata: TransactionMetadata, committed: bool) -> bool:
        """Whether every partition has its marker; False if it is not this coordinator's to write any more."""
        while not shard.closed:
            by_leader: dict[int, list[TopicPartition]] = {}
            for tp in sorted(metadata.value.partitions):
                try:
                    leader = self._leaders(tp)
                except UnknownTopicOrPartitionError:
                    metadata.marked(tp)  # the topic was deleted
                    continue
                if leader is not None:
                    by_leader.setdefault(leader, []).append(tp)
            if not metadata.value.partitions:
                return True
            answers = await asyncio.gather(
                *(self._write(leader, tps, shard, metadata, committed) for leader, tps in by_leader.items())
            )
            if shard.closed:
                return False
            for tp, error in ((tp, error) for answer in answers for tp, error in answer.items()):
                if error in _FENCED:
                    return False
                if error is ErrorCode.NONE or error in _NEEDS_NONE:
                    metadata.marked(tp)
            if not metadata.value.partitions:
                return True
            await self._clock.sleep(RETRY_MS)
        return False

    async def _write(
        self,
        leader: int,
        partitions: list[TopicPartition],
        shard: TransactionShard,
        metadata: TransactionMetadata,
        committed: bool,
    ) -> Errors:
        value = metadata.value
        marker = TransactionMarker(value.producer_id, value.producer_epoch, committed, shard.epoch, tuple(partitions))
        try:
            answer = await self._ask(leader, WriteTxnMarkersRequest((marker,)))
        except KafkaError as error:
            return dict.fromkeys(partitions, error.code)
        return answer.errors.get(value.producer_id, {})
