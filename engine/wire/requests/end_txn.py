"""EndTxn 0 to 4: commit or abort a transaction.

Version 5, which gives the producer a new epoch each time, is a part of transaction.version 2 (KIP-890).
"""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import EndTxnRequest
from engine.wire.context import Context
from engine.wire.fencing import fenced_code

NAME, KEY, VERSIONS = "EndTxn", 26, (0, 4)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The outcome is decided."""
    await context.ask(
        EndTxnRequest(request.transactional_id, request.producer_id, request.producer_epoch, request.committed)
    )
    return {}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Why it is not."""
    return {"error_code": fenced_code(error.code, context.version, since=2)}
