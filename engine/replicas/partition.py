"""One replica of a partition on one broker: what it appends and answers while it leads, and what it copies otherwise.

Rules from `kafka.cluster.Partition` and `UnifiedLog`: who may append, when an append is acknowledged, how far consumers
see (the high watermark), and who is woken when there is news.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.clock import Clock
from engine.config import BrokerConfig, TopicConfig
from engine.errors import (
    FencedLeaderEpochError,
    InvalidRequestError,
    KafkaError,
    KafkaStorageError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    NotLeaderOrFollowerError,
    OffsetOutOfRangeError,
    UnknownLeaderEpochError,
)
from engine.messages import (
    EpochEnd,
    FetchedPartition,
    FetchPosition,
    IsolationLevel,
    ListedOffset,
    PartitionMetadata,
    ProducedPartition,
)
from engine.records import BatchHeader
from engine.replicas.admission import admit
from engine.replicas.disk import Disk
from engine.replicas.leadership import Leadership
from engine.replicas.looking_up import listed_offset, parted
from engine.replicas.producers import ProducerStates
from engine.replicas.recovering import ProducerMemory, RepeatedError
from engine.replicas.waiting import Waiting
from engine.storage.log import PartitionLog
from engine.types import TopicPartition

ALL = -1


class Partition:
    """A log and what its broker does with it. `state` is what the controller last said; the log is the store's."""

    def __init__(
        self,
        broker_id: int,
        log: PartitionLog,
        disk: Disk,
        clock: Clock,
        broker_config: BrokerConfig,
        config: TopicConfig,
    ) -> None:
        self.broker_id = broker_id
        self.log = log
        self.config = config
        self.state = PartitionMetadata(log.tp.partition, None, -1, (), ())
        self.leading: Leadership | None = None
        self.led: Leadership | None = None
        """What it leads by or has led by last."""
        self.memory = ProducerMemory(log)
        self.isr_change: Callable[[Partition], None] = lambda _: None
        """Called when the ISR should be looked at; the broker asks the controller."""
        self.alive: Callable[[], Mapping[int, int]] = dict
        """Which brokers the controller takes for alive, each with its epoch."""
        self._clock = clock
        self._disk = disk
        self._lag_max_ms = broker_config.replica_lag_time_max_ms
        self._known_watermark = log.high_watermark
        self._waiting = Waiting(clock, str(log.tp))

    @property
    def tp(self) -> TopicPartition:
        """Its name."""
        return self.log.tp

    @property
    def leads(self) -> bool:
        """Whether this broker's replica is the one that serves."""
        return self.leading is not None

    @property
    def high_watermark(self) -> int:
        """The offset up to which every in-sync replica has the log, as far as this replica knows."""
        return self.leading.high_watermark if self.leading else self._known_watermark

    @property
    def producers(self) -> ProducerStates:
        """What it remembers of idempotent and transactional producers."""
        return self.memory.states

    @property
    def last_stable_offset(self) -> int:
        """The offset up to which no transaction is open: a reader with `read_committed` gets no further."""
        first, high_watermark = self.producers.transactions.first_unstable, self.high_watermark
        return high_watermark if first is None else min(high_watermark, max(first, self.log.log_start_offset))

    # What the controller says

    def become(self, state: PartitionMetadata, config: TopicConfig) -> None:
        """Take up what the controller decided; whoever waits here looks again. The log is settled by then."""
        self.config = config
        epochs, known = (
            (state.leader_epoch, state.partition_epoch),
            (self.state.leader_epoch, self.state.partition_epoch),
        )
        if epochs < known:
            return
        new_epoch = state.leader_epoch > self.state.leader_epoch
        self.state = state
        if state.leader != self.broker_id:
            self._step_down()
        elif self.leading is None or new_epoch:
            self._known_watermark = min(self.high_watermark, self.log.log_end_offset)
            self.log.begin_epoch(state.leader_epoch)
            before = self.led
            self.leading = self.led = Leadership(
                self.broker_id,
                state.leader_epoch,
                state.replicas,
                state.isr,
                self.log.log_end_offset,
                self._known_watermark,
                self._clock.now_ms(),
            )
            if before is not None:
                self.led.unsure = before.unsure
        elif epochs > known:
            self.leading.agreed(state.replicas, state.isr)
        self._advance()
        self._waiting.wake()

    def _step_down(self) -> None:
        if self.leading is not None:
            self._known_watermark = self.leading.high_watermark
            self.leading = None
        self._waiting.fail(NotLeaderOrFollowerError(f"Broker {self.broker_id} leads {self.tp} no more."))

    def check_leader(self, current_leader_epoch: int = -1) -> Leadership:
        """What it leads by; raises unless it leads, and in the epoch the client believes in (KIP-320)."""
        if current_leader_epoch >= 0:
            if current_leader_epoch < self.state.leader_epoch:
                raise FencedLeaderEpochError
            if current_leader_epoch > self.state.leader_epoch:
                raise UnknownLeaderEpochError
        if self.leading is None:
            raise NotLeaderOrFollowerError(f"Broker {self.broker_id} does not lead {self.tp}.")
        return self.leading

    # Producing

    async def append(
        self, batch: bytes, acks: int = ALL, timeout_ms: float = 30_000, *, coordinator: bool = False
    ) -> ProducedPartition:
        """Check a batch by the topic's rules (see `admit`), store it, and answer when `acks` of it is kept; raises
        KafkaError.

        With acks -1 that is when every in-sync replica has it; NotEnoughReplicasError when too few are in sync before
        it is written, NotEnoughReplicasAfterAppendError when too few are left after.
        """
        self.check_leader()
        batch = admit(batch, self.config, self._clock.now(), coordinator=coordinator)
        await self._disk.writing()
        await self.recover()
        leading = self.check_leader()
        minimum = leading.effective_min_insync(self.config.min_insync_replicas)
        if acks == ALL and len(leading.isr) < minimum:
            raise NotEnoughReplicasError(
                f"{self.tp} has {len(leading.isr)} replicas in sync; min.insync.replicas asks for {minimum}."
            )
        append_time = self._clock.now() if self.config.message_timestamp_type == "LogAppendTime" else None
        try:
            stored = await self.log.append(
                batch,
                leader_epoch=self.state.leader_epoch,
                log_append_time=append_time,
                placing=self.memory.place_coordinated if coordinator else self.memory.place,
            )
            base_offset, last_offset = stored.base_offset, stored.last_offset
        except RepeatedError as repeated:
            base_offset, last_offset = repeated.known.base_offset, repeated.known.last_offset
            await self._stored(last_offset + 1)
        self._advance()
        self._waiting.wake()
        if acks == ALL:
            await self._acknowledged(leading, last_offset + 1, timeout_ms)
        elif acks == 1:
            leading.acknowledged_alone(base_offset, last_offset)
        return ProducedPartition(
            base_offset=base_offset,
            log_append_time=-1 if append_time is None else append_time,
            log_start_offset=self.log.log_start_offset,
        )

    async def _stored(self, offset: int) -> None:
        """Wait until the log is on disk up to `offset`; KafkaStorageError if that failed."""
        lost = self.log.truncations
        await self.log.flushed()
        if self.log.truncations != lost or self.log.flushed_offset < offset:
            raise KafkaStorageError(f"{self.tp}: what was sent before could not be written either.")

    async def recover(self) -> None:
        """Learn from the log what producers have sent, as when a broker starts; nothing to do unless it lost some."""
        if await self.memory.recover():
            self.producers.transactions.replicated(self.high_watermark)

    async def _acknowledged(self, leading: Leadership, offset: int, timeout_ms: float) -> None:
        """Wait until the high watermark has come to `offset`, in the epoch in which it was appended."""
        if self.check_leader() is not leading:
            raise NotLeaderOrFollowerError(f"{self.tp} has got another leader epoch meanwhile.")
        if leading.high_watermark < offset:
            await self._waiting.acknowledged(offset, timeout_ms)
        if len(leading.maximal_isr) < leading.effective_min_insync(self.config.min_insync_replicas):
            raise NotEnoughReplicasAfterAppendError

    def _advance(self) -> None:
        """Move the high watermark if it may, and acknowledge what it passed."""
        if self.leading is None:
            return
        end, now = self.log.flushed_offset, self._clock.now_ms()
        if not self.leading.advance(end, self.config.min_insync_replicas, self._lag_max_ms, now, self.alive()):
            return
        self.log.high_watermark = self.leading.high_watermark
        self.producers.transactions.replicated(self.leading.high_watermark)
        self._waiting.reached(self.leading.high_watermark)

    # Fetching

    async def fetch(
        self,
        position: FetchPosition,
        max_bytes: int,
        replica_id: int = -1,
        replica_epoch: int = -1,
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
        *,
        at_least_one: bool = True,
    ) -> FetchedPartition:
        """Batches from `position` on: to the log end for a follower; for a consumer up to the high watermark, or with
        `read_committed` up to the last stable offset, and which of them belong to aborted transactions.

        With `at_least_one` the first batch is among them however large it is, so that who asks gets on (KIP-74).

        A follower whose log has parted from this one is told where, and what it has counts for nothing until then.
        """
        leading = self.check_leader(position.current_leader_epoch)
        if replica_id >= 0 and replica_id not in leading.followers:
            raise UnknownLeaderEpochError(f"Broker {replica_id} is no replica of {self.tp}, as far as is known here.")
        start, end = self.log.log_start_offset, self.log.flushed_offset
        if position.last_fetched_epoch >= 0 and position.fetch_offset >= start:
            diverging = parted(self.log, position)
            if diverging is not None:
                return self._answer(diverging=diverging)
        if not start <= position.fetch_offset <= end:
            raise OffsetOutOfRangeError(f"{self.tp} holds offsets {start} to {end}, not {position.fetch_offset}.")
        if replica_id >= 0:
            before = leading.high_watermark
            leading.followed(replica_id, position.fetch_offset, end, self._clock.now_ms(), replica_epoch)
            self._advance()
            if leading.high_watermark != before:
                self._waiting.wake()
            self.isr_change(self)
        committed = replica_id < 0 and isolation is IsolationLevel.READ_COMMITTED
        up_to = end if replica_id >= 0 else self._readable(isolation)
        batches: tuple[bytes, ...] = ()
        if position.fetch_offset < up_to:
            size = min(max_bytes, position.max_bytes)
            batches = await self.log.read(position.fetch_offset, size, up_to=up_to, at_least_one=at_least_one)
        aborted: tuple[tuple[int, int], ...] = ()
        if committed and batches:
            behind = BatchHeader.parse(batches[-1]).last_offset + 1
            aborted = self.producers.transactions.aborted_between(position.fetch_offset, behind)
        return self._answer(batches=batches, aborted=aborted)

    def _readable(self, isolation: IsolationLevel) -> int:
        """How far a consumer may read."""
        return self.last_stable_offset if isolation is IsolationLevel.READ_COMMITTED else self.high_watermark

    def failed_fetch(self, error: KafkaError) -> FetchedPartition:
        """The answer to a fetch that failed, with what the client needs to find its way."""
        return self._answer(error)

    def _answer(
        self,
        error: KafkaError | None = None,
        batches: tuple[bytes, ...] = (),
        aborted: tuple[tuple[int, int], ...] = (),
        diverging: EpochEnd | None = None,
    ) -> FetchedPartition:
        return FetchedPartition(
            error.code if error else FetchedPartition().error,
            self.high_watermark,
            self.last_stable_offset,
            self.log.log_start_offset,
            batches,
            aborted,
            diverging=diverging,
        )

    async def list_offset(
        self, timestamp: int, isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED
    ) -> ListedOffset:
        """The first offset at or after `timestamp` (ms), or at one of the special times (see `listed_offset`)."""
        return await listed_offset(self.log, self.check_leader(), self._readable(isolation), timestamp)

    async def delete_records(self, before_offset: int) -> int:
        """Move the log start offset up to `before_offset` (-1: the high watermark) and return it (KIP-107)."""
        self.check_leader()
        if not isinstance(before_offset, int):
            raise InvalidRequestError(f"An offset is a whole number, and cannot be {before_offset!r}.")
        end = self.high_watermark
        before = end if before_offset == -1 else before_offset
        if not 0 <= before <= end:
            raise OffsetOutOfRangeError(
                f"{self.tp} can be deleted up to {end}, its high watermark, not {before_offset}."
            )
        return await self.log.delete_records(before)

    # Following

    async def follow(self, found: FetchedPartition, leader_epoch: int) -> None:
        """Store what the leader of this epoch sent, unchanged, and learn how far its watermark and log start have come.

        FencedLeaderEpochError, and nothing more is taken, once the controller has decided on another epoch.
        """
        if found.batches:
            await self._disk.writing()
            await self.recover()
            await self.log.append_stored(found.batches, lambda header, batch: self._copy(header, batch, leader_epoch))
        self.check_follower(leader_epoch)
        self._known_watermark = max(self._known_watermark, min(found.high_watermark, self.log.flushed_offset))
        self.log.high_watermark = self._known_watermark
        self.producers.transactions.replicated(self._known_watermark)
        if found.log_start_offset > self.log.log_start_offset:
            await self.log.delete_records(min(found.log_start_offset, self.log.flushed_offset))
        self._waiting.wake()

    def check_follower(self, leader_epoch: int) -> None:
        """FencedLeaderEpochError unless it follows in this very epoch."""
        if self.leads or self.state.leader_epoch != leader_epoch:
            raise FencedLeaderEpochError

    def _copy(self, header: BatchHeader, batch: bytes, leader_epoch: int) -> None:
        self.check_follower(leader_epoch)
        self.memory.take_in(header, batch)

    async def truncate_to(self, offset: int) -> None:
        """Drop everything from `offset` on: the leader never had it."""
        await self.log.truncate_to(offset)
        self.led = None
        self._known_watermark = min(self._known_watermark, self.log.log_end_offset)
        await self.recover()

    def retire(self) -> None:
        """Serve and wait for nothing any more: the replica is dropped, or its broker ends."""
        self._step_down()
        self._waiting.wake()

    def looked_at(self) -> None:
        """The ISR was looked at, or who is alive has changed: the high watermark may move."""
        before = self.high_watermark
        self._advance()
        if self.high_watermark != before:
            self._waiting.wake()

    def watch(self, woken: Callable[[], None]) -> Callable[[], None]:
        """Call `woken` whenever there is more to read; returns what stops that."""
        return self._waiting.watch(woken)
