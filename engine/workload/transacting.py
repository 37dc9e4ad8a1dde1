"""The transactions of a spawned producer: so many records in each, and every so manieth aborted (KIP-98).

None is left open for long: who reads committed records waits for it, and its coordinator ends it by force when
`transaction.timeout.ms` is over. What a transaction sent is acknowledged to the ledger once it is committed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from engine.clients.producer import Producer
from engine.clock import Clock
from engine.errors import KafkaError
from engine.ledger import ProducerBook
from engine.types import TopicPartition
from engine.workload.spec import ProducerSpec

LONGEST_MS = 5_000
"""How long a transaction is filled at the most; not half as long as its coordinator allows, if that is less."""

End = Callable[[], Awaitable[None]]


async def once(end: End) -> None:
    """Ask one time for a transaction's end."""
    await end()


class Transacting:
    """Of one client. Methods that end a transaction take how to ask for that: `once`, or until it is known."""

    def __init__(self, client: Producer, spec: ProducerSpec, clock: Clock, book: ProducerBook) -> None:
        self._client = client
        self._spec = spec
        self._clock = clock
        self._book = book
        self._number = 0
        self._records = 0
        self._began_ms: float | None = None
        """When the transaction that is open was; None while there is none."""
        self._aborts = False
        """Whether it will be aborted."""
        self._ending = False
        """Whether it may be committed already."""
        self._places: list[tuple[Sequence[int], TopicPartition, int]] = []
        """What it sent, and where that lies."""

    @property
    def is_open(self) -> bool:
        """Whether there is one to be ended."""
        return self._began_ms is not None

    @property
    def room(self) -> int:
        """How many records still go into it, or into the next."""
        return self._spec.records_per_transaction - self._records

    def wait_ms(self) -> float:
        """How long it may still be filled."""
        if self._began_ms is None:
            return float("inf")
        longest = min(LONGEST_MS, self._spec.transaction_timeout_ms / 2)
        return self._began_ms + longest - self._clock.now_ms()

    def is_due(self, rests: bool) -> bool:
        """Whether it is to be ended now: it is full, or old, or nobody goes on with it."""
        return self.is_open and (rests or self.room <= 0 or self.wait_ms() <= 0)

    async def begin(self) -> None:
        """Open one, unless there is one; raises KafkaError."""
        if self._began_ms is None:
            await self._client.begin_transaction()
            self._number += 1
            self._records, self._began_ms = 0, self._clock.now_ms()
            self._aborts = bool(self._spec.abort_every) and self._number % self._spec.abort_every == 0

    def took(self) -> None:
        """One more record is part of it."""
        self._records += 1

    def acknowledged(self, numbers: Sequence[int], tp: TopicPartition, base_offset: int) -> None:
        """These of its records lie there."""
        self._places.append((numbers, tp, base_offset))

    async def end(self, ask: Callable[[End], Awaitable[None]]) -> None:
        """Commit it, or abort it if it is its turn; raises KafkaError, and then it is to be given up."""
        if self._began_ms is None:
            return
        if self._aborts:
            await self._client.flush()  # who reads uncommitted records is to see them
            await self.give_up(ask)
            return
        self._ending = True
        try:
            await ask(self._client.commit_transaction)
        except KafkaError as error:
            self._ending = error.retriable  # what is refused is not done
            raise
        self._committed()

    def closed(self) -> None:
        """Its client was closed in good order: what was being committed is, all else was aborted."""
        if self._ending and not self._aborts:
            self._committed()
        elif self.is_open:
            self.lost()

    def _committed(self) -> None:
        now = self._clock.now_ms()
        for numbers, tp, base_offset in self._places:
            self._book.acknowledged(numbers, tp, base_offset, now)
        self._over()

    async def give_up(self, ask: Callable[[End], Awaitable[None]]) -> None:
        """Abort it; raises KafkaError."""
        if self._began_ms is None:
            return
        self._aborts = True
        await ask(self._client.abort_transaction)
        self.lost()

    def lost(self) -> None:
        """Its client is at an end: nothing that was sent in it counts, unless it was being committed just then."""
        if self._ending and not self._aborts:
            for numbers, _, _ in self._places:
                self._book.unanswered(numbers, self._clock.now_ms())
        else:
            self._book.aborted += sum(len(numbers) for numbers, _, _ in self._places)
        self._over()

    def _over(self) -> None:
        self._records, self._began_ms = 0, None
        self._aborts = self._ending = False
        self._places.clear()
