"""DescribeProducers 0: what leaders know of the producers that write to a partition (KIP-664)."""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import DescribeProducersRequest, PartitionProducers
from engine.types import TopicPartition
from engine.wire.context import Context
from engine.wire.topics import by_topic

NAME, KEY, VERSIONS = "DescribeProducers", 61, (0, 0)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The producers of each partition."""
    answer = await context.ask(DescribeProducersRequest(_partitions(request)))
    return {"topics": by_topic((tp, _producers(found)) for tp, found in answer.partitions.items())}


def _partitions(request: Any) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(topic.name, number) for topic in request.topics for number in topic.partition_indexes)


def _producers(found: PartitionProducers) -> dict[str, Any]:
    return {
        "error_code": found.error,
        "active_producers": [
            {
                "producer_id": producer.producer_id,
                "producer_epoch": producer.producer_epoch,
                "last_sequence": producer.last_sequence,
                "last_timestamp": producer.last_timestamp,
                "coordinator_epoch": producer.coordinator_epoch,
                "current_txn_start_offset": producer.current_txn_start_offset,
            }
            for producer in found.producers
        ],
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each partition."""
    failed = _producers(PartitionProducers(error.code))
    return {"topics": by_topic((tp, failed) for tp in _partitions(request))}
