"""What a consumer commits: what it is told to, and by itself every `auto_commit_interval_ms` (`ConsumerCoordinator`).

By itself it commits only what is known to be done: what the application was given before it last asked for more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from engine.clients.coordination import CoordinatorLink
from engine.clients.subscription import Subscription
from engine.clients.tasks import Tasks
from engine.clock import Clock
from engine.errors import CommitFailedError, KafkaError, StaleMemberEpochError, UnknownTopicOrPartitionError
from engine.messages import OffsetCommitRequest
from engine.types import OffsetAndMetadata, TopicPartition

Offsets = Mapping[TopicPartition, OffsetAndMetadata]


@dataclass(frozen=True, slots=True)
class Standing:
    """As whom a consumer commits: a member of a generation, or nobody (-1, "") with partitions assigned by hand."""

    generation: int
    member_id: str
    group_instance_id: str | None


class Commits:
    """Commits the offsets of one consumer. `on_failure(error)` is told when one fails for good."""

    def __init__(
        self,
        link: CoordinatorLink,
        subscription: Subscription,
        clock: Clock,
        tasks: Tasks,
        standing: Callable[[], Standing],
        on_failure: Callable[[KafkaError], None],
        *,
        auto: bool,
        interval_ms: float,
        retry_backoff_ms: float,
        request_timeout_ms: float,
    ) -> None:
        self._link = link
        self._subscription = subscription
        self._clock = clock
        self._tasks = tasks
        self._standing = standing
        self._on_failure = on_failure
        self.auto = auto
        self._interval_ms = interval_ms
        self._retry_backoff_ms = retry_backoff_ms
        self._request_timeout_ms = request_timeout_ms
        self._due_ms = 0.0
        self._under_way = False
        self._in_turn = asyncio.Lock()
        """One commit of its own accord at a time: one that is tried again must not undo another's."""

    def processed(self, among: Collection[TopicPartition] | None = None) -> Offsets:
        """What is known to be done, of these partitions or of all, but for positions that await validation."""
        return {
            tp: OffsetAndMetadata(state.processed, leader_epoch=state.processed_epoch)
            for tp, state in self._subscription.assigned.items()
            if state.processed is not None and not state.awaiting_validation and (among is None or tp in among)
        }

    def handed_out(self) -> Offsets:
        """Everything the application was given."""
        return {
            tp: OffsetAndMetadata(state.position, leader_epoch=state.epoch)
            for tp, state in self._subscription.assigned.items()
            if state.position is not None and not state.awaiting_validation
        }

    def restart(self) -> None:
        """The interval until the next commit begins now."""
        self._due_ms = self._clock.now_ms() + self._interval_ms

    @property
    def due_in_ms(self) -> float | None:
        """How long until the next commit is due; None if none will be."""
        return max(0.0, self._due_ms - self._clock.now_ms()) if self.auto and not self._under_way else None

    def poll(self) -> None:
        """Commit in the background what is done, if that is due."""
        if not self.auto or self._under_way or self._clock.now_ms() < self._due_ms:
            return
        standing, offsets = self._standing(), self.processed()
        if offsets and (standing.generation >= 0 or self._subscription.by_hand):
            self._under_way = True
            self.restart()
            self._tasks.spawn(self._commit_in_background(offsets), "consumer-auto-commit")
        else:
            self.restart()

    async def _commit_in_background(self, offsets: Offsets) -> None:
        try:
            async with self._in_turn:
                await self.commit(offsets, within_ms=0)
        except KafkaError as error:
            passes = error.retriable or isinstance(error.__cause__, StaleMemberEpochError)
            if passes and not isinstance(error, UnknownTopicOrPartitionError):
                self._due_ms = self._clock.now_ms() + self._retry_backoff_ms
            else:
                self._on_failure(error)
        finally:
            self._under_way = False

    async def auto_commit(self, offsets: Offsets) -> None:
        """Commit these before partitions are given up, if it is this consumer's to do; a failure stops nothing."""
        if self.auto and offsets:
            async with self._in_turn:
                self._under_way = True
                try:
                    await self.commit(offsets)
                except KafkaError as error:
                    self._on_failure(error)
                finally:
                    self._under_way = False

    async def commit(self, offsets: Offsets, within_ms: float | None = None) -> None:
        """Commit these; raises CommitFailedError, RebalanceInProgressError, KafkaError."""
        within = self._request_timeout_ms if within_ms is None else within_ms
        deadline = self._clock.now_ms() + within
        while offsets:
            standing = self._standing()
            try:
                await self._commit_as(standing, offsets, deadline - self._clock.now_ms())
                return
            except StaleMemberEpochError as error:
                if self._clock.now_ms() + self._retry_backoff_ms > deadline:
                    raise CommitFailedError(f"The offsets were not committed: {error} Commit them again.") from error
            if self._standing() == standing:  # the answer that tells of the epoch is still under way
                await self._clock.sleep(self._retry_backoff_ms)

    async def _commit_as(self, standing: Standing, offsets: Offsets, within_ms: float) -> None:
        if standing.generation < 0 and not self._subscription.by_hand:
            raise CommitFailedError(
                f"The offsets were not committed: this consumer is not a member of {self._link.group_id} just now. "
                "Poll to join; records not committed come again."
            )
        request = OffsetCommitRequest(
            self._link.group_id, dict(offsets), standing.generation, standing.member_id, standing.group_instance_id
        )
        await self._link.commit(request, within_ms)
