"""ConsumerGroupHeartbeat 0 and 1: a member of the consumer protocol joins, stays, takes over, leaves (KIP-848).

From version 1 on members make up their ids themselves, and may subscribe by a pattern.
"""

from __future__ import annotations

from typing import Any

from engine.errors import InvalidRequestError, KafkaError
from engine.messages import ConsumerGroupHeartbeatRequest
from engine.types import TopicPartition
from engine.wire.context import Context
from engine.wire.topics import numbers_of

NAME, KEY, VERSIONS = "ConsumerGroupHeartbeat", 68, (0, 1)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The member's epoch, and its assignment where that has changed."""
    if context.version >= 1 and not request.member_id:
        raise InvalidRequestError("From version 1 on a member names itself; its member id must not be empty.")
    topics = request.subscribed_topic_names
    answer = await context.ask(
        ConsumerGroupHeartbeatRequest(
            request.group_id,
            request.member_id,
            request.member_epoch,
            request.instance_id,
            request.rack_id,
            request.rebalance_timeout,
            None if topics is None else tuple(topics),
            getattr(request, "subscribed_topic_regex", None),
            request.server_assignor,
            _owned(request, context),
        )
    )
    given = answer.assignment
    return {
        "member_id": answer.member_id,
        "member_epoch": answer.member_epoch,
        "heartbeat_interval": answer.heartbeat_interval_ms,
        "assignment": None if given is None else {"topic_partitions": _by_id(given, context)},
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Why it was not heard."""
    return {"error_code": error.code, "error_message": str(error), "member_epoch": 0, "heartbeat_interval": 0}


def _owned(request: Any, context: Context) -> tuple[TopicPartition, ...] | None:
    """What the member has; of topics that are gone it has nothing."""
    if request.topic_partitions is None:
        return None
    named = [(context.topic_name(topic.topic_id), topic.partitions) for topic in request.topic_partitions]
    return tuple(TopicPartition(name, number) for name, numbers in named if name is not None for number in numbers)


def _by_id(partitions: tuple[TopicPartition, ...], context: Context) -> list[dict[str, Any]]:
    return [
        {"topic_id": context.topic_id(name), "partitions": numbers} for name, numbers in numbers_of(partitions).items()
    ]
