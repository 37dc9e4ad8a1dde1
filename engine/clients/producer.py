"""The lab's producer, shaped like aiokafka's `AIOKafkaProducer`; its defaults are Kafka's but for `linger_ms`."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

from engine.clients.batches import Batch, PartitionQueue
from engine.clients.partitioners import murmur2
from engine.clients.producer_transactions import TransactionVerbs
from engine.clients.targets import Target
from engine.errors import IllegalStateError, RecordTooLargeError
from engine.records import size_in_batch
from engine.records.builder import Headers
from engine.types import RecordMetadata

_ROOM_FOR_ONE = 61 + 21 + 15
"""Bytes a batch of one record needs at most besides key, value and headers."""


class Producer(TransactionVerbs):
    """Sends records; what it takes is told at `ProducerCore`."""

    # Beginning and ending

    async def start(self) -> None:
        """Learn of the cluster; raises NetworkError without a broker, ClientClosedError if it is crashed meanwhile."""
        if self._started and not self._closing:
            return
        self._started = True
        self._check_open()
        self._loop = asyncio.get_running_loop()
        try:
            await self._metadata.refresh()
            if self._identity is not None:
                await self._identity.begin()
            self._check_open()
        except BaseException:
            self._started = False  # whoever calls again begins anew
            raise
        self._tasks.spawn(self._metadata.keep_fresh(), f"{self.client_id}-metadata")

    async def stop(self) -> None:
        """Send everything that is buffered, then close; a transaction that is open is aborted.

        One whose commit was begun and has not come to its end is committed, as nobody knows how far it came.
        """
        if self._closed:
            return
        self._closing = True
        try:
            if self._started and self._transactions is not None:
                await self._transactions.complete(self.flush)
            if self._started:
                await self.flush()
        finally:
            self.crash()
            await self._tasks.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # Sending

    async def partitions_for(self, topic: str) -> set[int]:
        """The partitions of `topic`, waiting for it up to `max_block_ms`; raises as `send` does."""
        self._check_open()
        return set((await self._find(topic)).all)

    async def send(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Headers | None = None,
    ) -> asyncio.Future[RecordMetadata]:
        """Buffer a record and return the future of its delivery.

        Waits, up to `max_block_ms`, while the topic is unknown or the buffer is full, then raises KafkaTimeoutError.
        Raises RecordTooLargeError, InvalidTopicError, ClientClosedError, IllegalStateError for a producer with
        `on_batch`. The future fails with the broker's error, or DeliveryTimeoutError.
        """
        if self._closing or not self._started or self._on_batch is not None:
            self._check_open()
            raise IllegalStateError(f"{self.client_id} tells on_batch of its records, and is given them with post().")
        future: asyncio.Future[RecordMetadata] = self._loop.create_future()
        await self._add(future, 0, topic, value, key, partition, timestamp_ms, headers)
        return future

    async def post(
        self, number: int, topic: str, value: Any = None, key: Any = None, headers: Headers | None = None
    ) -> None:
        """Buffer a record as `send` does, but without a future, whose cost is that of all else about a record.

        When the batch it went into has ended, `on_batch(numbers, tp, base_offset, error)` is called.
        """
        if self._closing or not self._started or self._on_batch is None:
            self._check_open()
            raise IllegalStateError(f"{self.client_id} has no on_batch to be told; give it records with send().")
        await self._add(None, number, topic, value, key, None, None, headers)

    async def _add(
        self,
        future: asyncio.Future[RecordMetadata] | None,
        number: int,
        topic: str,
        value: Any,
        key: Any,
        partition: int | None,
        timestamp_ms: int | None,
        headers: Headers | None,
    ) -> None:
        if self._transactions is not None:
            self._transactions.check_sending()
        if self._key_serializer is not None:
            key = self._key_serializer(key)
        if self._value_serializer is not None:
            value = self._value_serializer(value)
        size = (0 if key is None else len(key)) + (0 if value is None else len(value)) + _ROOM_FOR_ONE
        if headers or size > self._max_request_size:
            size = self._measure(key, value, headers or ())
        target = self._targets.known.get(topic)
        if target is None or (partition is not None and partition not in target.all):
            if not isinstance(topic, str):
                raise TypeError(f"A topic is called by its name, not by {topic!r}.")
            target = await self._find(topic, partition or 0)
            self._check_sending()
        keyless = False
        if partition is None:
            if self._targets.partitioner is not None:
                partition = self._targets.ask(topic, key, target)
            elif key is None:
                keyless = True
                partition = target.rule.choose(target.available, size)
            else:
                partition = (murmur2(key if type(key) is bytes else _as_bytes(key)) & 0x7FFFFFFF) % len(target.queues)
        queue = target.queues[partition]
        timestamp = (self._now or self._read_clock()) if timestamp_ms is None else timestamp_ms
        batch = queue.open
        full = False
        if batch is None or not batch.builder.append(timestamp, key, value, headers or ()):
            full = batch is not None
            batch = await self._append_slowly(target, queue, keyless, size, timestamp, key, value, headers or ())
        if future is None:
            batch.numbers.append(number)
        else:
            batch.futures.append(future)
            batch.timestamps.append(timestamp)
        self.sent += 1
        if full:
            await asyncio.sleep(0)  # whoever does nothing but send gives others a turn once a batch

    async def send_and_wait(
        self,
        topic: str,
        value: Any = None,
        key: Any = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Headers | None = None,
    ) -> RecordMetadata:
        """Send a record and return where it went; raises what `send` does and what its future fails with."""
        return await (await self.send(topic, value, key, partition, timestamp_ms, headers))

    async def _append_slowly(
        self,
        target: Target,
        queue: PartitionQueue,
        keyless: bool,
        size: int,
        timestamp: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
    ) -> Batch:
        """Add a record that finds no open batch, or a full one: open another, once there is memory for it."""
        reserved = 0
        try:
            while True:
                batch = queue.open
                if batch is None:
                    if not reserved:
                        self._sender.wake()
                        reserved = await self._accumulator.reserve(size, self._max_block_ms)
                        self._check_sending()
                        continue  # while this one waited for memory, another may have opened a batch with room
                    batch = self._accumulator.open_batch(queue, reserved, timestamp, key, value, headers)
                    reserved = 0
                    self._sender.wake()
                    return batch
                if batch.builder.append(timestamp, key, value, headers):
                    return batch
                queue.open = None  # full: it may go without lingering
                self._now = 0
                self._sender.wake()
                if keyless:
                    target.rule.batch_ended([len(target.queues[p].batches) for p in target.available])
                    queue = target.queues[target.rule.choose(target.available, size)]
        finally:
            if reserved:
                self._accumulator.release(reserved)

    def _measure(self, key: bytes | None, value: bytes | None, headers: Headers) -> int:
        size = size_in_batch(key, value, headers)
        if size > self._max_request_size:
            raise RecordTooLargeError(
                f"The record takes {size:,} bytes, more than max_request_size ({self._max_request_size:,}). "
                "Make it smaller, or raise the setting and the topic's max.message.bytes."
            )
        return size

    async def _find(self, topic: str, partition: int = 0) -> Target:
        target = await self._targets.find(topic, partition, self._max_block_ms)
        self._check_open()
        return target

    def _check_sending(self) -> None:
        """Whether records are still taken, after a wait."""
        self._check_open()
        if self._transactions is not None:
            self._transactions.check_sending()

    def _read_clock(self) -> int:
        """Lab time in ms, good for the records sent in this turn of the loop, up to a batch of them."""
        self._now = self._clock.now()
        self._loop.call_soon(self._forget_time)
        return self._now

    def _forget_time(self) -> None:
        self._now = 0


def _as_bytes(key: Any) -> bytes:
    if isinstance(key, (bytearray, memoryview)):
        return bytes(key)
    raise TypeError(f"A key is bytes or None, not {type(key).__name__}; give the producer a key_serializer.")
