"""DescribeConfigs 1 to 4: the settings of topics and of the broker that is asked.

Nothing is secret, so no value is withheld; brokers have no loggers, and groups and clients no settings of their own.
"""

from __future__ import annotations

from typing import Any

from engine.errors import KafkaError
from engine.messages import ConfigResource, DescribeConfigsRequest, DescribedConfig, DescribedResource, Outcome
from engine.wire.context import Context

NAME, KEY, VERSIONS = "DescribeConfigs", 32, (1, 4)


async def serve(request: Any, context: Context) -> dict[str, Any]:
    """The settings of each resource."""
    resources = tuple(
        (_resource(each), tuple(each.configuration_keys) if each.configuration_keys else None)
        for each in request.resources
    )
    answer = await context.ask(DescribeConfigsRequest(resources))
    return {"results": [_result(each, request) for each in answer.resources]}


def refused(request: Any, error: KafkaError, context: Context) -> dict[str, Any]:
    """The same error for each resource."""
    failed = (DescribedResource(_resource(each), Outcome.of(error)) for each in request.resources)
    return {"results": [_result(each, request) for each in failed]}


def _resource(asked: Any) -> ConfigResource:
    return ConfigResource(asked.resource_type, asked.resource_name)


def _result(found: DescribedResource, request: Any) -> dict[str, Any]:
    return {
        "error_code": found.outcome.error,
        "error_message": found.outcome.message or None,
        "resource_type": found.resource.type,
        "resource_name": found.resource.name,
        "configs": [_config(config, request) for config in found.configs],
    }


def _config(config: DescribedConfig, request: Any) -> dict[str, Any]:
    synonyms = config.synonyms if request.include_synonyms else ()
    return {
        "name": config.name,
        "value": config.value,
        "read_only": config.read_only,
        "config_source": config.source,
        "is_sensitive": False,
        "synonyms": [{"name": each.name, "value": each.value, "source": each.source} for each in synonyms],
        "config_type": config.type,
        "documentation": config.documentation if request.include_documentation else None,
    }
