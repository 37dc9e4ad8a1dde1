"""What Kafka's own topics hold, in words."""

from __future__ import annotations

from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC

_HOLDS = {
    INTERNAL_TOPIC: "which offsets groups have committed",
    TRANSACTION_TOPIC: "how far every transaction has come",
}


def holds(topic: str) -> str:
    """What the records of an internal topic are about."""
    return _HOLDS.get(topic, "what Kafka keeps for itself")
