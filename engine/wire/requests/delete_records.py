"""DeleteRecords 0 to 2: move log start offsets up; -1 stands for the high watermark (KIP-107).

Answered when the leader has done it; followers do it with their next fetch.
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import DeleteRecordsRequest
from engine.wire.context import Context
from engine.wire.topics import by_topic, partitions_of

NAME, KEY, VERSIONS = "DeleteRecords", 21, (0, 2)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The new log start of each partition."""
    offsets = {tp: partition.offset for tp, partition in partitions_of(request.topics)}
    answer = await context.ask(DeleteRecordsRequest(offsets))
    answers = ((tp, _partition(found.outcome.error, found.low_watermark)) for tp, found in answer.partitions.items())
    return {"topics": by_topic(answers)}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each partition."""
    return {"topics": by_topic((tp, _partition(error.code)) for tp, _ in partitions_of(request.topics))}


def _partition(error: ErrorCode, low_watermark: int = -1) -> dict[str, Any]:
    return {"low_watermark": low_watermark, "error_code": error}
