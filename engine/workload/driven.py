"""What driven producers and consumers have in common: a client, the task that keeps it busy, and how both end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from engine.clients.producer import Producer
from engine.clock import Clock
from engine.errors import (
    ClientClosedError,
    FencedInstanceIdError,
    GroupIdNotFoundError,
    GroupMaxSizeReachedError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    InvalidTransactionTimeoutError,
    KafkaError,
    LabError,
    ProducerFencedError,
    UnreleasedInstanceIdError,
)
from engine.metrics import Meter
from engine.snapshot import ClientState
from engine.workload.nap import Nap

RETRY_MS = 1_000
"""How long (lab ms) until what did not work is tried again."""
FATAL = (
    FencedInstanceIdError,
    GroupIdNotFoundError,
    GroupMaxSizeReachedError,
    InconsistentGroupProtocolError,
    InvalidGroupIdError,
    InvalidSessionTimeoutError,
    UnreleasedInstanceIdError,
    InvalidTransactionTimeoutError,
    ProducerFencedError,
)
"""Errors after which a client cannot go on; others pass, or a person mends them."""
TURN_MS = 10.0
"""How long (real ms) a driver sleeps at least, where it has more to do than that."""
LIVING = (ClientState.RUNNING, ClientState.PAUSED, ClientState.HUNG)


class Driven:
    """A client with work to do. `on_end(self, error)` is called when the work ends by itself, by `error`."""

    def __init__(self, name: str, clock: Clock, total: Meter, on_end: Callable[[Driven, BaseException], None]) -> None:
        self.name = name
        self.state = ClientState.STOPPED
        self.meter = Meter()
        self.last_error = ""
        self.verbs = asyncio.Lock()
        """Held while it is being started, stopped or moved."""
        self._clock = clock
        self._total = total
        self._on_end = on_end
        self._nap = Nap(clock)
        self._task: asyncio.Task[None] | None = None

    @property
    def alive(self) -> bool:
        """Whether it has a client: it is running, paused or hung."""
        return self.state in LIVING

    @property
    def turn_ms(self) -> float:
        """A turn in lab ms at today's speed."""
        return TURN_MS * self._clock.speed

    def changed(self) -> None:
        """What it is asked to do has changed: whatever it waits for by that is over."""
        self._nap.wake()

    def counted(self, number: int) -> None:
        """So many records were acknowledged or processed just now."""
        now = self._clock.now_ms()
        self.meter.add(now, number)
        self._total.add(now, number)

    def failed_with(self, error: BaseException) -> None:
        """Keep what went wrong, for the view."""
        self.last_error = describe(error)

    async def work(self) -> None:
        """What it does until it is ended."""
        raise NotImplementedError

    async def begin_transacting(self, client: Producer) -> None:
        """Start a transactional producer, which may have to wait for a transaction left open to be aborted."""
        while True:
            try:
                await client.start()
                return
            except (*FATAL, ClientClosedError):
                raise
            except KafkaError as error:
                self.failed_with(error)
            await self._nap.sleep(RETRY_MS)

    async def until_known(self, end: Callable[[], Awaitable[None]]) -> None:
        """End a transaction, asking until it is known that it has ended; raises KafkaError."""
        while True:
            try:
                await end()
                return
            except KafkaError as error:
                if not error.retriable:
                    raise
                self.failed_with(error)
            await self._nap.sleep(RETRY_MS)

    def _begin(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self.work(), name=self.name)
        self._task.add_done_callback(self._worked)

    async def _end(self) -> None:
        """Have the work end at its next wait."""
        task, self._task = self._task, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            await asyncio.wait([task])

    def _cut(self) -> None:
        """Have the work end without waiting for it."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()

    def _worked(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and task is self._task:
            self.failed_with(error)
            self._on_end(self, error)


def describe(error: BaseException) -> str:
    """An error for a person: what it says; its kind too, where it is none of ours."""
    return str(error) if isinstance(error, (KafkaError, LabError)) else f"{type(error).__name__}: {error}"
