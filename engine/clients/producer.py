"""The lab's producer, shaped like aiokafka's `AIOKafkaProducer` and with the defaults of Kafka's own."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from engine.clients.accumulator import Accumulator, Batch, PartitionQueue
from engine.clients.connection import Connection
from engine.clients.coordination import CoordinatorLink, offsets_given
from engine.clients.idempotence import Identity
from engine.clients.metadata import ClientMetadata
from engine.clients.partitioners import Partitioner, murmur2
from engine.clients.sender import Sender
from engine.clients.settings import DELIVERY_TIMEOUT_MS, at_least, check_choices, sender_config
from engine.clients.targets import Target, Targets
from engine.clients.tasks import Tasks
from engine.clients.transactions import Transaction, TransactionalIdentity
from engine.clock import Clock
from engine.errors import ClientClosedError, IllegalStateError, KafkaError, RecordTooLargeError
from engine.network import Network
from engine.records import size_in_batch
from engine.records.builder import Headers
from engine.types import ClientInfo, ConsumerGroupMetadata, RecordMetadata, TopicPartition

OnBatch = Callable[[Sequence[int], TopicPartition, int, KafkaError | None], None]
"""Told the numbers of a batch's records, in order, and where they lie from which offset on (-1: nobody said)."""
_ROOM_FOR_ONE = 61 + 21 + 15
"""Bytes a batch of one record needs at most besides key, value and headers."""

_numbers = itertools.count(1)


