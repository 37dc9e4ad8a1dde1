"""Consume, transform, produce, exactly once: who packs orders into parcels in transactions, and who checks them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random

from engine.clients.consumer import Consumer
from engine.clients.producer import Producer
from engine.clock import ManualClock
from engine.cluster import Cluster
from engine.errors import KafkaError
from engine.records import ConsumerRecord
from engine.types import ConsumerGroupMetadata, TopicPartition
from tests.simulation.clients import DELIVERY_MS, started
from tests.simulation.invariants import Watch
from tests.simulation.plan import PACKING, PARCELS, TOPIC

ZOMBIE_MS = 6_000.0


@dataclass(slots=True)
class Book:
    """What packers know of each attempt, so that nobody may see anything else."""

    committing: set[str] = field(default_factory=set)
    """Whose commit was asked for and not refused."""
    sent: Counter[str] = field(default_factory=Counter)
    """How many parcels each attempt was to hold."""


class DoomedError(Exception):
    """An attempt that is to be aborted."""


class Packing:
    """One place in the group of packers, and its transactional id, held by one after another.

    One that is taken for dead may work on for a while, as a zombie.
    """

    def __init__(self, name: str, book: Book, faulty: bool) -> None:
        self._name = name
        self._book = book
        self._faulty = faulty
        self._lives = 0
        self._zombies: set[asyncio.Task[None]] = set()
        self._life: Life | None = None

    async def run(self, cluster: Cluster, clock: ManualClock, rng: Random, calm: asyncio.Event) -> None:
        """Pack for ever."""
        try:
            while True:
                life = self._life = await self._begin(cluster, clock, rng, calm)
                dies_at = clock.now_ms() + rng.expovariate(1 / 8_000)
                while not self._faulty or calm.is_set() or clock.now_ms() < dies_at:
                    if not await life.work():
                        break
                if rng.random() < 0.4:
                    zombie = asyncio.ensure_future(life.linger(clock.now_ms() + ZOMBIE_MS))
                    self._zombies.add(zombie)
                else:
                    life.crash()
        finally:
            for zombie in self._zombies:
                zombie.cancel()
            await asyncio.gather(*self._zombies, return_exceptions=True)
            if self._life is not None:
                self._life.crash()

    async def _begin(self, cluster: Cluster, clock: ManualClock, rng: Random, calm: asyncio.Event) -> Life:
        self._lives += 1
        name = f"{self._name}.{self._lives}"
        consumer = cluster.consumer(
            TOPIC,
            client_id=name,
            group_id=PACKING,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            isolation_level="read_committed",
            request_timeout_ms=3_000,
            session_timeout_ms=4_000,
            heartbeat_interval_ms=800,
            metadata_max_age_ms=5_000,
        )
        producer = cluster.producer(
            client_id=name,
            transactional_id=self._name,
            transaction_timeout_ms=10_000,
            request_timeout_ms=2_000,
            delivery_timeout_ms=DELIVERY_MS,
            max_block_ms=DELIVERY_MS,
            metadata_max_age_ms=5_000,
            rng=rng,
        )
        await started(producer.start, clock)
        await started(consumer.start, clock)
        return Life(name, consumer, producer, clock, rng, self._book, calm)


class Life:
    """One packer, from its start to its end."""

    def __init__(
        self,
        name: str,
        consumer: Consumer,
        producer: Producer,
        clock: ManualClock,
        rng: Random,
        book: Book,
        calm: asyncio.Event,
    ) -> None:
        self._name = name
        self._consumer = consumer
        self._producer = producer
        self._clock = clock
        self._rng = rng
        self._book = book
        self._calm = calm
        self._attempts = 0

    def crash(self) -> None:
        """Be gone without a word."""
        self._producer.crash()
        self._consumer.crash()

    async def linger(self, until_ms: float) -> None:
        """Work on though somebody else has the place, until that is noticed or the time is over."""
        try:
            while self._clock.now_ms() < until_ms and await self.work():
                pass
        finally:
            self.crash()

    async def work(self) -> bool:
        """Pack what has come, in one transaction; False when this producer is at its end."""
        try:
            found = await self._consumer.getmany(timeout_ms=500, max_records=self._rng.choice((1, 10, 100, 500)))
        except KafkaError:
            return True
        member = self._consumer.group_metadata()  # as it was when these were found; it joins again behind our back
        if not found:
            return True
        self._attempts += 1
        attempt = f"{self._name}.{self._attempts}"
        try:
            await self._pack(attempt, found, member)
            await self._again(self._producer.commit_transaction)
        except (KafkaError, DoomedError):
            return await self._abort(attempt, found)
        return True

    async def _pack(
        self, attempt: str, found: dict[TopicPartition, list[ConsumerRecord]], member: ConsumerGroupMetadata
    ) -> None:
        await self._producer.begin_transaction()
        for tp, records in found.items():
            for record in records:
                self._book.sent[attempt] += 1
                headers = [("from", b"%d:%d" % (tp.partition, record.offset)), ("attempt", attempt.encode())]
                await self._producer.send(PARCELS, record.value, record.key, headers=headers)
        await self._nap()
        offsets = {tp: records[-1].offset + 1 for tp, records in found.items()}
        await self._again(lambda: self._producer.send_offsets_to_transaction(offsets, member))
        await self._nap()
        if self._rng.random() < 0.15:
            await self._producer.flush()
            raise DoomedError
        self._book.committing.add(attempt)

    async def _nap(self) -> None:
        """Be slow now and then, so that the group goes on without it or somebody takes over."""
        if self._rng.random() < 0.15 and not self._calm.is_set():
            await self._clock.sleep(self._rng.choice((50.0, 700.0, 5_000.0)))

    async def _abort(self, attempt: str, found: dict[TopicPartition, list[ConsumerRecord]]) -> bool:
        """Begin once more with what was found; False if this producer has been taken over from.

        Not with what is committed: a coordinator that is cut off, and does not know that there is another one, would
        tell what was committed long ago, in Kafka as here.
        """
        try:
            await self._again(self._producer.abort_transaction)
        except KafkaError:
            return False
        self._book.committing.discard(attempt)
        for tp in self._consumer.assignment() & found.keys():
            self._consumer.seek(tp, found[tp][0].offset)
        return True

    async def _again(self, ask: Callable[[], Awaitable[object]]) -> None:
        """Until it is answered; raises what trying again cannot mend."""
        while True:
            try:
                await ask()
                return
            except KafkaError as error:
                if not error.retriable:
                    raise
            await self._clock.sleep(100)


class Checking:
    """Reads parcels with `read_committed`, all the time."""

    def __init__(self, watch: Watch, book: Book) -> None:
        self.places: dict[tuple[int, int], list[str]] = {}
        """The attempts that packed each order."""
        self.seen: Counter[str] = Counter()
        """How many parcels of each attempt were seen."""
        self._watch = watch
        self._book = book

    async def run(self, cluster: Cluster, clock: ManualClock) -> None:
        """Look at every parcel."""
        consumer = cluster.consumer(
            PARCELS,
            client_id="checking",
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            request_timeout_ms=3_000,
            metadata_max_age_ms=5_000,
        )
        await started(consumer.start, clock)
        try:
            while True:
                await self._look(consumer, clock)
        finally:
            consumer.crash()

    async def _look(self, consumer: Consumer, clock: ManualClock) -> None:
        try:
            found = await consumer.getmany(timeout_ms=500)
        except KafkaError:
            await clock.sleep(100)
            return
        for records in found.values():
            for record in records:
                self._see(record)

    def _see(self, record: ConsumerRecord) -> None:
        headers = dict(record.headers)
        attempt = (headers["attempt"] or b"").decode()
        partition, offset = map(int, (headers["from"] or b"").split(b":"))
        if attempt not in self._book.committing and not self._watch.lossy:
            self._watch.fail(f"a parcel of {attempt} is seen, which was not committed")
        self.seen[attempt] += 1
        self.places.setdefault((partition, offset), []).append(attempt)

    def all_packed(self, ends: dict[TopicPartition, int]) -> bool:
        """Whether every order has its parcel."""
        return len(self.places) >= sum(ends.values())

    def settle(self, ends: dict[TopicPartition, int]) -> None:
        """At the end: each order once, each attempt whole."""
        if self._watch.lossy:
            return
        for tp, end in ends.items():
            missing = [offset for offset in range(end) if (tp.partition, offset) not in self.places]
            if missing:
                self._watch.fail(f"{len(missing)} orders of {tp} have no parcel, from offset {missing[0]} on")
        for (partition, offset), attempts in self.places.items():
            if len(attempts) > 1:
                self._watch.fail(f"{TOPIC}-{partition} offset {offset} was packed {len(attempts)} times: {attempts}")
        for attempt, count in self.seen.items():
            if count != self._book.sent[attempt]:
                self._watch.fail(f"{count} of {self._book.sent[attempt]} parcels of {attempt} are there")
