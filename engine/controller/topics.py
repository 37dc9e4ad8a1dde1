"""What a topic is made of, grown to or set to: decided from what there is, done by the controller.

Rules from `ReplicationControlManager` and `StripedReplicaPlacer`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from engine.config import INTERNAL_TOPIC, TopicConfig
from engine.controller.image import Topic, check_name
from engine.errors import (
    InvalidConfigError,
    InvalidPartitionsError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    TopicAlreadyExistsError,
)
from engine.messages import PartitionMetadata

MOST_PARTITIONS = 10_000


def new_topic(
    name: str,
    partitions: int,
    replication_factor: int,
    overrides: Mapping[str, str],
    *,
    internal: bool,
    others: Collection[str],
    alive: Collection[int],
) -> Topic:
    """A topic beside `others`, its replicas spread over the brokers alive; raises KafkaError."""
    check_name(name)
    if name in others:
        raise TopicAlreadyExistsError(f"Topic {name} exists already; choose another name.")
    if name == INTERNAL_TOPIC and not internal:
        raise InvalidTopicError(f"{name} is internal: the first consumer group makes it.")
    twin = next((other for other in others if other.replace(".", "_") == name.replace(".", "_")), None)
    if twin is not None:
        raise InvalidTopicError(f"{name} collides with {twin}: '.' and '_' are the same in metric names.")
    if not 1 <= partitions <= MOST_PARTITIONS:
        raise InvalidPartitionsError(f"A topic has 1 to {MOST_PARTITIONS:,} partitions, not {partitions}.")
    if replication_factor < 1:
        raise InvalidReplicationFactorError(f"The replication factor is 1 or more, not {replication_factor}.")
    if replication_factor > len(alive):
        raise InvalidReplicationFactorError(
            f"The replication factor cannot be {replication_factor}: {len(alive)} brokers are alive."
        )
    config = TopicConfig.of(overrides)
    if config.min_insync_replicas > replication_factor:
        raise InvalidConfigError(
            f"min.insync.replicas {config.min_insync_replicas} is above the replication factor "
            f"{replication_factor}: no record could be acknowledged."
        )
    placed = _place(range(partitions), len(others), replication_factor, alive)
    return Topic(name, uuid.uuid4().bytes, internal, dict(overrides), config, placed)


def grown(topic: Topic, total: int, *, brokers: tuple[int, ...], alive: Collection[int]) -> Topic:
    """The topic with `total` partitions, the present ones where they are; InvalidPartitionsError."""
    have = len(topic.partitions)
    if topic.internal:
        raise InvalidPartitionsError(f"{topic.name} is internal: growing it would lose every group its coordinator.")
    if total <= have:
        raise InvalidPartitionsError(
            f"{topic.name} has {have} partitions; it can grow to {have + 1} or more, not {total}."
        )
    if total > MOST_PARTITIONS:
        raise InvalidPartitionsError(f"A topic has at most {MOST_PARTITIONS:,} partitions, not {total}.")
    copies = min(topic.replication_factor, len(alive))
    shift = brokers.index(topic.partitions[0].replicas[0])
    return replace(topic, partitions=topic.partitions + _place(range(have, total), shift, copies, alive))


def altered(topic: Topic, changes: Mapping[str, str | None]) -> Topic:
    """The topic with settings set, or with None put back to the default; InvalidConfigError."""
    unknown = [key for key in changes if key not in TopicConfig.settings()]
    if unknown:
        raise InvalidConfigError(f"{unknown[0]!r} is no setting of a topic.")
    kept = {key: value for key, value in {**topic.overrides, **changes}.items() if value is not None}
    return replace(topic, overrides=kept, config=TopicConfig.of(kept))


def _place(numbers: Iterable[int], shift: int, copies: int, alive: Collection[int]) -> tuple[PartitionMetadata, ...]:
    """Leaders go round the live brokers, followers come next to them (`StripedReplicaPlacer`, less its chance)."""
    ids = sorted(alive)
    rows = (tuple(ids[(number + shift + copy) % len(ids)] for copy in range(copies)) for number in numbers)
    return tuple(PartitionMetadata(number, row[0], 0, row, row) for number, row in zip(numbers, rows, strict=True))
