"""Carries a producer's batches to the leaders of their partitions, and tries again where that may help.

After `org.apache.kafka.clients.producer.internals.Sender`, with one request under way to each broker and so the order
of each partition kept through retries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.clients.accumulator import Accumulator, Batch, PartitionQueue
from engine.clients.connection import Connection
from engine.clients.idempotence import Identity
from engine.clients.metadata import ClientMetadata
from engine.clients.tasks import Soon, Tasks
from engine.clock import Clock, Timer
from engine.errors import DeliveryTimeoutError, ErrorCode, KafkaError, RequestTimedOutError, error_for
from engine.messages import ProducedPartition, ProduceRequest
from engine.types import TopicPartition


@dataclass(frozen=True, slots=True)
class SenderConfig:
    """What the sender keeps to; times in ms, sizes in bytes, `acks` as on the wire."""

    acks: int
    linger_ms: float
    max_request_size: int
    retry_backoff_ms: float
    delivery_timeout_ms: float


class Sender:
    """Looks what may go whenever something has changed (`wake`); `on_end(batch, error)` hears of each batch's end."""

    def __init__(
        self,
        config: SenderConfig,
        accumulator: Accumulator,
        connection: Connection,
        metadata: ClientMetadata,
        clock: Clock,
        tasks: Tasks,
        on_end: Callable[[Batch, KafkaError | None], None],
        identity: Identity | None,
    ) -> None:
        self._config = config
        self._accumulator = accumulator
        self._connection = connection
        self._metadata = metadata
        self._clock = clock
        self._tasks = tasks
        self._on_end = on_end
        self._identity = identity
        self._busy: set[int] = set()
        self._timer: Timer | None = None
        self._closed = False
        self._resuming = False
        self._turn = 0
        self.flushing = 0
        """How many wait for everything to be sent, so that nothing lingers."""
        self.wake = Soon(self._look)

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
        self.wake.cancel()
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        """Send every batch that may go now, and see to it that the next look comes in time."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._clock.paused and not self.flushing:
            if not self._resuming:
                self._resuming = True
                self._tasks.spawn(self._look_when_time_passes(), "producer-resume")
            return
        now = self._clock.now_ms()
        next_look = self._expire(now)
        hurry = bool(self.flushing) or self._accumulator.exhausted
        ready: set[int] = set()
        by_leader: dict[int, list[PartitionQueue]] = {}
        for queue in self._accumulator.waiting.values():
            if queue.in_flight:
                continue
            leader = self._metadata.leader(queue.tp)
            if leader is None:
                self._metadata.request_update()
                continue
            by_leader.setdefault(leader, []).append(queue)
            if leader in self._busy:
                continue
            due = queue.due_at(0.0 if hurry else self._config.linger_ms)
            if due <= now:
                ready.add(leader)
            else:
                next_look = min(next_look, due)
        for leader in ready:
            self._send(leader, by_leader[leader], now)
        if next_look != float("inf"):
            self._timer = self._clock.call_later(next_look - now, self.wake)

    async def _look_when_time_passes(self) -> None:
        await self._clock.running()
        self._resuming = False
        self.wake()

    def _expire(self, now: float) -> float:
        """Fail what was not delivered in time; returns when the next batch would be."""
        timeout = self._config.delivery_timeout_ms
        earliest = float("inf")
        for queue in tuple(self._accumulator.waiting.values()):
            while queue.batches and queue.batches[0].created_ms + timeout <= now:
                self._give_up(self._accumulator.take(queue))
            if queue.batches:
                earliest = min(earliest, queue.batches[0].created_ms + timeout)
        return earliest

    def _give_up(self, batch: Batch) -> None:
        why = batch.last_error or f"No leader of {batch.tp} could be found, or it was busy all the while."
        count = batch.builder.count
        records = f"{count} record{'s' if count != 1 else ''}"
        self._end(
            batch,
            DeliveryTimeoutError(
                f"{records} for {batch.tp} could not be delivered within {self._config.delivery_timeout_ms:.0f} ms. "
                f"The last error was: {why}"
            ),
        )

    def _send(self, leader: int, queues: list[PartitionQueue], now: float) -> None:
        """Send the oldest batch of each queue that is not being retried later, up to `max_request_size`."""
        self._turn += 1
        first = self._turn % len(queues)
        size = 0
        batches: list[Batch] = []
        for queue in queues[first:] + queues[:first]:
            head = queue.batches[0]
            if head.attempts and head.retry_at_ms > now:
                continue
            size += head.builder.size_bytes
            if batches and size > self._config.max_request_size:
                break
            queue.in_flight = True
            batches.append(self._accumulator.take(queue))
        self._busy.add(leader)
        self._tasks.spawn(self._deliver(leader, batches, now), f"producer-to-{leader}")

    async def _deliver(self, leader: int, batches: list[Batch], now: float) -> None:
        acks = self._config.acks
        if self._identity is not None:
            for batch in batches:
                self._identity.number(batch)
        data = {batch.tp: batch.builder.build() for batch in batches}
        if acks == 0:
            for batch in batches:
                batch.acknowledge(-1, -1, -1)
        left_ms = min(batch.created_ms for batch in batches) + self._config.delivery_timeout_ms - now
        within_ms = min(self._connection.request_timeout_ms, max(1.0, left_ms))
        request = ProduceRequest(acks, int(self._connection.request_timeout_ms), data)
        try:
            response = await self._connection.call(leader, request, within_ms)
            answers = dict(response.partitions)
        except KafkaError as error:
            answers = {tp: ProducedPartition(error.code, message=str(error)) for tp in data}
        finally:
            self._busy.discard(leader)
            for tp in data:
                self._accumulator.queue(tp).in_flight = False
        for batch in batches:
            if acks == 0:
                self._end(batch, None)  # nobody is told what became of it
            else:
                self._settle(batch, answers.get(batch.tp) or _unanswered(leader, batch.tp))
        self.wake()

    def _settle(self, batch: Batch, answer: ProducedPartition) -> None:
        """Acknowledge a batch, or try it again, in parts if it is too large, or fail it."""
        if answer.error == ErrorCode.NONE:
            batch.acknowledge(answer.base_offset, answer.log_append_time, answer.log_start_offset)
            self._end(batch, None)
            return
        error = error_for(answer.error, answer.message)
        if answer.error == ErrorCode.MESSAGE_TOO_LARGE and batch.builder.count > 1:
            if self._identity is not None:
                self._identity.take_back(batch)
            self._accumulator.split(batch)
        elif error.retriable:
            now = self._clock.now_ms()
            batch.attempts += 1
            batch.last_error = error
            batch.retry_at_ms = now + self._config.retry_backoff_ms
            self._metadata.request_update()
            self._accumulator.put_back(batch)
        else:
            self._end(batch, error)

    def _end(self, batch: Batch, error: KafkaError | None) -> None:
        if error is not None:
            batch.fail(error)
            if self._identity is not None:
                self._identity.gave_up(batch)
        self._accumulator.forget(batch)
        self._on_end(batch, error)


def _unanswered(leader: int, tp: TopicPartition) -> ProducedPartition:
    error = RequestTimedOutError(f"Broker {leader} said nothing about {tp}.")
    return ProducedPartition(error.code, message=str(error))
