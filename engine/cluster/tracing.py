"""Follows one record sent by hand on its real way: producer, leader, followers, high watermark, acknowledgement.

The requests that carry it are held at their stations, and the whole world stands still while a person looks. A step
lets one of them go and time pass until something has happened to the record. Nothing is acted: what is told was read
from the replicas' logs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

from engine.clients.partitioners import keyless_rule, partition_for_key
from engine.clients.producer import Producer
from engine.clock import Clock
from engine.cluster.nodes import Nodes
from engine.cluster.sightings import holds
from engine.cluster.witness import Witness
from engine.errors import ErrorCode, KafkaError, NetworkError
from engine.events import EventLog
from engine.journey import Answer, Journey, Stage
from engine.ledger import Ledger, ProducerBook
from engine.messages import FetchRequest, ProducedPartition, ProduceRequest, Request
from engine.network import Network
from engine.types import ClientInfo, RecordMetadata, TopicPartition

_REQUEST, _ANSWER = "request", "answer"
Station = str | int
"""The request, its answer, or by its broker's id a follower's fetch."""


class Trace:
    """One record under way. `journey` is where it is; `step`, `run_on` and `end` may be called at any time."""

    journey: Journey

    def __init__(self, nodes: Nodes, network: Network, clock: Clock, events: EventLog, ledger: Ledger) -> None:
        self.ended = False
        self._nodes = nodes
        self._network = network
        self._clock = clock
        self._events = events
        self._ledger = ledger
        self._was_paused = clock.paused
        self._stepping = True
        self._moving = False
        """Whether time passes until the next stop."""
        self._may_pass = False
        """Whether the first that comes to its station goes on at once."""
        self._held: dict[Station, tuple[int, asyncio.Future[None]]] = {}
        """What waits at its station, and at which broker."""
        self._told = 0
        self._refusal: tuple[int, ErrorCode] | None = None
        self._changed = asyncio.Event()
        self._stopped = asyncio.Event()

    # Beginning and ending

    async def begin(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]],
        partition: int | None,
        acks: str,
    ) -> None:
        """Hand the record to a producer of its own, and let the world stand still; raises KafkaError."""
        self._nodes.controller.topic(topic)
        book = self._book = _book_for(self._ledger, topic, acks)
        producer = self._producer = Producer(self._network, self._clock, client_id=book.name, acks=acks)
        self._clock.resume()
        try:
            await producer.start()
            count = len(await producer.partitions_for(topic))
            at = _partition_of(key, count, book.next) if partition is None else partition
            sequence = self._sequence = book.next
            mark = (book.header, sequence)
            self._witness = Witness(self._nodes, self._clock, TopicPartition(topic, at), mark, acks, self._woken)
            await self._witness.look()
            self._clock.pause()
            signed = [("producer", book.header), ("sequence", b"%d" % sequence), *headers]
            sending = await producer.send(topic, value, key=key, partition=at, headers=signed)
        except BaseException:
            producer.crash()
            self._put_clock_back()
            raise
        book.sent, book.next = book.sent + 1, sequence + 1
        self._network.escort = self
        self._unlisten = self._events.listen(lambda _: self._changed.set())
        self._witness.tell(Stage.HANDED, 0, "The producer has the record in its buffer. Nobody else knows of it.")
        self._told = len(self._witness.steps)
        self._show()
        self._sending = asyncio.create_task(self._settle(sending), name="trace answer")
        self._following = asyncio.create_task(self._follow(), name="trace")
        self._following.add_done_callback(lambda _: self._stopped.set())  # nobody waits for one that failed

    async def end(self) -> None:
        """Follow it no more: the record goes its way, and the world goes on as before."""
        if self.ended:
            return
        self.ended = True
        self._stepping = self._moving = False
        self._network.escort = None
        self._unlisten()
        self._witness.forget()
        self._release(*self._held)
        self._stopped.set()
        self._following.cancel()
        self._put_clock_back()
        await _ended(self._following)

    async def close(self) -> None:
        """The lab closes: what is not acknowledged never will be."""
        await self.end()
        self._sending.cancel()
        self._producer.crash()
        await _ended(self._sending)

    @property
    def settled(self) -> bool:
        """Whether the producer knows all it will ever know, so that nothing of this is under way."""
        return self.ended and self._sending.done()

    def _put_clock_back(self) -> None:
        if self._was_paused:
            self._clock.pause()
        else:
            self._clock.resume()

    # Stepping

    async def step(self) -> None:
        """Let time pass until the next thing has happened to the record; while time passes, stop here."""
        if self.ended:
            return
        if self._moving or not self._stepping:
            self._stepping = True
            self._stop()
            return
        self._stopped.clear()
        self._moving = self._may_pass = True
        self._release_next()
        self._clock.resume()
        self._show()
        await self._stopped.wait()

    def run_on(self) -> None:
        """Hold nothing up any more; the record is still followed."""
        if self.ended:
            return
        self._stepping = self._moving = False
        self._stopped.set()
        self._release(*self._held)
        self._clock.resume()
        self._show()

    def _stop(self) -> None:
        self._clock.pause()
        self._moving = self._may_pass = False
        self._told = len(self._witness.steps)
        self._stopped.set()
        self._show()

    def _tell(self, stage: Stage, broker_id: int, sentence: str) -> None:
        if self.ended:
            return
        self._witness.tell(stage, broker_id, sentence)
        if self._moving:
            self._clock.pause()
        self._changed.set()

    def _woken(self) -> None:
        """A replica has news: where they may be of the record, time stands still until that is known."""
        if self._moving and self._witness.has_news():
            self._clock.pause()
        self._changed.set()

    async def _follow(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._witness.look()
            self._release(*[what for what, (node, _) in self._held.items() if node not in self._nodes.alive])
            if self._moving and len(self._witness.steps) > self._told:
                self._stop()
            elif self._moving:
                if self._may_pass:
                    self._release_next()
                self._clock.resume()
            self._show()

    # Stations

    async def going(self, client: ClientInfo, target: int, request: Request[Any]) -> None:
        """Hold the request that carries the record."""
        if not self._is_ours(client, request):
            return
        witness = self._witness
        witness.attempts += 1
        self._changed.set()
        if witness.answer is Answer.BUFFERED:
            witness.answer = Answer.WAITING
        reached = target in self._network.reachable()
        if reached and (self._refusal is None or self._refusal[0] != target):
            again = "No answer came, so the producer sends it again. " if witness.attempts > 1 else ""
            untold = (
                " With acks=0 it waits for no answer: for the producer, that was all." if witness.acks == "0" else ""
            )
            self._tell(Stage.SENT, target, f"{again}The request is on its way to broker {target}.{untold}")
            await self._hold(_REQUEST, target)
        if witness.acks == "0" and target not in self._network.reachable():
            self._tell(Stage.GIVEN_UP, target, f"Broker {target} is dead: the request reaches nobody.")

    async def returning(self, client: ClientInfo, target: int, request: Request[Any], answer: Any) -> None:
        """Hold the answer to it, and the answers that bring the record to followers."""
        tp, broker = self._witness.tp, self._nodes.alive.get(target)
        if self._is_ours(client, request):
            await self._answered(target, answer.partitions[tp])
        elif isinstance(request, FetchRequest) and request.replica_id >= 0 and tp in answer.partitions:
            if not any(holds(batch, tp, self._witness.mark) for batch in answer.partitions[tp].batches):
                return
            await self._hold(request.replica_id, target)
        else:
            return
        if self._nodes.alive.get(target) is not broker:
            raise NetworkError(f"Broker {target} died before it answered.")

    def _is_ours(self, client: ClientInfo, request: Request[Any]) -> bool:
        return isinstance(request, ProduceRequest) and client.client_id == self._producer.client_id

    async def _answered(self, target: int, answer: ProducedPartition) -> None:
        witness, untold = self._witness, self._witness.acks == "0"
        if answer.error is not ErrorCode.NONE:
            if self._refusal == (target, answer.error):
                return
            self._refusal = (target, answer.error)
            follows = "With acks=0 nobody is told." if untold else "The producer tries again, if that may help."
            refused = f"Broker {target} refuses the record, {answer.error.name}. {answer.message} {follows}"
            self._tell(Stage.REFUSED, target, refused)
        else:
            self._refusal = None
            if witness.attempts > 1 and witness.acks == "all" and witness.known_at(target, answer.base_offset):
                same = "by its producer id and sequence, and does not store it again"
                self._tell(Stage.KNOWN, target, f"Broker {target} knows the record {same}.")
        if not untold:
            await self._hold(_ANSWER, target)

    async def _hold(self, what: Station, broker_id: int) -> None:
        if not self._stepping:
            return
        if self._may_pass and not self._clock.paused and what != _REQUEST:
            self._may_pass = False
            return
        gate = asyncio.get_running_loop().create_future()
        self._held[what] = (broker_id, gate)
        self._changed.set()
        try:
            await gate
        finally:
            if self._held.get(what) == (broker_id, gate):
                del self._held[what]

    def _release(self, *stations: Station) -> None:
        for station in stations:
            _, gate = self._held.pop(station)
            if not gate.done():
                gate.set_result(None)

    def _release_next(self) -> None:
        station = self._next()
        if station is not None:
            self._may_pass = False
            self._release(station)

    def _next(self) -> Station | None:
        """What goes next: with acks=1 the answer comes before the followers, with all the other way round."""
        fetches = sorted(each for each in self._held if isinstance(each, int))
        at_once = self._witness.acks == "1" or self._refusal is not None
        order = [_REQUEST, *([_ANSWER, *fetches] if at_once else [*fetches, _ANSWER])]
        return next((each for each in order if each in self._held), None)

    # What the producer learns

    async def _settle(self, sending: asyncio.Future[RecordMetadata]) -> None:
        witness = self._witness
        try:
            meta = await sending
        except KafkaError as error:
            witness.answer = Answer.GIVEN_UP
            self._book.unanswered([self._sequence], self._clock.now_ms())
            self._tell(Stage.GIVEN_UP, 0, f"The producer gives the record up. {error}")
        else:
            self._book.acknowledged([self._sequence], meta.topic_partition, meta.offset, self._clock.now_ms())
            if meta.offset < 0:
                witness.answer = Answer.NONE
            else:
                witness.answer = Answer.ACKED
                has = "Every replica in sync has it" if witness.acks == "all" else "The leader has it, no more is known"
                self._tell(Stage.ACKED, 0, f"The producer has its acknowledgement: offset {meta.offset:,}. {has}.")
        await self._producer.stop()

    # What is

    def _show(self) -> None:
        if not self.ended:
            still = self._stepping and not self._moving
            journey = replace(self._witness.journey(), producer=self._book.name, still=still)
            self.journey = replace(journey, coming=self._coming(journey))

    def _coming(self, journey: Journey) -> str:
        if journey.answer is Answer.BUFFERED and journey.serving is not None:
            return "the producer sends it"
        station = self._next()
        if station == _REQUEST:
            return f"broker {self._held[station][0]} gets the request"
        if station == _ANSWER:
            return f"broker {self._held[station][0]} answers the producer"
        if station is not None:
            return f"broker {station} gets it from the leader"
        return journey.awaited()


async def _ended(task: asyncio.Task[None]) -> None:
    """Wait for a task that was cancelled; raises what it failed with before."""
    [result] = await asyncio.gather(task, return_exceptions=True)
    if isinstance(result, Exception):
        raise result


def _book_for(ledger: Ledger, topic: str, acks: str) -> ProducerBook:
    """A page of the ledger for what is sent by hand with these acks; logs are searched by a page's topic."""
    name = f"acks-{acks}-by-hand"
    if ledger.producer(name).topic not in ("", topic):
        name = f"{name}-{topic}"
    return ledger.producer(name, topic, acks)


def _partition_of(key: bytes | None, count: int, turn: int) -> int:
    """Where its key leads; without one, where chance does."""
    if key is not None:
        return partition_for_key(key, count)
    return keyless_rule("default", 1, Random(turn)).choose(range(count), 1)
