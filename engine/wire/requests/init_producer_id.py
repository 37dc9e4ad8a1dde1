"""InitProducerId 0 to 5: an id and epoch for an idempotent or transactional producer.

Version 6, for transactions that two parties commit (KIP-939), is not served.
"""

from __future__ import annotations

from typing import Any

from engine.errors import InvalidRequestError, KafkaError
from engine.messages import InitProducerIdRequest
from engine.wire.context import Context
from engine.wire.fencing import fenced_code

NAME, KEY, VERSIONS = "InitProducerId", 22, (0, 5)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The id and epoch."""
    if (request.producer_id == -1) != (request.producer_epoch == -1):
        raise InvalidRequestError("A producer names both its id and its epoch, or neither.")
    answer = await context.ask(
        InitProducerIdRequest(
            request.transactional_id, request.transaction_timeout, request.producer_id, request.producer_epoch
        )
    )
    return {"producer_id": answer.producer_id, "producer_epoch": answer.producer_epoch}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """No id."""
    return {
        "error_code": fenced_code(error.code, context.version, since=4),
        "producer_id": -1,
        "producer_epoch": -1,
    }
