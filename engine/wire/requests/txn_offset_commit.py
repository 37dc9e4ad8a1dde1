"""TxnOffsetCommit 0 to 4: offsets that count once the transaction does; with the member's fencing from version 3 on.

Before version 2 a coordinator that still reads its log is not available: clients of that time crash otherwise.

Version 5 adds the group to the transaction by itself, which is a part of transaction.version 2 (KIP-890).
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import TxnOffsetCommitRequest
from engine.types import OffsetAndMetadata
from engine.wire.context import Context
from engine.wire.topics import by_topic, partitions_of

NAME, KEY, VERSIONS = "TxnOffsetCommit", 28, (0, 4)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """An error for each partition."""
    offsets = {
        tp: OffsetAndMetadata(given.committed_offset, given.committed_metadata or "", given.committed_leader_epoch)
        for tp, given in partitions_of(request.topics)
    }
    answer = await context.ask(
        TxnOffsetCommitRequest(
            request.transactional_id,
            request.group_id,
            request.producer_id,
            request.producer_epoch,
            offsets,
            request.generation_id,
            request.member_id,
            request.group_instance_id,
        )
    )
    return {"topics": by_topic((tp, {"error_code": error}) for tp, error in answer.errors.items())}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each partition."""
    loading = error.code is ErrorCode.COORDINATOR_LOAD_IN_PROGRESS and context.version < 2
    told = {"error_code": ErrorCode.COORDINATOR_NOT_AVAILABLE if loading else error.code}
    return {"topics": by_topic((tp, told) for tp, _ in partitions_of(request.topics))}
