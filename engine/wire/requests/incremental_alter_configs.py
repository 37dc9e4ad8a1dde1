"""IncrementalAlterConfigs 0 and 1: some settings of a topic are set, put back, appended to or taken from (KIP-339).

The settings of brokers are fixed while the lab is open.
"""

from __future__ import annotations

from typing import Any

from engine.messages import ConfigAlteration, IncrementalAlterConfigsRequest
from engine.wire.context import Context
from engine.wire.requests.alter_configs import altered, refused, resource_of

__all__ = ["KEY", "NAME", "VERSIONS", "refused", "serve"]

NAME, KEY, VERSIONS = "IncrementalAlterConfigs", 44, (0, 1)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """What became of each resource."""
    resources = {
        resource_of(each): tuple(
            ConfigAlteration(config.name, config.config_operation, config.value) for config in each.configs
        )
        for each in request.resources
    }
    answer = await context.ask(IncrementalAlterConfigsRequest(resources, request.validate_only))
    return {"responses": [altered(*each) for each in answer.outcomes.items()]}
