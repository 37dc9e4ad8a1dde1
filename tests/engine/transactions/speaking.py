"""Requests of a transactional producer, each by itself, and what stands in the logs afterwards."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.config import TRANSACTION_TOPIC
from engine.coordinators.placing import partition_for
from engine.errors import ConcurrentTransactionsError, ErrorCode, error_for
from engine.messages import (
    AddPartitionsToTxnRequest,
    CoordinatorType,
    EndTxnRequest,
    FetchedPartition,
    FetchPosition,
    FetchRequest,
    FindCoordinatorRequest,
    InitProducerIdRequest,
    IsolationLevel,
    ProduceRequest,
    Request,
)
from engine.records import BatchBuilder, BatchHeader, marker_of, read_records
from engine.replicas.partition import Partition
from engine.snapshot import TransactionView
from engine.types import ClientInfo, TopicPartition

T = TypeVar("T")
ME = ClientInfo("test")
P0, P1, P2 = (TopicPartition("orders", number) for number in range(3))


class Speaker:
    """One transactional id; `producer_id` and `epoch` are as it was last told."""

    def __init__(self, cluster: Cluster, clock: ManualClock, transactional_id: str) -> None:
        self.cluster = cluster
        self.clock = clock
        self.transactional_id = transactional_id
        self.producer_id = self.epoch = -1
        self._sequences: dict[TopicPartition, int] = {}

    async def run(self, work: Coroutine[Any, Any, T], within_ms: float = 120_000) -> T:
        return await self.clock.complete(work, within_ms)

    @property
    def home(self) -> TopicPartition:
        """The partition of `__transaction_state` that holds it."""
        return TopicPartition(TRANSACTION_TOPIC, partition_for(self.transactional_id, 50))

    async def coordinator(self) -> int:
        request = FindCoordinatorRequest(self.transactional_id, CoordinatorType.TRANSACTION)
        found = await self.run(self.cluster.network.call(ME, self.cluster.network.reachable()[0], request))
        return found.broker_id

    async def ask(self, request: Request[T]) -> T:
        return await self.run(self.cluster.network.call(ME, await self.coordinator(), request))

    async def init(self, timeout_ms: int = 60_000, *, as_it_is: bool = False) -> None:
        """Begin; with `as_it_is` it says who it is (KIP-360). Asks again while another transaction is being ended."""
        known = (self.producer_id, self.epoch) if as_it_is else (-1, -1)
        while True:
            try:
                answer = await self.ask(InitProducerIdRequest(self.transactional_id, timeout_ms, *known))
                break
            except ConcurrentTransactionsError:
                await self.clock.advance(100)
        self.producer_id, self.epoch = answer.producer_id, answer.producer_epoch
        self._sequences.clear()

    async def add(self, *partitions: TopicPartition) -> None:
        request = AddPartitionsToTxnRequest(self.transactional_id, self.producer_id, self.epoch, partitions)
        answer = await self.ask(request)
        assert set(answer.errors.values()) == {ErrorCode.NONE}

    async def send(self, tp: TopicPartition, *values: bytes, transactional: bool = True) -> int:
        """The offset of the first; raises what the leader says."""
        sequence = self._sequences.get(tp, 0)
        builder = BatchBuilder(
            100_000,
            producer_id=self.producer_id,
            producer_epoch=self.epoch,
            base_sequence=sequence,
            transactional=transactional,
        )
        for value in values:
            builder.append(self.clock.now(), b"k-" + value, value)
        leader = self.cluster.controller.leader_of(tp)
        assert leader is not None
        request = ProduceRequest(-1, 30_000, {tp: builder.build()}, self.transactional_id)
        answer = (await self.run(self.cluster.network.call(ME, leader, request))).partitions[tp]
        if answer.error:
            raise error_for(answer.error, answer.message)
        self._sequences[tp] = sequence + len(values)
        return answer.base_offset

    async def end(self, committed: bool) -> None:
        await self.ask(EndTxnRequest(self.transactional_id, self.producer_id, self.epoch, committed))

    async def transaction(self, committed: bool, **values: bytes) -> None:
        """A whole one: `p0=b"a"` and so on."""
        sent = {TopicPartition("orders", int(name[1:])): value for name, value in values.items()}
        await self.add(*sent)
        for tp, value in sent.items():
            await self.send(tp, value)
        await self.end(committed)
        await self.clock.advance(2_000)

    def view(self) -> TransactionView:
        found = self.cluster.snapshot().transactions
        return next(view for view in found if view.transactional_id == self.transactional_id)

    def leader(self, tp: TopicPartition) -> Partition:
        return self.cluster.nodes.leader(tp)

    async def fetch(self, tp: TopicPartition, *, committed: bool, offset: int = 0) -> FetchedPartition:
        level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
        request = FetchRequest({tp: FetchPosition(offset)}, max_wait_ms=0, isolation_level=level)
        leader = self.cluster.controller.leader_of(tp)
        assert leader is not None
        return (await self.run(self.cluster.network.call(ME, leader, request))).partitions[tp]

    async def story(self, tp: TopicPartition) -> list[str]:
        """The values in a partition's log and, in brackets, its markers."""
        log, told = self.leader(tp).log, []
        for batch in await log.read(log.log_start_offset, 1 << 20):
            if BatchHeader.parse(batch).is_control:
                marker = marker_of(batch)
                assert marker is not None
                told.append("[commit]" if marker.committed else "[abort]")
            else:
                told += [(record.value or b"").decode() for record in read_records(batch, *tp)]
        return told

    def told(self) -> str:
        return "\n".join(event.sentence() for event in self.cluster.events.last(100))
