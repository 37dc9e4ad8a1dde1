"""FindCoordinator 0 to 6: which broker coordinates a group or a transactional id, several at once from v4 on (KIP-699).

Share groups (type 2) are not coordinated.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.errors import ErrorCode, InvalidRequestError, KafkaError, NetworkError
from engine.messages import CoordinatorType, FindCoordinatorRequest
from engine.wire.context import Context

NAME, KEY, VERSIONS = "FindCoordinator", 10, (0, 6)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The coordinator of each key."""
    keys = request.coordinator_keys if context.version >= 4 else [request.key]
    found = await asyncio.gather(*(_find(key, getattr(request, "key_type", 0), context) for key in keys))
    return {"coordinators": found, **(found[0] if found else {})}


async def _find(key: str, key_type: int, context: Context) -> dict[str, Any]:
    try:
        if key_type not in tuple(CoordinatorType):
            raise InvalidRequestError(f"Type {key_type} of coordinator is not served.")
        answer = await context.ask(FindCoordinatorRequest(key, CoordinatorType(key_type)))
    except NetworkError:
        raise
    except KafkaError as error:
        return _nowhere(key, error)
    host, port = context.addresses()[answer.broker_id]
    return {
        "key": key,
        "node_id": answer.broker_id,
        "host": host,
        "port": port,
        "error_code": ErrorCode.NONE,
        "error_message": None,
    }


def _nowhere(key: str, error: KafkaError) -> dict[str, Any]:
    return {"key": key, "node_id": -1, "host": "", "port": -1, "error_code": error.code, "error_message": str(error)}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """No coordinator is known."""
    keys = request.coordinator_keys if context.version >= 4 else [request.key]
    return {"coordinators": [_nowhere(key, error) for key in keys], **_nowhere("", error)}
