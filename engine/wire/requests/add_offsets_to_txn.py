"""AddOffsetsToTxn 0 to 4: offsets of a group are about to be committed in a transaction."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import AddOffsetsToTxnRequest
from engine.wire.context import Context
from engine.wire.fencing import fenced_code

NAME, KEY, VERSIONS = "AddOffsetsToTxn", 25, (0, 4)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The group's offsets belong to the transaction."""
    await context.ask(
        AddOffsetsToTxnRequest(request.transactional_id, request.producer_id, request.producer_epoch, request.group_id)
    )
    return {}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Why they do not."""
    return {"error_code": fenced_code(error.code, context.version, since=2)}
