"""ListGroups 0 to 5: the groups that this broker coordinates, by state from version 4 on, by type from version 5 on."""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import ListGroupsRequest
from engine.wire.context import Context

NAME, KEY, VERSIONS = "ListGroups", 16, (0, 5)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The groups that match."""
    answer = await context.ask(ListGroupsRequest(tuple(request.states_filter), tuple(request.types_filter)))
    groups = [
        {"group_id": group.group_id, "protocol_type": group.protocol_type, "group_state": group.state,
         "group_type": group.group_type}
        for group in answer.groups
    ]  # fmt: skip
    return {"error_code": ErrorCode.NONE, "groups": groups}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """None can be told."""
    return {"error_code": error.code, "groups": []}
