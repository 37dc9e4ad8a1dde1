"""CreatePartitions 0 to 3: more partitions for topics, placed by the controller or by hand (KIP-195)."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import CreatePartitionsRequest, NewPartitions, Outcome
from engine.wire.context import Context

NAME, KEY, VERSIONS = "CreatePartitions", 37, (0, 3)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """What became of each topic."""
    topics = tuple(
        NewPartitions(
            topic.name,
            topic.count,
            None if topic.assignments is None else tuple(tuple(each.broker_ids) for each in topic.assignments),
        )
        for topic in request.topics
    )
    answer = await context.ask(CreatePartitionsRequest(topics, request.timeout, request.validate_only))
    return {"results": [_result(*topic) for topic in answer.topics]}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each topic."""
    return {"results": [_result(topic.name, Outcome.of(error)) for topic in request.topics]}


def _result(name: str, outcome: Outcome) -> dict[str, Any]:
    return {"name": name, "error_code": outcome.error, "error_message": outcome.message or None}
