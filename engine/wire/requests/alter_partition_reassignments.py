"""AlterPartitionReassignments 0 and 1: move partitions to other brokers, or call that off (KIP-455)."""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import AlterPartitionReassignmentsRequest, Outcome
from engine.wire.context import Context
from engine.wire.topics import by_topic, partitions_of

NAME, KEY, VERSIONS = "AlterPartitionReassignments", 45, (0, 1)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """What became of each partition."""
    targets = {
        tp: None if partition.replicas is None else tuple(partition.replicas)
        for tp, partition in partitions_of(request.topics)
    }
    other_factor = request.allow_replication_factor_change
    answer = await context.ask(AlterPartitionReassignmentsRequest(targets, request.timeout, other_factor))
    return {
        "allow_replication_factor_change": other_factor,
        "error_code": ErrorCode.NONE,
        "error_message": None,
        "responses": by_topic((tp, _partition(outcome)) for tp, outcome in answer.partitions.items()),
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Nothing is moved."""
    failed = by_topic((tp, _partition(Outcome.of(error))) for tp, _ in partitions_of(request.topics))
    return {"error_code": error.code, "error_message": str(error), "responses": failed}


def _partition(outcome: Outcome) -> dict[str, Any]:
    return {"error_code": outcome.error, "error_message": outcome.message or None}
