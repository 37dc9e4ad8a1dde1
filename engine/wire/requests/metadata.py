"""Metadata 0 to 13: brokers, topics, and who leads and copies each partition.

Topics asked for by name are made if they are not there (`auto.create.topics.enable`, `num.partitions`) unless the
client says otherwise (v4); by id (v12) they are not. Version 0 leaves out replicas that are down, and says so. Brokers
have no racks.
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, InvalidRequestError, KafkaError
from engine.messages import MetadataRequest, PartitionMetadata, TopicMetadata
from engine.wire.context import Context
from engine.wire.operations import NOT_TOLD, ON_CLUSTER, ON_TOPIC
from engine.wire.primitives import ZERO_UUID

NAME, KEY, VERSIONS = "Metadata", 3, (0, 13)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The cluster, with the addresses where this client reaches it."""
    asked = request.topics
    if asked == [] and context.version == 0:
        asked = None
    if context.version < 12 and any(topic.name is None or topic.topic_id != ZERO_UUID for topic in asked or ()):
        raise InvalidRequestError("Before version 12 topics are asked for by name.")
    unknown: list[bytes] = []
    names: tuple[str, ...] | None = None
    if asked is not None:
        known = context.image.names
        found = dict.fromkeys(topic.name or known.get(topic.topic_id) for topic in asked)
        names = tuple(name for name in found if name is not None)
        unknown = [topic.topic_id for topic in asked if topic.name is None and topic.topic_id not in known]
    answer = await context.ask(MetadataRequest(names, request.allow_auto_topic_creation))
    addresses = context.addresses()
    brokers = [
        {"node_id": broker.broker_id, "host": addresses[broker.broker_id][0], "port": addresses[broker.broker_id][1],
         "rack": None}
        for broker in answer.brokers
    ]  # fmt: skip
    live = {broker.broker_id for broker in answer.brokers}
    about_cluster = getattr(request, "include_cluster_authorized_operations", False)  # in versions 8 to 10
    operations = ON_TOPIC if request.include_topic_authorized_operations else NOT_TOLD
    return {
        "cluster_authorized_operations": ON_CLUSTER if about_cluster else NOT_TOLD,
        "brokers": brokers,
        "cluster_id": answer.cluster_id,
        "controller_id": -1 if answer.controller_id is None else answer.controller_id,
        "topics": [
            *({**_topic(topic, live, context), "topic_authorized_operations": operations} for topic in answer.topics),
            *(_unknown(topic_id) for topic_id in unknown),
        ],
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Nothing is known."""
    topics: list[dict[str, Any]] = [
        {"error_code": error.code, "name": topic.name or "", "topic_id": topic.topic_id,
         "is_internal": False, "partitions": []}
        for topic in request.topics or ()
    ]  # fmt: skip
    return {"brokers": [], "cluster_id": None, "controller_id": -1, "topics": topics, "error_code": error.code}


def _topic(topic: TopicMetadata, live: set[int], context: Context) -> dict[str, Any]:
    partitions = [described(partition, live) for partition in topic.partitions]
    return {
        "error_code": topic.error,
        "name": topic.name,
        "topic_id": topic.topic_id,
        "is_internal": topic.internal,
        "partitions": partitions if context.version else [_without_dead(each, live) for each in partitions],
    }


def _unknown(topic_id: bytes) -> dict[str, Any]:
    return {
        "error_code": ErrorCode.UNKNOWN_TOPIC_ID,
        "name": None,
        "topic_id": topic_id,
        "is_internal": False,
        "partitions": [],
    }


def _without_dead(partition: dict[str, Any], live: set[int]) -> dict[str, Any]:
    """A partition as version 0 has it, which cannot tell the replicas that are down from the others."""
    kept = {each: [broker_id for broker_id in partition[each] if broker_id in live]
            for each in ("replica_nodes", "isr_nodes")}  # fmt: skip
    missing = any(len(kept[each]) < len(partition[each]) for each in kept)
    error = partition["error_code"] or (ErrorCode.REPLICA_NOT_AVAILABLE if missing else ErrorCode.NONE)
    return {**partition, **kept, "error_code": error}


def described(partition: PartitionMetadata, live: set[int]) -> dict[str, Any]:
    """A partition, and which of its replicas are down (KIP-112)."""
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
