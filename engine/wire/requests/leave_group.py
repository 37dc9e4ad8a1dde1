"""LeaveGroup 0 to 5: members go, several at once from version 3 on (KIP-345)."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import LeaveGroupRequest, LeavingMember
from engine.wire.context import Context

NAME, KEY, VERSIONS = "LeaveGroup", 13, (0, 5)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """An error for each member; in older versions there is one."""
    batched = context.version >= 3
    leaving = request.members if batched else [request]
    answer = await context.ask(
        LeaveGroupRequest(
            request.group_id,
            tuple(
                LeavingMember(
                    member.member_id,
                    getattr(member, "group_instance_id", None),
                    getattr(member, "reason", None) or "",
                )
                for member in leaving
            ),
        )
    )
    members = [
        {
            "member_id": member.member_id,
            "group_instance_id": getattr(member, "group_instance_id", None),
            "error_code": error,
        }
        for member, error in zip(leaving, answer.errors, strict=True)
    ]
    return {"members": members} if batched else {"error_code": answer.errors[0]}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Nobody left."""
    return {"error_code": error.code, "members": []}
