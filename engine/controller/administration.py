"""What administrators ask of the controller, from wherever: each thing is tried by itself and has its own outcome.

Rules from `org.apache.kafka.controller` (`ControllerApis`, `ReplicationControlManager`, `ConfigurationControlManager`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any

from engine.config import BrokerConfig
from engine.controller.describing import topic_configs
from engine.controller.settings import Decide, check_brokers, replacing, stepwise, without_nulls
from engine.controller.verbs import Verbs
from engine.errors import (
    ErrorCode,
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    InvalidRequestError,
    KafkaError,
    TopicDeletionDisabledError,
    UnknownTopicIdError,
    error_for,
)
from engine.messages import (
    DONE,
    AlterConfigsRequest,
    AlterConfigsResponse,
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ConfigResource,
    CreatableTopic,
    CreatedTopic,
    CreatePartitionsRequest,
    CreatePartitionsResponse,
    CreateTopicsRequest,
    CreateTopicsResponse,
    DeletedTopic,
    DeleteTopicsRequest,
    DeleteTopicsResponse,
    ElectLeadersRequest,
    ElectLeadersResponse,
    IncrementalAlterConfigsRequest,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
    Outcome,
    Reassignment,
    Request,
    ResourceType,
)
from engine.types import TopicPartition

Serve = Mapping[type[Request[Any]], Callable[[Any], Awaitable[Any]]]


class Administration:
    """Turns requests into the controller's verbs. `serve` is what answers each kind."""

    def __init__(self, verbs: Verbs, config: BrokerConfig) -> None:
        self._verbs = verbs
        self._config = config
        self.serve: Serve = {
            CreateTopicsRequest: self._create_topics,
            DeleteTopicsRequest: self._delete_topics,
            CreatePartitionsRequest: self._create_partitions,
            AlterConfigsRequest: self._alter_configs,
            IncrementalAlterConfigsRequest: self._incremental_alter_configs,
            ElectLeadersRequest: self._elect_leaders,
            AlterPartitionReassignmentsRequest: self._alter_reassignments,
            ListPartitionReassignmentsRequest: self._list_reassignments,
        }

    # Topics

    async def _create_topics(self, request: CreateTopicsRequest) -> CreateTopicsResponse:
        named = Counter(topic.name for topic in request.topics)
        answers = []
        for topic in {topic.name: topic for topic in request.topics}.values():
            try:
                if named[topic.name] > 1:
                    raise InvalidRequestError(f"{topic.name} is asked for more than once.")
                answers.append(await self._create(topic, request))
            except KafkaError as error:
                answers.append(CreatedTopic(topic.name, Outcome.of(error)))
        return CreateTopicsResponse(tuple(answers))

    async def _create(self, topic: CreatableTopic, request: CreateTopicsRequest) -> CreatedTopic:
        made = await self._verbs.create_topic(
            topic.name,
            *self._numbers(topic),
            without_nulls(topic.configs),
            by_hand=topic.assignments,
            validate_only=request.validate_only,
            unasked=request.unasked,
        )
        return CreatedTopic(
            topic.name,
            topic_id=made.topic_id,
            num_partitions=len(made.partitions),
            replication_factor=made.replication_factor,
            configs=topic_configs(made.overrides, made.config),
        )

    def _numbers(self, topic: CreatableTopic) -> tuple[int, int]:
        """How many partitions, and how many copies of each."""
        if topic.assignments:
            if topic.num_partitions != -1 or topic.replication_factor != -1:
                raise InvalidRequestError(
                    f"{topic.name} has assignments, which say both numbers; leave partitions and replication factor -1."
                )
            return len(topic.assignments), max(1, len(topic.assignments[0][1]))
        if topic.num_partitions < -1 or topic.num_partitions == 0:
            raise InvalidPartitionsError("The number of partitions is above 0, or -1 for num.partitions.")
        if topic.replication_factor < -1 or topic.replication_factor == 0:
            raise InvalidReplicationFactorError("The replication factor is above 0, or -1 for the default.")
        partitions = self._config.num_partitions if topic.num_partitions == -1 else topic.num_partitions
        default = self._config.default_replication_factor
        return partitions, default if topic.replication_factor == -1 else topic.replication_factor

    async def _delete_topics(self, request: DeleteTopicsRequest) -> DeleteTopicsResponse:
        names = {topic.topic_id: name for name, topic in self._verbs.topics.items()}
        asked: list[tuple[str | None, bytes]] = [(name, bytes(16)) for name in request.names]
        asked += [(names.get(topic_id), topic_id) for topic_id in request.topic_ids]
        times = Counter(name for name, _ in asked if name is not None)
        answers = []
        for name, topic_id in dict.fromkeys(asked):
            try:
                if not self._config.delete_topic_enable:
                    raise TopicDeletionDisabledError
                if name is None:
                    raise UnknownTopicIdError
                if times[name] > 1:
                    raise InvalidRequestError(f"{name} is named more than once.")
                topic_id = (await self._verbs.delete_topic(name)).topic_id
                answers.append(DeletedTopic(name, topic_id))
            except KafkaError as error:
                answers.append(DeletedTopic(name, topic_id, Outcome.of(error)))
        return DeleteTopicsResponse(tuple(answers))

    async def _create_partitions(self, request: CreatePartitionsRequest) -> CreatePartitionsResponse:
        named = Counter(topic.name for topic in request.topics)
        outcomes = {}
        for topic in request.topics:
            if named[topic.name] > 1:
                outcomes[topic.name] = Outcome(ErrorCode.INVALID_REQUEST, f"{topic.name} is named more than once.")
                continue
            growing = self._verbs.create_partitions(
                topic.name, topic.count, by_hand=topic.assignments, validate_only=request.validate_only
            )
            outcomes[topic.name] = await _outcome(growing)
        return CreatePartitionsResponse(tuple(outcomes.items()))

    # Settings

    async def _alter_configs(self, request: AlterConfigsRequest) -> AlterConfigsResponse:
        outcomes = {}
        for resource, configs in request.resources.items():
            altering = self._alter(resource, replacing(configs), request.validate_only)
            outcomes[resource] = await _outcome(altering)
        return AlterConfigsResponse(outcomes)

    async def _incremental_alter_configs(self, request: IncrementalAlterConfigsRequest) -> AlterConfigsResponse:
        outcomes = {}
        for resource, steps in request.resources.items():
            outcomes[resource] = await _outcome(self._alter(resource, stepwise(steps), request.validate_only))
        return AlterConfigsResponse(outcomes)

    async def _alter(self, resource: ConfigResource, decide: Decide, validate_only: bool) -> None:
        match resource.type:
            case ResourceType.TOPIC:
                await self._verbs.alter_config(resource.name, decide, validate_only=validate_only)
            case ResourceType.BROKER:
                if resource.name and resource.name not in map(str, self._verbs.brokers):
                    raise InvalidRequestError(f"There is no broker {resource.name!r}.")
                check_brokers(decide({}))
            case _:
                raise InvalidRequestError(f"{resource.name!r} is of a kind that has no settings to change in a lab.")

    # Leaders and replicas

    async def _elect_leaders(self, request: ElectLeadersRequest) -> ElectLeadersResponse:
        codes = await self._verbs.elect(request.election_type, request.partitions)
        return ElectLeadersResponse(
            {
                tp: Outcome.of(error_for(code)) if code else DONE
                for tp, code in codes.items()
                if request.partitions is not None or code is not ErrorCode.ELECTION_NOT_NEEDED
            }
        )

    async def _alter_reassignments(
        self, request: AlterPartitionReassignmentsRequest
    ) -> AlterPartitionReassignmentsResponse:
        outcomes = {}
        for tp, target in request.targets.items():
            if target is None:
                moving = self._verbs.call_off(tp)
            else:
                moving = self._verbs.reassign(tp, target, other_factor=request.allow_replication_factor_change)
            outcomes[tp] = await _outcome(moving)
        return AlterPartitionReassignmentsResponse(outcomes)

    async def _list_reassignments(
        self, request: ListPartitionReassignmentsRequest
    ) -> ListPartitionReassignmentsResponse:
        wanted = set(request.partitions) if request.partitions is not None else None
        found = {}
        for topic in self._verbs.topics.values():
            for state in topic.partitions:
                tp = TopicPartition(topic.name, state.partition)
                if state.target and (wanted is None or tp in wanted):
                    removing = tuple(broker_id for broker_id in state.replicas if broker_id not in state.target)
                    found[tp] = Reassignment(state.replicas, state.adding, removing)
        return ListPartitionReassignmentsResponse(found)


async def _outcome(doing: Coroutine[Any, Any, object]) -> Outcome:
    try:
        await doing
    except KafkaError as error:
        return Outcome.of(error)
    return DONE
