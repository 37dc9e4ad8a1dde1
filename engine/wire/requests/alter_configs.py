"""AlterConfigs 0 to 2: all settings of a topic at once; what is not named goes back to its default.

The settings of brokers are fixed while the lab is open.
"""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import AlterConfigsRequest, ConfigResource, Outcome
from engine.wire.context import Context

NAME, KEY, VERSIONS = "AlterConfigs", 33, (0, 2)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """What became of each resource."""
    resources = {resource_of(each): {config.name: config.value for config in each.configs}
                 for each in request.resources}  # fmt: skip
    answer = await context.ask(AlterConfigsRequest(resources, request.validate_only))
    return {"responses": [altered(*each) for each in answer.outcomes.items()]}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each resource."""
    return {"responses": [altered(resource_of(each), Outcome.of(error)) for each in request.resources]}


def resource_of(asked: Any) -> ConfigResource:
    """What is to be changed."""
    return ConfigResource(asked.resource_type, asked.resource_name)


def altered(resource: ConfigResource, outcome: Outcome) -> dict[str, Any]:
    """What became of it."""
    return {
        "error_code": outcome.error,
        "error_message": outcome.message or None,
        "resource_type": resource.type,
        "resource_name": resource.name,
    }
