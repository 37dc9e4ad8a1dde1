"""DescribeLogDirs 1 to 4: how much each partition takes on this broker, which keeps all in one file (KIP-113, KIP-827).

Replicas are never moved between places on one broker, so there are no future ones.
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import DescribeLogDirsRequest
from engine.types import TopicPartition
from engine.wire.context import Context
from engine.wire.topics import by_topic

NAME, KEY, VERSIONS = "DescribeLogDirs", 35, (1, 4)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The one place, and what lies there."""
    wanted = None
    if request.topics is not None:
        wanted = tuple(TopicPartition(topic.topic, number) for topic in request.topics for number in topic.partitions)
    answer = await context.ask(DescribeLogDirsRequest(wanted))
    sizes = (
        (tp, {"partition_size": size.size_bytes, "offset_lag": size.offset_lag, "is_future_key": False})
        for tp, size in answer.replicas.items()
    )
    place = {
        "error_code": ErrorCode.NONE,
        "log_dir": answer.path,
        "topics": by_topic(sizes),
        "total_bytes": answer.total_bytes,
        "usable_bytes": answer.usable_bytes,
    }
    return {"error_code": ErrorCode.NONE, "results": [place]}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Nothing is known."""
    return {"error_code": error.code, "results": []}
