"""DeleteGroups 0 to 2: groups without members, with their offsets (KIP-229)."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import DeleteGroupsRequest
from engine.wire.context import Context

NAME, KEY, VERSIONS = "DeleteGroups", 42, (0, 2)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """An error for each group."""
    answer = await context.ask(DeleteGroupsRequest(tuple(request.groups_names)))
    return {"results": [{"group_id": group_id, "error_code": code} for group_id, code in answer.errors.items()]}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each group."""
    return {"results": [{"group_id": group_id, "error_code": error.code} for group_id in request.groups_names]}
