"""DeleteTopics 1 to 6: topics with their records; by name, or from version 6 on by id (KIP-516)."""

from __future__ import annotations

from typing import Any

from engine.errors import InvalidRequestError, KafkaError
from engine.messages import DeletedTopic, DeleteTopicsRequest, Outcome
from engine.wire.context import Context
from engine.wire.primitives import ZERO_UUID

NAME, KEY, VERSIONS = "DeleteTopics", 20, (1, 6)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """What became of each topic."""
    names, topic_ids = _asked(request, context)
    answer = await context.ask(DeleteTopicsRequest(names, topic_ids, request.timeout))
    return {"responses": [_topic(topic) for topic in answer.topics]}


def _asked(request: Any, context: Context) -> tuple[tuple[str, ...], tuple[bytes, ...]]:
    if context.version < 6:
        return tuple(request.topic_names), ()
    if any(topic.name is not None and topic.topic_id != ZERO_UUID for topic in request.topics):
        raise InvalidRequestError("A topic is given by its name or by its id, not by both.")
    names = tuple(topic.name for topic in request.topics if topic.name is not None)
    return names, tuple(topic.topic_id for topic in request.topics if topic.name is None)


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each topic."""
    if context.version < 6:
        named = [(name, ZERO_UUID) for name in request.topic_names]
    else:
        named = [(topic.name, topic.topic_id) for topic in request.topics]
    return {"responses": [_topic(DeletedTopic(*each, Outcome.of(error))) for each in named]}


def _topic(topic: DeletedTopic) -> dict[str, Any]:
    return {
        "name": topic.name,
        "topic_id": topic.topic_id,
        "error_code": topic.outcome.error,
        "error_message": topic.outcome.message or None,
    }
