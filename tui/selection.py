"""What a cursor can stand on. Each panel says what its cursor selects; actions ask what is selected, not where."""

from __future__ import annotations

from dataclasses import dataclass

from engine.snapshot import ConsumerView, LedgerFigure, ProducerView, World
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class SelectedProducer:
    """A producer of the lab."""

    name: str


@dataclass(frozen=True, slots=True)
class SelectedConsumer:
    """A consumer of the lab."""

    name: str


@dataclass(frozen=True, slots=True)
class SelectedMember:
    """A member of a group, whether it lives in the lab or not."""

    group_id: str
    member_id: str
    client_id: str


@dataclass(frozen=True, slots=True)
class SelectedPartition:
    """A partition, and the offset the cursor stands on where it is moved along the lane."""

    tp: TopicPartition
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class SelectedGroup:
    """A group."""

    group_id: str


@dataclass(frozen=True, slots=True)
class SelectedRebalance:
    """A rebalance of a group's history, by the generation it led to and when it began (lab ms)."""

    group_id: str
    to_generation: int
    began_ms: float


@dataclass(frozen=True, slots=True)
class SelectedRecord:
    """One record."""

    tp: TopicPartition
    offset: int


@dataclass(frozen=True, slots=True)
class SelectedBroker:
    """A broker."""

    broker_id: int


@dataclass(frozen=True, slots=True)
class SelectedFigure:
    """A figure of the ledger."""

    figure: LedgerFigure


@dataclass(frozen=True, slots=True)
class SelectedTransaction:
    """A transactional id; a processor of the lab is called like its own."""

    transactional_id: str


@dataclass(frozen=True, slots=True)
class SelectedConnection:
    """A connection from outside, by its number."""

    number: int


Selection = (
    SelectedProducer
    | SelectedConsumer
    | SelectedMember
    | SelectedPartition
    | SelectedGroup
    | SelectedRebalance
    | SelectedRecord
    | SelectedBroker
    | SelectedFigure
    | SelectedConnection
    | SelectedTransaction
)


def named(selection: Selection | None) -> str:
    """What is selected, by its name; empty where that says nothing."""
    match selection:
        case SelectedProducer(name) | SelectedConsumer(name) | SelectedMember(client_id=name):
            return name
        case SelectedPartition(tp) | SelectedRecord(tp):
            return str(tp)
        case SelectedGroup(group_id) | SelectedRebalance(group_id):
            return group_id
        case SelectedBroker(broker_id):
            return f"broker {broker_id}"
    return ""


def client_of(selection: Selection | None, world: World) -> ProducerView | ConsumerView | None:
    """The producer or consumer of the lab that is selected, directly or as the member of a group."""
    match selection:
        case SelectedProducer(name):
            return next((producer for producer in world.producers if producer.name == name), None)
        case SelectedConsumer(name) | SelectedMember(client_id=name) | SelectedTransaction(name):
            return next((consumer for consumer in world.consumers if consumer.name == name), None)
    return None


def topic_of(selection: Selection | None) -> str | None:
    """The topic of the partition or record that is selected."""
    return selection.tp.topic if isinstance(selection, SelectedPartition | SelectedRecord) else None


def group_of(selection: Selection | None, world: World) -> str | None:
    """The group that is selected, directly or by a member, a consumer or a rebalance."""
    match selection:
        case SelectedGroup(group_id) | SelectedMember(group_id) | SelectedRebalance(group_id):
            return group_id
        case SelectedConsumer(name):
            return next((consumer.group_id for consumer in world.consumers if consumer.name == name), None)
    return None
