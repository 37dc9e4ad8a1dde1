"""ListTransactions 0 to 2: the transactional ids a broker coordinates (KIP-664, KIP-994), by pattern too (KIP-1152)."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import ListTransactionsRequest
from engine.wire.context import Context

NAME, KEY, VERSIONS = "ListTransactions", 66, (0, 2)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """Those that match."""
    answer = await context.ask(
        ListTransactionsRequest(
            tuple(request.state_filters),
            tuple(request.producer_id_filters),
            request.duration_filter,
            request.transactional_id_pattern or "",
        )
    )
    return {
        "unknown_state_filters": list(answer.unknown_states),
        "transaction_states": [
            {
                "transactional_id": each.transactional_id,
                "producer_id": each.producer_id,
                "transaction_state": each.state,
            }
            for each in answer.transactions
        ],
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """None can be told."""
    return {"error_code": error.code, "unknown_state_filters": [], "transaction_states": []}
