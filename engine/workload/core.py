"""What a workload is made of: who there is, what is to be seen of them, and how they are kept with the lab."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, TypeVar

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.clock import Clock
from engine.events import EventLog
from engine.ledger import Ledger
from engine.metrics import Meter
from engine.network import Network
from engine.snapshot import ClientState, ConsumerView, ProducerView
from engine.types import TopicPartition
from engine.workload import saying
from engine.workload.consuming import DrivenConsumer
from engine.workload.keeping import Keeper, SpecStore
from engine.workload.making import Making
from engine.workload.member import DrivenMember
from engine.workload.producing import RECORDS_A_TURN
from engine.workload.roster import Roster, Worker
from engine.workload.spec import ConsumerSpec, ProducerSpec

V = TypeVar("V")
_log = logging.getLogger(__name__)


class WorkloadCore:
    """The parts of a workload."""

    def __init__(
        self,
        network: Network,
        clock: Clock,
        events: EventLog,
        store: SpecStore,
        seed: int,
        *,
        producer: Callable[..., Producer] = Producer,
        consumer: Callable[..., Consumer] = Consumer,
        ledger: Ledger | None = None,
    ) -> None:
        self.produced = Meter()
        """Records acknowledged to any producer of the lab."""
        self.consumed = Meter()
        """Records processed by any consumer of the lab."""
        self._clock = clock
        self._events = events
        self._seed = seed
        self._ledger = ledger or Ledger()
        self._making = Making(network, clock, producer, consumer, self._log_truncated)
        self._roster = Roster()
        self._keeper = Keeper(store, self._roster)
        self._to_save: set[str] = set()
        self._background: set[asyncio.Task[None]] = set()
        self._suspended = False
        self._producer_views: tuple[ProducerView, ...] = ()
        self._consumer_views: tuple[ConsumerView, ...] = ()

    # What is

    def spec(self, name: str) -> ProducerSpec | ConsumerSpec:
        """What it was asked to do; RefusedError when there is none of that name."""
        return self._roster.find(name).spec

    def producers(self) -> tuple[ProducerView, ...]:
        """Every producer, in the order they were spawned; unchanged ones are the same objects as before."""
        self._producer_views = _same(self._producer_views, tuple(each.view() for each in self._roster.producers()))
        return self._producer_views

    def consumers(self) -> tuple[ConsumerView, ...]:
        """Every consumer, in the order they were spawned; unchanged ones are the same objects as before."""
        self._consumer_views = _same(self._consumer_views, tuple(each.view() for each in self._roster.consumers()))
        return self._consumer_views

    def consumer_owning(self, group_id: str, tp: TopicPartition) -> Consumer | None:
        """The lab's consumer that owns the partition in the group."""
        owner = self._roster.owner(group_id, tp)
        return owner.client if owner is not None else None

    # Keeping

    async def save(self) -> None:
        """Keep everybody as they are now."""
        for producer in self._roster.producers():
            await self._save(producer)
        for consumer in self._roster.consumers():
            await self._save(consumer)

    async def _save(self, driven: Worker) -> None:
        self._to_save.discard(driven.name)
        if not self._suspended:
            await self._keeper.save(driven)

    def _assignment_changed(self, consumer: DrivenMember) -> None:
        assert isinstance(consumer, DrivenConsumer)
        self._roster.owners_changed()
        if consumer.name not in self._to_save and not self._suspended:
            self._to_save.add(consumer.name)
            self._later(self._save(consumer))

    def _log_truncated(self, name: str, tp: TopicPartition, before: int, after: int | None) -> None:
        self._tell(name, saying.log_truncated(name, tp, before, after))

    def _share(self) -> int:
        """How many records one producer may make in a turn."""
        busy = sum(each.state is ClientState.RUNNING for each in self._roster.producers())
        return max(10, RECORDS_A_TURN // max(1, busy))

    def _later(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("The workload could not be kept", exc_info=error)

    def _tell(self, name: str, said: saying.Said) -> None:
        self._events.tell(self._clock.now_ms(), name, *said)


def _same(before: tuple[V, ...], now: tuple[V, ...]) -> tuple[V, ...]:
    return before if len(before) == len(now) and all(a is b for a, b in zip(before, now, strict=True)) else now
