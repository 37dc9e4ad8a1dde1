"""CreateTopics 2 to 7: topics by number of partitions and copies, or with their replicas placed by hand.

The settings of what was made are told from version 5 on (KIP-525), its id from version 7 on.
"""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import CreatableTopic, CreatedTopic, CreateTopicsRequest, Outcome
from engine.wire.context import Context

NAME, KEY, VERSIONS = "CreateTopics", 19, (2, 7)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """What became of each topic."""
    topics = tuple(
        CreatableTopic(
            topic.name,
            topic.num_partitions,
            topic.replication_factor,
            tuple((each.partition_index, tuple(each.broker_ids)) for each in topic.assignments),
            {config.name: config.value for config in topic.configs},
        )
        for topic in request.topics
    )
    answer = await context.ask(CreateTopicsRequest(topics, request.timeout, request.validate_only))
    return {"topics": [_topic(topic) for topic in answer.topics]}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each topic."""
    return {"topics": [_topic(CreatedTopic(topic.name, Outcome.of(error))) for topic in request.topics]}


def _topic(topic: CreatedTopic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "topic_id": topic.topic_id,
        "error_code": topic.outcome.error,
        "error_message": topic.outcome.message or None,
        "num_partitions": topic.num_partitions,
        "replication_factor": topic.replication_factor,
        "configs": [
            {"name": config.name, "value": config.value, "read_only": config.read_only, "config_source": config.source,
             "is_sensitive": False}
            for config in topic.configs
        ],
    }  # fmt: skip
