"""The requests of producer ids and transactions that a broker serves: as a coordinator of transactional ids, and as the
leader that writes their markers (`kafka.server.KafkaApis`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from engine.broker.administration import Ask, Serve
from engine.clock import Clock
from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC
from engine.controller.image import MetadataImage
from engine.coordinators.placing import partition_for
from engine.coordinators.writer import Within
from engine.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    ErrorCode,
    InvalidGroupIdError,
    KafkaError,
    NotCoordinatorError,
)
from engine.groups.coordinator import GroupCoordinator
from engine.messages import (
    ActiveProducer,
    AddOffsetsToTxnRequest,
    AddOffsetsToTxnResponse,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    DescribeProducersRequest,
    DescribeProducersResponse,
    DescribeTransactionsRequest,
    EndTxnRequest,
    EnsureInternalTopicRequest,
    InitProducerIdRequest,
    InitProducerIdResponse,
    ListTransactionsRequest,
    PartitionProducers,
    Request,
    TransactionMarker,
    TxnOffsetCommitRequest,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from engine.records import Marker, marker_batch
from engine.replicas.partition import ALL, Partition
from engine.transactions import TransactionCoordinator
from engine.types import ClientInfo, TopicPartition


class Ids(Protocol):
    """Who gives things their ids: the controller."""

    cluster_id: str

    async def next_producer_id(self) -> int:
        """An id that no producer has had."""


class Transacting:
    """Answers them. `partition` finds a replica or raises what a client is told; `ask` asks the controller."""

    def __init__(
        self,
        partition: Callable[[TopicPartition], Partition],
        image: MetadataImage,
        coordinator: TransactionCoordinator,
        groups: GroupCoordinator,
        ask: Ask,
        ids: Ids,
        clock: Clock,
    ) -> None:
        self._partition = partition
        self._image = image
        self._coordinator = coordinator
        self._groups = groups
        self._ask = ask
        self._ids = ids
        self._clock = clock
        self.serve: Mapping[type[Request[Any]], Serve] = {
            InitProducerIdRequest: self._init_producer_id,
            AddPartitionsToTxnRequest: self._add_partitions,
            AddOffsetsToTxnRequest: self._add_offsets,
            EndTxnRequest: coordinator.end,
            TxnOffsetCommitRequest: groups.txn_offset_commit,
            WriteTxnMarkersRequest: self._write_markers,
            DescribeTransactionsRequest: coordinator.describe,
            ListTransactionsRequest: coordinator.list_transactions,
            DescribeProducersRequest: self._describe_producers,
        }

    async def _init_producer_id(self, client: ClientInfo, request: InitProducerIdRequest) -> InitProducerIdResponse:
        if request.transactional_id is not None:
            return await self._coordinator.init_producer_id(client, request)
        return InitProducerIdResponse(await self._ids.next_producer_id(), 0)

    async def _add_partitions(
        self, client: ClientInfo, request: AddPartitionsToTxnRequest
    ) -> AddPartitionsToTxnResponse:
        refused = {tp: error for tp in request.partitions if (error := self._refused(tp)) is not None}
        if refused:
            other = ErrorCode.OPERATION_NOT_ATTEMPTED
            return AddPartitionsToTxnResponse({tp: refused.get(tp, other) for tp in request.partitions})
        return await self._coordinator.add_partitions(client, request)

    def _refused(self, tp: TopicPartition) -> ErrorCode | None:
        """Why a client cannot write to a partition in a transaction."""
        if tp.topic in (INTERNAL_TOPIC, TRANSACTION_TOPIC):
            return ErrorCode.TOPIC_AUTHORIZATION_FAILED
        there = 0 <= tp.partition < self._image.counts.get(tp.topic, 0)
        return None if there else ErrorCode.UNKNOWN_TOPIC_OR_PARTITION

    async def _add_offsets(self, client: ClientInfo, request: AddOffsetsToTxnRequest) -> AddOffsetsToTxnResponse:
        if not request.group_id:
            raise InvalidGroupIdError
        if INTERNAL_TOPIC not in self._image.counts:
            await self._ask(EnsureInternalTopicRequest(INTERNAL_TOPIC))
        partitions = self._image.counts.get(INTERNAL_TOPIC)
        if partitions is None:
            raise CoordinatorNotAvailableError
        await self._coordinator.add_offsets(
            request, TopicPartition(INTERNAL_TOPIC, partition_for(request.group_id, partitions))
        )
        return AddOffsetsToTxnResponse()

    async def _write_markers(self, client: ClientInfo, request: WriteTxnMarkersRequest) -> WriteTxnMarkersResponse:
        wanted = [(marker, tp) for marker in request.markers for tp in marker.partitions]
        errors = await asyncio.gather(*(self._write_marker(marker, tp) for marker, tp in wanted))
        answer: dict[int, dict[TopicPartition, ErrorCode]] = {}
        for (marker, tp), error in zip(wanted, errors, strict=True):
            answer.setdefault(marker.producer_id, {})[tp] = error
        return WriteTxnMarkersResponse(answer)

    async def _write_marker(self, marker: TransactionMarker, tp: TopicPartition) -> ErrorCode:
        end = Marker(marker.committed, marker.coordinator_epoch)
        try:
            if tp.topic == INTERNAL_TOPIC:
                self._partition(tp).check_leader()
                await self._groups.end_transaction(tp.partition, Within(marker.producer_id, marker.producer_epoch, end))
                return ErrorCode.NONE
            batch = marker_batch(marker.producer_id, marker.producer_epoch, end, self._clock.now())
            await self._partition(tp).append(batch, ALL, coordinator=True)
        except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError):
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        except KafkaError as error:
            return error.code
        return ErrorCode.NONE

    async def _describe_producers(
        self, client: ClientInfo, request: DescribeProducersRequest
    ) -> DescribeProducersResponse:
        return DescribeProducersResponse({tp: self._producers(tp) for tp in request.partitions})

    def _producers(self, tp: TopicPartition) -> PartitionProducers:
        try:
            partition = self._partition(tp)
            partition.check_leader()
        except KafkaError as error:
            return PartitionProducers(error.code)
        begun = partition.producers.transactions.open
        return PartitionProducers(
            producers=tuple(
                ActiveProducer(
                    producer_id,
                    entry.epoch,
                    entry.last_sequence,
                    entry.last_timestamp,
                    entry.coordinator_epoch,
                    begun.get(producer_id, -1),
                )
                for producer_id, entry in partition.producers.entries.items()
            )
        )
