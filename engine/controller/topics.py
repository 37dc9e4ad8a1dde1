"""What a topic is made of, grown to or set to: decided from what there is, done by the controller.

Rules from `ReplicationControlManager` and `StripedReplicaPlacer`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from engine.config import INTERNAL_TOPIC, TRANSACTION_TOPIC, TopicConfig
from engine.controller.image import Topic, check_name
from engine.errors import (
    InvalidConfigError,
    InvalidPartitionsError,
    InvalidReplicaAssignmentError,
    InvalidReplicationFactorError,
    InvalidTopicError,
    TopicAlreadyExistsError,
)
from engine.messages import PartitionMetadata
from engine.wording import plural

MOST_PARTITIONS = 10_000

ByHand = Sequence[tuple[int, tuple[int, ...]]]
"""Partitions and the brokers chosen for each, the preferred leader first."""


def new_topic(
    name: str,
    partitions: int,
    replication_factor: int,
    overrides: Mapping[str, str],
    *,
    internal: bool,
    others: Collection[str],
    brokers: Collection[int],
    alive: Collection[int],
    by_hand: ByHand = (),
) -> Topic:
    """A topic beside `others`, its replicas spread over the brokers alive, or chosen by hand; raises KafkaError."""
    check_name(name)
    if name in others:
        raise TopicAlreadyExistsError(f"Topic {name} exists already; choose another name.")
    if name in (INTERNAL_TOPIC, TRANSACTION_TOPIC) and not internal:
        first = "consumer group" if name == INTERNAL_TOPIC else "transactional producer"
        raise InvalidTopicError(f"{name} is internal: the first {first} makes it.")
    twin = next((other for other in others if other.replace(".", "_") == name.replace(".", "_")), None)
    if twin is not None:
        raise InvalidTopicError(f"{name} collides with {twin}: '.' and '_' are the same in metric names.")
    if not isinstance(partitions, int) or not 1 <= partitions <= MOST_PARTITIONS:
        raise InvalidPartitionsError(f"A topic has 1 to {MOST_PARTITIONS:,} partitions, not {partitions}.")
    if not isinstance(replication_factor, int) or replication_factor < 1:
        raise InvalidReplicationFactorError(
            f"The replication factor is a whole number from 1 on, not {replication_factor}."
        )
    config = TopicConfig.of(overrides)
    if by_hand:
        placed = _placed(by_hand, 0, len(by_hand[0][1]), brokers, alive)
    elif replication_factor > len(alive):
        raise InvalidReplicationFactorError(
            f"The replication factor cannot be {replication_factor}: {plural(len(alive), 'broker')} alive."
        )
    else:
        placed = _place(range(partitions), len(others), replication_factor, alive)
    given = {key: str(value) for key, value in overrides.items()}
    return Topic(name, uuid.uuid4().bytes, internal, given, config, placed)


def grown(
    topic: Topic,
    total: int,
    *,
    brokers: tuple[int, ...],
    alive: Collection[int],
    by_hand: Sequence[tuple[int, ...]] | None = None,
) -> Topic:
    """The topic with `total` partitions, the present ones where they are; raises KafkaError.

    `by_hand` says which brokers hold each of the new ones.
    """
    have = len(topic.partitions)
    if topic.internal:
        raise InvalidPartitionsError(
            f"{topic.name} is internal: growing it would lose groups or transactions their coordinator."
        )
    if not isinstance(total, int) or total <= have:
        raise InvalidPartitionsError(
            f"{topic.name} has {have} partitions; it can grow to {have + 1} or more, not {total}."
        )
    if total > MOST_PARTITIONS:
        raise InvalidPartitionsError(f"A topic has at most {MOST_PARTITIONS:,} partitions, not {total}.")
    if by_hand is not None:
        if len(by_hand) != total - have:
            raise InvalidReplicaAssignmentError(
                f"{topic.name} is to get {total - have} more partitions, but {len(by_hand)} assignments were given."
            )
        rows = tuple(enumerate(by_hand, have))
        return replace(
            topic, partitions=topic.partitions + _placed(rows, have, topic.replication_factor, brokers, alive)
        )
    copies = min(topic.replication_factor, len(alive))
    shift = brokers.index(topic.partitions[0].replicas[0])
    return replace(topic, partitions=topic.partitions + _place(range(have, total), shift, copies, alive))


def altered(topic: Topic, changes: Mapping[str, str | None]) -> Topic:
    """The topic with settings set, or with None put back to the default; InvalidConfigError."""
    unknown = [key for key in changes if key not in TopicConfig.settings()]
    if unknown:
        raise InvalidConfigError(f"{unknown[0]!r} is no setting of a topic.")
    kept = {key: str(value) for key, value in {**topic.overrides, **changes}.items() if value is not None}
    return replace(topic, overrides=kept, config=TopicConfig.of(kept))


def _place(numbers: Iterable[int], shift: int, copies: int, alive: Collection[int]) -> tuple[PartitionMetadata, ...]:
    """Leaders go round the live brokers, followers come next to them (`StripedReplicaPlacer`, less its chance)."""
    ids = sorted(alive)
    rows = (tuple(ids[(number + shift + copy) % len(ids)] for copy in range(copies)) for number in numbers)
    return tuple(PartitionMetadata(number, row[0], 0, row, row) for number, row in zip(numbers, rows, strict=True))


def _placed(
    by_hand: ByHand, first: int, copies: int, brokers: Collection[int], alive: Collection[int]
) -> tuple[PartitionMetadata, ...]:
    """As somebody chose, from partition `first` on, each with so many copies; InvalidReplicaAssignmentError."""
    rows = dict(by_hand)
    if len(rows) != len(by_hand):
        raise InvalidReplicaAssignmentError("A partition has more than one assignment.")
    if sorted(rows) != list(range(first, first + len(rows))):
        raise InvalidReplicaAssignmentError(f"Partitions are numbered from {first} on, without a gap.")
    placed = []
    for number, row in sorted(rows.items()):
        check_replicas(row, brokers)
        if len(row) != copies:
            raise InvalidReplicaAssignmentError(
                f"Partition {number} has {len(row)} replicas, where the others have {copies}."
            )
        isr = tuple(broker_id for broker_id in row if broker_id in alive)
        if not isr:
            raise InvalidReplicaAssignmentError(f"None of the brokers {_list(row)} for partition {number} is alive.")
        placed.append(PartitionMetadata(number, isr[0], 0, row, isr))
    return tuple(placed)


def check_replicas(replicas: Sequence[int], brokers: Collection[int]) -> None:
    """Refuse what cannot hold a partition; InvalidReplicaAssignmentError."""
    unknown = [broker_id for broker_id in replicas if broker_id not in brokers]
    if not replicas or unknown or len(set(replicas)) != len(replicas):
        raise InvalidReplicaAssignmentError(
            f"[{_list(replicas)}] cannot hold a partition: name one or more of {_list(sorted(brokers))}, each once."
        )


def _list(brokers: Iterable[int]) -> str:
    return ", ".join(map(str, brokers))
