"""DescribeTopicPartitions 0: topics by name, so many partitions at a time, and where to go on (KIP-966).

No list of replicas that may lead outside the ISR is kept, so `eligible_leader_replicas` is always empty.
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, InvalidRequestError, KafkaError
from engine.messages import MetadataRequest, TopicMetadata
from engine.wire.context import Context
from engine.wire.operations import ON_TOPIC
from engine.wire.primitives import ZERO_UUID
from engine.wire.requests.metadata import described

NAME, KEY, VERSIONS = "DescribeTopicPartitions", 75, (0, 0)

MOST_PARTITIONS = 2_000
"""How many are told at once (`max.request.partition.size.limit`)."""


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """A page of the topics named, or of all."""
    cursor, room = request.cursor, max(1, min(request.response_partition_limit, MOST_PARTITIONS))
    names = tuple(dict.fromkeys(topic.name for topic in request.topics)) or None
    if cursor is not None and (cursor.partition_index < 0 or (names is not None and cursor.topic_name not in names)):
        raise InvalidRequestError("A page begins at partition 0 or later, of a topic that is asked for.")
    answer = await context.ask(MetadataRequest(names, allow_auto_topic_creation=False))
    live = {broker.broker_id for broker in answer.brokers}
    told: list[dict[str, Any]] = []
    for topic in sorted(answer.topics, key=lambda topic: topic.name):
        first = 0
        if cursor is not None and topic.name <= cursor.topic_name:
            if topic.name < cursor.topic_name:
                continue
            first = cursor.partition_index
        if not room:
            return {"topics": told, "next_cursor": _cursor(topic.name, 0)}
        page = topic.partitions[first : first + room]
        told.append({**_topic(topic), "partitions": [_with_eligible(described(state, live)) for state in page]})
        room -= len(page)
        if first + len(page) < len(topic.partitions):
            return {"topics": told, "next_cursor": _cursor(topic.name, first + len(page))}
    return {"topics": told, "next_cursor": None}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each topic named."""
    topics = [{**_topic(TopicMetadata(topic.name)), "error_code": error.code} for topic in request.topics]
    return {"topics": topics, "next_cursor": None}


def _cursor(name: str, partition: int) -> dict[str, Any]:
    return {"topic_name": name, "partition_index": partition}


def _topic(topic: TopicMetadata) -> dict[str, Any]:
    return {
        "error_code": topic.error,
        "name": topic.name,
        "topic_id": ZERO_UUID if topic.error is not ErrorCode.NONE else topic.topic_id,
        "is_internal": topic.internal,
        "topic_authorized_operations": ON_TOPIC,
        "partitions": [],
    }


def _with_eligible(partition: dict[str, Any]) -> dict[str, Any]:
    return {**partition, "eligible_leader_replicas": [], "last_known_elr": []}
