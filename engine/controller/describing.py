"""The settings of topics and brokers as administrators are told them: value, source, type, and what stands behind it.

Rules from `kafka.server.ConfigHelper`; what brokers call a topic's defaults is from `ServerTopicConfigSynonyms`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.config import MAX_INT, BrokerConfig, Setting, TopicConfig
from engine.messages import ConfigSource, ConfigSynonym, ConfigType, DescribedConfig

_NAMES_AT_BROKERS = {
    "cleanup.policy": "log.cleanup.policy",
    "delete.retention.ms": "log.cleaner.delete.retention.ms",
    "file.delete.delay.ms": "log.segment.delete.delay.ms",
    "flush.messages": "log.flush.interval.messages",
    "flush.ms": "log.flush.interval.ms",
    "index.interval.bytes": "log.index.interval.bytes",
    "max.compaction.lag.ms": "log.cleaner.max.compaction.lag.ms",
    "max.message.bytes": "message.max.bytes",
    "message.timestamp.type": "log.message.timestamp.type",
    "min.cleanable.dirty.ratio": "log.cleaner.min.cleanable.ratio",
    "min.compaction.lag.ms": "log.cleaner.min.compaction.lag.ms",
    "preallocate": "log.preallocate",
    "retention.bytes": "log.retention.bytes",
    "retention.ms": "log.retention.ms",
    "segment.bytes": "log.segment.bytes",
    "segment.index.bytes": "log.index.size.max.bytes",
    "segment.jitter.ms": "log.roll.jitter.ms",
    "segment.ms": "log.roll.ms",
}


def topic_configs(overrides: Mapping[str, str], config: TopicConfig) -> tuple[DescribedConfig, ...]:
    """Every setting of a topic; the brokers' defaults cannot be changed, so Kafka's stand behind what was set."""
    found = []
    for setting, value in config.items():
        at_brokers = _NAMES_AT_BROKERS.get(setting.name, setting.name)
        stack = [(at_brokers, setting.default, ConfigSource.DEFAULT_CONFIG)]
        if setting.name in overrides:
            stack.insert(0, (setting.name, value, ConfigSource.DYNAMIC_TOPIC_CONFIG))
        found.append(_described(setting, stack))
    return tuple(found)


def broker_configs(config: BrokerConfig) -> tuple[DescribedConfig, ...]:
    """Every setting of a broker, fixed while the lab is open; what is not Kafka's default was set for the lab."""
    found = []
    for setting, value in config.items():
        stack = [(setting.name, setting.kafka_default, ConfigSource.DEFAULT_CONFIG)]
        if value != setting.kafka_default:
            stack.insert(0, (setting.name, value, ConfigSource.STATIC_BROKER_CONFIG))
        found.append(_described(setting, stack, read_only=True))
    return tuple(found)


def _described(
    setting: Setting, stack: list[tuple[str, Any, ConfigSource]], *, read_only: bool = False
) -> DescribedConfig:
    synonyms = tuple(ConfigSynonym(name, setting.text(value), source) for name, value, source in stack)
    return DescribedConfig(
        setting.name, synonyms[0].value, synonyms[0].source, _type(setting), setting.doc, read_only, synonyms
    )


def _type(setting: Setting) -> ConfigType:
    match setting.default:
        case bool():
            return ConfigType.BOOLEAN
        case int():
            return ConfigType.LONG if (setting.maximum or 0) > MAX_INT else ConfigType.INT
        case float():
            return ConfigType.DOUBLE
        case tuple():
            return ConfigType.LIST
        case _:
            return ConfigType.STRING
