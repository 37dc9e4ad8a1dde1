"""The transaction coordinator of one broker: takes each request to its transactional id, stores what follows, and sees
every transaction to its end.

Kafka's `TransactionCoordinator`, with transaction version 1 (without the second part of KIP-890). The ids of a
partition of `__transaction_state` are coordinated by its leader.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from engine.clock import Clock
from engine.config import TRANSACTION_TOPIC, BrokerConfig
from engine.coordinators.patterns import compiled
from engine.coordinators.shards import Shards
from engine.coordinators.writer import StateLog
from engine.errors import (
    ConcurrentTransactionsError,
    ErrorCode,
    InvalidProducerIdMappingError,
    InvalidRequestError,
    InvalidTransactionTimeoutError,
    KafkaError,
)
from engine.events import EventLog, Tone
from engine.messages import (
    AddOffsetsToTxnRequest,
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    DescribedTransaction,
    DescribeTransactionsRequest,
    DescribeTransactionsResponse,
    EndTxnRequest,
    EndTxnResponse,
    InitProducerIdRequest,
    InitProducerIdResponse,
    ListTransactionsRequest,
    ListTransactionsResponse,
    WriteTxnMarkersRequest,
    WriteTxnMarkersResponse,
)
from engine.snapshot import TransactionState, TransactionView
from engine.transactions.markers import Leaders, Markers
from engine.transactions.metadata import TransactionMetadata
from engine.transactions.shard import TransactionShard
from engine.types import ClientInfo, TopicPartition
from engine.wording import plural

_STATES = {state.value: state for state in TransactionState}


class TransactionCoordinator:
    """Answers every request about transactional ids whose partition of `__transaction_state` this broker leads."""

    def __init__(
        self,
        broker_id: int,
        clock: Clock,
        config: BrokerConfig,
        log: StateLog,
        events: EventLog,
        topics: Callable[[], Mapping[str, int]],
        leaders: Leaders,
        ask: Callable[[int, WriteTxnMarkersRequest], Awaitable[WriteTxnMarkersResponse]],
        new_producer_id: Callable[[], Awaitable[int]],
    ) -> None:
        self.broker_id = broker_id
        self._clock = clock
        self._config = config
        self._log = log
        self._events = events
        self._new_producer_id = new_producer_id
        self._markers = Markers(clock, leaders, ask)
        self._shards = Shards[TransactionShard](
            broker_id, log, lambda: topics().get(TRANSACTION_TOPIC, config.transaction_state_log_num_partitions)
        )
        self._tasks: list[asyncio.Task[None]] = []
        self._views: dict[str, TransactionView] = {}

    # Becoming and ceasing to be the coordinator

    def start(self) -> None:
        """Begin to watch the time."""
        every = self._config.transaction_abort_timed_out_transaction_cleanup_interval_ms
        seldom = self._config.transaction_remove_expired_transaction_cleanup_interval_ms
        self._tasks = [
            asyncio.create_task(self._again(self._abort_timed_out, every), name=f"timeouts {self.broker_id}"),
            asyncio.create_task(self._again(self._forget_expired, seldom), name=f"expiry {self.broker_id}"),
        ]

    async def load(self, partition: int, epoch: int) -> None:
        """Become the coordinator of the ids of this partition in this leader epoch: rebuild them from its log.

        They are answered CoordinatorLoadInProgressError meanwhile. Transactions whose outcome was decided are taken to
        their end. Raises what reading the log raises.
        """
        shard = TransactionShard(partition, epoch, self._log)
        records = await self._shards.read(shard)
        if records is None:
            return
        shard.load(records, lambda told: self._tell("", told, Tone.WARNING))
        for metadata in shard.prepared():
            what = "commit" if metadata.state is TransactionState.PREPARE_COMMIT else "abort"
            self._tell(
                metadata.transactional_id,
                f"{metadata.transactional_id}: broker {self.broker_id} coordinates it now. Its transaction was to "
                f"{what}, so the {what} markers are written, those that are there already once more.",
                Tone.CHANGE,
            )
            self._markers.begin(shard, metadata)

    def unload(self, partition: int) -> None:
        """Stop being it: what waits fails with NotCoordinatorError."""
        self._shards.unload(partition)

    async def close(self) -> None:
        """Stop coordinating anything; raises what a task failed with."""
        self._shards.close()
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        await self._markers.close()

    def _known(self, transactional_id: str) -> tuple[TransactionShard, TransactionMetadata]:
        if not transactional_id:
            raise InvalidRequestError("A transactional id must not be empty.")
        shard = self._shards.of(transactional_id)
        metadata = shard.transactions.get(transactional_id)
        if metadata is None:
            raise InvalidProducerIdMappingError(
                f"There is no transactional id {transactional_id}; a producer begins with InitProducerId."
            )
        return shard, metadata

    # What producers ask

    async def init_producer_id(self, client: ClientInfo, request: InitProducerIdRequest) -> InitProducerIdResponse:
        """An id and an epoch above all there were; ConcurrentTransactionsError while an open transaction is aborted."""
        transactional_id, timeout_ms = request.transactional_id, request.transaction_timeout_ms
        if not transactional_id:
            raise InvalidRequestError("A transactional id must not be empty; leave it out to be idempotent only.")
        longest = self._config.transaction_max_timeout_ms
        if not 0 < timeout_ms <= longest:
            raise InvalidTransactionTimeoutError(
                f"A transaction timeout of {timeout_ms} ms is outside 1 to {longest} ms (transaction.max.timeout.ms)."
            )
        shard = self._shards.of(transactional_id)
        metadata = shard.transactions.get(transactional_id)
        if metadata is None or metadata.exhausted:
            fresh_id = await self._new_producer_id()
            shard.check()
            fresh = TransactionMetadata.fresh(transactional_id, fresh_id, timeout_ms, self._clock.now())
            metadata = shard.transactions.setdefault(transactional_id, fresh)
        else:
            fresh_id = None
        expected = (request.producer_id, request.producer_epoch) if request.producer_id >= 0 else None
        before = metadata.value
        value = metadata.initialize(timeout_ms, self._clock.now(), expected, fresh_id)
        if value.state is TransactionState.PREPARE_EPOCH_FENCE:
            self._tell(
                transactional_id,
                f"{transactional_id}: a producer begins while a transaction is open, so that is aborted first, and "
                f"whoever opened it is fenced (epoch {before.producer_epoch}→{value.producer_epoch}).",
                Tone.WARNING,
            )
            await self._abort_fenced(shard, metadata, value.producer_epoch)
            raise ConcurrentTransactionsError
        await shard.store(metadata, value)
        if before.producer_epoch >= 0 and expected is None:
            self._tell(
                transactional_id,
                f"{transactional_id} begins anew in epoch {value.producer_epoch}; a producer that still goes by an "
                "older one is fenced from now on.",
                Tone.CHANGE,
            )
        return InitProducerIdResponse(value.producer_id, value.producer_epoch)

    async def add_partitions(
        self, client: ClientInfo, request: AddPartitionsToTxnRequest
    ) -> AddPartitionsToTxnResponse:
        """These partitions are part of the transaction, which is opened if need be; raises KafkaError for all."""
        await self._add(request.transactional_id, request.producer_id, request.producer_epoch, request.partitions)
        return AddPartitionsToTxnResponse(dict.fromkeys(request.partitions, ErrorCode.NONE))

    async def add_offsets(self, request: AddOffsetsToTxnRequest, partition: TopicPartition) -> None:
        """The group's partition of `__consumer_offsets` is part of the transaction; raises KafkaError."""
        await self._add(request.transactional_id, request.producer_id, request.producer_epoch, (partition,))

    async def _add(
        self, transactional_id: str, producer_id: int, epoch: int, partitions: tuple[TopicPartition, ...]
    ) -> None:
        shard, metadata = self._known(transactional_id)
        value = metadata.add(producer_id, epoch, partitions, self._clock.now())
        if value is not None:
            await shard.store(metadata, value)

    async def end(self, client: ClientInfo, request: EndTxnRequest) -> EndTxnResponse:
        """The outcome is stored and will come to pass, whatever happens to this broker; the markers follow."""
        shard, metadata = self._known(request.transactional_id)
        now = self._clock.now()
        value = metadata.end(request.producer_id, request.producer_epoch, request.committed, now)
        if value is not None:
            await shard.store(metadata, value)
            self._markers.begin(shard, metadata)
        return EndTxnResponse()

    async def _abort_fenced(self, shard: TransactionShard, metadata: TransactionMetadata, epoch: int) -> None:
        """Abort the transaction of a producer that was just fenced by this epoch; raises KafkaError."""
        value = metadata.end(metadata.value.producer_id, epoch, False, self._clock.now(), by_client=False)
        if value is None:
            return
        try:
            await shard.store(metadata, value)
        except KafkaError:
            metadata.failed_fence = True
            raise
        self._markers.begin(shard, metadata)

    # Time

    async def _again(self, job: Callable[[TransactionShard], Awaitable[None]], every_ms: int) -> None:
        while True:
            await self._clock.sleep(every_ms)
            for shard in self._shards:
                try:
                    shard.check()
                    await job(shard)
                except KafkaError:
                    continue  # another broker coordinates it, or the next round tries again

    async def _abort_timed_out(self, shard: TransactionShard) -> None:
        for metadata in tuple(shard.transactions.values()):
            if not metadata.timed_out(self._clock.now_ms()):
                continue
            before, partitions = metadata.value.producer_epoch, len(metadata.value.partitions)
            epoch = metadata.fence().producer_epoch
            await self._abort_fenced(shard, metadata, epoch)
            self._tell(
                metadata.transactional_id,
                f"{metadata.transactional_id}: its transaction over {plural(partitions, 'partition')} was open for "
                f"longer than transaction.timeout.ms ({metadata.value.timeout_ms:,}), so it is aborted and its "
                f"producer fenced (epoch {before}→{epoch}).",
                Tone.WARNING,
            )

    async def _forget_expired(self, shard: TransactionShard) -> None:
        kept_ms = self._config.transactional_id_expiration_ms
        over = [each for each in shard.transactions.values() if each.expired(self._clock.now_ms(), kept_ms)]
        if over:
            await shard.forget(over)

    # How it stands

    async def describe(self, client: ClientInfo, request: DescribeTransactionsRequest) -> DescribeTransactionsResponse:
        """How each id stands, or its own error (KIP-664)."""
        return DescribeTransactionsResponse(tuple(map(self._describe, request.transactional_ids)))

    def _describe(self, transactional_id: str) -> DescribedTransaction:
        if not transactional_id:
            return DescribedTransaction(transactional_id, ErrorCode.INVALID_REQUEST)
        try:
            shard = self._shards.of(transactional_id)
        except KafkaError as error:
            return DescribedTransaction(transactional_id, error.code)
        metadata = shard.transactions.get(transactional_id)
        if metadata is None or metadata.pending is TransactionState.DEAD:
            return DescribedTransaction(transactional_id, ErrorCode.TRANSACTIONAL_ID_NOT_FOUND)
        return _described(metadata)

    async def list_transactions(self, client: ClientInfo, request: ListTransactionsRequest) -> ListTransactionsResponse:
        """The ids coordinated here that match every filter.

        CoordinatorLoadInProgressError while some are read, InvalidRegularExpressionError.
        """
        for shard in self._shards:
            shard.check()
        now = self._clock.now_ms()
        matches = compiled(request.pattern).fullmatch if request.pattern else bool

        def wanted(metadata: TransactionMetadata) -> bool:
            value = metadata.value
            long = request.longer_than_ms < 0 or (value.start_ms >= 0 and now - value.start_ms > request.longer_than_ms)
            return (
                long
                and (not request.states or value.state.value in request.states)
                and (not request.producer_ids or value.producer_id in request.producer_ids)
                and bool(matches(metadata.transactional_id))
            )

        found = [_described(each) for shard in self._shards for each in shard.transactions.values() if wanted(each)]
        unknown = tuple(state for state in request.states if state not in _STATES)
        return ListTransactionsResponse(tuple(sorted(found, key=lambda it: it.transactional_id)), unknown)

    def views(self) -> tuple[TransactionView, ...]:
        """The ids coordinated here; what has not changed is the same object again."""
        fresh: dict[str, TransactionView] = {}
        for shard in self._shards:
            for transactional_id, metadata in shard.transactions.items():
                view = self._view(metadata)
                old = self._views.get(transactional_id)
                fresh[transactional_id] = old if old == view and old is not None else view
        self._views = fresh
        return tuple(fresh.values())

    def _view(self, metadata: TransactionMetadata) -> TransactionView:
        value = metadata.value
        return TransactionView(
            metadata.transactional_id,
            value.state,
            value.producer_id,
            value.producer_epoch,
            value.timeout_ms,
            value.start_ms if value.start_ms >= 0 else None,
            value.update_ms,
            tuple(sorted(value.partitions)),
            self.broker_id,
        )

    def _tell(self, subject: str, text: str, how: Tone) -> None:
        self._events.tell(self._clock.now_ms(), subject, text, how)


def _described(metadata: TransactionMetadata) -> DescribedTransaction:
    value = metadata.value
    return DescribedTransaction(
        metadata.transactional_id,
        state=value.state.value,
        timeout_ms=value.timeout_ms,
        start_time_ms=value.start_ms,
        producer_id=value.producer_id,
        producer_epoch=value.producer_epoch,
        partitions=tuple(sorted(value.partitions)),
    )
