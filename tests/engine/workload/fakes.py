"""Stand-ins for the clients: a log in memory, acknowledged and delivered when a test says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.clients.producer_core import OnBatch
from engine.clock import Clock, Timer
from engine.errors import ClientClosedError, CommitFailedError, KafkaError
from engine.records.record import ConsumerRecord
from engine.types import TopicPartition


@dataclass
class Board:
    """What the fakes share: the records of each partition, what is committed, and which clients there are."""

    clock: Clock
    logs: dict[TopicPartition, list[ConsumerRecord]] = field(default_factory=dict)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    producers: list[FakeProducer] = field(default_factory=list)
    consumers: list[FakeConsumer] = field(default_factory=list)
    commits: list[tuple[str, dict[TopicPartition, int]]] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    capacity: int = 1_000_000
    """How many records a producer's buffer holds."""
    ack_ms: float = 1.0
    refusal: KafkaError | None = None
    """What sent records are answered with."""
    no_buffer: KafkaError | None = None
    """What `send` itself raises."""
    start_error: KafkaError | None = None
    poll_error: BaseException | None = None

    def append(self, tp: TopicPartition, value: bytes, key: bytes | None = None, headers: Any = ()) -> int:
        log = self.logs.setdefault(tp, [])
        log.append(ConsumerRecord(*tp, len(log), self.clock.now(), 0, key, value, tuple(headers)))
        self.news.set()
        self.news = asyncio.Event()
        return len(log) - 1

    def fill(self, tp: TopicPartition, number: int) -> None:
        for n in range(number):
            self.append(tp, b"%d" % n)

    def sequences(self, topic: str) -> list[int]:
        return [
            int(dict(r.headers)["sequence"] or -1) for tp, log in self.logs.items() if tp.topic == topic for r in log
        ]


class FakeProducer:
    """Tells `on_batch` of each record after the board's `ack_ms`."""

    def __init__(self, board: Board, *, on_batch: OnBatch, **options: Any) -> None:
        self.board, self.on_batch, self.options = board, on_batch, options
        self.waiting: dict[int, tuple[TopicPartition, Timer]] = {}
        self.answered = asyncio.Event()
        self.fatal: KafkaError | None = None
        self.state = "new"
        board.producers.append(self)

    async def start(self) -> None:
        if self.board.start_error is not None:
            raise self.board.start_error
        self.state = "started"

    async def post(
        self, number: int, topic: str, value: bytes | None = None, key: bytes | None = None, headers: Any = None
    ) -> None:
        if self.board.no_buffer is not None:
            raise self.board.no_buffer
        while len(self.waiting) >= self.board.capacity:
            await self.board.clock.sleep(1)
        tp = TopicPartition(topic, 0)
        timer = self.board.clock.call_later(self.board.ack_ms, self._answer, number, tp, value, key, headers)
        self.waiting[number] = tp, timer

    def _answer(self, number: int, tp: TopicPartition, value: Any, *rest: Any) -> None:
        self.waiting.pop(number)
        self.answered.set()
        if self.board.refusal is not None:
            self.on_batch([number], tp, -1, self.board.refusal)
        else:
            self.on_batch([number], tp, self.board.append(tp, value, *rest), None)

    @property
    def buffered(self) -> int:
        return len(self.waiting)

    async def stop(self) -> None:
        while self.waiting:
            self.answered.clear()
            await self.answered.wait()
        self.state = "stopped"

    def crash(self) -> None:
        self.state = "crashed"
        for number, (tp, timer) in self.waiting.items():
            timer.cancel()
            self.on_batch([number], tp, -1, ClientClosedError())
        self.waiting.clear()
        self.answered.set()


class FakeConsumer:
    """Owns what a test assigns to it, and reads it from the board."""

    def __init__(self, board: Board, *, resume: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.board, self.options, self.resumed = board, options, resume
        self.heartbeating = True
        self.member_id = resume["member_id"] if resume else ""
        self.generation = resume["generation"] if resume else -1
        self.positions: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self.state = "new"
        self.fenced = False
        self._changed = asyncio.Event()
        board.consumers.append(self)

    def subscribe(self, topics: Sequence[str] = (), listener: Any = None) -> None:
        self.topics, self.listener = topics, listener

    async def start(self) -> None:
        if self.board.start_error is not None:
            raise self.board.start_error
        self.state = "started"
        if self.resumed is not None:
            self.positions = {TopicPartition(*tp): at for tp, at in self.resumed["positions"]}
            await self.listener.on_partitions_assigned(set(self.positions))

    async def assign_to(self, *partitions: TopicPartition) -> None:
        """Rebalance, eagerly."""
        await self.revoke()
        self.member_id = f"{self.options['client_id']}-uuid"
        self.generation += 1
        self.positions = {tp: self.board.committed.get(tp, 0) for tp in partitions}
        await self.listener.on_partitions_assigned(set(partitions))
        self._wake()

    async def revoke(self) -> None:
        await self.listener.on_partitions_revoked(set(self.positions))
        self.positions = {}

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def getmany(self, timeout_ms: float, max_records: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        deadline = self.board.clock.now_ms() + timeout_ms
        while True:
            if self.board.poll_error is not None:
                raise self.board.poll_error
            if self.state != "started":
                raise ClientClosedError
            found: dict[TopicPartition, list[ConsumerRecord]] = {}
            for tp, at in self.positions.items():
                records = self.board.logs.get(tp, [])[at : at + max_records]
                if records and tp not in self.paused:
                    found[tp] = records
                    max_records -= len(records)
            if found:
                self.positions.update((tp, records[-1].offset + 1) for tp, records in found.items())
                return found
            left = deadline - self.board.clock.now_ms()
            if left <= 0:
                return {}
            waits = [asyncio.ensure_future(self.board.news.wait()), asyncio.ensure_future(self._changed.wait())]
            try:
                await self.board.clock.wait_for(asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED), left)
            except TimeoutError:
                return {}
            finally:
                for wait in waits:
                    wait.cancel()

    async def commit(self, offsets: Mapping[TopicPartition, int] | None = None) -> None:
        assert offsets is not None
        if self.fenced:
            raise CommitFailedError
        await asyncio.sleep(0)
        self.board.committed.update(offsets)
        self.board.commits.append((self.options["client_id"], dict(offsets)))

    def to_commit(self, offsets: Mapping[TopicPartition, int]) -> Mapping[TopicPartition, int]:
        return offsets

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.positions[tp] = offset
        self._wake()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.positions)

    def position_of(self, tp: TopicPartition) -> int | None:
        return self.positions.get(tp)

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused.difference_update(partitions)
        self._wake()

    def membership(self) -> dict[str, Any]:
        positions = [[list(tp), at] for tp, at in self.positions.items()]
        return {"member_id": self.member_id, "generation": self.generation, "positions": positions}

    async def stop(self) -> None:
        self.state = "stopped"
        self.positions = {}
        self._wake()

    def crash(self) -> None:
        self.state = "crashed"
        self._wake()


class MemoryStore:
    """A `SpecStore` that forgets nothing; plain values only, as in a file."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}

    async def put(self, kind: str, name: str, data: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        self.kept[kind, name] = json.dumps(data)

    async def delete(self, kind: str, name: str) -> None:
        self.kept.pop((kind, name), None)

    async def all(self, kind: str) -> dict[str, dict[str, Any]]:
        return {name: json.loads(text) for (its, name), text in self.kept.items() if its == kind}


def tps(topic: str, numbers: Iterable[int]) -> list[TopicPartition]:
    return [TopicPartition(topic, number) for number in numbers]
