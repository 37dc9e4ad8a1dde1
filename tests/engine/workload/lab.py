"""A workload over the fakes, on a clock turned by hand."""

from __future__ import annotations

import asyncio
from typing import Any

from engine.clock import ManualClock
from engine.events import EventLog
from engine.network import Network
from engine.workload.spec import ConsumerSpec
from engine.workload.workload import Workload
from tests.engine.workload.fakes import Board, FakeConsumer, FakeProducer, MemoryStore, tps

P0, P1 = tps("orders", range(2))
BILLING = ConsumerSpec("billing", ("orders",), jitter=0, processing_ms=10)


class Lab:
    """A workload over the fakes; `reopen` is what a new start of the program finds, after closing it or a kill."""

    def __init__(self, store: MemoryStore | None = None, seed: int = 1) -> None:
        self.clock = ManualClock(1_000_000)
        self.board = Board(self.clock)
        self.events = EventLog()
        self.store = store or MemoryStore()
        self.workload = Workload(
            Network(), self.clock, self.events, self.store, seed, producer=self._producer, consumer=self._consumer
        )

    def _producer(self, network: Network, clock: ManualClock, **options: Any) -> Any:
        return FakeProducer(self.board, **options)

    def _consumer(self, network: Network, clock: ManualClock, *topics: str, resume: Any = None, **options: Any) -> Any:
        return FakeConsumer(self.board, resume=resume, **options)

    @property
    def told(self) -> str:
        return self.events.last(1)[0].sentence()

    async def reopen(self) -> Lab:
        await self.clock.settle()
        lab = Lab(self.store)
        lab.board.logs, lab.board.committed = self.board.logs, self.board.committed
        lab.clock._lab_ms = self.clock.now_ms()
        await lab.workload.restore()
        await lab.clock.settle()
        return lab

    async def end(self) -> None:
        ending = asyncio.create_task(self.workload.suspend())
        await self.clock.advance(10)
        await ending
