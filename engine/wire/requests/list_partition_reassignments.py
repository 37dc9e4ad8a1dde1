"""ListPartitionReassignments 0: which partitions are on their way to other brokers (KIP-455)."""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import ListPartitionReassignmentsRequest
from engine.types import TopicPartition
from engine.wire.context import Context
from engine.wire.topics import by_topic

NAME, KEY, VERSIONS = "ListPartitionReassignments", 46, (0, 0)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """Those of the partitions named, or of all, that are being moved."""
    wanted = None
    if request.topics is not None:
        wanted = tuple(
            TopicPartition(topic.name, number) for topic in request.topics for number in topic.partition_indexes
        )
    answer = await context.ask(ListPartitionReassignmentsRequest(wanted, request.timeout))
    moving = (
        (tp, {"replicas": found.replicas, "adding_replicas": found.adding, "removing_replicas": found.removing})
        for tp, found in answer.partitions.items()
    )
    return {"error_code": ErrorCode.NONE, "error_message": None, "topics": by_topic(moving)}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Nothing is known."""
    return {"error_code": error.code, "error_message": str(error), "topics": []}
