"""Keeps a spawned producer busy: so many records a second of lab time, of its template, with its keys.

Every record carries the headers `producer` (its name) and `sequence` (a number that never comes twice), by which one
can tell later what became of it. Sequences are reserved in blocks, so that a killed program does not reuse them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from engine.clients.producer import Producer
from engine.clock import Clock
from engine.errors import ClientClosedError, KafkaError
from engine.ledger import ProducerBook
from engine.metrics import Meter
from engine.snapshot import ClientState, ProducerView
from engine.types import TopicPartition
from engine.workload.driven import Driven
from engine.workload.keys import Keys, keys_for
from engine.workload.pace import Pace
from engine.workload.pools import pools
from engine.workload.spec import ProducerSpec
from engine.workload.templates import TEMPLATES, Record
from engine.workload.transacting import Transacting, once
from engine.workload.viewing import producer_view

RECORDS_A_TURN = 200
"""How many records all producers together make before others get a turn: some ms of work."""

_RETRY_MS = 100
_KEPT_EVERY_S = 4
"""How many (lab) seconds' worth of sequences are reserved at once; its counters are kept with them."""


class DrivenProducer(Driven):
    """A producer and its workload. Counters go on over restarts; `sequence` is the next record's number."""

    def __init__(
        self,
        spec: ProducerSpec,
        name: str,
        clock: Clock,
        total: Meter,
        make: Callable[[DrivenProducer], Producer],
        reserve: Callable[[DrivenProducer], Awaitable[None]],
        share: Callable[[], int],
        on_end: Callable[[Driven, BaseException], None],
        book: ProducerBook | None = None,
    ) -> None:
        super().__init__(name, clock, total, on_end)
        self.spec = spec
        self._book = book or ProducerBook(name)
        self.sent = self.acked = self.failed = 0
        self.sequence = 0
        self.reserved = 0
        """No sequence from here on has been given out."""
        self._make = make
        self._reserve = reserve
        self._share = share
        self._client: Producer | None = None
        self._transacting: Transacting | None = None
        self._pace: Pace | None = None
        self._view: ProducerView | None = None
        self._keys()

    async def start(self) -> None:
        """Make a client and work; raises KafkaError when it cannot begin."""
        if not pools.cache_info().currsize:
            with self._clock.working():
                await asyncio.to_thread(pools)
        client = self._make(self)
        self._transacting = None
        if self.spec.transactional_id:
            self._transacting = Transacting(client, self.spec, self._clock, self._book)  # starts when it works
        else:
            try:
                await client.start()
            except BaseException:
                client.crash()
                raise
        self._client = client
        self.last_error = ""
        self.state = ClientState.PAUSED if self.spec.paused else ClientState.RUNNING
        self._pace = None
        self.changed()
        self._begin()

    async def stop(self) -> None:
        """Send what is in the buffer, end the transaction that is open, then end."""
        await self._end()
        client = self._client
        if client is None:
            return
        try:
            await self._stop(client)
        except BaseException:
            client.crash()
            raise
        finally:
            self._gone(client, ClientState.STOPPED)

    async def _stop(self, client: Producer) -> None:
        transacting = self._transacting
        if transacting is None:
            await client.stop()
            return
        try:
            await transacting.end(once)
        except KafkaError as error:
            self.failed_with(error)
        await client.stop()  # goes on with a commit that was begun
        transacting.closed()

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction of its is open."""
        return self._transacting is not None and self._transacting.is_open

    def crash(self) -> int:
        """End at once; returns how many records in the buffer are lost."""
        self._cut()
        lost, client = self.buffered, self._client
        if client is not None:
            client.crash()
        self._gone(client, ClientState.CRASHED)
        return lost

    async def suspend(self, within_s: float) -> None:
        """End as the world stops, once the buffer is sent or `within_s` real seconds are over."""
        await self._end()
        client, self._client = self._client, None
        if client is not None:
            try:
                await asyncio.wait_for(self._stop(client), within_s)
            except (TimeoutError, KafkaError) as error:
                self.failed_with(error)
                client.crash()
            self._lose_transaction()

    def kept(self) -> dict[str, Any]:
        """Plain values to go on from later. While it works, `reserved` lies ahead of what it sent."""
        return {
            "spec": self.spec.to_json(),
            "state": self.state.value,
            "reserved": self.sequence if self._client is None else self.reserved,
            "sent": self.sent,
            "acked": self.acked,
            "failed": self.failed,
            "last_error": self.last_error,
            "meter": self.meter.kept(),
        }

    def recall(self, data: Mapping[str, Any]) -> None:
        """Go on from what was kept."""
        self.state = ClientState(data["state"])
        self.sequence = self.reserved = data["reserved"]
        self.sent, self.acked, self.failed = data["sent"], data["acked"], data["failed"]
        self.last_error = data["last_error"]
        if "meter" in data:
            self.meter.recall(data["meter"])

    def _gone(self, client: Producer | None, state: ClientState) -> None:
        if self._client is client:
            self._client = None
            self._lose_transaction()
            self.state = state
            self.changed()

    def _lose_transaction(self) -> None:
        if self._transacting is not None and self._transacting.is_open:
            self._transacting.lost()

    def pause(self, paused: bool) -> None:
        """Send nothing, or go on."""
        self.spec = replace(self.spec, paused=paused)
        self.state = ClientState.PAUSED if paused else ClientState.RUNNING
        self.changed()

    def set_rate(self, rate: float) -> None:
        """Records per second from now on; RefusedError beyond what can be had."""
        self.spec = self.spec.with_rate(rate)
        self._pace = None
        self.changed()

    @property
    def buffered(self) -> int:
        """Records in its buffer that are not acknowledged yet."""
        return self._client.buffered if self._client is not None else 0

    def _keys(self) -> Keys:
        """The key rule at work; RefusedError when it does not fit the template."""
        return keys_for(self.spec.keys, TEMPLATES[self.spec.template], f"{self.spec.seed}:{self.sequence}")

    async def work(self) -> None:
        """Send what is due, turn by turn, in transactions if it is told to."""
        client, clock, transacting = self._client, self._clock, self._transacting
        assert client is not None
        if transacting is not None:
            await self.begin_transacting(client)
        seed = f"{self.spec.seed}:{self.sequence}"
        random, keys, generate = Random(f"pace:{seed}"), self._keys(), TEMPLATES[self.spec.template].generator(seed)
        while True:
            await clock.running()
            rests = self.state is ClientState.PAUSED or not self.spec.rate
            if transacting is not None and transacting.is_due(rests):
                await self._end_transaction(client, transacting)
                continue
            if rests:
                await self._nap.sleep(None)
                continue
            now = clock.now_ms()
            if self._pace is None:
                self._pace = Pace(self.spec.rate, now, random)
            pace = self._pace
            due = pace.due(now, self.turn_ms)
            if not due:
                wait = pace.wait_ms(now, self.turn_ms)
                await self._nap.sleep(wait if transacting is None else min(wait, transacting.wait_ms()))
                continue
            turn = min(due, self._share(), due if transacting is None else transacting.room)
            if self.sequence + turn > self.reserved:
                self.reserved = self.sequence + turn + max(50, int(_KEPT_EVERY_S * self.spec.rate))
                await self._reserve(self)
            pace.took(turn)
            try:
                await self._send(client, turn, keys, generate)
            except ClientClosedError:
                if client is not self._client:
                    return
                raise
            except KafkaError as error:
                self.failed += 1
                await self._failed(client, error)
            if due > turn:
                await self._nap.sleep(clock.speed)

    async def _send(self, client: Producer, number: int, keys: Keys, generate: Callable[..., Record]) -> None:
        """Make so many records and give them to the client; raises KafkaError for one that it does not take."""
        at, transacting = self._clock.now(), self._transacting
        topic, who = self.spec.topic, ("producer", self.name.encode("utf-8", "surrogateescape"))
        if transacting is not None:
            await transacting.begin()
        for _ in range(number):
            fields, value = generate(at, self.sequence, keys.subject())
            headers = [who, ("sequence", b"%d" % self.sequence)]
            await client.post(self.sequence, topic, value, keys.key(fields), headers)
            self.sequence += 1
            self.sent += 1
            self._book.sent += 1
            self._book.next = self.sequence
            if transacting is not None:
                transacting.took()

    async def _end_transaction(self, client: Producer, transacting: Transacting) -> None:
        try:
            await transacting.end(self.until_known)
        except ClientClosedError:
            raise
        except KafkaError as error:
            await self._failed(client, error)

    async def _failed(self, client: Producer, error: KafkaError) -> None:
        """Leave off for a moment; a transaction of which something failed is given up."""
        self.failed_with(error)
        if client.fatal is not None:
            raise error
        if self._transacting is not None:
            await self._transacting.give_up(self.until_known)
        await self._nap.sleep(_RETRY_MS)

    def told(self, numbers: Sequence[int], tp: TopicPartition, base_offset: int, error: KafkaError | None) -> None:
        """What became of the records of a batch."""
        now = self._clock.now_ms()
        if error is None:
            self.acked += len(numbers)
            self.counted(len(numbers))
            if self._transacting is not None:
                self._transacting.acknowledged(numbers, tp, base_offset)
            else:
                self._book.acknowledged(numbers, tp, base_offset, now)
        else:
            self.failed += len(numbers)
            self.failed_with(error)
            self._book.unanswered(numbers, now)

    def view(self) -> ProducerView:
        """What is to be seen of it; the same object while nothing changes."""
        view = producer_view(self, self._clock.now_ms())
        if view != self._view:
            self._view = view
        return self._view
