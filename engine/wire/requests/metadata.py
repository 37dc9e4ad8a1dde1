"""Metadata 0 to 13: brokers, topics, and who leads and copies each partition.

Topics asked for by name are made if they are not there (`auto.create.topics.enable`, `num.partitions`) unless the
client says otherwise (v4); by id (v10) they are not. Brokers have no racks and nothing is authorized, so operations
are not told.
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError
from engine.messages import MetadataRequest, PartitionMetadata, TopicMetadata
from engine.wire.context import Context
from engine.wire.primitives import ZERO_UUID

NAME, KEY, VERSIONS = "Metadata", 3, (0, 13)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The cluster, with the addresses where this client reaches it."""
    asked = request.topics
    if asked == [] and context.version == 0:
        asked = None
    unknown: list[bytes] = []
    names: tuple[str, ...] | None = None
    if asked is not None:
        found = {topic.name or context.image.names.get(_id_of(topic)): topic for topic in asked}
        names = tuple(name for name in found if name is not None)
        unknown = [_id_of(topic) for topic in asked if topic.name is None
                   and _id_of(topic) not in context.image.names]  # fmt: skip
    may_create = bool(getattr(request, "allow_auto_topic_creation", True))
    answer = await context.ask(MetadataRequest(names, may_create))
    addresses = context.addresses()
    brokers = [
        {"node_id": broker.broker_id, "host": addresses[broker.broker_id][0], "port": addresses[broker.broker_id][1],
         "rack": None}
        for broker in answer.brokers
    ]  # fmt: skip
    live = {broker.broker_id for broker in answer.brokers}
    return {
        "brokers": brokers,
        "cluster_id": answer.cluster_id,
        "controller_id": -1 if answer.controller_id is None else answer.controller_id,
        "topics": [_topic(topic, live) for topic in answer.topics] + [_unknown(topic_id) for topic_id in unknown],
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Nothing is known."""
    topics: list[dict[str, Any]] = [
        {"error_code": error.code, "name": topic.name or "", "topic_id": _id_of(topic),
         "is_internal": False, "partitions": []}
        for topic in request.topics or ()
    ]  # fmt: skip
    return {"brokers": [], "cluster_id": None, "controller_id": -1, "topics": topics, "error_code": error.code}


def _id_of(topic: Any) -> bytes:
    """What a client named a topic by, besides its name; versions below 10 have no ids."""
    return getattr(topic, "topic_id", ZERO_UUID)


def _topic(topic: TopicMetadata, live: set[int]) -> dict[str, Any]:
    return {
        "error_code": topic.error,
        "name": topic.name,
        "topic_id": topic.topic_id,
        "is_internal": topic.internal,
        "partitions": [described(partition, live) for partition in topic.partitions],
    }


def _unknown(topic_id: bytes) -> dict[str, Any]:
    return {
        "error_code": ErrorCode.UNKNOWN_TOPIC_ID,
        "name": None,
        "topic_id": topic_id,
        "is_internal": False,
        "partitions": [],
    }


def described(partition: PartitionMetadata, live: set[int]) -> dict[str, Any]:
    """Old versions leave out replicas that are down and say so; new ones tell them apart (KIP-112)."""
    leads = partition.leader is not None and partition.leader in live
    return {
        "error_code": ErrorCode.NONE if leads else ErrorCode.LEADER_NOT_AVAILABLE,
        "partition_index": partition.partition,
        "leader_id": partition.leader if leads else -1,
        "leader_epoch": partition.leader_epoch,
        "replica_nodes": list(partition.replicas),
        "isr_nodes": list(partition.isr),
        "offline_replicas": [replica for replica in partition.replicas if replica not in live],
    }
