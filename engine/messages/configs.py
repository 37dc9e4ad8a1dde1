"""Settings of topics and brokers as administrators see and change them (KIP-133, KIP-226, KIP-339, KIP-569)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

from engine.messages.base import DONE, Outcome, Request


class ResourceType(IntEnum):
    """What settings belong to (`ConfigResource.Type`)."""

    UNKNOWN = 0
    TOPIC = 2
    BROKER = 4
    BROKER_LOGGER = 8
    CLIENT_METRICS = 16
    GROUP = 32


class ConfigSource(IntEnum):
    """Where a value was set (`DescribeConfigsResponse.ConfigSource`)."""

    DYNAMIC_TOPIC_CONFIG = 1
    STATIC_BROKER_CONFIG = 4
    DEFAULT_CONFIG = 5


class ConfigType(IntEnum):
    """What kind of value a setting takes (`DescribeConfigsResponse.ConfigType`)."""

    BOOLEAN = 1
    STRING = 2
    INT = 3
    LONG = 5
    DOUBLE = 6
    LIST = 7


class AlterOperation(IntEnum):
    """What is done to one setting (`AlterConfigOp.OpType`); append and subtract are for lists."""

    SET = 0
    DELETE = 1
    APPEND = 2
    SUBTRACT = 3


@dataclass(frozen=True, slots=True)
class ConfigResource:
    """A topic by its name, a broker by its id in digits; a broker's "" stands for all brokers."""

    type: int
    name: str


@dataclass(frozen=True, slots=True)
class ConfigSynonym:
    """A value that would count if no stronger one were set, and under which name."""

    name: str
    value: str
    source: ConfigSource


@dataclass(frozen=True, slots=True)
class DescribedConfig:
    """One setting as it stands; `synonyms` begin with the value in force."""

    name: str
    value: str
    source: ConfigSource
    type: ConfigType
    documentation: str
    read_only: bool = False
    synonyms: tuple[ConfigSynonym, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribedResource:
    """The settings of one resource, or why they cannot be told."""

    resource: ConfigResource
    outcome: Outcome = DONE
    configs: tuple[DescribedConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class DescribeConfigsResponse:
    """One answer a resource, in the order asked."""

    resources: tuple[DescribedResource, ...]


@dataclass(frozen=True, slots=True)
class DescribeConfigsRequest(Request[DescribeConfigsResponse]):
    """Settings of these resources: those named, or all for None. A broker tells its own alone."""

    resources: tuple[tuple[ConfigResource, tuple[str, ...] | None], ...]


@dataclass(frozen=True, slots=True)
class AlterConfigsResponse:
    """What became of each resource."""

    outcomes: Mapping[ConfigResource, Outcome]


@dataclass(frozen=True, slots=True)
class AlterConfigsRequest(Request[AlterConfigsResponse]):
    """Replace all settings of these resources; what is not named goes back to its default."""

    resources: Mapping[ConfigResource, Mapping[str, str | None]]
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class ConfigAlteration:
    """One step: what is done to which setting."""

    name: str
    operation: int
    value: str | None = None


@dataclass(frozen=True, slots=True)
class IncrementalAlterConfigsRequest(Request[AlterConfigsResponse]):
    """Change some settings of these resources, all of one resource or none."""

    resources: Mapping[ConfigResource, tuple[ConfigAlteration, ...]]
    validate_only: bool = False
