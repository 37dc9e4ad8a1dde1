"""Carries a producer's batches to the leaders of their partitions, and tries again where that may help.

After `org.apache.kafka.clients.producer.internals.Sender`: up to `max_in_flight` requests are under way to each broker.
An idempotent producer's batches keep their order by their sequences. Without those it is kept as long as nothing has to
be sent again, or with one request at a time, when a partition is muted while a batch of it is under way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from engine.clients.accumulator import Accumulator
from engine.clients.batches import Batch, PartitionQueue
from engine.clients.connection import Connection
from engine.clients.idempotence import Identity
from engine.clients.metadata import ClientMetadata
from engine.clients.producer_settings import SenderConfig
from engine.clients.tasks import Soon, Tasks
from engine.clock import Clock, Timer
from engine.errors import DeliveryTimeoutError, ErrorCode, KafkaError, RequestTimedOutError, error_for
from engine.messages import ProducedPartition, ProduceRequest
from engine.types import TopicPartition


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
        self._in_flight: Counter[int] = Counter()
        """Requests under way, by broker."""
        self._timer: Timer | None = None
        self._closed = False
        self._resuming = False
        self._renewing = False
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
        if self._identity is not None:
            self._identity.settle()
            if self._identity.used_up and not self._renewing:
                self._renewing = True
                self._tasks.spawn(self._renew(self._identity), "producer-id")
        while True:
            ready, next_due = self._ready(now)
            if not ready:
                break
            for leader, queues in ready.items():
                self._send(leader, queues, now)
        next_look = min(next_look, next_due)
        if next_look != float("inf"):
            self._timer = self._clock.call_later(next_look - now, self.wake)

    def _ready(self, now: float) -> tuple[dict[int, list[PartitionQueue]], float]:
        """What may be sent to each broker for which something is due, and when more will be."""
        linger_ms = 0.0 if self.flushing or self._accumulator.exhausted else self._config.linger_ms
        next_due = float("inf")
        due_now: set[int] = set()
        by_leader: dict[int, list[PartitionQueue]] = {}
        for queue in self._accumulator.waiting.values():
            if queue.muted:
                continue
            leader = self._metadata.leader(queue.tp)
            if leader is None:
                self._metadata.request_update()
                continue
            if self._in_flight[leader] >= self._config.max_in_flight:
                continue
            head = queue.batches[0]
            if self._identity is not None and not self._identity.may_send(head):
                continue
            due = queue.due_at(linger_ms)
            if due <= now:
                due_now.add(leader)
            else:
                next_due = min(next_due, due)
                if head.attempts:
                    continue
            by_leader.setdefault(leader, []).append(queue)
        return {leader: by_leader[leader] for leader in due_now}, next_due

    async def _renew(self, identity: Identity) -> None:
        """Get another id, as the epochs of this one are used up."""
        try:
            await identity.begin()
        except KafkaError:
            await self._clock.sleep(self._config.retry_backoff_ms)
        finally:
            self._renewing = False
        self.wake()

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
        if self._identity is not None and batch.base_sequence >= 0:
            self._identity.expired(batch)
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
        """Send the oldest batch of each queue, up to `max_request_size`."""
        self._turn += 1
        first = self._turn % len(queues)
        size = 0
        batches: list[Batch] = []
        for queue in queues[first:] + queues[:first]:
            size += queue.batches[0].builder.size_bytes
            if batches and size > self._config.max_request_size:
                break
            queue.muted = self._config.max_in_flight == 1
            batch = self._accumulator.take(queue)
            if self._identity is not None:
                self._identity.number(batch)
            batches.append(batch)
        self._in_flight[leader] += 1
        self._tasks.spawn(self._deliver(leader, batches, now), f"producer-to-{leader}")

    async def _deliver(self, leader: int, batches: list[Batch], now: float) -> None:
        acks = self._config.acks
        data = {batch.tp: batch.builder.build() for batch in batches}
        if acks == 0:
            for batch in batches:
                batch.acknowledge(-1, -1, -1)
        left_ms = min(batch.created_ms for batch in batches) + self._config.delivery_timeout_ms - now
        within_ms = min(self._connection.request_timeout_ms, max(1.0, left_ms))
        request = ProduceRequest(acks, int(self._connection.request_timeout_ms), data, self._config.transactional_id)
        try:
            response = await self._connection.call(leader, request, within_ms)
            answers = dict(response.partitions)
        except KafkaError as error:
            answers = {tp: ProducedPartition(error.code, message=str(error)) for tp in data}
        finally:
            self._in_flight[leader] -= 1
            for tp in data:
                self._accumulator.queue(tp).muted = False
        for batch in batches:
            if acks == 0:
                self._end(batch, None)  # nobody is told what became of it
            else:
                self._settle(batch, answers.get(batch.tp) or _unanswered(leader, batch.tp))
        self.wake()

    def _settle(self, batch: Batch, answer: ProducedPartition) -> None:
        """Acknowledge a batch, or try it again, in parts if it is too large, or fail it."""
        if answer.error == ErrorCode.NONE:
            if self._identity is not None:
                self._identity.acknowledged(batch)
            batch.acknowledge(answer.base_offset, answer.log_append_time, answer.log_start_offset)
            self._end(batch, None)
            return
        error = error_for(answer.error, answer.message)
        if answer.error == ErrorCode.MESSAGE_TOO_LARGE and batch.builder.count > 1:
            self._divide(batch)
        elif error.retriable if self._identity is None else self._identity.may_try_again(batch, error):
            now = self._clock.now_ms()
            batch.attempts += 1
            batch.last_error = error
            batch.retry_at_ms = now + self._config.retry_backoff_ms
            self._metadata.request_update()
            self._accumulator.put_back(batch)
        else:
            if self._identity is not None:
                self._identity.refused(batch)
            self._end(batch, error)

    def _divide(self, batch: Batch) -> None:
        parts = self._accumulator.split(batch)
        if self._identity is not None:
            self._identity.divided(batch, parts)
        for part in reversed(parts):
            self._accumulator.put_back(part)

    def _end(self, batch: Batch, error: KafkaError | None) -> None:
        if error is not None:
            batch.fail(error)
        self._accumulator.forget(batch)
        self._on_end(batch, error)


def _unanswered(leader: int, tp: TopicPartition) -> ProducedPartition:
    error = RequestTimedOutError(f"Broker {leader} said nothing about {tp}.")
    return ProducedPartition(error.code, message=str(error))
