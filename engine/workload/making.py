"""Turns what a producer or consumer was asked to do into a client with those settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Any

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.clock import Clock
from engine.network import Network
from engine.types import TopicPartition
from engine.workload.consuming import DrivenConsumer
from engine.workload.member import DrivenMember
from engine.workload.producing import DrivenProducer
from engine.workload.spec import ConsumerSpec

METADATA_MAX_AGE_MS = 10_000
"""Kafka's default is 5 min; in the lab one can watch a topic's new partitions being found."""


class Making:
    """Makes clients on one network and clock; their client id is the name of who drives them.

    `truncated(name, tp, before, after)` is told of a consumer that found a log cut back.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        producer: Callable[..., Producer],
        consumer: Callable[..., Consumer],
        truncated: Callable[[str, TopicPartition, int, int | None], None],
    ) -> None:
        self._truncated = truncated
        self._network = network
        self._clock = clock
        self._producer = producer
        self._consumer = consumer

    def producer(self, driven: DrivenProducer) -> Producer:
        """A client as its spec says, not started yet."""
        spec = driven.spec
        return self._producer(
            self._network,
            self._clock,
            client_id=driven.name,
            acks=spec.acks if spec.acks == "all" else int(spec.acks),
            enable_idempotence=spec.idempotence and spec.acks == "all",
            linger_ms=spec.linger_ms,
            compression_type=None if spec.compression == "none" else spec.compression,
            partitioner=spec.partitioner,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            rng=Random(f"partitioner:{spec.seed}:{driven.sequence}"),
            on_batch=driven.told,
            transactional_id=spec.transactional_id or None,
            transaction_timeout_ms=spec.transaction_timeout_ms,
        )

    def consumer(self, driven: DrivenMember, membership: Mapping[str, Any] | None) -> Consumer:
        """A client as its spec says, not started yet; the member it was, if `membership` tells of one."""
        spec = driven.spec
        return self._consumer(
            self._network,
            self._clock,
            group_id=spec.group_id,
            client_id=driven.name,
            auto_offset_reset=spec.auto_offset_reset,
            enable_auto_commit=False,  # the driver commits by its rule, to the record; see consuming.py
            **_membership_options(spec),
            max_poll_records=spec.max_poll_records,
            max_poll_interval_ms=spec.max_poll_interval_ms,
            group_instance_id=spec.group_instance_id,
            isolation_level=spec.isolation_level,
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            resume=membership,
            on_truncation=partial(self._truncated, driven.name),
        )

    def output(self, driven: DrivenConsumer) -> Producer:
        """What a processor writes with, not started yet; its transactional id is its name."""
        spec = driven.spec
        transactional = {
            "transactional_id": driven.name,
            "transaction_timeout_ms": spec.transaction_timeout_ms,
        }
        return self._producer(
            self._network,
            self._clock,
            client_id=f"{driven.name}-output",
            metadata_max_age_ms=METADATA_MAX_AGE_MS,
            rng=Random(f"output:{spec.seed}"),
            **(transactional if spec.transactional else {}),
        )


def _membership_options(spec: ConsumerSpec) -> dict[str, Any]:
    """How it is a member: what the consumer protocol leaves to the coordinator is no setting of its own."""
    if spec.protocol == "consumer":
        return {"group_protocol": "consumer", "group_remote_assignor": spec.assignor}
    return {
        "partition_assignment_strategy": [spec.assignor],
        "session_timeout_ms": spec.session_timeout_ms,
        "heartbeat_interval_ms": spec.heartbeat_interval_ms,
    }
