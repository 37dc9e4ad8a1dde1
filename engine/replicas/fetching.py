"""How a broker copies the partitions it follows: one fetcher for each leader it follows.

Rules from `kafka.server.AbstractFetcherThread`: a replica fetches from its log end, for ever, and says of which leader
epoch its last record is. A leader whose log has parted from that answers where, and the replica drops what lies beyond
(KIP-101, KIP-279, KIP-595).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from math import ceil

from engine.clock import Clock
from engine.config import BrokerConfig
from engine.errors import ErrorCode, FencedLeaderEpochError, KafkaError
from engine.messages import EpochEnd, FetchedPartition, FetchPosition, FetchRequest
from engine.network import Network
from engine.replicas.partition import Partition
from engine.types import ClientInfo, TopicPartition

UNREADY_MS = 25
"""After what time a leader that has not heard yet that it leads is asked again; then after twice that, and so on."""
_UNREADY = frozenset(
    (
        ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
        ErrorCode.NOT_LEADER_OR_FOLLOWER,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
    )
)

Truncated = Callable[[Partition, int, int], None]
"""Told the partition, the offset it was cut to, and how many offsets went."""


class Fetcher:
    """Copies from one leader to one broker."""

    def __init__(
        self,
        broker_id: int,
        broker_epoch: int,
        leader_id: int,
        network: Network,
        clock: Clock,
        config: BrokerConfig,
        truncated: Truncated,
    ) -> None:
        self.leader_id = leader_id
        self._broker_id = broker_id
        self._broker_epoch = broker_epoch
        self._network = network
        self._clock = clock
        self._config = config
        self._truncated = truncated
        self._client = ClientInfo(f"broker-{broker_id}", f"broker-{broker_id}")
        self._partitions: dict[TopicPartition, Partition] = {}
        self._not_before_ms: dict[TopicPartition, float] = {}
        """When a partition that failed is asked for again, so that it does not hurry the others' fetches along."""
        self._unready: dict[TopicPartition, float] = {}
        """How long (ms) it was left alone last, while its leader has not heard yet that it leads."""
        self._more = asyncio.Event()
        self._asking = False
        """Whether it waits for an answer that nobody has called it away from."""
        self._task: asyncio.Task[None] | None = None

    def follow(self, partitions: Iterable[Partition]) -> None:
        """Copy these partitions too, at once: who waits for news of the others, or pauses, begins anew."""
        for partition in partitions:
            self._partitions[partition.tp] = partition
            self._ready(partition.tp)
        self._more.set()
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name=f"fetcher {self._broker_id}<-{self.leader_id}")
        elif self._asking:
            self._asking = False
            self._task.cancel()

    def unfollow(self, tp: TopicPartition) -> bool:
        """Copy this one no more; whether there is nothing left to copy."""
        self._partitions.pop(tp, None)
        self._ready(tp)
        return not self._partitions

    def _ready(self, tp: TopicPartition) -> None:
        self._not_before_ms.pop(tp, None)
        self._unready.pop(tp, None)

    def stop(self) -> asyncio.Task[None] | None:
        """Copy nothing more; the task that is ending."""
        if self._task is not None:
            self._task.cancel()
        return self._task

    async def _run(self) -> None:
        while True:
            self._more.clear()
            try:
                progress = await self._fetch()
            except KafkaError:
                progress = False  # the leader cannot be reached, or a log cannot be written
            if not progress:
                await self._pause()
            await self._clock.running()

    async def _pause(self) -> None:
        """Until a partition is to be asked for again, or there are more of them."""
        try:
            await self._clock.wait_for(self._more.wait(), self._at_most(self._config.replica_fetch_backoff_ms))
        except TimeoutError:
            return

    def _at_most(self, wait_ms: float) -> float:
        """So long, or until the next of those that are left alone is to be asked for again."""
        now = self._clock.now_ms()
        return min([wait_ms, *(at - now for at in self._not_before_ms.values() if at > now)])

    async def _fetch(self) -> bool:
        now = self._clock.now_ms()
        due = {tp: each for tp, each in self._partitions.items() if self._not_before_ms.get(tp, now) <= now}
        for each in due.values():
            await each.log.flushed()  # what it asks for tells the leader what it has
        positions = {
            tp: FetchPosition(
                each.log.log_end_offset,
                self._config.replica_fetch_max_bytes,
                each.state.leader_epoch,
                each.log.epochs.latest,
            )
            for tp, each in due.items()
        }
        if not positions:
            return False
        request = FetchRequest(
            positions,
            max_wait_ms=ceil(self._at_most(self._config.replica_fetch_wait_max_ms)),
            max_bytes=self._config.replica_fetch_response_max_bytes,
            replica_id=self._broker_id,
            replica_epoch=self._broker_epoch,
        )
        self._asking = True
        try:
            answer = await self._network.call(self._client, self.leader_id, request, source=self._broker_id)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._asking or task is None or task.uncancel():
                raise
            return True  # there is more to ask for
        finally:
            self._asking = False
        good = False
        for tp, found in answer.partitions.items():
            partition = self._partitions.get(tp)
            if partition is None or partition.log.log_end_offset != positions[tp].fetch_offset:
                continue
            if found.batches:
                self._partitions[tp] = self._partitions.pop(tp)  # the others come first next time
            try:
                good = await self._take(partition, found, positions[tp].current_leader_epoch) or good
            except FencedLeaderEpochError:
                continue  # it follows somebody else by now, or leads
            except KafkaError:  # its disk is full, or its topic was deleted just now: the others are none the worse
                self._leave_alone(tp, self._config.replica_fetch_backoff_ms)
        return good

    async def _take(self, partition: Partition, found: FetchedPartition, leader_epoch: int) -> bool:
        partition.check_follower(leader_epoch)
        if found.diverging is not None:
            await self._truncate(partition, found.diverging)
            return True
        if found.error is ErrorCode.OFFSET_OUT_OF_RANGE and await self._started_over(partition, found):
            return True
        if found.error:
            self._failed(partition.tp, found.error)
            return False
        self._ready(partition.tp)
        await partition.follow(found, leader_epoch)
        return True

    def _failed(self, tp: TopicPartition, error: ErrorCode) -> None:
        """Leave it alone for a while; for a moment only, where its leader is about to hear that it leads."""
        after_ms: float = self._config.replica_fetch_backoff_ms
        if error in _UNREADY:
            after_ms = self._unready[tp] = min(after_ms, 2 * self._unready.get(tp, UNREADY_MS / 2))
        self._leave_alone(tp, after_ms)

    def _leave_alone(self, tp: TopicPartition, for_ms: float) -> None:
        self._not_before_ms[tp] = self._clock.now_ms() + for_ms

    async def _started_over(self, partition: Partition, found: FetchedPartition) -> bool:
        """Whether the log begins anew: where the leader's does, or where that one ends if there is nothing to keep."""
        log = partition.log
        if log.log_end_offset < found.log_start_offset:
            await log.start_at(found.log_start_offset)
        elif log.log_start_offset == log.log_end_offset > found.high_watermark:
            await log.start_at(found.high_watermark)
        else:
            return False
        return True

    async def _truncate(self, partition: Partition, leader: EpochEnd) -> None:
        """Cut the log back to where it parted from the leader's, or closer to it; the next fetch tells if that will do.

        Where this log never had the epoch that the leader names, both may have parted before: only what is older than
        that epoch stays.
        """
        before = partition.log.log_end_offset
        epoch, ended = partition.log.end_offset_for_epoch(leader.leader_epoch)
        if epoch < 0 or epoch == leader.leader_epoch:
            ended = leader.end_offset if epoch < 0 else min(ended, leader.end_offset)
        await partition.truncate_to(min(ended, before))
        if partition.log.log_end_offset < before:
            self._truncated(partition, partition.log.log_end_offset, before - partition.log.log_end_offset)
