"""ElectLeaders 0 to 2: the preferred replica leads again, or where nobody leads any that is alive (KIP-460)."""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, InvalidRequestError, KafkaError
from engine.messages import ElectionType, ElectLeadersRequest, Outcome
from engine.types import TopicPartition
from engine.wire.context import Context
from engine.wire.topics import by_topic

NAME, KEY, VERSIONS = "ElectLeaders", 43, (0, 2)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """What became of each partition."""
    if request.election_type not in tuple(ElectionType):
        raise InvalidRequestError(f"There is no election of type {request.election_type}.")
    kind, partitions = ElectionType(request.election_type), _partitions(request)
    answer = await context.ask(ElectLeadersRequest(kind, partitions, request.timeout))
    return {"error_code": ErrorCode.NONE, "replica_election_results": _results(answer.partitions.items())}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each partition."""
    failed = ((tp, Outcome.of(error)) for tp in _partitions(request) or ())
    return {"error_code": error.code, "replica_election_results": _results(failed)}


def _partitions(request: Any) -> tuple[TopicPartition, ...] | None:
    if request.topic_partitions is None:
        return None
    return tuple(TopicPartition(each.topic, number) for each in request.topic_partitions for number in each.partitions)


def _results(outcomes: Any) -> list[dict[str, Any]]:
    answers = ((tp, {"error_code": each.error, "error_message": each.message or None}) for tp, each in outcomes)
    return by_topic(answers, topic="topic", partitions="partition_result", number="partition_id")
