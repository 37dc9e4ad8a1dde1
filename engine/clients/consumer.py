"""The lab's consumer, shaped like aiokafka's `AIOKafkaConsumer` and with the defaults of Kafka's own."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Self

from engine.clients.group_member import GroupMember
from engine.clients.scrubbing import Scrubbing
from engine.errors import (
    ClientClosedError,
    IllegalStateError,
)
from engine.records import ConsumerRecord
from engine.types import TopicPartition


class Consumer(Scrubbing):
    """Reads records, alone or as a member of a group; what it takes is told at `ConsumerCore`."""

    # Beginning and ending

    async def start(self) -> None:
        """Learn of the cluster and begin to join the group, in the background; it does not wait for partitions.

        Raises NetworkError without a broker, ClientClosedError if it is stopped or crashed meanwhile.
        """
        if self._started and not self._closing:
            return
        self._started = True
        self._check_open()
        self._metadata.want(self._subscription.topics | {tp.topic for tp in self._subscription.assigned})
        try:
            await self._metadata.refresh()
            self._check_open()
        except BaseException:
            self._started = False  # whoever calls again begins anew
            raise
        self._tasks.spawn(self._metadata.keep_fresh(), f"{self.client_id}-metadata")
        if self._commits is not None:
            self._commits.restart()
        if self._membership is not None:
            if self._resume is not None:
                positions = self._resume["positions"]
                self._subscription.start_at = {TopicPartition(*tp): tuple(at) for tp, *at in positions}
            else:
                self._membership.request_rejoin("the consumer starts")
            self._membership.start(self._resume)
        self._fetcher.wake()

    async def stop(self) -> None:
        """Commit what was handed out if that is automatic, give partitions up, leave the group and close."""
        if self._closing:
            return
        self._closing = True
        self._fetcher.close()
        try:
            if self._membership is not None and self._commits is not None and self._started:
                self._pending.clear()
                offsets, owned = self._commits.handed_out(), set(self._subscription.assigned)
                if self._subscription.by_hand:
                    await self._commits.auto_commit(offsets)
                else:
                    reason = "the consumer is being closed"
                    await self._membership.leave(reason, offsets, owned, self._subscription.listener)
        finally:
            self._end()
            await self._tasks.close()
        if self._pending:
            raise self._pending.pop(0)

    def crash(self) -> None:
        """Stop dead: nothing is committed, nobody is told; the session timeout has to run out."""
        self._closing = True
        self._end()

    def _end(self) -> None:
        self._closed = True
        self._tasks.cancel()
        self._fetcher.close()
        if self._membership is not None:
            self._membership.generation = -1

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    # What is read

    def subscribe(self, topics: Iterable[str] = (), pattern: str | None = None, listener: Any = None) -> None:
        """Read these topics, or all whose name matches `pattern`, in place of what was subscribed to before.

        `listener` has `on_partitions_revoked` and `on_partitions_assigned`, and may have `on_partitions_lost`.
        Raises TypeError, ValueError for a bad pattern, IllegalStateError after `assign`.
        """
        if isinstance(topics, str):
            raise TypeError(f"topics is a list of names; write [{topics!r}].")
        wanted = set(topics)
        if bool(wanted) == (pattern is not None):
            raise TypeError("Give subscribe() either topics or a pattern.")
        try:
            compiled = None if pattern is None else re.compile(pattern)
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
        self._subscription.subscribe(wanted, compiled, listener)
        self._metadata.everything = compiled is not None
        self._metadata.want(wanted)
        if self._started:
            self._metadata.request_update()
            if self._membership is not None:
                self._membership.request_rejoin("the subscription has changed")
            else:
                self._assign_all()

    def unsubscribe(self) -> None:
        """Read nothing any more; in a group, leave it."""
        subscription = self._subscription
        owned, listener, by_hand = set(subscription.assigned), subscription.listener, subscription.by_hand
        offsets = self._commits.handed_out() if self._commits is not None else {}
        subscription.unsubscribe()
        self._metadata.everything = False
        self._metadata.want(())
        if self._membership is not None and self._started and not by_hand:
            leaving = self._membership.unsubscribe(offsets, owned, listener)
            self._tasks.spawn(leaving, f"{self.client_id}-unsubscribe")

    def subscription(self) -> frozenset[str]:
        """The topics subscribed to, those a pattern matches among them."""
        return self._subscription.topics

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read exactly these partitions, without a group sharing them out; raises IllegalStateError if subscribed."""
        if self._subscription.subscribed:
            raise IllegalStateError("This consumer is subscribed to topics; call unsubscribe() before assign().")
        wanted = [TopicPartition(*tp) for tp in partitions]
        self._subscription.by_hand = True
        self._metadata.want({tp.topic for tp in wanted})
        self._subscription.replace(wanted, keep=True)

    def assignment(self) -> set[TopicPartition]:
        """The partitions assigned just now."""
        return set(self._subscription.assigned)

    # Reading

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: float = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Records by partition, up to `max_records` or `max_poll_records`; waits up to `timeout_ms` for the first.

        Raises NoOffsetForPartitionError, OffsetOutOfRangeError, what went wrong in the group, ClientClosedError.
        """
        if max_records is not None and max_records < 1:
            raise ValueError(f"max_records is 1 or more, not {max_records}.")
        limit = max_records or self._max_poll_records
        deadline = self._clock.now_ms() + timeout_ms
        await self._begin_poll()
        try:
            await asyncio.sleep(0)  # whoever does nothing but poll gives others a turn, the next fetch among them
            if self._closing:
                self._check_open()
            taken = self._fetcher.take(partitions, limit)
            while not taken and (left := deadline - self._clock.now_ms()) > 0:
                await self._news(left)
                taken = self._fetcher.take(partitions, limit)
            return self._hand_out(taken)
        finally:
            self._end_poll()

    async def getone(self, *partitions: TopicPartition) -> ConsumerRecord:
        """The next record, waiting for it as long as it takes; raises as `getmany` does.

        IllegalStateError if nothing of these partitions can come, as none of them is this consumer's.
        """
        await self._begin_poll()
        try:
            while not (taken := self._fetcher.take(partitions, 1)):
                self._check_awaited(partitions)
                await self._news(None)
            return next(iter(self._hand_out(taken).values()))[0]
        finally:
            self._end_poll()

    def __aiter__(self) -> Self:
        self._check_open()
        return self

    async def __anext__(self) -> ConsumerRecord:
        """The next record, until the consumer is stopped."""
        try:
            return await self.getone()
        except ClientClosedError:
            raise StopAsyncIteration from None

    async def _begin_poll(self) -> None:
        if not self._started or self._closing:
            self._check_open()
        if self._membership is not None and self._membership.fatal is not None:
            self._pending = [copy.copy(self._membership.fatal)]
        if self._pending:
            await asyncio.sleep(0)  # an application that polls on whatever happens must not keep others from theirs
            raise self._pending.pop(0)
        if self._membership is not None:
            self._membership.poll_began()
        for state in self._given:
            state.done()
        self._given.clear()
        if self._commits is not None:
            self._commits.poll()

    def _end_poll(self) -> None:
        if self._membership is not None:
            self._membership.poll_ended()

    async def _news(self, left_ms: float | None) -> None:
        """Wait for something to hand out, and commit meanwhile what is done."""
        commit_in_ms = self._commits.due_in_ms if self._commits is not None else None
        waits = [ms for ms in (left_ms, commit_in_ms) if ms is not None]
        await self._fetcher.news(max(min(waits), 1.0) if waits else None)
        if self._closing:
            self._check_open()
        if self._pending:
            raise self._pending.pop(0)
        if self._commits is not None:
            self._commits.poll()

    def _check_awaited(self, partitions: tuple[TopicPartition, ...]) -> None:
        """Whether records of these can come; while its group rebalances, they may be assigned to it yet."""
        if not partitions or any(tp in self._subscription.assigned for tp in partitions):
            return
        membership = self._membership
        if membership is None or not self._subscription.subscribed or membership.is_settled:
            raise IllegalStateError(f"{', '.join(map(str, partitions))}: not assigned to this consumer.")
        self._tasks.spawn(self._tell_when_settled(membership), f"{self.client_id}-settles")

    async def _tell_when_settled(self, membership: GroupMember) -> None:
        await membership.settled()
        self._fetcher.tell()

    def _hand_out(
        self, taken: dict[TopicPartition, list[ConsumerRecord]]
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        assigned = self._subscription.assigned
        self._given += [assigned[tp] for tp in taken]
        return taken

    def pause(self, *partitions: TopicPartition) -> None:
        """Hand out nothing of these until `resume`; they stay assigned. Raises IllegalStateError."""
        for state in [self._subscription.state(tp) for tp in partitions]:
            state.paused = True
        self._fetcher.wake()

    def resume(self, *partitions: TopicPartition) -> None:
        """Hand out records of these again; raises IllegalStateError."""
        for state in [self._subscription.state(tp) for tp in partitions]:
            state.paused = False
        self._fetcher.wake()
        self._fetcher.tell()

    def paused(self) -> set[TopicPartition]:
        """The partitions paused just now."""
        return {tp for tp, state in self._subscription.assigned.items() if state.paused}