class Producer:
    """Sends records. Times are ms, sizes bytes.

    `acks` is 0, 1 or "all"; `partitioner` "default" (murmur2 of the key; without one, sticky), "roundrobin" or "random"
    (likewise, for records without a key), or a callable `(key_bytes, all_partitions, available) -> partition`; `rng`
    is where chance comes from. `enable_idempotence` is on with acks "all" unless switched off, as in Kafka since 3.0:
    a batch that is sent again because its answer was lost is stored once, and in its order. Without it, batches keep
    their order through retries only with `max_in_flight_requests_per_connection` 1. With a `transactional_id` it sends
    in transactions alone, all or none of whose records count for who reads committed ones. `on_batch` is told of what
    was given numbers, see `post`. Raises InvalidConfigError.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        *,
        client_id: str | None = None,
        acks: int | str = "all",
        enable_idempotence: bool | None = None,
        linger_ms: float = 0,
        max_batch_size: int = 16_384,
        max_request_size: int = 1_048_576,
        compression_type: str | None = None,
        partitioner: str | Partitioner | None = None,
        buffer_memory: int = 33_554_432,
        max_block_ms: float = 60_000,
        request_timeout_ms: float = 30_000,
        retry_backoff_ms: float = 100,
        delivery_timeout_ms: float = DELIVERY_TIMEOUT_MS,
        max_in_flight_requests_per_connection: int = 5,
        transactional_id: str | None = None,
        transaction_timeout_ms: int = 60_000,
        metadata_max_age_ms: float = 300_000,
        key_serializer: Callable[[Any], bytes | None] | None = None,
        value_serializer: Callable[[Any], bytes | None] | None = None,
        rng: random.Random | None = None,
        on_batch: OnBatch | None = None,
    ) -> None:
        check_choices(compression_type, partitioner)
        at_least(
            0,
            linger_ms=linger_ms,
            max_batch_size=max_batch_size,
            max_request_size=max_request_size,
            buffer_memory=buffer_memory,
            max_block_ms=max_block_ms,
            request_timeout_ms=request_timeout_ms,
            retry_backoff_ms=retry_backoff_ms,
            metadata_max_age_ms=metadata_max_age_ms,
        )
        config = sender_config(
            acks,
            enable_idempotence,
            linger_ms,
            max_request_size,
            request_timeout_ms,
            retry_backoff_ms,
            delivery_timeout_ms,
            max_in_flight_requests_per_connection,
            transactional_id,
        )
        self.client_id = client_id or f"producer-{next(_numbers)}"
        self.sent = self.acked = self.failed = 0
        """Records taken by `send`, acknowledged, and given up; `acked` counts at once what is sent with acks=0."""
        self.last_error: KafkaError | None = None
        """Why records last failed."""
        self._clock = clock
        self._max_block_ms = max_block_ms
        self._max_request_size = max_request_size
        self._key_serializer = key_serializer
        self._value_serializer = value_serializer
        self._on_batch = on_batch
        self._now = 0
        self._closed = False
        self._started = False
        self._tasks = Tasks(self._broke)
        connection = Connection(network, clock, ClientInfo(self.client_id), request_timeout_ms)
        self._metadata = ClientMetadata(
            connection, clock, metadata_max_age_ms, retry_backoff_ms, self._metadata_changed
        )
        self._accumulator = Accumulator(
            clock, max_batch_size, compression_type or "none", buffer_memory, transactional=transactional_id is not None
        )
        self._targets = Targets(self._metadata, self._accumulator, partitioner, rng or random.Random())
        self._connection = connection
        self._retry_backoff_ms = retry_backoff_ms
        self._groups: dict[str, CoordinatorLink] = {}
        self._transactions: TransactionalIdentity | None = None
        if transactional_id is not None:
            self._transactions = TransactionalIdentity(
                transactional_id, transaction_timeout_ms, connection, clock, retry_backoff_ms, max_block_ms
            )
        self._identity = self._transactions or (Identity(connection) if config.idempotent else None)
        self._sender = Sender(
            config, self._accumulator, connection, self._metadata, clock, self._tasks, self._batch_ended, self._identity
        )
        if self._transactions is not None:
            self._transactions.wake = self._sender.wake
            self._transactions.spawn = self._tasks.spawn
            self._transactions.drop = self._drop

    @property
    def buffered(self) -> int:
        """Records that are neither acknowledged nor failed."""
        return self.sent - self.acked - self.failed

    async def start(self) -> None:
        """Learn of the cluster; raises NetworkError without a broker, ClientClosedError if it is crashed meanwhile."""
        if self._started and not self._closed:
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
        try:
            if self._started and self._transactions is not None:
                await self._transactions.complete(self.flush)
            if self._started:
                await self.flush()
        finally:
            self.crash()
            await self._tasks.close()

    def crash(self) -> None:
        """Stop dead: what is buffered is lost, waiting futures fail with ClientClosedError, nothing more is sent."""
        if self._closed:
            return
        self._close(ClientClosedError(f"{self.client_id} was closed before this record was acknowledged."))

    async def flush(self) -> None:
        """Return when all records sent so far are acknowledged or failed; none of them lingers."""
        self._sender.flushing += 1
        try:
            self._sender.wake()
            await self._accumulator.ended()
        finally:
            self._sender.flushing -= 1

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
        Raises RecordTooLargeError, InvalidTopicError, ClientClosedError. The future fails with the broker's error, or
        DeliveryTimeoutError.
        """
        if self._closed or not self._started:
            self._check_open()
        future: asyncio.Future[RecordMetadata] = self._loop.create_future()
        await self._add(future, 0, topic, value, key, partition, timestamp_ms, headers)
        return future

    async def post(
        self, number: int, topic: str, value: Any = None, key: Any = None, headers: Headers | None = None
    ) -> None:
        """Buffer a record as `send` does, but without a future, whose cost is that of all else about a record.

        When the batch it went into has ended, `on_batch(numbers, tp, base_offset, error)` is called.
        """
        if self._closed or not self._started:
            self._check_open()
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

    # Transactions

    @property
    def fatal(self) -> KafkaError | None:
        """What has ended a transactional producer for good: all that is left is to close it."""
        return self._transactions.fatal if self._transactions is not None else None

    async def begin_transaction(self) -> None:
        """Open a transaction; raises IllegalStateError, or why this producer is at an end."""
        self._transactional().begin_transaction()

    async def commit_transaction(self) -> None:
        """Commit everything sent since it began, all or none; raises why that cannot be, and then it is to be aborted.

        After KafkaTimeoutError or another retriable error it may be called again: the outcome is the same.
        """
        await self._transactional().commit(self.flush)

    async def abort_transaction(self) -> None:
        """Have everything sent since it began count for nothing; raises KafkaError."""
        await self._transactional().abort(self.flush)

    def transaction(self) -> Transaction:
        """`async with producer.transaction():` commits at the end, or aborts if the block raises."""
        return Transaction(self._transactional(), self.commit_transaction, self.abort_transaction)

    async def send_offsets_to_transaction(
        self, offsets: Mapping[TopicPartition, Any], group: str | ConsumerGroupMetadata
    ) -> None:
        """Let these be the group's committed offsets if the transaction commits.

        With `consumer.group_metadata()` in place of a group id, a member that its group went on without is refused.
        """
        transactions = self._transactional()
        metadata = ConsumerGroupMetadata(group) if isinstance(group, str) else group
        link = self._groups.get(metadata.group_id)
        if link is None:
            link = CoordinatorLink(metadata.group_id, self._connection, self._clock, self._retry_backoff_ms)
            self._groups[metadata.group_id] = link
        if offsets:
            await transactions.send_offsets(offsets_given(offsets), metadata, link)

    def _transactional(self) -> TransactionalIdentity:
        self._check_open()
        if self._transactions is None:
            raise IllegalStateError(f"{self.client_id} has no transactional_id; give it one to use transactions.")
        return self._transactions

    def _drop(self, error: KafkaError, sent_before: bool) -> None:
        for batch in self._accumulator.take_waiting(sent_before=sent_before):
            batch.fail(error)
            self._accumulator.forget(batch)
            self._batch_ended(batch, error)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

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

    def _metadata_changed(self) -> None:
        self._targets.refresh()
        self._sender.wake()

    def _read_clock(self) -> int:
        """Lab time in ms, good for the records sent in this turn of the loop, up to a batch of them."""
        self._now = self._clock.now()
        self._loop.call_soon(self._forget_time)
        return self._now

    def _forget_time(self) -> None:
        self._now = 0

    def _batch_ended(self, batch: Batch, error: KafkaError | None) -> None:
        if error is None:
            self.acked += batch.builder.count
        else:
            self.failed += batch.builder.count
            self.last_error = error
            if self._transactions is not None:
                self._transactions.batch_failed(error)
        if self._on_batch is not None and batch.numbers:
            self._on_batch(batch.numbers, batch.tp, batch.base_offset, error)

    def _broke(self, error: BaseException) -> None:
        """Something the producer did not expect: it ends, and says so to everyone who waits."""
        self._close(ClientClosedError(f"{self.client_id} broke: {error!r}"))
        self._loop.call_exception_handler({"message": f"{self.client_id} broke", "exception": error})

    def _close(self, error: KafkaError) -> None:
        self._closed = True
        self._sender.close()
        self._tasks.cancel()
        for batch in self._accumulator.close():
            batch.fail(error)
            self._batch_ended(batch, error)

    def _check_open(self) -> None:
        if self._closed:
            raise ClientClosedError(f"{self.client_id} is closed.")
        if not self._started:
            raise IllegalStateError(f"{self.client_id} is not started; await its start() first.")


def _as_bytes(key: Any) -> bytes:
    if isinstance(key, (bytearray, memoryview)):
        return bytes(key)
    raise TypeError(f"A key is bytes or None, not {type(key).__name__}; give the producer a key_serializer.")
