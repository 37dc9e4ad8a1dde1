"""DescribeGroups 0 to 6: classic groups and their members.

A group that is not there is Dead, without an error before version 6 (KIP-1043).
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import DescribedGroup, DescribeGroupsRequest, Outcome
from engine.wire.context import Context
from engine.wire.operations import ON_GROUP

NAME, KEY, VERSIONS = "DescribeGroups", 15, (0, 6)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """How each group stands."""
    answer = await context.ask(DescribeGroupsRequest(tuple(request.groups)))
    groups = [_group(group, context) for group in answer.groups]
    for group in groups:
        if request.include_authorized_operations and group["error_code"] is ErrorCode.NONE:
            group["authorized_operations"] = ON_GROUP
    return {"groups": groups}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each group."""
    failed = (DescribedGroup(group_id, Outcome.of(error), "") for group_id in request.groups)
    return {"groups": [_group(group, context) for group in failed]}


def _group(group: DescribedGroup, context: Context) -> dict[str, Any]:
    missing = group.outcome.error is ErrorCode.GROUP_ID_NOT_FOUND and context.version < 6
    return {
        "error_code": ErrorCode.NONE if missing else group.outcome.error,
        "error_message": group.outcome.message or None,
        "group_id": group.group_id,
        "group_state": group.state,
        "protocol_type": group.protocol_type,
        "protocol_data": group.protocol,
        "members": [
            {"member_id": member.member_id, "group_instance_id": member.group_instance_id,
             "client_id": member.client_id, "client_host": member.client_host,
             "member_metadata": member.metadata, "member_assignment": member.assignment}
            for member in group.members
        ],
    }  # fmt: skip
