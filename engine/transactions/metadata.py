"""One transactional id: its state machine, and what each request may make of it.

Kafka's `TransactionMetadata` and the decisions of `TransactionCoordinator` under its lock. A change is prepared, which
keeps all others out, then written to the log, then in force.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from engine.errors import (
    ConcurrentTransactionsError,
    IllegalStateError,
    InvalidProducerIdMappingError,
    InvalidTxnStateError,
    ProducerFencedError,
)
from engine.snapshot import TransactionState as State
from engine.transactions.records import TransactionValue
from engine.types import TopicPartition

LAST_EPOCH = 32_767 - 1
"""A producer id whose epoch has come this far gives way to another (`isEpochExhausted`)."""

_BEFORE = {
    State.EMPTY: {State.EMPTY, State.COMPLETE_COMMIT, State.COMPLETE_ABORT},
    State.ONGOING: {State.ONGOING, State.EMPTY, State.COMPLETE_COMMIT, State.COMPLETE_ABORT},
    State.PREPARE_COMMIT: {State.ONGOING},
    State.PREPARE_ABORT: {State.ONGOING, State.PREPARE_EPOCH_FENCE},
    State.COMPLETE_COMMIT: {State.PREPARE_COMMIT},
    State.COMPLETE_ABORT: {State.PREPARE_ABORT},
    State.DEAD: {State.EMPTY, State.COMPLETE_COMMIT, State.COMPLETE_ABORT},
    State.PREPARE_EPOCH_FENCE: {State.ONGOING},
}
"""From which states each may be entered."""
AT_REST = (State.EMPTY, State.COMPLETE_COMMIT, State.COMPLETE_ABORT)
_ENDING = (State.PREPARE_COMMIT, State.PREPARE_ABORT)


class TransactionMetadata:
    """A transactional id as its coordinator has it: `value` is in force, `pending` the state that is being entered."""

    def __init__(self, transactional_id: str, value: TransactionValue) -> None:
        self.transactional_id = transactional_id
        self.value = value
        self.pending: State | None = None
        self.failed_fence = False
        """Whether an epoch was bumped to fence a producer and could not be stored: it is not bumped again."""

    @classmethod
    def fresh(cls, transactional_id: str, producer_id: int, timeout_ms: int, now: int) -> TransactionMetadata:
        """One that nobody has used yet."""
        return cls(transactional_id, TransactionValue(producer_id, -1, timeout_ms, State.EMPTY, update_ms=now))

    @property
    def state(self) -> State:
        """The state in force."""
        return self.value.state

    @property
    def exhausted(self) -> bool:
        """Whether its producer id has no epochs left."""
        return self.value.producer_epoch >= LAST_EPOCH

    # Changing

    def _prepare(self, value: TransactionValue) -> TransactionValue:
        if self.pending is not None:
            raise IllegalStateError(f"{self.transactional_id} is on its way to {self.pending.value} already.")
        if self.state not in _BEFORE[value.state]:
            raise IllegalStateError(
                f"{self.transactional_id} cannot become {value.state.value} from {self.state.value}."
            )
        self.pending = value.state
        return value

    def completed(self, value: TransactionValue) -> None:
        """What was prepared is in the log: it is in force."""
        self.value = value
        self.pending = None
        self.failed_fence = False

    # What is asked for

    def check_idle(self) -> None:
        """Refuse everything while a change is under way; ConcurrentTransactionsError."""
        if self.pending is not None:
            raise ConcurrentTransactionsError

    def initialize(
        self, timeout_ms: int, now: int, expected: tuple[int, int] | None, new_producer_id: int | None
    ) -> TransactionValue:
        """A producer begins: its epoch is bumped, and an open transaction has to be aborted first.

        `expected` is the id and epoch it says it has (KIP-360); `new_producer_id` is one to go on with if the epochs
        are used up. ConcurrentTransactionsError, ProducerFencedError.
        """
        self.check_idle()
        value = self.value
        if expected is not None and not self._is_own(*expected):
            raise ProducerFencedError(
                f"{self.transactional_id} belongs to producer id {value.producer_id}, not {expected[0]}."
            )
        if self.state in _ENDING:
            raise ConcurrentTransactionsError
        if self.state is State.ONGOING:
            return self.fence()
        at_epoch = expected is None or expected[1] == value.producer_epoch
        if self.exhausted and at_epoch and new_producer_id is not None:
            last = value.producer_epoch if expected is not None else -1
            fresh = TransactionValue(new_producer_id, 0, timeout_ms, State.EMPTY, update_ms=now, last_epoch=last)
            return self._prepare(replace(fresh, previous_producer_id=value.producer_id))
        epoch, last = self._bumped(expected)
        changed = replace(value, producer_epoch=epoch, last_epoch=last, timeout_ms=timeout_ms, state=State.EMPTY)
        return self._prepare(replace(changed, partitions=frozenset(), start_ms=-1, update_ms=now))

    def _is_own(self, producer_id: int, epoch: int) -> bool:
        value = self.value
        exhausted_before = producer_id == value.previous_producer_id and epoch >= LAST_EPOCH
        return value.producer_epoch < 0 or producer_id == value.producer_id or exhausted_before

    def _bumped(self, expected: tuple[int, int] | None) -> tuple[int, int]:
        """The epoch to give out, and the one before if the producer named it."""
        value = self.value
        if expected is None:
            return value.producer_epoch + 1, -1
        if value.producer_epoch < 0 or expected[1] == value.producer_epoch:
            return value.producer_epoch + 1, value.producer_epoch
        if expected[1] == value.last_epoch:  # asked again, because the answer was lost
            return value.producer_epoch, value.last_epoch
        raise ProducerFencedError(
            f"{self.transactional_id} is at epoch {value.producer_epoch}; this producer says {expected[1]}."
        )

    def fence(self) -> TransactionValue:
        """Shut out whoever has the open transaction, so that it can be aborted."""
        epoch = self.value.producer_epoch + (0 if self.failed_fence else 1)
        return self._prepare(replace(self.value, state=State.PREPARE_EPOCH_FENCE, producer_epoch=epoch, last_epoch=-1))

    def add(
        self, producer_id: int, epoch: int, partitions: Iterable[TopicPartition], now: int
    ) -> TransactionValue | None:
        """Partitions become part of the transaction, or open one; None if they are already.

        InvalidProducerIdMappingError, ProducerFencedError, ConcurrentTransactionsError.
        """
        self._check_producer(producer_id, epoch)
        self.check_idle()
        if self.state in _ENDING:
            raise ConcurrentTransactionsError
        value = self.value
        if self.state is State.ONGOING and value.partitions.issuperset(partitions):
            return None
        start_ms = now if self.state in AT_REST else value.start_ms
        together = (value.partitions if self.state is State.ONGOING else frozenset()) | frozenset(partitions)
        return self._prepare(replace(value, state=State.ONGOING, partitions=together, start_ms=start_ms, update_ms=now))

    def _check_producer(self, producer_id: int, epoch: int, *, at_least: bool = False) -> None:
        value = self.value
        if producer_id != value.producer_id:
            raise InvalidProducerIdMappingError(
                f"{self.transactional_id} belongs to producer id {value.producer_id}, not {producer_id}."
            )
        if epoch < value.producer_epoch or (epoch != value.producer_epoch and not at_least):
            raise ProducerFencedError(
                f"{self.transactional_id} is at epoch {value.producer_epoch}; this producer is at {epoch}. A newer one "
                "has taken over, or its transaction took too long: close it."
            )

    def end(
        self, producer_id: int, epoch: int, committed: bool, now: int, *, by_client: bool = True
    ) -> TransactionValue | None:
        """Commit or abort; None if it has been so ended already.

        InvalidProducerIdMappingError, ProducerFencedError, ConcurrentTransactionsError, InvalidTxnStateError.
        """
        self._check_producer(producer_id, epoch, at_least=not by_client)
        fencing = self.pending is State.PREPARE_EPOCH_FENCE
        if self.pending is not None and not fencing:
            raise ConcurrentTransactionsError
        state = State.PREPARE_COMMIT if committed else State.PREPARE_ABORT
        match self.state:
            case State.ONGOING:
                if fencing and not committed:
                    self.pending = None
                    self.value = replace(self.value, producer_epoch=epoch, last_epoch=-1)
                return self._prepare(replace(self.value, state=state, update_ms=now))
            case State.COMPLETE_COMMIT | State.COMPLETE_ABORT:
                if committed == (self.state is State.COMPLETE_COMMIT):
                    return None
            case State.PREPARE_COMMIT | State.PREPARE_ABORT:
                if state is self.state:
                    raise ConcurrentTransactionsError
        what = "committed" if committed else "aborted"
        raise InvalidTxnStateError(f"{self.transactional_id} is {self.state.value}: nothing is open to be {what}.")

    def complete(self, now: int) -> TransactionValue:
        """Every partition has its marker, or is about to: nothing else is let in until that is stored."""
        done = State.COMPLETE_COMMIT if self.state is State.PREPARE_COMMIT else State.COMPLETE_ABORT
        return self._prepare(replace(self.value, state=done, partitions=frozenset(), update_ms=now))

    def marked(self, partition: TopicPartition) -> None:
        """A partition has its marker, or needs none any more."""
        self.value = replace(self.value, partitions=self.value.partitions - {partition})

    # Time

    def timed_out(self, now: float) -> bool:
        """Whether its transaction is open for longer than it may be."""
        value = self.value
        return self.state is State.ONGOING and self.pending is None and value.start_ms + value.timeout_ms < now

    def expired(self, now: float, expiration_ms: int) -> bool:
        """Whether nobody has used it for so long that it may be forgotten."""
        return self.state in AT_REST and self.pending is None and self.value.update_ms <= now - expiration_ms

    def die(self) -> None:
        """It is about to be forgotten."""
        self._prepare(replace(self.value, state=State.DEAD))
