"""How the workload is kept with the lab: what each producer and consumer was asked to do, and how far it came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from engine.snapshot import ClientState
from engine.workload.consuming import DrivenConsumer
from engine.workload.producing import DrivenProducer

PRODUCER, CONSUMER = "producer", "consumer"


class SpecStore(Protocol):
    """Keeps plain values by kind and name; each is kept for good when the call returns."""

    async def put(self, kind: str, name: str, data: dict[str, Any]) -> None:
        """Keep one, new or changed."""

    async def delete(self, kind: str, name: str) -> None:
        """Forget one."""

    async def all(self, kind: str) -> dict[str, dict[str, Any]]:
        """All of a kind."""


def producer_data(producer: DrivenProducer, order: int, state: ClientState) -> dict[str, Any]:
    """What is kept of a producer. While it runs, `reserved` lies ahead of what it sent."""
    return {
        "order": order,
        "spec": producer.spec.to_json(),
        "state": state.value,
        "reserved": producer.reserved if producer.alive else producer.sequence,
        "sent": producer.sent,
        "acked": producer.acked,
        "failed": producer.failed,
        "last_error": producer.last_error,
    }


def recall_producer(producer: DrivenProducer, data: Mapping[str, Any]) -> None:
    """Bring its counters back."""
    producer.sequence = producer.reserved = data["reserved"]
    producer.sent, producer.acked, producer.failed = data["sent"], data["acked"], data["failed"]
    producer.last_error = data["last_error"]


def consumer_data(
    consumer: DrivenConsumer, order: int, state: ClientState, membership: Mapping[str, Any] | None, heartbeating: bool
) -> dict[str, Any]:
    """What is kept of a consumer, with its membership while it has one."""
    return {
        "order": order,
        "spec": consumer.spec.to_json(),
        "state": state.value,
        "membership": membership,
        "heartbeating": heartbeating,
        "processed": consumer.processed,
        "last_error": consumer.last_error,
    }


def recall_consumer(consumer: DrivenConsumer, data: Mapping[str, Any]) -> None:
    """Bring its counters back."""
    consumer.processed = data["processed"]
    consumer.last_error = data["last_error"]
