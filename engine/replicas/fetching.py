"""How a broker copies the partitions it follows: one fetcher for each leader it follows.

Rules from `kafka.server.ReplicaFetcherThread`: before fetching, a replica asks the leader where its own newest epoch
ended and drops what lies beyond (KIP-101, KIP-279); then it fetches from its log end, for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from engine.clock import Clock
from engine.config import BrokerConfig
from engine.errors import ErrorCode, KafkaError
from engine.messages import FetchedPartition, FetchPosition, FetchRequest, OffsetForLeaderEpochRequest
from engine.network import Network
from engine.replicas.partition import Partition
from engine.types import ClientInfo, TopicPartition

Truncated = Callable[[Partition, int, int], None]
"""Told the partition, the offset it was cut to, and how many offsets went."""


class Fetcher:
    """Copies from one leader to one broker."""

    def __init__(
        self, broker_id: int, leader_id: int, network: Network, clock: Clock, config: BrokerConfig, truncated: Truncated
    ) -> None:
        self.leader_id = leader_id
        self._broker_id = broker_id
        self._network = network
        self._clock = clock
        self._config = config
        self._truncated = truncated
        self._client = ClientInfo(f"broker-{broker_id}", f"broker-{broker_id}")
        self._partitions: dict[TopicPartition, Partition] = {}
        self._to_truncate: set[TopicPartition] = set()
        self._not_before_ms: dict[TopicPartition, float] = {}
        """When a partition that failed is asked for again, so that it does not hurry the others' fetches along."""
        self._task: asyncio.Task[None] | None = None

    def follow(self, partition: Partition) -> None:
        """Copy this partition too, beginning with the question where the logs part."""
        self._partitions[partition.tp] = partition
        self._to_truncate.add(partition.tp)
        self._not_before_ms.pop(partition.tp, None)
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"fetcher {self._broker_id}<-{self.leader_id}")

    def unfollow(self, tp: TopicPartition) -> bool:
        """Copy this one no more; whether there is nothing left to copy."""
        self._partitions.pop(tp, None)
        self._to_truncate.discard(tp)
        self._not_before_ms.pop(tp, None)
        return not self._partitions

    def stop(self) -> asyncio.Task[None] | None:
        """Copy nothing more; the task that is ending."""
        if self._task is not None:
            self._task.cancel()
        return self._task

    async def _run(self) -> None:
        while True:
            try:
                if self._to_truncate:
                    await self._truncate()
                progress = await self._fetch()
            except KafkaError:
                progress = False  # the leader cannot be reached, or does not know yet that it leads
            if not progress:
                await self._clock.sleep(self._config.replica_fetch_backoff_ms)
            await self._clock.running()

    async def _truncate(self) -> None:
        asked = {
            tp: (partition.state.leader_epoch, partition.log.epochs.latest)
            for tp, partition in self._partitions.items()
            if tp in self._to_truncate and partition.log.epochs.latest >= 0
        }
        self._to_truncate.intersection_update(asked)  # an empty log agrees with any
        if not asked:
            return
        answer = await self._network.call(
            self._client,
            self.leader_id,
            OffsetForLeaderEpochRequest(asked, self._broker_id),
            source=self._broker_id,
        )
        for tp, end in answer.partitions.items():
            partition = self._partitions.get(tp)
            if partition is None or end.error or partition.state.leader_epoch != asked[tp][0]:
                continue
            # Where the leader does not know the epoch, the largest it has below decides, where both may part earlier.
            mine = partition.log.end_offset_for_epoch(end.leader_epoch)[1] if end.leader_epoch >= 0 else 0
            known = end.leader_epoch == asked[tp][1]
            target = end.end_offset if known else min(end.end_offset, mine) if mine >= 0 else end.end_offset
            before = partition.log.log_end_offset
            if target < before:
                await partition.truncate_to(max(0, target))
                self._truncated(partition, partition.log.log_end_offset, before - partition.log.log_end_offset)
            if known or target >= before or partition.log.epochs.latest <= end.leader_epoch:
                self._to_truncate.discard(tp)

    async def _fetch(self) -> bool:
        now = self._clock.now_ms()
        positions = {
            tp: FetchPosition(
                partition.log.log_end_offset, self._config.replica_fetch_max_bytes, partition.state.leader_epoch
            )
            for tp, partition in self._partitions.items()
            if tp not in self._to_truncate and self._not_before_ms.get(tp, now) <= now
        }
        if not positions:
            return False
        request = FetchRequest(
            positions,
            max_wait_ms=self._config.replica_fetch_wait_max_ms,
            max_bytes=self._config.replica_fetch_response_max_bytes,
            replica_id=self._broker_id,
        )
        answer = await self._network.call(self._client, self.leader_id, request, source=self._broker_id)
        good = False
        for tp, found in answer.partitions.items():
            partition = self._partitions.get(tp)
            if partition is None or partition.log.log_end_offset != positions[tp].fetch_offset:
                continue
            if partition.state.leader_epoch != positions[tp].current_leader_epoch:
                continue
            good = await self._take(partition, found) or good
        return good

    async def _take(self, partition: Partition, found: FetchedPartition) -> bool:
        if found.error:
            self._not_before_ms[partition.tp] = self._clock.now_ms() + self._config.replica_fetch_backoff_ms
        if found.error is ErrorCode.OFFSET_OUT_OF_RANGE:
            await self._start_over(partition, found)
            return True
        if found.error:
            return False
        await partition.follow(found.batches, found.high_watermark, found.log_start_offset)
        return True

    async def _start_over(self, partition: Partition, found: FetchedPartition) -> None:
        """The leader's log does not reach to where this one ends: begin at the leader's start, or end where it ends."""
        if partition.log.log_end_offset < found.log_start_offset:
            await partition.log.start_at(found.log_start_offset)
        else:
            self._to_truncate.add(partition.tp)
