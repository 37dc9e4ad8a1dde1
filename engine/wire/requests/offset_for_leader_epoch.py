"""OffsetForLeaderEpoch 2 to 4: where an epoch ended, for consumers that check whether they lost records (KIP-320)."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import EpochEnd, OffsetForLeaderEpochRequest
from engine.wire.context import Context
from engine.wire.topics import by_topic, partitions_of

NAME, KEY, VERSIONS = "OffsetForLeaderEpoch", 23, (2, 4)

_NAMES = {"topic": "topic", "number": "partition"}


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The end of an epoch, for each partition."""
    epochs = {
        tp: (partition.current_leader_epoch, partition.leader_epoch)
        for tp, partition in partitions_of(request.topics, **_NAMES)
    }
    answer = await context.ask(OffsetForLeaderEpochRequest(epochs))
    return {"topics": by_topic(((tp, _end(end)) for tp, end in answer.partitions.items()), **_NAMES)}


def _end(end: EpochEnd) -> dict[str, Any]:
    return {"error_code": end.error, "leader_epoch": end.leader_epoch, "end_offset": end.end_offset}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each partition."""
    failed = _end(EpochEnd(error.code))
    return {"topics": by_topic(((tp, failed) for tp, _ in partitions_of(request.topics, **_NAMES)), **_NAMES)}
