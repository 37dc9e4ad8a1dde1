"""What a consumer reads: its subscription, and the partitions assigned to it.

After `org.apache.kafka.clients.consumer.internals.SubscriptionState`.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from engine.clients.partition_state import PartitionState
from engine.errors import IllegalStateError
from engine.types import TopicPartition


class ConsumerRebalanceListener(ABC):
    """Told when partitions come and go; each method may be a coroutine function."""

    @abstractmethod
    def on_partitions_revoked(self, revoked: set[TopicPartition]) -> Any:
        """Before these are given up: what was done with them can still be committed."""

    @abstractmethod
    def on_partitions_assigned(self, assigned: set[TopicPartition]) -> Any:
        """After these were assigned, before the first of their records is handed out."""

    def on_partitions_lost(self, lost: set[TopicPartition]) -> Any:
        """These are others' already: nothing of them can be committed. By default as if revoked, as in Kafka."""
        return self.on_partitions_revoked(lost)


class Subscription:
    """What is subscribed to, or assigned by hand, and the state of each partition assigned just now."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self.topics: frozenset[str] = frozenset()
        self.pattern: re.Pattern[str] | None = None
        self.listener: Any = None
        self.by_hand = False
        self.assigned: dict[TopicPartition, PartitionState] = {}
        self.start_at: dict[TopicPartition, tuple[int, ...]] = {}
        """Offset and epoch to begin with, each used once, for a consumer that takes up what it did before."""

    @property
    def subscribed(self) -> bool:
        """Whether partitions are assigned by a group, or by topic."""
        return bool(self.topics) or self.pattern is not None

    def subscribe(self, topics: Iterable[str], pattern: re.Pattern[str] | None, listener: Any) -> None:
        """Want these from now on; raises IllegalStateError after `assign`."""
        if self.by_hand:
            raise IllegalStateError(
                "This consumer was assigned partitions by hand; call unsubscribe() before subscribe()."
            )
        self.topics, self.pattern, self.listener = frozenset(topics), pattern, listener

    def unsubscribe(self) -> None:
        """Want nothing any more."""
        self.topics, self.pattern, self.listener, self.by_hand = frozenset(), None, None, False
        self.replace(())

    def state(self, tp: TopicPartition) -> PartitionState:
        """The state of an assigned partition; raises IllegalStateError."""
        state = self.assigned.get(tp)
        if state is None:
            raise IllegalStateError(f"{tp} is not assigned to this consumer.")
        return state

    def replace(self, partitions: Iterable[TopicPartition], *, keep: bool = False) -> None:
        """Have exactly these assigned, anew each, or as they were where they were assigned already with `keep`."""
        before = self.assigned if keep else {}
        self.assigned = {tp: before.get(tp) or self._begin(tp) for tp in partitions}
        self._on_change()

    def remove(self, partitions: Iterable[TopicPartition]) -> None:
        """Have these assigned no more."""
        gone = set(partitions)
        self.assigned = {tp: state for tp, state in self.assigned.items() if tp not in gone}
        self._on_change()

    def give_up(self, partitions: Iterable[TopicPartition]) -> None:
        """Hand out nothing of these any more, though they are still assigned."""
        for tp in partitions:
            if tp in self.assigned:
                self.assigned[tp].revoking = True

    def to_the_end(self, tps: Sequence[TopicPartition]) -> None:
        """Let others come first in the next fetch, as these had their turn."""
        for tp in tps:
            if tp in self.assigned:
                self.assigned[tp] = self.assigned.pop(tp)

    def _begin(self, tp: TopicPartition) -> PartitionState:
        state = PartitionState(tp)
        if tp in self.start_at:
            state.seek(*self.start_at.pop(tp))
        return state
