"""One driven consumer over a fake client, on a clock turned by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.clock import ManualClock
from engine.metrics import Meter
from engine.types import TopicPartition
from engine.workload.consuming import DrivenConsumer
from engine.workload.driven import Driven
from engine.workload.member import DrivenMember
from engine.workload.spec import ConsumerSpec
from tests.engine.workload.fakes import Board, FakeConsumer, tps

P0, P1, P2 = tps("orders", range(3))


class Bench:
    """One driven consumer on a clock turned by hand."""

    def __init__(self, **spec: Any) -> None:
        spec = {"processing_ms": 10, "jitter": 0, "commit": "after", "seed": 1, **spec}
        self.clock = ManualClock(1_000_000)
        self.board = Board(self.clock)
        self.total = Meter()
        self.ended: list[BaseException] = []
        self.changes = 0
        self.driven = DrivenConsumer(
            ConsumerSpec("billing", ("orders",), **spec),
            "billing-1",
            self.clock,
            self.total,
            self._make,
            self._change,
            self._end,
        )

    def _make(self, driven: DrivenMember, membership: Mapping[str, Any] | None) -> Any:
        return FakeConsumer(self.board, client_id=driven.name, resume=membership)

    def _change(self, driven: DrivenMember) -> None:
        self.changes += 1

    def _end(self, driven: Driven, error: BaseException) -> None:
        self.ended.append(error)

    @property
    def client(self) -> FakeConsumer:
        return self.board.consumers[-1]

    async def begin(self, *partitions: TopicPartition, records: int = 0) -> None:
        for tp in partitions:
            self.board.fill(tp, records)
        await self.driven.start()
        await self.client.assign_to(*partitions)
        await self.clock.settle()
