"""DescribeTransactions 0: how transactional ids stand, asked of their coordinator (KIP-664)."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import DescribedTransaction, DescribeTransactionsRequest
from engine.wire.context import Context
from engine.wire.topics import numbers_of

NAME, KEY, VERSIONS = "DescribeTransactions", 65, (0, 0)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """Each id's transaction."""
    answer = await context.ask(DescribeTransactionsRequest(tuple(request.transactional_ids)))
    return {"transaction_states": [_state(each) for each in answer.transactions]}


def _state(each: DescribedTransaction) -> dict[str, Any]:
    topics = numbers_of(each.partitions)
    return {
        "error_code": each.error,
        "transactional_id": each.transactional_id,
        "transaction_state": each.state,
        "transaction_timeout": each.timeout_ms,
        "transaction_start_time": 0 if each.error else each.start_time_ms,
        "producer_id": each.producer_id,
        "producer_epoch": each.producer_epoch,
        "topics": [{"topic": topic, "partitions": partitions} for topic, partitions in topics.items()],
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each id."""
    return {
        "transaction_states": [_state(DescribedTransaction(name, error.code)) for name in request.transactional_ids]
    }
