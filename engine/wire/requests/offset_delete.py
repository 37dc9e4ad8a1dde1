"""OffsetDelete 0: committed offsets are forgotten, of topics that nobody in the group reads (KIP-496)."""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import OffsetDeleteRequest
from engine.wire.context import Context
from engine.wire.topics import by_topic, partitions_of

NAME, KEY, VERSIONS = "OffsetDelete", 47, (0, 0)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """An error for each partition."""
    partitions = tuple(tp for tp, _ in partitions_of(request.topics))
    counts = context.image.counts
    there = tuple(tp for tp in partitions if 0 <= tp.partition < counts.get(tp.topic, 0))
    answer = await context.ask(OffsetDeleteRequest(request.group_id, there))
    errors = {tp: answer.errors.get(tp, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) for tp in partitions}
    return {"error_code": ErrorCode.NONE, "topics": by_topic((tp, {"error_code": code}) for tp, code in errors.items())}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """An error for the whole group."""
    return {"error_code": error.code, "topics": []}
