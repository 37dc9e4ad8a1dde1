"""Topics as administrators make, grow and delete them, and where their partitions lie and are led."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from engine.messages.base import DONE, Outcome, Request
from engine.messages.configs import DescribedConfig
from engine.types import TopicPartition

Assignment = tuple[int, ...]
"""The brokers that hold a partition, the preferred leader first."""


@dataclass(frozen=True, slots=True)
class CreatableTopic:
    """A topic to be made; -1 takes `num.partitions` and `default.replication.factor`.

    `assignments` are (partition, brokers) chosen by hand; then both numbers are -1.
    """

    name: str
    num_partitions: int = -1
    replication_factor: int = -1
    assignments: tuple[tuple[int, Assignment], ...] = ()
    configs: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CreatedTopic:
    """What became of one, and what it is made of."""

    name: str
    outcome: Outcome = DONE
    topic_id: bytes = bytes(16)
    num_partitions: int = -1
    replication_factor: int = -1
    configs: tuple[DescribedConfig, ...] = ()


@dataclass(frozen=True, slots=True)
class CreateTopicsResponse:
    """One answer a topic, in the order asked."""

    topics: tuple[CreatedTopic, ...]


@dataclass(frozen=True, slots=True)
class CreateTopicsRequest(Request[CreateTopicsResponse]):
    """Make topics, or only say whether they could be made. `unasked`: a client named a topic that was not there."""

    topics: tuple[CreatableTopic, ...]
    timeout_ms: int = 60_000
    validate_only: bool = False
    unasked: bool = False


@dataclass(frozen=True, slots=True)
class EnsureInternalTopicResponse:
    """It is there."""


@dataclass(frozen=True, slots=True)
class EnsureInternalTopicRequest(Request[EnsureInternalTopicResponse]):
    """From a broker that was asked for a coordinator: make the internal topic that holds what is coordinated."""

    name: str


@dataclass(frozen=True, slots=True)
class DeletedTopic:
    """What became of one; the name is None where an unknown id was given."""

    name: str | None
    topic_id: bytes = bytes(16)
    outcome: Outcome = DONE


@dataclass(frozen=True, slots=True)
class DeleteTopicsResponse:
    """One answer a topic: those named first, then those given by id."""

    topics: tuple[DeletedTopic, ...]


@dataclass(frozen=True, slots=True)
class DeleteTopicsRequest(Request[DeleteTopicsResponse]):
    """Delete topics by name or by id (KIP-516), with their records."""

    names: tuple[str, ...] = ()
    topic_ids: tuple[bytes, ...] = ()
    timeout_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class NewPartitions:
    """A topic is to have `count` partitions; `assignments` say where the new ones lie, None leaves it to Kafka."""

    name: str
    count: int
    assignments: tuple[Assignment, ...] | None = None


@dataclass(frozen=True, slots=True)
class CreatePartitionsResponse:
    """What became of each topic, in the order asked."""

    topics: tuple[tuple[str, Outcome], ...]


@dataclass(frozen=True, slots=True)
class CreatePartitionsRequest(Request[CreatePartitionsResponse]):
    """Grow topics (KIP-195)."""

    topics: tuple[NewPartitions, ...]
    timeout_ms: int = 60_000
    validate_only: bool = False


@dataclass(frozen=True, slots=True)
class DeletedRecords:
    """What became of one partition; the low watermark is its log start now."""

    outcome: Outcome = DONE
    low_watermark: int = -1


@dataclass(frozen=True, slots=True)
class DeleteRecordsResponse:
    """One answer a partition."""

    partitions: Mapping[TopicPartition, DeletedRecords]


@dataclass(frozen=True, slots=True)
class DeleteRecordsRequest(Request[DeleteRecordsResponse]):
    """Delete what lies before these offsets; -1 stands for the high watermark (KIP-107). Asked of leaders."""

    offsets: Mapping[TopicPartition, int]


class ElectionType(IntEnum):
    """Whom to elect (KIP-460): the preferred replica, or any that is alive where nobody leads."""

    PREFERRED = 0
    UNCLEAN = 1


@dataclass(frozen=True, slots=True)
class ElectLeadersResponse:
    """One answer a partition; asked for all, those that needed no election are left out."""

    partitions: Mapping[TopicPartition, Outcome]


@dataclass(frozen=True, slots=True)
class ElectLeadersRequest(Request[ElectLeadersResponse]):
    """Elect leaders of these partitions, or of all for None."""

    election_type: ElectionType
    partitions: tuple[TopicPartition, ...] | None = None
    timeout_ms: int = 60_000


@dataclass(frozen=True, slots=True)
class AlterPartitionReassignmentsResponse:
    """One answer a partition."""

    partitions: Mapping[TopicPartition, Outcome]


@dataclass(frozen=True, slots=True)
class AlterPartitionReassignmentsRequest(Request[AlterPartitionReassignmentsResponse]):
    """Move partitions to these brokers; None calls off a move that is under way (KIP-455)."""

    targets: Mapping[TopicPartition, Assignment | None]
    timeout_ms: int = 60_000
    allow_replication_factor_change: bool = True


@dataclass(frozen=True, slots=True)
class Reassignment:
    """A move that is under way."""

    replicas: Assignment
    adding: Assignment
    removing: Assignment


@dataclass(frozen=True, slots=True)
class ListPartitionReassignmentsResponse:
    """The moves under way."""

    partitions: Mapping[TopicPartition, Reassignment]


@dataclass(frozen=True, slots=True)
class ListPartitionReassignmentsRequest(Request[ListPartitionReassignmentsResponse]):
    """What is being moved, of these partitions or of all for None."""

    partitions: tuple[TopicPartition, ...] | None = None
    timeout_ms: int = 60_000
