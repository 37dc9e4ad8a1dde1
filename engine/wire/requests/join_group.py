"""JoinGroup 0 to 9: join a classic group, or join it again.

Before version 4 a member is given its id with the first answer; since then it has to come again with it (KIP-394).
Version 0 has no rebalance timeout: the session's counts.
"""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError, MemberIdRequiredError
from engine.messages import JoinGroupRequest
from engine.wire.context import Context

NAME, KEY, VERSIONS = "JoinGroup", 11, (0, 9)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The new generation, once it is complete."""
    answer = await context.ask(
        JoinGroupRequest(
            request.group_id,
            request.member_id,
            tuple((protocol.name, protocol.metadata) for protocol in request.protocols),
            request.session_timeout,
            request.rebalance_timeout if context.version >= 1 else request.session_timeout,
            request.group_instance_id,
            request.protocol_type,
            requires_known_member_id=context.version >= 4,
            reason=request.reason or "",
            knows_skipping=context.version >= 9,
        )
    )
    return {
        "generation_id": answer.generation_id,
        "protocol_type": request.protocol_type,
        "protocol_name": answer.protocol_name,
        "leader": answer.leader,
        "skip_assignment": answer.skip_assignment,
        "member_id": answer.member_id,
        "members": [
            {
                "member_id": member.member_id,
                "group_instance_id": member.group_instance_id,
                "metadata": member.metadata,
            }
            for member in answer.members
        ],
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Why it may not join; with MEMBER_ID_REQUIRED, the id to come again with."""
    return {
        "error_code": error.code,
        "generation_id": -1,
        "protocol_type": None,
        "protocol_name": None if context.version >= 7 else "",
        "leader": "",
        "member_id": error.member_id if isinstance(error, MemberIdRequiredError) else request.member_id,
        "members": [],
    }
