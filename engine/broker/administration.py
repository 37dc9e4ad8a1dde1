"""What administrators ask of a broker: settings, log sizes and deletions it answers itself, the controller the rest.

Rules from `kafka.server.KafkaApis` and `ForwardingManager` (KIP-590): any broker takes a request for the controller,
and one that is cut off from it cannot have it done.
"""

from __future__ import annotations

import shutil
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from engine.broker.replicas import Replicas
from engine.clock import Clock
from engine.config import BrokerConfig
from engine.controller import check_name
from engine.controller.describing import broker_configs, topic_configs
from engine.controller.image import MetadataImage
from engine.errors import (
    InvalidRequestError,
    InvalidTopicError,
    KafkaError,
    NetworkError,
    PolicyViolationError,
    RequestTimedOutError,
    UnknownTopicOrPartitionError,
)
from engine.events import EventLog, Tone
from engine.messages import (
    AlterConfigsRequest,
    AlterPartitionReassignmentsRequest,
    ConfigResource,
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeletedRecords,
    DeleteRecordsRequest,
    DeleteRecordsResponse,
    DeleteTopicsRequest,
    DescribeConfigsRequest,
    DescribeConfigsResponse,
    DescribedConfig,
    DescribedResource,
    DescribeLogDirsRequest,
    DescribeLogDirsResponse,
    ElectLeadersRequest,
    IncrementalAlterConfigsRequest,
    ListPartitionReassignmentsRequest,
    Outcome,
    ReplicaSize,
    Request,
    ResourceType,
)
from engine.types import ClientInfo, TopicPartition

RETRY_MS = 100
"""How soon a controller that could not be reached is asked again (`retry.backoff.ms`)."""
FORWARDING_MS = 60_000
"""How long a request for the controller is tried at most, where it does not say so itself."""

Ask = Callable[[Request[Any]], Awaitable[Any]]
Serve = Callable[[ClientInfo, Any], Awaitable[Any]]


class Administration:
    """Answers administrators at one broker. `ask` asks the controller over the network."""

    def __init__(
        self,
        replicas: Replicas,
        image: MetadataImage,
        ask: Ask,
        clock: Clock,
        config: BrokerConfig,
        events: EventLog,
    ) -> None:
        self._replicas = replicas
        self._image = image
        self._ask = ask
        self._clock = clock
        self._config = config
        self._events = events
        self.serve: Mapping[type[Request[Any]], Serve] = {
            CreateTopicsRequest: self._forward,
            DeleteTopicsRequest: self._forward,
            CreatePartitionsRequest: self._forward,
            AlterConfigsRequest: self._forward,
            IncrementalAlterConfigsRequest: self._forward,
            ElectLeadersRequest: self._forward,
            AlterPartitionReassignmentsRequest: self._forward,
            ListPartitionReassignmentsRequest: self._forward,
            DescribeConfigsRequest: self._describe_configs,
            DescribeLogDirsRequest: self._describe_log_dirs,
            DeleteRecordsRequest: self._delete_records,
        }

    async def _forward(self, client: ClientInfo, request: Request[Any]) -> Any:
        """The controller's answer; RequestTimedOutError when it could not be reached while the client waits."""
        give_up_ms = self._clock.now_ms() + getattr(request, "timeout_ms", FORWARDING_MS)
        while True:
            try:
                return await self._ask(request)
            except NetworkError as error:
                if self._clock.now_ms() + RETRY_MS >= give_up_ms:
                    raise RequestTimedOutError(
                        f"Broker {self._replicas.broker_id} could not ask the controller. {error}"
                    ) from None
            await self._clock.sleep(RETRY_MS)

    # Settings

    async def _describe_configs(self, client: ClientInfo, request: DescribeConfigsRequest) -> DescribeConfigsResponse:
        answers = []
        for resource, names in request.resources:
            try:
                wanted = [config for config in self._configs(resource) if names is None or config.name in names]
                answers.append(DescribedResource(resource, configs=tuple(wanted)))
            except KafkaError as error:
                answers.append(DescribedResource(resource, Outcome.of(error)))
        return DescribeConfigsResponse(tuple(answers))

    def _configs(self, resource: ConfigResource) -> tuple[DescribedConfig, ...]:
        match resource.type:
            case ResourceType.TOPIC:
                check_name(resource.name)
                topic = self._image.topics.get(resource.name)
                if topic is None:
                    raise UnknownTopicOrPartitionError(f"There is no topic {resource.name!r}.")
                return topic_configs(topic.overrides, topic.config)
            case ResourceType.BROKER:
                if not resource.name:
                    return ()  # what was set for all brokers while they run: nothing can be
                if resource.name != str(self._replicas.broker_id):
                    raise InvalidRequestError(
                        f"This is broker {self._replicas.broker_id}; it cannot tell the settings of {resource.name!r}."
                    )
                return broker_configs(self._config)
            case _:
                raise InvalidRequestError(f"{resource.name!r} is of a kind that has no settings in a lab.")

    # What lies here

    async def _describe_log_dirs(self, client: ClientInfo, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse:
        held = self._replicas.partitions
        wanted = held if request.partitions is None else [tp for tp in request.partitions if tp in held]
        sizes = {
            tp: ReplicaSize(held[tp].log.size_bytes, max(0, held[tp].high_watermark - held[tp].log.log_end_offset))
            for tp in wanted
        }
        path = self._replicas.path
        if path is None:
            return DescribeLogDirsResponse("memory", sizes)
        disk = shutil.disk_usage(path.parent)
        return DescribeLogDirsResponse(str(path), sizes, disk.total, disk.free)

    async def _delete_records(self, client: ClientInfo, request: DeleteRecordsRequest) -> DeleteRecordsResponse:
        answers = {}
        for tp, before_offset in request.offsets.items():
            try:
                answers[tp] = DeletedRecords(low_watermark=await self._delete_before(tp, before_offset))
            except KafkaError as error:
                answers[tp] = DeletedRecords(Outcome.of(error))
        return DeleteRecordsResponse(answers)

    async def _delete_before(self, tp: TopicPartition, before_offset: int) -> int:
        partition = self._replicas.partition(tp, self._image)
        if self._image.topics[tp.topic].internal:
            raise InvalidTopicError(f"{tp.topic} is internal: its records cannot be deleted by hand.")
        partition.check_leader()
        if not partition.config.deletes:
            raise PolicyViolationError(f"{tp.topic} is compacted (cleanup.policy), so its records go with newer ones.")
        start = await partition.delete_records(before_offset)
        text = f"{tp}: the records before offset {start:,} were deleted; the log starts there now."
        self._events.tell(self._clock.now_ms(), tp.topic, text, Tone.LOSS)
        return start
