"""Fetches records from the leaders of a consumer's partitions, one response a broker ahead of the application.

After `org.apache.kafka.clients.consumer.internals.AbstractFetch`: a broker is asked again when little of what it sent
is left to hand out, and an answer counts only if it goes on where the partition stands, and its sender leads it still.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from engine.clients.connection import Connection
from engine.clients.metadata import ClientMetadata
from engine.clients.offsets import Committed, OffsetLookup
from engine.clients.partition_state import PartitionState, Transform
from engine.clients.subscription import Subscription
from engine.clients.tasks import Soon, Tasks
from engine.clients.validation import Validation
from engine.clock import Clock, Timer
from engine.errors import ErrorCode, KafkaError, OffsetOutOfRangeError, error_for
from engine.messages import FetchedPartition, FetchPosition, FetchRequest, IsolationLevel
from engine.records import ConsumerRecord
from engine.types import TopicPartition

_BREATH_MS = 5
"""How long who does not let a broker wait for records leaves it alone after an empty answer."""


@dataclass(frozen=True, slots=True)
class FetchConfig:
    """What fetching keeps to; times in ms, sizes in bytes."""

    max_wait_ms: int
    min_bytes: int
    max_bytes: int
    max_partition_bytes: int
    isolation: IsolationLevel
    auto_offset_reset: str
    retry_backoff_ms: float


class Fetcher:
    """Keeps fetches under way (`wake` looks what is to be fetched) and hands out what came (`take`)."""

    def __init__(
        self,
        config: FetchConfig,
        subscription: Subscription,
        connection: Connection,
        metadata: ClientMetadata,
        lookup: OffsetLookup,
        validation: Validation,
        clock: Clock,
        tasks: Tasks,
        committed: Committed | None,
        transform: Transform | None,
    ) -> None:
        self._config = config
        self._subscription = subscription
        self._connection = connection
        self._metadata = metadata
        self._lookup = lookup
        self._validation = validation
        self._clock = clock
        self._tasks = tasks
        self._committed = committed
        self._transform = transform
        self._arrived: list[PartitionState] = []
        """The partitions with something to hand out, in the order it came."""
        self._errors: dict[TopicPartition, KafkaError] = {}
        self._busy: set[int] = set()
        self._asked: set[int] = set()
        """Leaders that are being asked whether positions are valid."""
        self._positioning: set[tuple[TopicPartition, str | None]] = set()
        """Partitions whose position is being looked up, and how it is to be reset."""
        self._waiting: set[asyncio.Future[None]] = set()
        self._timer: Timer | None = None
        self._resuming = False
        self._closed = False
        self.wake = Soon(self._look)

    def close(self) -> None:
        """Fetch nothing more, and let go of whoever waits."""
        self._closed = True
        self.wake.cancel()
        if self._timer is not None:
            self._timer.cancel()
        self.tell()

    # Handing out

    def take(self, partitions: Collection[TopicPartition], limit: int) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Up to `limit` records of these partitions (of all, if none are named), in the order they came.

        Raises what a partition's fetch or position failed with, once, when nothing else is there to hand out.
        """
        taken: dict[TopicPartition, list[ConsumerRecord]] = {}
        if not self._arrived and not self._errors:
            return taken
        assigned = self._subscription.assigned
        emptied = hungry = False
        try:
            for state in self._arrived:
                tp = state.tp
                if assigned.get(tp) is not state or not state.buffered:
                    emptied = True
                elif limit > 0 and state.handed_out and (not partitions or tp in partitions):
                    had_enough = not state.hungry
                    records = state.take(limit, self._transform)
                    if records:
                        limit -= len(records)
                        taken[tp] = records
                    emptied = emptied or not state.buffered
                    hungry = hungry or (had_enough and state.hungry)
        except KafkaError:
            if not taken:
                raise
        finally:
            if emptied:
                self._arrived = [s for s in self._arrived if s.buffered and assigned.get(s.tp) is s]
            if emptied or hungry:
                self.wake()
        if not taken and self._errors:
            self._raise_one(partitions)
        return taken

    def _raise_one(self, partitions: Collection[TopicPartition]) -> None:
        for tp in tuple(self._errors):
            if tp not in self._subscription.assigned:
                del self._errors[tp]
            elif not partitions or tp in partitions:
                error = self._errors.pop(tp)
                self.wake()
                raise error

    def check(self, tp: TopicPartition) -> None:
        """Raise what this partition's fetch or position failed with, once."""
        if tp in self._errors:
            self._raise_one((tp,))

    def clear_error(self, tp: TopicPartition) -> None:
        """What failed does not matter any more: the application sought elsewhere."""
        self._errors.pop(tp, None)

    async def news(self, within_ms: float | None) -> None:
        """Return when something came, went or failed, or after `within_ms`."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(waiting)
        timer = None if within_ms is None else self._clock.call_later(within_ms, _resolve, waiting)
        try:
            await waiting
        finally:
            self._waiting.discard(waiting)
            if timer is not None:
                timer.cancel()

    def tell(self) -> None:
        """There is news."""
        for each in self._waiting:
            _resolve(each)

    # Fetching

    def _look(self) -> None:
        """Ask every broker that may be asked, and see to it that the next look comes in time."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._clock.paused:
            if not self._resuming:
                self._resuming = True
                self._tasks.spawn(self._look_when_time_passes(), "consumer-resume")
            return
        now = self._clock.now_ms()
        next_look = float("inf")
        unread: list[PartitionState] = []
        reset: list[PartitionState] = []
        holding: set[int] = set()
        wanted: dict[int, dict[TopicPartition, FetchPosition]] = {}
        unsure: dict[int, list[PartitionState]] = {}
        for tp, state in self._subscription.assigned.items():
            if state.revoking or tp in self._errors:
                continue
            if state.retry_at_ms > now:
                next_look = min(next_look, state.retry_at_ms)
                continue
            if state.position is None:
                if (tp, state.reset) not in self._positioning:
                    (reset if state.reset is not None else unread).append(state)
                continue
            leader, epoch = leading = self._metadata.leading(tp)
            if leader is None:
                if not state.paused:
                    self._metadata.request_update()
            elif not state.led_by(leading):
                unsure.setdefault(leader, []).append(state)
            elif state.paused:
                continue
            elif not state.hungry:
                holding.add(leader)
            else:
                at = FetchPosition(state.fetch_from, self._config.max_partition_bytes, epoch)
                wanted.setdefault(leader, {})[tp] = at
        for states in (unread, reset):  # who asks its leader alone need not wait for a coordinator
            if states:
                self._tasks.spawn(self._position(states), "consumer-positions")
        for leader, states in unsure.items():
            if leader not in self._asked:
                self._asked.add(leader)
                self._tasks.spawn(self._validate(leader, states), f"consumer-validates-{leader}")
        for leader, positions in wanted.items():
            if leader not in holding and leader not in self._busy:
                self._busy.add(leader)
                self._tasks.spawn(self._fetch(leader, positions), f"consumer-fetch-{leader}")
        if next_look != float("inf"):
            self._timer = self._clock.call_later(next_look - now, self.wake)

    async def _look_when_time_passes(self) -> None:
        await self._clock.running()
        self._resuming = False
        self.wake()

    async def _position(self, states: list[PartitionState]) -> None:
        asked = {(state.tp, state.reset) for state in states}
        self._positioning |= asked
        try:
            failed = await self._lookup.begin(states, self._config.auto_offset_reset, self._committed)
        finally:
            self._positioning -= asked
        self._placed(states, failed)

    async def _validate(self, leader: int, states: list[PartitionState]) -> None:
        try:
            failed = await self._validation.ask(leader, states)
        finally:
            self._asked.discard(leader)
        self._placed(states, failed)

    def _placed(self, states: list[PartitionState], failed: Mapping[TopicPartition, KafkaError]) -> None:
        """These have a position that is valid, but for those where that failed."""
        for state in states:
            error, sought = failed.get(state.tp), state.position is not None and not state.awaiting_validation
            if error is not None and not sought and self._subscription.assigned.get(state.tp) is state:
                self._failed(state, error)
        self.wake()
        self.tell()

    async def _fetch(self, leader: int, positions: dict[TopicPartition, FetchPosition]) -> None:
        config = self._config
        states = {tp: self._subscription.assigned.get(tp) for tp in positions}
        request = FetchRequest(positions, config.max_wait_ms, config.min_bytes, config.max_bytes, config.isolation)
        try:
            response = await self._connection.call(
                leader, request, self._connection.request_timeout_ms + config.max_wait_ms
            )
            answers = response.partitions
        except KafkaError as error:
            answers = {tp: FetchedPartition(error.code) for tp in positions}
        finally:
            self._busy.discard(leader)
        served = []
        for tp, answer in answers.items():
            state = states.get(tp)
            if (
                state is None
                or self._subscription.assigned.get(tp) is not state
                or state.fetch_from != positions[tp].fetch_offset
                or self._metadata.leading(tp) != (leader, positions[tp].current_leader_epoch)
            ):
                continue  # what was wanted, or who leads, is another by now
            if self._accept(state, answer):
                served.append(tp)
        self._subscription.to_the_end(served)
        self.wake()
        if served or self._errors:
            self.tell()

    def _accept(self, state: PartitionState, answer: FetchedPartition) -> bool:
        """Take up one partition's answer; returns whether there are records in it."""
        if answer.error == ErrorCode.NONE:
            state.high_watermark = answer.high_watermark
            state.last_stable_offset = answer.last_stable_offset
            state.log_start_offset = answer.log_start_offset
            if answer.batches:
                if state not in self._arrived:
                    self._arrived.append(state)
                state.arrived(answer.batches, answer.aborted)
            elif min(self._config.min_bytes, self._config.max_wait_ms) <= 0:
                state.retry_at_ms = self._clock.now_ms() + _BREATH_MS
            return bool(answer.batches)
        if state.buffered:
            state.retry_at_ms = self._clock.now_ms() + self._config.retry_backoff_ms  # what is here comes first
            return False
        if answer.error != ErrorCode.OFFSET_OUT_OF_RANGE:
            self._failed(state, error_for(answer.error, f"{state.tp}: {error_for(answer.error)}"))
        elif self._config.auto_offset_reset == "none":
            self._failed(
                state,
                OffsetOutOfRangeError(
                    f"Offset {state.position} of {state.tp} is not in its log, which begins at "
                    f"{answer.log_start_offset}, and auto_offset_reset is none. Seek to an offset that is."
                ),
            )
        else:
            state.forget_position(self._config.auto_offset_reset)
        return False

    def _failed(self, state: PartitionState, error: KafkaError) -> None:
        """Try again after a while if that may help, else have the application told."""
        if error.retriable:
            state.retry_at_ms = self._clock.now_ms() + self._config.retry_backoff_ms
            self._metadata.request_update()
        else:
            self._errors[state.tp] = error
            self.tell()


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
