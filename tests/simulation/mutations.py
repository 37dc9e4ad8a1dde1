"""Rules broken on purpose, one at a time, so that it is known which of them a run would notice.

Each is a context manager that puts a wrong rule in place of the right one and takes it back in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

from engine.controller import controller, elections
from engine.controller.elections import elect
from engine.groups.modern import draft
from engine.groups.modern.reconciling import next_step
from engine.groups.offsets import Offsets
from engine.messages import PartitionMetadata
from engine.records import BatchHeader
from engine.replicas import partition
from engine.replicas.leadership import Leadership
from engine.replicas.partition import Partition
from engine.replicas.producers import ProducerStates
from engine.replicas.transactions import Transactions
from engine.storage.log import PartitionLog
from engine.storage.producers import KnownBatch
from engine.transactions.metadata import TransactionMetadata


@contextmanager
def _instead(owner: Any, name: str, wrong: Any) -> Iterator[None]:
    right = owner.__dict__[name]
    setattr(owner, name, wrong)
    try:
        yield
    finally:
        setattr(owner, name, right)


def skip_the_isr_wait() -> AbstractContextManager[None]:
    """acks=all is answered as soon as the leader has the batch."""

    async def acknowledged(self: Partition, leading: Leadership, offset: int, timeout_ms: float) -> None:
        self.check_leader()

    return _instead(Partition, "_acknowledged", acknowledged)


def elect_outside_the_isr() -> AbstractContextManager[None]:
    """Any live replica may lead, though the topic does not allow unclean elections."""

    def wrong(state: PartitionMetadata, live: Set[int], *, unclean: bool, preferred: bool = False) -> PartitionMetadata:
        everybody = replace(state, isr=tuple(broker for broker in state.replicas if broker in live))
        return elect(everybody if everybody.isr else state, live, unclean=True, preferred=True)

    def without(state: PartitionMetadata, broker_id: int, live: Set[int], *, unclean: bool) -> PartitionMetadata:
        isr = tuple(broker for broker in state.isr if broker != broker_id)
        return wrong(replace(state, isr=isr) if isr else state, live - {broker_id}, unclean=unclean)

    in_the_controller = _both(_instead(controller, "elect", wrong), _instead(controller, "without", without))
    return _both(in_the_controller, _instead(elections, "elect", wrong))


def forget_to_truncate() -> AbstractContextManager[None]:
    """A returning replica goes on where its log ends, whatever stands there."""
    return _instead(partition, "parted", lambda log, position: None)


def ignore_sequences() -> AbstractContextManager[None]:
    """A leader takes every batch for a new one."""

    def check(self: ProducerStates, header: BatchHeader) -> KnownBatch | None:
        return None

    return _instead(ProducerStates, "check", check)


def forget_producers_with_a_new_leader() -> AbstractContextManager[None]:
    """A follower copies batches without learning who sent them."""
    follow = Partition.follow

    async def wrong(self: Partition, *args: Any) -> None:
        before = self.memory.states
        self.memory.states = ProducerStates()
        try:
            await follow(self, *args)
        finally:
            self.memory.states = before

    return _instead(Partition, "follow", wrong)


def advance_beyond_the_isr() -> AbstractContextManager[None]:
    """The high watermark is where the leader's log ends, whoever has copied it."""

    def advance(self: Leadership, leader_end: int, *_: Any) -> bool:
        moved = leader_end > self.high_watermark
        self.high_watermark = max(leader_end, self.high_watermark)
        return moved

    return _instead(Leadership, "advance", advance)


def join_the_isr_too_early() -> AbstractContextManager[None]:
    """A follower is in sync as soon as it has fetched anything."""

    def joiners(self: Leadership, alive: Mapping[int, int]) -> frozenset[int]:
        return frozenset(each for each in self.followers if each in alive and each not in self.maximal_isr)

    return _instead(Leadership, "joiners", joiners)


def show_consumers_everything() -> AbstractContextManager[None]:
    """Consumers read to the log's end, beyond the high watermark."""
    fetch = Partition.fetch

    async def wrong(
        self: Partition, position: Any, max_bytes: int, replica_id: int = -1, *others: Any, **more: Any
    ) -> Any:
        mark, leading = None, self.leading
        if leading is not None and replica_id < 0:
            mark, leading.high_watermark = leading.high_watermark, self.log.flushed_offset
        try:
            return await fetch(self, position, max_bytes, replica_id, *others, **more)
        finally:
            if leading is not None and mark is not None:
                leading.high_watermark = mark

    return _instead(Partition, "fetch", wrong)


def forget_commits_with_a_new_coordinator() -> AbstractContextManager[None]:
    """A coordinator that takes over does not read the offsets of the one before."""
    return _instead(Offsets, "replay", lambda self, key, value, within=None: None)


def give_what_others_still_have() -> AbstractContextManager[None]:
    """The consumer protocol: a member is given its whole target at once, whoever has yet to give it up."""

    def wrong(member: Any, target_epoch: int, target: Any, owned: Any, owner_of: Any) -> Any:
        return next_step(member, target_epoch, target, owned, lambda tp: None)

    return _instead(draft, "next_step", wrong)


def forget_where_an_epoch_began() -> AbstractContextManager[None]:
    """A leader's epoch begins with its first record, not with its leader."""
    return _instead(PartitionLog, "begin_epoch", lambda self, epoch: None)


def show_aborted_records() -> AbstractContextManager[None]:
    """Nobody is told which transactions were aborted."""
    return _instead(Transactions, "aborted_between", lambda self, start, end: ())


def serve_past_the_last_stable_offset() -> AbstractContextManager[None]:
    """Who reads committed records alone is given those of open transactions, too."""
    return _instead(Partition, "last_stable_offset", property(lambda self: self.high_watermark))


def forget_fencing() -> AbstractContextManager[None]:
    """A producer that another one has taken over from may go on."""
    return _both(
        _instead(TransactionMetadata, "_check_producer", lambda self, *_, **__: None),
        _instead(ProducerStates, "_check_epoch", lambda self, header, entry: None),
    )


def let_anybody_commit_in_a_transaction() -> AbstractContextManager[None]:
    """A member that its group went on without may commit offsets in a transaction."""
    return _instead(Offsets, "check_transactional_commit", lambda self, request: None)


def show_offsets_of_before_a_transaction() -> AbstractContextManager[None]:
    """Who takes over a partition begins at what is committed, though a transaction is about to move that."""
    return _instead(Offsets, "unstable", lambda self, group_id: frozenset())


@contextmanager
def _both(one: AbstractContextManager[None], other: AbstractContextManager[None]) -> Iterator[None]:
    with one, other:
        yield


MUTATIONS: dict[str, Callable[[], AbstractContextManager[None]]] = {
    mutation.__name__: mutation
    for mutation in (
        skip_the_isr_wait,
        elect_outside_the_isr,
        forget_to_truncate,
        ignore_sequences,
        forget_producers_with_a_new_leader,
        advance_beyond_the_isr,
        join_the_isr_too_early,
        show_consumers_everything,
        forget_commits_with_a_new_coordinator,
        give_what_others_still_have,
        forget_where_an_epoch_began,
        show_aborted_records,
        serve_past_the_last_stable_offset,
        forget_fencing,
        let_anybody_commit_in_a_transaction,
        show_offsets_of_before_a_transaction,
    )
}
