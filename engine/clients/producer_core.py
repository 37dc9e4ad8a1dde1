"""What a producer is made of: its parts wired together, how they end, and what they tell it."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Callable, Sequence
from typing import Any

from engine.clients.accumulator import Accumulator
from engine.clients.batches import Batch
from engine.clients.connection import Connection
from engine.clients.coordination import CoordinatorLink
from engine.clients.idempotence import Identity
from engine.clients.metadata import ClientMetadata
from engine.clients.partitioners import Partitioner
from engine.clients.producer_settings import DELIVERY_TIMEOUT_MS, check_choices, sender_config
from engine.clients.sender import Sender
from engine.clients.settings import at_least
from engine.clients.targets import Targets
from engine.clients.tasks import Tasks
from engine.clients.transaction_state import TransactionConfig
from engine.clients.transactions import TransactionalIdentity
from engine.clock import Clock
from engine.errors import ClientClosedError, IllegalStateError, KafkaError
from engine.network import Network
from engine.types import ClientInfo, TopicPartition

OnBatch = Callable[[Sequence[int], TopicPartition, int, KafkaError | None], None]
"""Told the numbers of a batch's records, in order, and where they lie from which offset on (-1: nobody said)."""

_numbers = itertools.count(1)


class ProducerCore:
    """The parts of a producer. Times are ms, sizes bytes.

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
            acks=acks,
            enable_idempotence=enable_idempotence,
            linger_ms=linger_ms,
            max_request_size=max_request_size,
            request_timeout_ms=request_timeout_ms,
            retry_backoff_ms=retry_backoff_ms,
            delivery_timeout_ms=delivery_timeout_ms,
            max_in_flight=max_in_flight_requests_per_connection,
            transactional_id=transactional_id,
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
        self._closing = self._closed = False
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
            kept_to = TransactionConfig(transactional_id, transaction_timeout_ms, retry_backoff_ms, max_block_ms)
            self._transactions = TransactionalIdentity(kept_to, connection, clock)
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

    # What its parts tell

    def _metadata_changed(self) -> None:
        self._targets.refresh()
        self._sender.wake()

    def _drop(self, error: KafkaError, sent_before: bool) -> None:
        for batch in self._accumulator.take_waiting(sent_before=sent_before):
            batch.fail(error)
            self._accumulator.forget(batch)
            self._batch_ended(batch, error)

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
        asyncio.get_running_loop().call_exception_handler({"message": f"{self.client_id} broke", "exception": error})

    def _close(self, error: KafkaError) -> None:
        self._closing = self._closed = True
        self._sender.close()
        self._tasks.cancel()
        for batch in self._accumulator.close():
            batch.fail(error)
            self._batch_ended(batch, error)

    def _check_open(self) -> None:
        if self._closing:
            raise ClientClosedError(f"{self.client_id} is closed.")
        if not self._started:
            raise IllegalStateError(f"{self.client_id} is not started; await its start() first.")
