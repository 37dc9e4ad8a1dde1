"""ListOffsets 1 to 11: the first offset at or after a time, or at one of the special times.

Before version 5 a leader that does not know its high watermark yet is not available (KIP-207).

The whole log is local: what asks for the earliest local offset (KIP-405) is told the log start, and nothing is tiered.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import EARLIEST_TIMESTAMP, MAX_TIMESTAMP, IsolationLevel, ListedOffset, ListOffsetsRequest
from engine.types import TopicPartition
from engine.wire.context import Context
from engine.wire.topics import by_topic, partitions_of

NAME, KEY, VERSIONS = "ListOffsets", 2, (1, 11)

_EARLIEST_LOCAL, _LATEST_TIERED, _EARLIEST_PENDING_UPLOAD = -4, -5, -6
_SINCE = {MAX_TIMESTAMP: 7, _EARLIEST_LOCAL: 8, _LATEST_TIERED: 9, _EARLIEST_PENDING_UPLOAD: 11}


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """An offset for each partition."""
    asked: dict[TopicPartition, int] = {}
    epochs: dict[TopicPartition, int] = {}
    answers: dict[TopicPartition, ListedOffset] = {}
    times = Counter(tp for tp, _ in partitions_of(request.topics))
    for tp, partition in partitions_of(request.topics):
        timestamp = partition.timestamp
        if times[tp] > 1:
            answers[tp] = ListedOffset(ErrorCode.INVALID_REQUEST)
        elif timestamp < EARLIEST_TIMESTAMP and context.version < _SINCE.get(timestamp, context.version + 1):
            answers[tp] = ListedOffset(ErrorCode.UNSUPPORTED_VERSION)
        elif timestamp in (_LATEST_TIERED, _EARLIEST_PENDING_UPLOAD):
            answers[tp] = ListedOffset()
        else:
            asked[tp] = EARLIEST_TIMESTAMP if timestamp == _EARLIEST_LOCAL else timestamp
            epochs[tp] = partition.current_leader_epoch
    isolation = IsolationLevel(1 if request.isolation_level == 1 else 0)
    answers |= (await context.ask(ListOffsetsRequest(asked, isolation, epochs))).partitions
    return {"topics": by_topic((tp, _offset(found, context.version)) for tp, found in answers.items())}


def _offset(found: ListedOffset, version: int) -> dict[str, Any]:
    unknown = found.error is ErrorCode.OFFSET_NOT_AVAILABLE and version < 5
    return {
        "error_code": ErrorCode.LEADER_NOT_AVAILABLE if unknown else found.error,
        "timestamp": found.timestamp,
        "offset": found.offset,
        "leader_epoch": found.leader_epoch,
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each partition."""
    failed = _offset(ListedOffset(error.code), context.version)
    return {"topics": by_topic((tp, failed) for tp, _ in partitions_of(request.topics))}
