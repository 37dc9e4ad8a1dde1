"""OffsetFetch 1 to 10: what groups have committed; several groups from version 8 on, topics by id in version 10.

What a group has not committed, or a group that is not there, is answered -1 without an error. With `require_stable`
(KIP-447) offsets over which a transaction is open are answered UNSTABLE_OFFSET_COMMIT.
"""

from __future__ import annotations

import asyncio
from typing import Any

from engine.errors import ErrorCode, KafkaError, NetworkError
from engine.messages import OffsetFetchRequest, OffsetFetchResponse
from engine.types import OffsetAndMetadata, TopicPartition
from engine.wire.context import Context

NAME, KEY, VERSIONS = "OffsetFetch", 9, (1, 10)

_NOTHING = OffsetAndMetadata(-1)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The offsets of each group."""
    if context.version < 8:
        return await _one(request, request.group_id, request.require_stable, context)
    stable = request.require_stable
    groups = await asyncio.gather(*(_group(group, stable, context) for group in request.groups))
    return {"groups": groups}


async def _group(group: Any, require_stable: bool, context: Context) -> dict[str, Any]:
    try:
        found = await _one(group, group.group_id, require_stable, context)
    except NetworkError:
        raise
    except KafkaError as error:
        found = _refused(group, error, context)
    return {"group_id": group.group_id, **found}


async def _one(asked: Any, group_id: str, require_stable: bool, context: Context) -> dict[str, Any]:
    partitions = None
    if asked.topics is not None:
        named = [(_name(topic, context), topic) for topic in asked.topics]
        partitions = tuple(TopicPartition(name, number) for name, topic in named if name is not None
                           for number in topic.partition_indexes)  # fmt: skip
    member = (getattr(asked, "member_id", None), getattr(asked, "member_epoch", -1))  # from version 9 on
    answer = await context.ask(OffsetFetchRequest(group_id, partitions, require_stable, *member))
    if asked.topics is None:
        return {"topics": _all(answer, context)}
    return {
        "topics": [
            _topic(topic, [_found(TopicPartition(name, number), answer) for number in topic.partition_indexes])
            if name is not None
            else _topic(topic, [_failed(number, ErrorCode.UNKNOWN_TOPIC_ID) for number in topic.partition_indexes])
            for name, topic in named
        ]
    }  # fmt: skip


def _name(topic: Any, context: Context) -> str | None:
    return context.image.names.get(topic.topic_id) if context.version >= 10 else topic.name


def _topic(topic: Any, partitions: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": getattr(topic, "name", ""),
        "topic_id": getattr(topic, "topic_id", None),
        "partitions": partitions,
    }


def _all(answer: OffsetFetchResponse, context: Context) -> list[dict[str, Any]]:
    """Everything a group has committed."""
    topics: dict[str, list[dict[str, Any]]] = {}
    for tp in (*answer.offsets, *sorted(answer.unstable)):
        topics.setdefault(tp.topic, []).append(_found(tp, answer))
    return [
        {"name": name, "topic_id": context.topic_id(name), "partitions": partitions}
        for name, partitions in topics.items()
    ]


def _found(tp: TopicPartition, answer: OffsetFetchResponse) -> dict[str, Any]:
    if tp in answer.unstable:
        return _failed(tp.partition, ErrorCode.UNSTABLE_OFFSET_COMMIT)
    return _partition(tp.partition, answer.offsets.get(tp, _NOTHING))


def _partition(number: int, committed: OffsetAndMetadata) -> dict[str, Any]:
    return {
        "partition_index": number,
        "committed_offset": committed.offset,
        "committed_leader_epoch": committed.leader_epoch,
        "metadata": committed.metadata,
        "error_code": ErrorCode.NONE,
    }


def _failed(number: int, error: ErrorCode) -> dict[str, Any]:
    return {**_partition(number, _NOTHING), "error_code": error}


def _refused(asked: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    topics = [] if context.version >= 2 else asked.topics
    return {
        "error_code": error.code,
        "topics": [
            _topic(topic, [_failed(number, error.code) for number in topic.partition_indexes]) for topic in topics
        ],
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each group, or in version 1 for each partition."""
    if context.version < 8:
        return _refused(request, error, context)
    return {"groups": [{"group_id": group.group_id, **_refused(group, error, context)} for group in request.groups]}
