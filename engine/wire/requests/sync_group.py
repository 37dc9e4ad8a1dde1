"""SyncGroup 0 to 5: a member of a classic group asks for its assignment; the leader brings everybody's.

From version 5 on a member says by which protocol (KIP-559).
"""

from __future__ import annotations

from typing import Any

from engine.errors import InconsistentGroupProtocolError, KafkaError
from engine.messages import SyncGroupRequest
from engine.wire.context import Context

NAME, KEY, VERSIONS = "SyncGroup", 14, (0, 5)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The member's assignment, once the leader has brought it."""
    if context.version >= 5 and None in (request.protocol_type, request.protocol_name):
        raise InconsistentGroupProtocolError("From version 5 on a member names the protocol that it goes by.")
    answer = await context.ask(
        SyncGroupRequest(
            request.group_id,
            request.generation_id,
            request.member_id,
            request.group_instance_id,
            {given.member_id: given.assignment for given in request.assignments},
            request.protocol_type,
            request.protocol_name,
        )
    )
    return {
        "protocol_type": request.protocol_type,
        "protocol_name": request.protocol_name if answer.protocol_name is None else answer.protocol_name,
        "assignment": answer.assignment,
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """No assignment."""
    return {"error_code": error.code, "assignment": b""}
