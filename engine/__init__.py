"""Kafkarium's cluster as a library: brokers, groups and clients that keep Apache Kafka's rules, stored in SQLite."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from engine.cluster import Cluster
    from engine.types import TopicPartition

__all__ = ["Cluster", "TopicPartition"]


def __getattr__(name: str) -> Any:
    """Import on first use, so that a program that needs one module does not load the whole cluster."""
    if name == "Cluster":
        from engine.cluster import Cluster

        return Cluster
    if name == "TopicPartition":
        from engine.types import TopicPartition

        return TopicPartition
    raise AttributeError(f"module 'engine' has no attribute {name!r}")
