"""The requests a broker serves for clients and for other brokers, each a method here or of one of its coordinators.

Rules from `kafka.server.KafkaApis` and `ReplicaManager`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from engine.broker.administration import Administration, Ask
from engine.broker.replicas import Replicas
from engine.broker.transacting import Ids, Transacting
from engine.clock import Clock
from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC, BrokerConfig
from engine.controller import check_name
from engine.controller.image import MetadataImage
from engine.coordinators.placing import partition_for
from engine.errors import (
    CoordinatorNotAvailableError,
    ErrorCode,
    InvalidGroupIdError,
    InvalidRequestError,
    InvalidRequiredAcksError,
    InvalidTopicError,
    KafkaError,
    NetworkError,
    UnsupportedVersionError,
)
from engine.groups.coordinator import GroupCoordinator
from engine.messages import (
    BrokerAddress,
    ConsumerGroupDescribeRequest,
    ConsumerGroupHeartbeatRequest,
    CoordinatorType,
    CreatableTopic,
    CreateTopicsRequest,
    DeleteGroupsRequest,
    DescribeGroupsRequest,
    EnsureInternalTopicRequest,
    EpochEnd,
    FetchedPartition,
    FetchRequest,
    FetchResponse,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    ListedOffset,
    ListGroupsRequest,
    ListOffsetsRequest,
    ListOffsetsResponse,
    MetadataRequest,
    MetadataResponse,
    OffsetCommitRequest,
    OffsetDeleteRequest,
    OffsetFetchRequest,
    OffsetForLeaderEpochRequest,
    OffsetForLeaderEpochResponse,
    ProducedPartition,
    ProduceRequest,
    ProduceResponse,
    Request,
    SyncGroupRequest,
    TopicMetadata,
)
from engine.replicas.partition import Partition
from engine.transactions import TransactionCoordinator
from engine.types import ClientInfo, TopicPartition

_INTERNAL = frozenset((INTERNAL_TOPIC, TRANSACTION_TOPIC))


class Serving:
    """Answers requests from a broker's replicas, its image of the metadata, and its coordinators."""

    def __init__(
        self,
        broker_id: int,
        replicas: Replicas,
        image: MetadataImage,
        coordinator: GroupCoordinator,
        transactions: TransactionCoordinator,
        administration: Administration,
        ask: Ask,
        ids: Ids,
        clock: Clock,
        config: BrokerConfig,
    ) -> None:
        self._broker_id = broker_id
        self._replicas = replicas
        self._image = image
        self._ask = ask
        self._ids = ids
        self._clock = clock
        self._config = config
        self._ensured: set[str] = set()
        self._serve: dict[type[Request[Any]], Callable[[ClientInfo, Any], Awaitable[Any]]] = {
            MetadataRequest: self._metadata,
            ProduceRequest: self._produce,
            FetchRequest: self._fetch,
            ListOffsetsRequest: self._list_offsets,
            OffsetForLeaderEpochRequest: self._offset_for_leader_epoch,
            FindCoordinatorRequest: self._find_coordinator,
            JoinGroupRequest: coordinator.join_group,
            SyncGroupRequest: coordinator.sync_group,
            HeartbeatRequest: coordinator.heartbeat,
            LeaveGroupRequest: coordinator.leave_group,
            OffsetCommitRequest: coordinator.offset_commit,
            OffsetFetchRequest: coordinator.offset_fetch,
            OffsetDeleteRequest: coordinator.administration.offset_delete,
            DeleteGroupsRequest: coordinator.administration.delete_groups,
            DescribeGroupsRequest: coordinator.administration.describe_groups,
            ListGroupsRequest: coordinator.administration.list_groups,
            **administration.serve,
            ConsumerGroupHeartbeatRequest: coordinator.consumer_group_heartbeat,
            ConsumerGroupDescribeRequest: coordinator.administration.consumer_group_describe,
            **Transacting(self._partition, image, transactions, coordinator, ask, ids, clock).serve,
        }

    async def handle(self, client: ClientInfo, request: Request[Any]) -> Any:
        """The answer to any request; raises KafkaError."""
        serve = self._serve.get(type(request))
        if serve is None:
            raise UnsupportedVersionError(f"{type(request).__name__} is not served.")
        return await serve(client, request)

    def _partition(self, tp: TopicPartition) -> Partition:
        return self._replicas.partition(tp, self._image)

    # Metadata

    async def _metadata(self, client: ClientInfo, request: MetadataRequest) -> MetadataResponse:
        names = tuple(self._image.topics) if request.topics is None else request.topics
        missing = tuple(name for name in names if name not in self._image.topics)
        may_create = request.allow_auto_topic_creation and self._config.auto_create_topics_enable
        refused = await self._auto_create(missing) if missing and may_create else {}
        live = sorted(self._image.live)
        return MetadataResponse(
            self._ids.cluster_id,
            live[0] if live else None,
            tuple(BrokerAddress(broker_id) for broker_id in live),
            tuple(self._topic(name, refused) for name in names),
        )

    async def _auto_create(self, names: tuple[str, ...]) -> dict[str, ErrorCode]:
        """Have the controller make topics that a client named; why it refused some (`AutoTopicCreationManager`)."""
        try:
            for name in _INTERNAL.intersection(names):
                with suppress(CoordinatorNotAvailableError):  # too few brokers are alive yet
                    await self._ask(EnsureInternalTopicRequest(name))
            topics = tuple(CreatableTopic(name) for name in names if name not in _INTERNAL)
            made = await self._ask(CreateTopicsRequest(topics, unasked=True))
        except NetworkError:
            return {}  # without the controller there is no new topic; the client asks again
        return {topic.name: topic.outcome.error for topic in made.topics}

    def _topic(self, name: str, refused: Mapping[str, ErrorCode]) -> TopicMetadata:
        topic = self._image.topics.get(name)
        if topic is not None:
            return TopicMetadata(name, topic.partitions, topic.internal, topic.topic_id)
        try:
            check_name(name)
        except KafkaError as error:
            return TopicMetadata(name, error=error.code)
        told = refused.get(name, ErrorCode.NONE)
        passed_on = told in (ErrorCode.INVALID_REPLICATION_FACTOR, ErrorCode.INVALID_TOPIC_EXCEPTION)
        return TopicMetadata(name, error=told if passed_on else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)

    async def _find_coordinator(self, client: ClientInfo, request: FindCoordinatorRequest) -> FindCoordinatorResponse:
        transactional = request.key_type is CoordinatorType.TRANSACTION
        if not request.key:
            raise InvalidRequestError("A transactional id must not be empty.") if transactional else InvalidGroupIdError
        name = TRANSACTION_TOPIC if transactional else INTERNAL_TOPIC
        await self._ensure(name)
        topic = self._image.topics.get(name)
        if topic is None:
            raise CoordinatorNotAvailableError
        leader = topic.partitions[partition_for(request.key, len(topic.partitions))].leader
        if leader is None or leader not in self._image.live:
            raise CoordinatorNotAvailableError
        return FindCoordinatorResponse(leader)

    async def _ensure(self, name: str) -> None:
        """Have a coordinators' topic made on first use, and name no coordinator before that has heard it is one."""
        if name in self._ensured:
            return
        try:
            await self._ask(EnsureInternalTopicRequest(name))
        except NetworkError as error:
            if name not in self._image.topics:
                raise CoordinatorNotAvailableError(f"{name} is not there yet, and cannot be made. {error}") from None
            return
        self._ensured.add(name)

    # Records

    async def _produce(self, client: ClientInfo, request: ProduceRequest) -> ProduceResponse:
        if request.acks not in (0, 1, -1):
            raise InvalidRequiredAcksError
        answers = await asyncio.gather(*(self._append(tp, batch, request) for tp, batch in request.batches.items()))
        return ProduceResponse(dict(zip(request.batches, answers, strict=True)))

    async def _append(self, tp: TopicPartition, batch: bytes, request: ProduceRequest) -> ProducedPartition:
        try:
            if tp.topic in _INTERNAL:
                raise InvalidTopicError(f"{tp.topic} is written by coordinators alone.")
            return await self._partition(tp).append(batch, request.acks, request.timeout_ms)
        except KafkaError as error:
            return ProducedPartition(error.code, message=str(error))

    async def _fetch(self, client: ClientInfo, request: FetchRequest) -> FetchResponse:
        answer, size, done = await self._read(request)
        if size >= request.min_bytes or done or request.max_wait_ms <= 0 or not request.positions:
            return FetchResponse(answer)
        news = asyncio.Event()
        held = (self._replicas.partitions.get(tp) for tp in request.positions)
        unwatch = [partition.watch(news.set) for partition in held if partition is not None]
        give_up = self._clock.call_later(request.max_wait_ms, news.set)
        if size:
            news.set()  # what came to one partition while another was read
        try:
            while size < request.min_bytes and not done and not give_up.cancelled:
                await news.wait()
                news.clear()
                answer, size, done = await self._read(request)
        finally:
            give_up.cancel()
            for stop in unwatch:
                stop()
        return FetchResponse(answer)

    async def _read(self, request: FetchRequest) -> tuple[dict[TopicPartition, FetchedPartition], int, bool]:
        """What is there, how many bytes, and whether nobody need wait for more: something failed, or logs have parted.

        The first partition that has anything gives a batch at least, whatever the limits (KIP-74).
        """
        answer: dict[TopicPartition, FetchedPartition] = {}
        size, done = 0, False
        for tp, position in request.positions.items():
            try:
                partition = self._partition(tp)
            except KafkaError as error:
                answer[tp], done = FetchedPartition(error.code), True
                continue
            try:
                answer[tp] = found = await partition.fetch(
                    position,
                    request.max_bytes - size,
                    request.replica_id,
                    request.replica_epoch,
                    request.isolation_level,
                    at_least_one=not size,
                )
                size += sum(map(len, found.batches))
                done = done or found.diverging is not None
            except KafkaError as error:
                answer[tp], done = partition.failed_fetch(error), True
        return answer, size, done

    async def _list_offsets(self, client: ClientInfo, request: ListOffsetsRequest) -> ListOffsetsResponse:
        answer = {}
        for tp, timestamp in request.timestamps.items():
            try:
                partition = self._partition(tp)
                partition.check_leader(request.current_leader_epochs.get(tp, -1))
                answer[tp] = await partition.list_offset(timestamp, request.isolation_level)
            except KafkaError as error:
                answer[tp] = ListedOffset(error.code)
        return ListOffsetsResponse(answer)

    async def _offset_for_leader_epoch(
        self, client: ClientInfo, request: OffsetForLeaderEpochRequest
    ) -> OffsetForLeaderEpochResponse:
        answer = {}
        for tp, (current_epoch, epoch) in request.epochs.items():
            try:
                partition = self._partition(tp)
                partition.check_leader(current_epoch)
                answer[tp] = EpochEnd(ErrorCode.NONE, *partition.log.end_offset_for_epoch(epoch))
            except KafkaError as error:
                answer[tp] = EpochEnd(error.code)
        return OffsetForLeaderEpochResponse(answer)
