"""ConsumerGroupDescribe 0 and 1: groups of the consumer protocol, with what each member has and is to have (KIP-848).

From version 1 on the kind of each member is told.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.errors import KafkaError, NetworkError
from engine.messages import ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, DescribedConsumer
from engine.types import TopicPartition
from engine.wire.context import Context
from engine.wire.operations import NOT_TOLD, ON_GROUP
from engine.wire.topics import numbers_of

NAME, KEY, VERSIONS = "ConsumerGroupDescribe", 69, (0, 1)

_CLASSIC, _CONSUMER = 0, 1
"""The member type of the consumer protocol; 0 would be a classic one."""


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """Each group, or why it cannot be described."""
    operations = ON_GROUP if request.include_authorized_operations else NOT_TOLD
    return {"groups": await asyncio.gather(*(_group(group_id, operations, context) for group_id in request.group_ids))}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each group."""
    return {"groups": [_failed(group_id, error) for group_id in request.group_ids]}


async def _group(group_id: str, operations: int, context: Context) -> dict[str, Any]:
    try:
        group = await context.ask(ConsumerGroupDescribeRequest(group_id))
    except NetworkError:
        raise
    except KafkaError as error:
        return _failed(group_id, error)
    return {**_described(group, context), "authorized_operations": operations}


def _described(group: ConsumerGroupDescribeResponse, context: Context) -> dict[str, Any]:
    return {
        "group_id": group.group_id,
        "group_state": group.state,
        "group_epoch": group.group_epoch,
        "assignment_epoch": group.assignment_epoch,
        "assignor_name": group.assignor,
        "members": [_member(member, context) for member in group.members],
    }


def _failed(group_id: str, error: KafkaError) -> dict[str, Any]:
    return {
        "error_code": error.code,
        "error_message": str(error),
        "group_id": group_id,
        "group_state": "",
        "group_epoch": 0,
        "assignment_epoch": 0,
        "assignor_name": "",
        "members": [],
    }


def _member(member: DescribedConsumer, context: Context) -> dict[str, Any]:
    return {
        "member_id": member.member_id,
        "instance_id": member.group_instance_id,
        "rack_id": member.rack_id,
        "member_epoch": member.member_epoch,
        "client_id": member.client_id,
        "client_host": f"/{member.client_host}",
        "subscribed_topic_names": list(member.topics),
        "subscribed_topic_regex": member.pattern,
        "assignment": {"topic_partitions": _named(member.assignment, context)},
        "target_assignment": {"topic_partitions": _named(member.target, context)},
        "member_type": _CLASSIC if member.classic else _CONSUMER,
    }


def _named(partitions: tuple[TopicPartition, ...], context: Context) -> list[dict[str, Any]]:
    return [
        {"topic_id": context.topic_id(name), "topic_name": name, "partitions": numbers}
        for name, numbers in numbers_of(partitions).items()
    ]
