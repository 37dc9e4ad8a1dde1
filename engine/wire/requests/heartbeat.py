"""Heartbeat 0 to 4: a member of a classic group is alive."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import HeartbeatRequest
from engine.wire.context import Context

NAME, KEY, VERSIONS = "Heartbeat", 12, (0, 4)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """Nothing but that it was heard."""
    await context.ask(
        HeartbeatRequest(request.group_id, request.generation_id, request.member_id, request.group_instance_id)
    )
    return {}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Why it was not."""
    return {"error_code": error.code}
