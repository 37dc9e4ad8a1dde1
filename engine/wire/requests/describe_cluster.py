"""DescribeCluster 0 to 2: the brokers and where they are reached; from version 2 on those that are down too (KIP-1073).

Brokers have no racks. The controller has no port of its own.
"""

from __future__ import annotations

from typing import Any

from engine.errors import ErrorCode, KafkaError, MismatchedEndpointTypeError
from engine.messages import MetadataRequest
from engine.wire.context import Context
from engine.wire.operations import NOT_TOLD, ON_CLUSTER

NAME, KEY, VERSIONS = "DescribeCluster", 60, (0, 2)

_BROKERS = 1


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The cluster, with the addresses where this client reaches it."""
    if request.endpoint_type != _BROKERS:
        raise MismatchedEndpointTypeError
    answer = await context.ask(MetadataRequest(()))
    live = {broker.broker_id for broker in answer.brokers}
    return {
        "error_code": ErrorCode.NONE,
        "endpoint_type": _BROKERS,
        "cluster_authorized_operations": ON_CLUSTER if request.include_cluster_authorized_operations else NOT_TOLD,
        "cluster_id": answer.cluster_id,
        "controller_id": -1 if answer.controller_id is None else answer.controller_id,
        "brokers": [
            {"broker_id": broker_id, "host": host, "port": port, "rack": None, "is_fenced": broker_id not in live}
            for broker_id, (host, port) in context.addresses().items()
            if broker_id in live or request.include_fenced_brokers
        ],
    }


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """Nothing is known."""
    return {"error_code": error.code, "error_message": str(error), "cluster_id": "", "brokers": []}
