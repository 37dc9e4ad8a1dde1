"""AddPartitionsToTxn 0 to 3: partitions are about to be written in a transaction.

Later versions are asked by brokers alone (KIP-890).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import AddPartitionsToTxnRequest
from engine.types import TopicPartition
from engine.wire.context import Context
from engine.wire.fencing import fenced_code
from engine.wire.topics import by_topic

NAME, KEY, VERSIONS = "AddPartitionsToTxn", 24, (0, 3)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """An error for each partition."""
    partitions = _partitions(request)
    answer = await context.ask(
        AddPartitionsToTxnRequest(
            request.v3_and_below_transactional_id,
            request.v3_and_below_producer_id,
            request.v3_and_below_producer_epoch,
            partitions,
        )
    )
    return _answer(answer.errors, context)


def _partitions(request: Any) -> tuple[TopicPartition, ...]:
    return tuple(
        TopicPartition(topic.name, number) for topic in request.v3_and_below_topics for number in topic.partitions
    )


def _answer(errors: Mapping[TopicPartition, ErrorCode], context: Context) -> dict[str, Any]:
    answers = (
        (tp, {"partition_error_code": fenced_code(error, context.version, since=2)}) for tp, error in errors.items()
    )
    return {"results_by_topic_v3_and_below": by_topic(answers, partitions="results_by_partition")}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each partition."""
    return _answer(dict.fromkeys(_partitions(request), error.code), context)
