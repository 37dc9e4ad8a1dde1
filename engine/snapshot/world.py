"""The world as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from engine.snapshot.brokers import BrokerView, PartitionView, TopicView
from engine.snapshot.clients import ConsumerView, ProducerView, Throughput, TransactionView
from engine.snapshot.groups import GroupView
from engine.snapshot.ledger import NOTHING_YET, LedgerView
from engine.snapshot.listening import ListeningView
from engine.snapshot.moments import MomentView
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class World:
    """Everything at one instant."""

    lab: str
    now_ms: float
    began_ms: float
    """When this lab was made, so `now_ms - began_ms` is its age."""
    speed: float
    paused: bool
    brokers: tuple[BrokerView, ...]
    topics: tuple[TopicView, ...]
    groups: tuple[GroupView, ...]
    producers: tuple[ProducerView, ...]
    consumers: tuple[ConsumerView, ...]
    throughput: Throughput
    undo: str = ""
    """What `undo` would take back, in words; empty when there is nothing."""
    ledger: LedgerView = NOTHING_YET
    listening: ListeningView | None = None
    """None while clients from outside cannot connect."""
    transactions: tuple[TransactionView, ...] = ()
    """By transactional id."""
    moments: tuple[MomentView, ...] = ()
    """To which it can be put back, oldest first."""

    def topic(self, name: str) -> TopicView | None:
        """The topic of that name."""
        return next((topic for topic in self.topics if topic.name == name), None)

    def group(self, group_id: str) -> GroupView | None:
        """The group of that id."""
        return next((group for group in self.groups if group.group_id == group_id), None)

    def partition(self, tp: TopicPartition) -> PartitionView | None:
        """The partition of that name."""
        topic = self.topic(tp.topic)
        return topic.partitions[tp.partition] if topic and 0 <= tp.partition < len(topic.partitions) else None

    def groups_of(self, topic: str) -> tuple[GroupView, ...]:
        """The groups that have a standing in a topic or a member subscribed to it."""
        return tuple(
            group
            for group in self.groups
            if topic in group.topics or any(topic in member.topics for member in group.members)
        )
