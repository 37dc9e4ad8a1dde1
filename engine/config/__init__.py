"""Every setting of topics, brokers and groups, with Kafka's name and default, checked where it is set.

A setting is a dataclass field whose metadata is its `Setting`. Where the lab's default differs from Kafka's, the
setting says so and why; the README lists those under Fidelity.
"""

from engine.config.brokers import BrokerConfig
from engine.config.setting import MAX_INT, Setting
from engine.config.topics import (
    INTERNAL_TOPIC,
    INTERNAL_TOPIC_CONFIG,
    TRANSACTION_TOPIC,
    TRANSACTION_TOPIC_CONFIG,
    TopicConfig,
)

__all__ = [
    "INTERNAL_TOPIC",
    "INTERNAL_TOPIC_CONFIG",
    "MAX_INT",
    "TRANSACTION_TOPIC",
    "TRANSACTION_TOPIC_CONFIG",
    "BrokerConfig",
    "Setting",
    "TopicConfig",
]
