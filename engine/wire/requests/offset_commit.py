"""OffsetCommit 2 to 10: the next offsets a group reads; topics by id in version 10.

Commits do not expire by themselves (`retention_time` of versions 2 to 4 is not looked at), as in Kafka since KIP-211.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import OffsetCommitRequest
from engine.types import OffsetAndMetadata, TopicPartition
from engine.wire.context import Context

NAME, KEY, VERSIONS = "OffsetCommit", 8, (2, 10)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """An error for each partition."""
    offsets = {
        TopicPartition(name, partition.partition_index): OffsetAndMetadata(
            partition.committed_offset, partition.committed_metadata or "", partition.committed_leader_epoch
        )
        for topic, name in _named(request, context)
        if name is not None
        for partition in topic.partitions
    }
    answer = await context.ask(
        OffsetCommitRequest(
            request.group_id,
            offsets,
            request.generation_id_or_member_epoch,
            request.member_id,
            request.group_instance_id,
            knows_epochs=context.version >= 9,
        )
    )
    return _answer(request, context, answer.errors)


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each partition."""
    return _answer(request, context, {}, error.code)


def _answer(
    request: Any,
    context: Context,
    errors: Any,
    otherwise: ErrorCode = ErrorCode.UNKNOWN_TOPIC_ID,
) -> dict[str, Any]:
    topics = [
        {
            "name": name,
            "topic_id": topic.topic_id,
            "partitions": [
                {
                    "partition_index": partition.partition_index,
                    "error_code": errors.get((name, partition.partition_index), otherwise),
                }
                for partition in topic.partitions
            ],
        }
        for topic, name in _named(request, context)
    ]
    return {"topics": topics}


def _named(request: Any, context: Context) -> Iterator[tuple[Any, str | None]]:
    """Each topic with its name, None where no topic has its id."""
    for topic in request.topics:
        yield topic, context.image.names.get(topic.topic_id) if context.version >= 10 else topic.name
