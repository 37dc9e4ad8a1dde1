"""One broker: the partitions it holds, the requests it serves, and the housekeeping of its logs.

Serving follows `kafka.server.KafkaApis` and `ReplicaManager`; every kind of request is one method here or one of the
group coordinator's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from engine.clock import Clock, Timer
from engine.config import INTERNAL_TOPIC, BrokerConfig, TopicConfig
from engine.errors import (
    CoordinatorNotAvailableError,
    InvalidGroupIdError,
    InvalidRequiredAcksError,
    InvalidTopicError,
    KafkaError,
    UnknownTopicOrPartitionError,
    UnsupportedVersionError,
)
from engine.events import EventLog
from engine.groups.coordinator import GroupCoordinator, partition_for
from engine.messages import (
    DeleteGroupsRequest,
    FetchedPartition,
    FetchRequest,
    FetchResponse,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    ListedOffset,
    ListOffsetsRequest,
    ListOffsetsResponse,
    MetadataRequest,
    MetadataResponse,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    OffsetFetchRequest,
    PartitionMetadata,
    ProducedPartition,
    ProduceRequest,
    ProduceResponse,
    Request,
    SyncGroupRequest,
)
from engine.partition import Partition
from engine.records import BatchBuilder, BatchHeader, read_records
from engine.snapshot import BrokerView
from engine.storage.store import BrokerStore
from engine.types import ClientInfo, TopicPartition

if TYPE_CHECKING:
    from engine.controller import Controller


class Broker:
    """A node of the cluster. It owns its store, its partitions and its group coordinator."""

    def __init__(
        self,
        broker_id: int,
        store: BrokerStore,
        clock: Clock,
        config: BrokerConfig,
        events: EventLog,
        controller: Controller,
    ) -> None:
        self.broker_id = broker_id
        self.store = store
        self.partitions: dict[TopicPartition, Partition] = {}
        self.coordinator = GroupCoordinator(
            broker_id, clock, config, _OffsetsLog(self, clock), events, controller.partition_counts
        )
        self._clock = clock
        self._config = config
        self._events = events
        self._controller = controller
        self._view: BrokerView | None = None
        self._serve: dict[type[Request[Any]], Callable[[ClientInfo, Any], Awaitable[Any]]] = {
            MetadataRequest: self._metadata,
            ProduceRequest: self._produce,
            FetchRequest: self._fetch,
            ListOffsetsRequest: self._list_offsets,
            FindCoordinatorRequest: self._find_coordinator,
            JoinGroupRequest: self.coordinator.join_group,
            SyncGroupRequest: self.coordinator.sync_group,
            HeartbeatRequest: self.coordinator.heartbeat,
            LeaveGroupRequest: self.coordinator.leave_group,
            OffsetCommitRequest: self.coordinator.offset_commit,
            OffsetFetchRequest: self.coordinator.offset_fetch,
            OffsetDeleteRequest: self.coordinator.offset_delete,
            DeleteGroupsRequest: self.coordinator.delete_groups,
        }

    async def handle(self, client: ClientInfo, request: Request[Any]) -> Any:
        """The answer to any request; raises KafkaError."""
        serve = self._serve.get(type(request))
        if serve is None:
            raise UnsupportedVersionError(f"{type(request).__name__} is not served.")
        return await serve(client, request)

    # What the controller tells it

    async def become(self, tp: TopicPartition, topic_id: bytes, config: TopicConfig, state: PartitionMetadata) -> None:
        """Hold a replica of `tp`, leading it if `state` says so; to lead one of the offsets topic is to coordinate."""
        partition = self.partitions.get(tp)
        if partition is None:
            log = await self.store.create_log(tp, topic_id)
            partition = self.partitions[tp] = Partition(self.broker_id, log, self._clock, config)
        led = partition.leads
        partition.config = config
        partition.become(state)
        if tp.topic == INTERNAL_TOPIC and led != partition.leads:
            if partition.leads:
                await self.coordinator.load(tp.partition)
            else:
                self.coordinator.unload(tp.partition)

    async def drop(self, tp: TopicPartition) -> None:
        """Hold no replica of `tp` any more; its records are gone."""
        partition = self.partitions.pop(tp, None)
        if partition is not None:
            partition.become(PartitionMetadata(tp.partition, None, partition.state.leader_epoch, (), ()))
            await self.store.delete_log(tp)

    async def close(self) -> None:
        """Stop serving and close the store."""
        self.coordinator.close()
        await self.store.close()

    # What clients ask

    def _partition(self, tp: TopicPartition) -> Partition:
        partition = self.partitions.get(tp)
        if partition is None:
            self._controller.check_exists(tp)
            raise UnknownTopicOrPartitionError(f"Broker {self.broker_id} holds no replica of {tp}.")
        return partition

    async def _metadata(self, client: ClientInfo, request: MetadataRequest) -> MetadataResponse:
        if request.topics is not None and self._config.auto_create_topics_enable:
            await self._controller.auto_create(request.topics)
        return self._controller.metadata(request.topics)

    async def _produce(self, client: ClientInfo, request: ProduceRequest) -> ProduceResponse:
        if request.acks not in (0, 1, -1):
            raise InvalidRequiredAcksError
        answers = await asyncio.gather(*(self._append(tp, batch) for tp, batch in request.batches.items()))
        return ProduceResponse(dict(zip(request.batches, answers, strict=True)))

    async def _append(self, tp: TopicPartition, batch: bytes) -> ProducedPartition:
        try:
            if tp.topic == INTERNAL_TOPIC:
                raise InvalidTopicError(f"{INTERNAL_TOPIC} is written by the group coordinator alone.")
            return await self._partition(tp).append(batch)
        except KafkaError as error:
            return ProducedPartition(error.code, message=str(error))

    async def _fetch(self, client: ClientInfo, request: FetchRequest) -> FetchResponse:
        answer, size, failed = await self._read(request)
        if size >= request.min_bytes or failed or request.max_wait_ms <= 0 or not request.positions:
            return FetchResponse(answer)
        news = asyncio.Event()
        unwatch = [self.partitions[tp].watch(news.set) for tp in request.positions if tp in self.partitions]
        give_up: Timer = self._clock.call_later(request.max_wait_ms, news.set)
        try:
            while size < request.min_bytes and not failed and not give_up.cancelled:
                await news.wait()
                news.clear()
                answer, size, failed = await self._read(request)
        finally:
            give_up.cancel()
            for stop in unwatch:
                stop()
        return FetchResponse(answer)

    async def _read(self, request: FetchRequest) -> tuple[dict[TopicPartition, FetchedPartition], int, bool]:
        answer: dict[TopicPartition, FetchedPartition] = {}
        size, failed = 0, False
        for tp, position in request.positions.items():
            try:
                partition = self._partition(tp)
            except KafkaError as error:
                answer[tp], failed = FetchedPartition(error.code), True
                continue
            try:
                answer[tp] = found = await partition.fetch(position, request.max_bytes - size)
                size += sum(map(len, found.batches))
            except KafkaError as error:
                answer[tp], failed = partition.failed_fetch(error.code), True
        return answer, size, failed

    async def _list_offsets(self, client: ClientInfo, request: ListOffsetsRequest) -> ListOffsetsResponse:
        answer = {}
        for tp, timestamp in request.timestamps.items():
            try:
                answer[tp] = await self._partition(tp).list_offset(timestamp)
            except KafkaError as error:
                answer[tp] = ListedOffset(error.code)
        return ListOffsetsResponse(answer)

    async def _find_coordinator(self, client: ClientInfo, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
        if not request.group_id:
            raise InvalidGroupIdError
        partitions = await self._controller.ensure_offsets_topic()
        leader = self._controller.leader_of(TopicPartition(INTERNAL_TOPIC, partition_for(request.group_id, partitions)))
        if leader is None:
            raise CoordinatorNotAvailableError
        return FindCoordinatorResponse(leader)

    # How it stands

    def view(self, controller: bool) -> BrokerView:
        """This broker; the same object again while nothing has changed."""
        leads = sum(partition.leads for partition in self.partitions.values())
        fresh = BrokerView(self.broker_id, True, controller, leads, len(self.partitions), self.store.size_bytes)
        if fresh != self._view:
            self._view = fresh
        return self._view or fresh


class _OffsetsLog:
    """The partitions of `__consumer_offsets` that a broker leads, as its coordinator writes and reads them."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock

    async def append(self, partition: int, records: Sequence[tuple[bytes, bytes | None]]) -> None:
        replica = self._broker.partitions[TopicPartition(INTERNAL_TOPIC, partition)]
        now = self._clock.now()
        waiting = list(records)
        while waiting:
            builder = BatchBuilder(replica.config.max_message_bytes)
            taken = 0
            for key, value in waiting:
                if not builder.append(now, key, value):
                    break
                taken += 1
            await replica.append(builder.build())
            del waiting[:taken]

    async def read(self, partition: int) -> Sequence[tuple[bytes, bytes | None, int]]:
        log = self._broker.partitions[TopicPartition(INTERNAL_TOPIC, partition)].log
        found: list[tuple[bytes, bytes | None, int]] = []
        offset = log.log_start_offset
        while offset < log.flushed_offset:
            for batch in await log.read(offset, 1 << 20, up_to=log.flushed_offset):
                records = read_records(batch, INTERNAL_TOPIC, partition, offset)
                found += [(record.key or b"", record.value, record.timestamp) for record in records]
                offset = BatchHeader.parse(batch).last_offset + 1
        return found
